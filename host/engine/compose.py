"""Docker Compose on this clone's compose.yaml: its command, what it reads, and the containers it has made."""

import json
import subprocess
import sys
from dataclasses import dataclass, replace

from host.bootstrap import process
from host.bootstrap.paths import ROOT
from host.bootstrap.process import reason
from host.engine import docker, project
from lib.harness.errors import UserError

SECONDS = 600
"""The longest that Compose may take to start or stop all services: it waits for their healthchecks."""
LIMITED = """
import os, signal, subprocess, sys, time
child = subprocess.Popen(sys.argv[2:])
try:
    sys.exit(child.wait(float(sys.argv[1])))
except subprocess.TimeoutExpired:
    print(f"docker compose did not end within {sys.argv[1]} s and was stopped", flush=True)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.killpg(0, signal.SIGTERM)
time.sleep(5)
os.killpg(0, signal.SIGKILL)
"""
"""A program that runs a command for so many seconds at most, in a process group of its own."""
FORWARDER = "-port"
"""The end of the name of a service that publishes the port of another one, with whose name it begins."""
LABELS = {
    "service": "com.docker.compose.service",
    "image": "com.docker.compose.image",
    "folder": project.WORKING_DIR,
    "config": "com.docker.compose.config-hash",
}
"""The labels by which Compose knows what it has made."""
LISTED = [".Names", ".State", ".Ports", ".Networks", *(f'(.Label "{label}")' for label in LABELS.values())]
FORMAT = f"[{','.join(f'{{{{json {field}}}}}' for field in LISTED)}]"


@dataclass(frozen=True)
class Container:
    """A container of an instance.

    Attributes:
        ports: from inside to the host's; of a service, those that its forwarder publishes.
        networks: the engine's names of the networks that it is on.
        image: id of the image that it was made from.
        folder: that of the clone that has started it.
        config: Compose's hash of the settings that it was started with.
    """

    name: str
    state: str
    ports: dict[int, int]
    networks: tuple[str, ...]
    service: str
    image: str
    folder: str
    config: str

    def is_on(self, network: str) -> bool:
        """Return whether it is on a network of compose.yaml."""
        return any(name.endswith(f"_{network}") for name in self.networks)


def containers() -> list[Container]:
    """All containers of this instance, stopped ones and labs included."""
    name = project.current()
    if name is None:
        return []
    listing = docker.must("ps", "--all", "--no-trunc", "--filter", project.label(name), "--format", FORMAT)
    found = [read_container(line) for line in listing.splitlines()]
    published = {container.service: container.ports for container in found if container.state == "running"}
    return [replace(c, ports=published.get(f"{c.service}{FORWARDER}", c.ports)) for c in found]


def read_container(line: str) -> Container:
    """One line of `docker ps --format FORMAT`; its ports are '127.0.0.1:5001->5000/tcp, …'."""
    name, state, ports, networks, *labels = json.loads(line)
    published = {}
    for entry in ports.split(","):
        outside, arrow, inside = entry.strip().partition("->")
        if arrow:
            published[int(inside.partition("/")[0])] = int(outside.rpartition(":")[2])
    return Container(name, state, published, tuple(networks.split(",")), **dict(zip(LABELS, labels, strict=True)))


def command(*args: str) -> list[str]:
    """The command `docker compose ARGS`."""
    place = ("--project-name", project.name(), "--project-directory", str(ROOT))
    return ["docker", "compose", "--progress", "quiet", *place, *args]


def command_behind(*args: str) -> list[str]:
    """The command `docker compose ARGS` for `process.start`, with the time limit of `call`."""
    return [sys.executable, "-I", "-S", "-c", LIMITED, str(SECONDS), *command(*args)]


def call(variables: dict[str, str], *args: str) -> subprocess.CompletedProcess[str]:
    """Run `docker compose ARGS` with its output captured."""
    return process.output(command(*args), limit=SECONDS, name=f"docker compose {args[0]}", env=variables)


def hashes(variables: dict[str, str], *services: str) -> dict[str, str]:
    """Compose's hash of the settings with which it would start each of `services` now.

    Raises:
        UserError: compose.yaml or .env is not what Compose reads.
    """
    listing = call(variables, "config", "--hash", ",".join(services))
    if listing.returncode:
        raise UserError(f"Compose cannot read compose.yaml and .env: {reason(listing.stderr)}")
    return dict(line.split() for line in listing.stdout.splitlines())
