"""A real Ray cluster on this machine: a head without processors and workers that come and go."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

import psutil
import yaml

from lib.harness.machine import determinism
from tests.lib.harness.conftest import ROOT
from tests.lib.harness.support import free_port, living, send_signal, until

LOCK = "l" * 64  # what the test labs say of their image
MODULES = "lib/harness/running/ray_modules"
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]["ray-head"]
assert any(volume["source"] == f"./{MODULES}" for volume in COMPOSE["volumes"]), "compose.yaml mounts the same modules"


class RayCluster:
    """Started by `ray start`, as on any machine; the processes of each node are killed as a machine that is lost.

    `path`: a folder of modules that its workers have besides what a lab sends them. `token`: what Ray asks for.
    """

    def __init__(self, path: Path | None = None, token: str | None = None) -> None:
        self.token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": token} if token else {}
        self._path = str(path or "")
        self._folder = Path(tempfile.mkdtemp(prefix="ray-"))  # its sockets have long names
        self._port, self._client_port = free_port(), free_port()
        self._nodes: list[subprocess.Popen[bytes]] = []
        self.address = f"ray://127.0.0.1:{self._client_port}"
        self.head = self._start(
            "--head", f"--port={self._port}", f"--ray-client-server-port={self._client_port}",
            "--num-cpus=0", "--include-dashboard=false", f"--temp-dir={self._folder}",
        )  # fmt: skip
        until(lambda: self._says("Ray runtime started", self.head), 600, "the head has started")
        until(self._answers, 600, "the head takes clients")

    def add_worker(self, lock: str = LOCK, gpus: int = 0) -> subprocess.Popen[bytes]:
        """A node with one processor, whose image has this lock, and so many GPUs, as far as Ray knows."""
        node = self._start(f"--address=127.0.0.1:{self._port}", "--num-cpus=1", f"--num-gpus={gpus}", lock=lock)
        until(lambda: self._says("Ray runtime started", node), 600, "the worker has started")
        return node

    def _start(self, *options: str, lock: str = LOCK) -> subprocess.Popen[bytes]:
        own = {name: value for name, value in COMPOSE["environment"].items() if name.startswith("RAY_")}
        own |= {"LAB_LOCK_SHA256": lock, "RAY_USAGE_STATS_ENABLED": "0", **self.token}
        own["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT / MODULES), self._path)))
        others = ("LAB_", "RAY_", "PYTEST", *determinism.environment())  # a worker gets what it needs from the lab
        kept = {k: v for k, v in os.environ.items() if not k.startswith(others)}
        # again when it fails, as in compose.yaml: Ray gives its own processes 15 s to start
        again = (
            'until ray start --block --node-ip-address=127.0.0.1 --object-store-memory=100000000 "$@"; do sleep 1; done'
        )
        command = ["sh", "-c", again, "ray-start", *options]
        with self._log(len(self._nodes)).open("wb") as log:
            node = subprocess.Popen(command, env=kept | own, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._nodes.append(node)
        return node

    def _answers(self) -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self._client_port)) == 0

    def _log(self, number: int) -> Path:
        return self._folder / f"node-{number}.log"

    def _says(self, words: str, node: subprocess.Popen[bytes]) -> bool:
        said = self._log(self._nodes.index(node)).read_text()
        assert node.poll() is None, said
        return words in said

    def kill(self, node: subprocess.Popen[bytes]) -> None:
        """SIGKILL to every process of a node at once."""
        processes = [psutil.Process(node.pid), *psutil.Process(node.pid).children(recursive=True)]
        for process in processes:
            send_signal(process, signal.SIGKILL)
        node.wait()
        until(lambda: not living(processes), 30, "no process of the node is left")

    def close(self) -> None:
        for node in self._nodes:
            if node.poll() is None:
                self.kill(node)
        shutil.rmtree(self._folder, ignore_errors=True)
