"""Docker Compose on this clone's compose.yaml: its command, what it reads, and the containers it has made."""

import json
import subprocess
from dataclasses import dataclass

from host.bootstrap import process
from host.bootstrap.paths import ROOT
from host.engine import docker
from host.machine.instance import PROJECT

SECONDS = 600
"""The longest that Compose may take to start or stop all services: it waits for their healthchecks."""


@dataclass(frozen=True)
class Container:
    """A container of this project. `image`: id of the image it was made from. `ports`: from inside to the host's."""

    service: str
    name: str
    image: str
    state: str
    ports: dict[int, int]


def containers() -> list[Container]:
    """All containers of this project, stopped ones and labs included."""
    ours = f"label=com.docker.compose.project={PROJECT}"
    listing = docker.must("ps", "--all", "--no-trunc", "--filter", ours, "--format", "{{json .}}")
    return [read_container(line) for line in listing.splitlines()]


def read_container(line: str) -> Container:
    """One line of `docker ps --format '{{json .}}'`; its Ports are '127.0.0.1:5001->5000/tcp, …'."""
    row: dict[str, str] = json.loads(line)
    labels = dict(label.partition("=")[::2] for label in row["Labels"].split(","))
    published = {}
    for entry in row["Ports"].split(","):
        outside, arrow, inside = entry.strip().partition("->")
        if arrow:
            published[int(inside.partition("/")[0])] = int(outside.rpartition(":")[2])
    image = labels.get("com.docker.compose.image", "")
    return Container(labels.get("com.docker.compose.service", ""), row["Names"], image, row["State"], published)


def command(*args: str) -> list[str]:
    """The command `docker compose ARGS`."""
    return ["docker", "compose", "--progress", "quiet", "--project-directory", str(ROOT), *args]


def call(variables: dict[str, str], *args: str) -> subprocess.CompletedProcess[str]:
    """Run `docker compose ARGS` with its output captured."""
    return process.output(command(*args), limit=SECONDS, name=f"docker compose {args[0]}", env=variables)
