"""Containers, networks and volumes of an instance that a command has made before a signal ended it: removed again.

A volume goes only if it is as it was made: without a run, and in no container.
"""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from host.bootstrap.paths import ROOT, state_path
from host.engine import docker, images, project
from host.machine import instance, labs_owner
from lib.harness.errors import UserError

EMPTY = """
import pathlib, sqlite3, sys
database = pathlib.Path("/mlflow/mlflow.db")
runs = sqlite3.connect(database).execute("SELECT count(*) FROM runs").fetchone()[0] if database.exists() else 0
journal = pathlib.Path("/journal")
sys.exit(runs > 0 or (journal.exists() and any(journal.iterdir())))
"""
ALL = ("ps", "--all", "--format", "{{.Names}}")
SERVICES = (*ALL, "--filter", "label=com.docker.compose.oneoff=False")
LABS = (*ALL, "--filter", "label=com.docker.compose.oneoff=True")
LOOKS, LOOK = 3, 0.3
"""How often, and after how many seconds, to look again: the engine ends what a client has asked of it and left."""


@dataclass(frozen=True)
class Made:
    """The names of what the engine has of this instance."""

    containers: frozenset[str]
    networks: frozenset[str]
    volumes: frozenset[str]


def made() -> Made:
    """The names of what the engine has of this instance now. Containers of labs are theirs who run them.

    Raises:
        UserError: the engine does not say. What it does not name would be taken for new.
    """
    networks = ("network", "ls", "--format", "{{.Name}}")
    return Made(_listed(*SERVICES), _listed(*networks), _listed("volume", "ls", "--quiet"))


def _listed(*command: str) -> frozenset[str]:
    return frozenset(docker.must(*command, "--filter", project.label(project.name())).split())


@contextmanager
def undone(before: Made) -> Iterator[None]:
    """Remove what is there more than `before` when a signal ends the block.

    It stays where another command starts the same services in the meantime, a lab runs, or a new volume has a run.
    """
    with state_path("locks", instance.lock("starting")).open("w") as starting:
        fcntl.flock(starting, fcntl.LOCK_SH)
        try:
            yield
        except KeyboardInterrupt:
            with suppress(BlockingIOError, UserError):
                fcntl.flock(starting, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(before)
            raise


def _remove(before: Made) -> None:
    with instance.turn("services"):  # Compose, which may run behind this command, has it until it is done
        for _ in range(LOOKS):
            after = made()
            volumes = after.volumes - before.volumes
            if _listed(*LABS) or (volumes and not _are_new(volumes)):
                return
            ours = _listed(*SERVICES, "--filter", f"label={project.WORKING_DIR}={ROOT}")  # another clone may share them
            if containers := (after.containers - before.containers) & ours:
                docker.call("rm", "--force", *sorted(containers))
            if volumes:
                docker.call("volume", "rm", *sorted(volumes))  # refused for one that a container has
            if networks := after.networks - before.networks:
                docker.call("network", "rm", *sorted(networks))  # likewise
            time.sleep(LOOK)
        if not before.containers:
            labs_owner.give_back()


def _are_new(volumes: frozenset[str]) -> bool:
    """Return whether these volumes of the instance have no run yet."""
    mounts = [f"--volume={volume}:/{volume.removeprefix(f'{project.name()}_')}" for volume in sorted(volumes)]
    alone = ("--rm", "--network=none", "--read-only", "--cap-drop=ALL", "--entrypoint=python3")
    return docker.call("run", *alone, *mounts, images.TRACKING.name, "-c", EMPTY).returncode == 0
