"""A command in the lab image on the whole clone, without network: tests, lint, benchmarks. In local mode: no Docker."""

import os
import secrets
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from host.bootstrap import foreground
from host.bootstrap.paths import ROOT, STATE
from host.engine import docker, images
from host.machine import instance

CACHE = STATE / "cache"
# What compose.yaml gives a lab, and a disk of 1 MiB that tests can fill (LAB_TINY_DISK).
HARDENED = [
    *("--rm", "--init", "--read-only", "--network=none", "--cap-drop=ALL", "--security-opt=no-new-privileges"),
    *("--user=1000:1000", "--memory=8g", "--shm-size=1g", "--pids-limit=4096"),
    *("--tmpfs=/tmp:mode=1777,exec", "--tmpfs=/tiny:mode=1777,size=1m", "--env=LAB_TINY_DISK=/tiny"),
    *(
        "--env=LAB_JOURNAL=/tmp/journal",
        "--env=HYPOTHESIS_STORAGE_DIRECTORY=/tmp/hypothesis",
        "--workdir=/workspace",
        "--entrypoint=python",
    ),
]


def cache(local: bool) -> str:
    """The path at which a command with ``with_cache`` finds a folder that is kept for the next one."""
    return str(CACHE) if local else "/cache"


def command(arguments: list[str], local: bool, name: str | None = None, with_cache: bool = False) -> list[str]:
    """The command `python ARGUMENTS` on the clone, which is read-only in the container. The image must be there."""
    if local:
        from host.machine.local import python

        return [str(python()), *arguments]
    options = ["--volume", f"{ROOT}:/workspace:ro"] + (["--name", name] if name else [])
    if with_cache:
        CACHE.mkdir(parents=True, exist_ok=True)
        owner = CACHE.stat()
        options += ["--volume", f"{CACHE}:{cache(local)}", f"--user={owner.st_uid}:{owner.st_gid}"]
    return ["docker", "run", *HARDENED, *options, images.LAB.name, *arguments]


@contextmanager
def variables(local: bool) -> Iterator[Mapping[str, str]]:
    """The environment of that command. In local mode its journals and its MLflow are in a folder that goes with it."""
    if not local:
        yield os.environ
        return
    from host.machine.local import environment

    with tempfile.TemporaryDirectory(prefix="sandbox-") as folder:
        yield environment(Path(folder)) | {"HYPOTHESIS_STORAGE_DIRECTORY": str(Path(folder, "hypothesis"))}


def run(arguments: list[str], local: bool, with_cache: bool = False) -> int:
    """Exit code of that command, its output shown."""
    name = f"{instance.PROJECT}-sandbox-{secrets.token_hex(4)}"

    def deliver(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
        if local:
            child.send_signal(number)
        elif docker.call("kill", "--signal", number.name, name).returncode:  # it has not started yet
            child.terminate()

    with variables(local) as environment:
        return foreground.run(command(arguments, local, name, with_cache), environment, False, deliver)[0]
