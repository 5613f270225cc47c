"""The connection to a Ray cluster through its client port (``RAY_ADDRESS=ray://HOST:10001``)."""

from __future__ import annotations

import atexit
import logging
import os
import re
import socket
import tempfile
import threading
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lib.harness.contract.catalogue import OUTSIDE
from lib.harness.errors import UserError
from lib.harness.machine import determinism, gpus
from lib.harness.recording import provenance
from lib.kernels import choice

CONNECT_SECONDS = 3.0
"""How long the head may take to accept a connection."""
LEAVE_SECONDS = 5.0
"""How long it may take to let a client go."""
SILENT = logging.CRITICAL + 1
"""The level of Ray's own logs: errors are reported here, in one line; Ray's threads would add tracebacks."""
UNSERVED = "Initialization failure from server"
"""Ray's words for a head that has started no process for a client."""
RAISED = re.compile(r"(\w+\.)*[A-Z]\w+: ")
"""The line of a traceback that names its error."""
CUDA = "CUDA_VISIBLE_DEVICES"


def leave() -> None:
    """Disconnect from the cluster; a head that does not answer is not waited for, as the end of this process will do.

    The client waits for it without end otherwise, here and once more when Python ends.
    """
    import ray

    leaving = threading.Thread(target=_shut_down, daemon=True)
    leaving.start()
    leaving.join(LEAVE_SECONDS)
    if leaving.is_alive():
        atexit.unregister(ray.shutdown)


def _shut_down() -> None:
    import ray

    with suppress(Exception):  # the head may be gone
        ray.shutdown()


def cluster_address() -> str:
    """The address of Ray's client port, HOST:PORT, at which somebody listens.

    Raises:
        UserError: there is none.
    """
    url = os.environ.get("RAY_ADDRESS", "")
    if not url:
        raise UserError(f"--on ray: RAY_ADDRESS names no Ray cluster. {remedy()}")
    parts = urlsplit(url)
    if parts.scheme != "ray" or not parts.hostname:
        raise UserError(f"RAY_ADDRESS={url}: it is ray://HOST:10001, the head with the port of Ray's client")
    address = f"{parts.hostname}:{parts.port or 10001}"
    refused = refusal(address)
    if refused:
        raise UserError(f"No Ray cluster answers at {url} ({refused}). {remedy()}")
    return address


def refusal(address: str) -> str | None:
    """Why nobody listens at HOST:PORT; None where somebody does."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=CONNECT_SECONDS).close()
    except OSError as error:
        return error.strerror or str(error)
    return None


def connect(address: str, module: str) -> None:
    """Connect this process to a cluster that has the code of a lab and the environment of its workers.

    Raises:
        UserError: it refuses, or it has no worker, or none with the GPU that is asked for.
    """
    os.environ["RAY_CLIENT_RECONNECT_GRACE_PERIOD"] = "0"  # --resume goes on; a lab does not wait for another head
    os.environ["RAY_IGNORE_UNHANDLED_ERRORS"] = "1"  # of a trial whose result nobody waits for any more
    os.environ["RAY_CLIENT_INITIAL_CONNECTION_TIMEOUT_S"] = os.environ["RAY_CLIENT_MAX_CONNECTION_TIMEOUT_S"] = "10"
    portable = {name: os.environ[name] for name in (*determinism.portable(), choice.PATH) if name in os.environ}
    variables = {name: value for name, value in determinism.environment().items() if name != CUDA}
    variables["LAB_PATHS"] = OUTSIDE
    with tempfile.TemporaryDirectory() as folder:
        for name, data in provenance.read_code(module).files.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        try:
            _begin(address, {"working_dir": folder, "env_vars": variables | portable})
        except Exception as error:
            token = ". If it asks for a token, set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN" * ("timeout" in str(error))
            raise UserError(f"The Ray cluster at {address} refuses the lab: {reason(error)}{token}") from None
    for name in [name for name in logging.root.manager.loggerDict if name.startswith("ray.")]:
        logging.getLogger(name).disabled = True  # some have a level of their own
    missing = missing_worker(on_gpu=gpus.chosen() is not None)
    if missing:
        raise UserError(f"There {missing} in the Ray cluster at {address}. {remedy()}")


def _begin(address: str, runtime_env: dict[str, Any]) -> None:
    """Start a session of Ray's client; the head gets a second chance to start the process that serves it.

    A busy head's process may end before Ray has looked at it, and the head does not try again by itself.
    """
    import ray

    logging.getLogger("ray").setLevel(SILENT)
    for last in (False, True):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                ray.init(f"ray://{address}", log_to_driver=False, logging_level=SILENT, runtime_env=runtime_env)
        except Exception as error:
            if last or UNSERVED not in str(error):
                raise
            _shut_down()
        else:
            return


def missing_worker(on_gpu: bool) -> str | None:
    """Return the kind of worker that trials need, `on_gpu` or not, and the cluster lacks; None if it has one."""
    import ray

    workers = [node["Resources"] for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU", 0) >= 1]
    if on_gpu and not any(worker.get("GPU", 0) > 0 for worker in workers):
        return "is no worker with a GPU"
    return None if workers else "is no worker"


def remedy() -> str:
    """Say how to get a cluster that can run the trials."""
    if gpus.chosen():
        return "docs/cluster.md says how one with GPUs is started"
    return "./invoke up --workers 2 starts one for labs in containers"


def reason(error: Exception) -> str:
    """Return an error in one line; of a traceback from the cluster, its last error."""
    text = str(error)
    if "Traceback" in text:
        raised = [number for number, line in enumerate(text.splitlines()) if RAISED.match(line)]
        text = "\n".join(text.splitlines()[raised[-1] :]) if raised else text
    return " ".join(text.split()) or type(error).__name__
