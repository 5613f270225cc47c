"""Trials as tasks of a Ray cluster: the same study, the same workers' code, another place.

A task runs in a process of Ray's that has the environment of every worker (`determinism.environment`) from its start
and serves one runtime only, so its trials have the digests of local ones. The code that runs is sent along: a cluster
needs the image, not the clone. A trial's journal and files come back as the task's result and are written here as a
local trial would have written them; no disk is shared. Ray runs a task again elsewhere when its worker dies, and what
the first one had written is gone with it, so nothing is there twice.

The cluster is reached through Ray's client (``RAY_ADDRESS=ray://HOST:10001``): one connection, from here to there.
"""

from __future__ import annotations

import atexit
import functools
import importlib
import logging
import os
import re
import shutil
import socket
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from lib.harness import determinism, gpus, provenance, scope
from lib.harness.errors import UserError
from lib.harness.journal import files_of, on_disk
from lib.harness.jsonfile import json_bytes
from lib.harness.workers import Job, Workers, become, beginning, run_job

if TYPE_CHECKING:
    from lib.harness.contract import Lab, Result, Runtime, Trial

CONNECT_SECONDS = 3.0
LOOK_SECONDS = 5.0  # how often a lab that waits looks whether there is still a worker
LEAVE_SECONDS = 5.0
EMPTY_SECONDS = 60.0  # how long it waits for another one
RETRIES = 3  # of a trial whose worker was killed
GPU_SHARE = 0.25  # of a GPU for a trial that computes there: CUDA's own state takes half a GiB of its memory each time
LEFT_OUT = "rfc3987_syntax"  # see lib/harness/ray_modules
SILENT = logging.CRITICAL + 1  # what goes wrong is said here, in one line; Ray's threads would add tracebacks
RAISED = re.compile(r"(\w+\.)*\w+(Error|Exception): ")
CUDA = "CUDA_VISIBLE_DEVICES"


@dataclass(frozen=True)
class Returned:
    """A trial that a worker has run: its result, the bytes of its journal, and its files by their paths."""

    result: Result
    journal: bytes
    files: Mapping[str, bytes]
    worker: str


def run_there(job: Job, lock: str) -> Returned:
    """Run one trial in this process of the cluster. `lock`: of the image that the lab itself has.

    Raises:
        UserError: this worker has another image, a CPU that cannot do what ``--portable`` needs, or GPUs that the
            trial cannot use.
    """
    worker = socket.gethostname()
    try:
        _require_fit(job, lock)
        become(job.trial.runtime)
    except UserError as error:
        raise UserError(f"The worker {worker}: {error}") from None
    own = {
        "lab.cpu": scope.cpu_model(),
        "lab.gpu": gpus.label(job.trial.runtime.framework),
        "lab.scope": _scope(job),
        "lab.worker": worker,
    }
    tags = {**job.header["tags"], **own}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, job.journal.name)
        files = {"environment.json": _environment()}
        result = run_job(replace(job, journal=path, header={**job.header, "tags": tags}, files=files))
        below = files_of(path)
        return Returned(
            result,
            path.read_bytes(),
            {file.relative_to(below).as_posix(): file.read_bytes() for file in below.rglob("*") if file.is_file()},
            worker,
        )


def begin_there(job: Job) -> list[str]:
    """The first lines that a trial records in this process of the cluster (`beginning`)."""
    become(job.trial.runtime)
    return beginning(job)


def _require_fit(job: Job, lock: str) -> None:
    here = os.environ.get("LAB_LOCK_SHA256", "unknown")
    if here != lock:
        raise UserError(
            f"another image than this lab's (lock {here[:12]}, not {lock[:12]}): start the cluster from the same image"
        )
    if job.header["tags"]["lab.portable"] == "true":
        scope.require_portable()
    if gpus.computes(job.trial.runtime.framework):
        gpus.require_one_model()


def _scope(job: Job) -> str:
    """The scope that has been proven for a trial on this worker."""
    if gpus.computes(job.trial.runtime.framework):
        return "device"
    lab: Lab = importlib.import_module(job.module).LAB
    return scope.stated(lab.portable.get(job.trial.runtime.framework, ()), job.header["tags"]["lab.portable"] == "true")


@functools.cache
def _environment() -> bytes:
    return json_bytes(provenance.environment())


class RayWorkers(Workers):
    """Workers whose trials run on a Ray cluster; figures are drawn here.

    `module`: the lab's; its code is sent to the cluster.

    Raises:
        UserError: there is no such cluster, or it has no workers.
    """

    def __init__(self, module: str):
        self._address = _address()
        _connect(self._address, module)
        super().__init__()
        self._lock = os.environ.get("LAB_LOCK_SHA256", "unknown")

    def _task(self, function: Callable[..., Any], runtime: Runtime) -> Any:
        """A function as a task in a process of its runtime.

        Ray says to a task with a share of a GPU which one it sees, and ends its process after it.
        """
        import ray

        on_gpu = _on_gpu(runtime)
        own = {gpus.ENABLED: runtime.framework} if on_gpu else {CUDA: determinism.environment()[CUDA]}
        return ray.remote(
            num_cpus=1,
            num_gpus=GPU_SHARE if on_gpu else 0,
            max_retries=RETRIES,
            scheduling_strategy="SPREAD",
            runtime_env={"env_vars": {**own, "LAB_RUNTIME": f"{runtime.framework} {runtime.dtype}"}},  # own processes
        )(function)

    def warm_up(self, trials: Sequence[Trial]) -> None:
        """The cluster starts its processes when it has trials for them."""

    def start_again(self, job: Job) -> Future[list[str]]:
        """Let the cluster record the first lines of a job's trial, in a start of its own (`beginning`)."""
        future: Future[list[str]] = self._task(begin_there, job.trial.runtime).remote(_bare(job)).future()
        return future

    def run(
        self, jobs: list[Job], started: Callable[[Job], None], ended: Callable[[Result, str], None]
    ) -> list[Result]:
        """Run a batch; `ended` is called as it goes, with the name of the worker. What has ended is on this disk then.

        Raises:
            UserError: the head is gone, no worker is left, a trial has killed one after the other, or the disk is full.
        """
        import ray

        results: dict[str, Result] = {}
        with self._head_may_go():
            waiting = {self._task(run_there, job.trial.runtime).remote(_bare(job), self._lock): job for job in jobs}
            seen = time.monotonic()
            while waiting:
                done, _ = ray.wait(list(waiting), timeout=LOOK_SECONDS)
                missing = None if done else _missing(all(_on_gpu(job.trial.runtime) for job in waiting.values()))
                if missing is None:
                    seen = time.monotonic()
                elif time.monotonic() - seen > EMPTY_SECONDS:
                    raise UserError(f"There {missing} in the Ray cluster at {self._address} any more")
                for reference in done:
                    job = waiting.pop(reference)
                    returned = _get(reference, job)
                    _write(job, returned)
                    results[job.run] = returned.result
                    ended(returned.result, returned.worker)
        return [results[job.run] for job in jobs]

    @contextmanager
    def _head_may_go(self) -> Iterator[None]:
        """Whatever the client raises when its connection breaks, or when the cluster cannot go on, becomes one line."""
        import grpc
        from ray.exceptions import RayError

        try:
            yield
        except (ConnectionError, RuntimeError, RayError, grpc.RpcError) as error:
            if isinstance(error, RayError) and _refusal(self._address) is None:
                raise UserError(f"The Ray cluster at {self._address} cannot go on: {_reason(error)}") from None
            raise UserError(
                f"The head of the Ray cluster at {self._address} is gone ({type(error).__name__}). "
                f"What had ended is recorded. {_remedy()}"
            ) from None

    def close(self) -> None:
        """Leave the cluster, which ends what it still runs for this lab, and end the processes here."""
        _leave()
        super().close()


def _leave() -> None:
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


def _address() -> str:
    """The address of Ray's client port, HOST:PORT, at which somebody listens.

    Raises:
        UserError: there is none.
    """
    said = os.environ.get("RAY_ADDRESS", "")
    if not said:
        raise UserError(f"--on ray: RAY_ADDRESS names no Ray cluster. {_remedy()}")
    parts = urlsplit(said)
    if parts.scheme != "ray" or not parts.hostname:
        raise UserError(f"RAY_ADDRESS={said}: it is ray://HOST:10001, the head with the port of Ray's client")
    address = f"{parts.hostname}:{parts.port or 10001}"
    refusal = _refusal(address)
    if refusal:
        raise UserError(f"No Ray cluster answers at {said} ({refusal}). {_remedy()}")
    return address


def _refusal(address: str) -> str | None:
    """Why nobody listens at HOST:PORT; None where somebody does."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=CONNECT_SECONDS).close()
    except OSError as error:
        return error.strerror or str(error)
    return None


def _connect(address: str, module: str) -> None:
    """Connect this process to a cluster that has the code of a lab and the environment of its workers.

    Raises:
        UserError: it refuses, or it has no worker, or none with the GPU that is asked for.
    """
    os.environ["RAY_CLIENT_RECONNECT_GRACE_PERIOD"] = "0"  # --resume goes on; a lab does not wait for another head
    os.environ["RAY_IGNORE_UNHANDLED_ERRORS"] = "1"  # of a trial whose result nobody waits for any more
    os.environ["RAY_CLIENT_INITIAL_CONNECTION_TIMEOUT_S"] = os.environ["RAY_CLIENT_MAX_CONNECTION_TIMEOUT_S"] = "5"
    sys.modules.setdefault(LEFT_OUT, None)  # type: ignore[arg-type]  # importing it fails
    import ray

    logging.getLogger("ray").setLevel(SILENT)
    portable = {name: os.environ[name] for name in determinism.portable() if name in os.environ}
    variables = {name: value for name, value in determinism.environment().items() if name != CUDA}
    with tempfile.TemporaryDirectory() as folder:
        for name, data in provenance.read_code(module).files.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        shutil.copy(Path(__file__).parent / "ray_modules" / f"{LEFT_OUT}.py", folder)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                ray.init(
                    f"ray://{address}",
                    log_to_driver=False,
                    logging_level=SILENT,
                    runtime_env={"working_dir": folder, "env_vars": variables | portable},
                )
        except Exception as error:
            token = ". If it asks for a token, set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN" * ("timeout" in str(error))
            raise UserError(f"The Ray cluster at {address} refuses the lab: {_reason(error)}{token}") from None
    for name in [name for name in logging.root.manager.loggerDict if name.startswith("ray.")]:
        logging.getLogger(name).disabled = True  # some have a level of their own
    missing = _missing(on_gpu=gpus.chosen() is not None)
    if missing:
        raise UserError(f"There {missing} in the Ray cluster at {address}. {_remedy()}")


def _on_gpu(runtime: Runtime) -> bool:
    """Whether trials of this runtime ask for a GPU."""
    return gpus.chosen() == runtime.framework


def _missing(on_gpu: bool) -> str | None:
    """Which worker the cluster has not, but needs for trials, `on_gpu` or not; None where there is one."""
    import ray

    workers = [node["Resources"] for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU", 0) >= 1]
    if on_gpu and not any(worker.get("GPU", 0) > 0 for worker in workers):
        return "is no worker with a GPU"
    return None if workers else "is no worker"


def _remedy() -> str:
    """How to get a cluster that can run the trials."""
    if gpus.chosen():
        return "docs/cluster.md says how one with GPUs is started"
    return "./invoke up --workers 2 starts one for labs in containers"


def _reason(error: Exception) -> str:
    """What an error says in one line; of a traceback from the cluster its last error."""
    text = str(error)
    if "Traceback" in text:
        raised = [number for number, line in enumerate(text.splitlines()) if RAISED.match(line)]
        text = "\n".join(text.splitlines()[raised[-1] :]) if raised else text
    return " ".join(text.split()) or type(error).__name__


def _bare(job: Job) -> Job:
    """A job without its files, which its worker need not have."""
    return replace(job, files={})


def _get(reference: Any, job: Job) -> Returned:
    """What a task has returned.

    Raises:
        UserError: what the worker says, or that it was killed once too often.
    """
    import ray
    from ray import exceptions

    name = job.header["name"]
    try:
        returned: Returned = ray.get(reference)
    except exceptions.RayTaskError as error:
        if isinstance(error.cause, UserError):
            raise error.cause from None
        last = str(error).strip().splitlines()[-1]
        raise UserError(f"A worker of the Ray cluster could not run {name}: {last}") from None
    except (exceptions.WorkerCrashedError, exceptions.OutOfMemoryError, exceptions.NodeDiedError):
        raise UserError(
            f"{1 + RETRIES} workers were killed one after the other, most likely for want of memory, while this trial "
            f"ran: {name}. Give the workers more memory (LAB_MEMORY)"
        ) from None
    return returned


def _write(job: Job, returned: Returned) -> None:
    """Write a trial's files and then its journal, which appears whole.

    Files without a journal, which a lab leaves that ends in between, are no trial: `Interrupted.take_up` removes them.
    """
    with on_disk(job.journal.parent):
        for name, data in {**job.files, **returned.files}.items():
            path = files_of(job.journal) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        unnamed = job.journal.with_suffix(".new")
        try:
            with unnamed.open("wb") as file:
                file.write(returned.journal)
                file.flush()
                os.fdatasync(file.fileno())
            unnamed.rename(job.journal)
        except BaseException:
            unnamed.unlink(missing_ok=True)
            raise
