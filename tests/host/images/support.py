"""What the image tests share: the names of the images, one compose project, one HTTP request, what a quiet log is."""

import json
import os
import socket
import subprocess
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker.client import DockerClient
from docker.models.containers import Container

from host.engine import images

ROOT = Path(__file__).parents[3]
LOCKS = {
    "tracking": "tracking.txt",
    "lab-cpu": "cpu.txt",
    "lab-gpu-torch": "gpu-torch.txt",
    "lab-gpu-tensorflow": "gpu-tensorflow.txt",
}
TARGETS = os.environ.get("LAB_TEST_TARGETS", "tracking lab-cpu").split()  # ./invoke test --gpu-images names the others
OURS = {image.target: image for image in (*images.IMAGES, *images.GPU.values())}
IMAGES = {target: os.environ.get(f"{target.upper().replace('-', '_')}_IMAGE", OURS[target].name) for target in TARGETS}
SERVICES = ("mlflow", "mlflow-port", "jupyter", "jupyter-port")
LABS = [target for target in TARGETS if target.startswith("lab-")]
UNITS = {
    "tracking": ("tracking",),
    "lab-cpu": ("lab-cpu",),
    "lab-gpu-torch": ("lab-cpu", "lab-gpu"),
    "lab-gpu-tensorflow": ("lab-cpu", "lab-gpu"),
}
"""The folders of units/ that run in an image: a GPU image passes the tests of the one for CPUs, too."""


# Runs beside the server: starts a kernel through the API and sends it a cell over its web socket.
DRIVER = """
import asyncio, json, os, sys, uuid
from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.websocket import websocket_connect
headers = {"Authorization": "token " + os.environ["JUPYTER_TOKEN"]}

async def main():
    client = AsyncHTTPClient()
    started = await client.fetch(HTTPRequest("http://127.0.0.1:8888/api/kernels", "POST", headers, body="{}"))
    url = "ws://127.0.0.1:8888/api/kernels/" + json.loads(started.body)["id"] + "/channels"
    socket = await websocket_connect(HTTPRequest(url, headers=headers))
    header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "version": "5.3"}
    header |= {"session": "s", "username": "u"}
    content = {"code": sys.argv[1], "silent": False, "store_history": False, "stop_on_error": True}
    await socket.write_message(json.dumps(
        {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}))
    while True:
        message = json.loads(await socket.read_message())
        if message["content"].get("execution_state") in ("restarting", "dead"):
            return  # the cell has ended its kernel
        if message["parent_header"].get("msg_id") != header["msg_id"]:
            continue
        if message["msg_type"] == "stream":
            print(message["content"]["text"], end="")
        if message["msg_type"] == "error":
            sys.exit("\\n".join(message["content"]["traceback"]))
        if message["msg_type"] == "execute_reply":
            return

asyncio.run(main())
"""


@dataclass(frozen=True)
class Outcome:
    """How a container ended."""

    status: int
    log: str


# Abseil writes it before its first line of any severity; which lines there are depends on the processor
ABSEIL_PREAMBLE = "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR"


def assert_quiet(log: str) -> None:
    """Fail on a line of a warning or an error, as MLflow, Jupyter, Ray, Python and TensorFlow write them."""
    words = ("WARN", "ERROR", "CRITICAL", "Traceback", "Warning:", "[W ", "[E ", "[C ")
    lines = [line for line in log.splitlines() if line.strip() != ABSEIL_PREAMBLE]
    bad = [line for line in lines if any(word in line for word in words)]
    assert not bad, "\n".join(bad)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Stack:
    """A compose project of the test's own."""

    project: str
    folder: Path
    environment: dict[str, str]

    @property
    def mlflow(self) -> str:
        return f"http://127.0.0.1:{self.environment['MLFLOW_PORT']}"

    @property
    def jupyter(self) -> str:
        return f"http://127.0.0.1:{self.environment['JUPYTER_PORT']}"

    @property
    def uid(self) -> int:
        return int(self.environment["LAB_UID"])

    def compose(self, *arguments: str, check: bool = True, timeout: int = 180) -> subprocess.CompletedProcess[str]:
        """`docker compose` on the repository's compose.yaml, with lib/ and labs/ of this project's folder."""
        command = ["docker", "compose", "--file", str(ROOT / "compose.yaml"), "--project-directory", str(self.folder)]
        done = subprocess.run(
            [*command, "--project-name", self.project, *arguments],
            env=os.environ | self.environment, capture_output=True, text=True, timeout=timeout, check=False,
        )  # fmt: skip
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def container(self, client: DockerClient, service: str) -> Container:
        """The running container of a service."""
        return client.containers.get(f"{self.project}-{service}-1")

    def lab(self, code: str, *options: str) -> subprocess.CompletedProcess[str]:
        """Run Python code in the service `lab`, as labs run."""
        run = ("run", "--rm", "--no-deps", "-T", *options, "--entrypoint", "python", "lab")
        return self.compose(*run, "-c", code, check=False)


@dataclass(frozen=True)
class Reply:
    """An HTTP answer; errors are answers too."""

    status: int
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def http(method: str, url: str, body: Any = None, **headers: str) -> Reply:
    """One HTTP request with a JSON body."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"} | headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return Reply(answer.status, answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return Reply(error.code, error.read())
