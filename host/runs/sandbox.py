"""A command in the lab image on the whole clone, without network: tests, lint, benchmarks. In local mode: no Docker."""

import secrets
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from host.bootstrap import environment, foreground, ledger
from host.bootstrap.paths import ROOT, STATE
from host.engine import docker, images, project
from host.machine import instance

CACHE = STATE / "cache"
# What compose.yaml gives a lab, and a disk of 1 MiB that tests can fill (LAB_TINY_DISK).
HARDENED = [
    *("--rm", "--init", "--read-only", "--network=none", "--cap-drop=ALL", "--security-opt=no-new-privileges"),
    *("--user=1000:1000", "--memory=8g", "--shm-size=1g", "--pids-limit=4096"),
    *("--tmpfs=/tmp:mode=1777,exec", "--tmpfs=/tiny:mode=1777,size=1m", "--env=LAB_TINY_DISK=/tiny"),
    *(
        "--env=LAB_JOURNAL=/tmp/journal",
        # tests talk to servers of their own, and Docker hands on the proxies of its client's settings
        "--env=NO_PROXY=localhost,127.0.0.1",
        "--env=no_proxy=localhost,127.0.0.1",
        "--env=HYPOTHESIS_STORAGE_DIRECTORY=/tmp/hypothesis",
        "--workdir=/workspace",
        "--entrypoint=python",
    ),
]


def cache(local: bool) -> str:
    """The path at which a command with ``with_cache`` finds a folder that is kept for the next one."""
    return str(CACHE) if local else "/cache"


def command(
    arguments: list[str], local: bool, name: str | None = None, root: Path = ROOT, with_cache: bool = False
) -> list[str]:
    """The command `python ARGUMENTS` on the clone, or on a copy of it in `root`, which is read-only in the container.

    The image must be there.
    """
    if local:
        from host.machine.local import python

        return [str(python()), *arguments]
    options = ["--name", name] if name else []
    # not --volume, which takes a colon of the path for the end of it
    options += ["--mount", f'type=bind,"source={root}",target=/workspace,readonly']
    if with_cache:
        CACHE.mkdir(parents=True, exist_ok=True)
        owner = CACHE.stat()
        options += ["--mount", f'type=bind,"source={CACHE}",target={cache(local)}']
        options.append(f"--user={owner.st_uid}:{owner.st_gid}")
    return ["docker", "run", *HARDENED, *options, images.must_inspect(images.LAB).id, *arguments]


@contextmanager
def variables(local: bool) -> Iterator[Mapping[str, str]]:
    """The environment of that command. In local mode its journals and its MLflow are in a folder that goes with it."""
    if not local:
        yield environment.caller()
        return
    from host.machine import local as local_mode

    with ledger.folder("sandbox-") as folder:
        yield local_mode.environment(folder) | {"HYPOTHESIS_STORAGE_DIRECTORY": str(folder / "hypothesis")}


def run(arguments: list[str], local: bool, with_cache: bool = False) -> int:
    """Exit code of that command, its output shown."""
    name = f"{project.current() or instance.DEFAULT}-sandbox-{secrets.token_hex(4)}"

    def deliver(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
        if local:
            child.send_signal(number)
        elif docker.call("kill", "--signal", number.name, name).returncode:  # it has not started yet
            child.terminate()

    with variables(local) as prepared:
        start = partial(
            foreground.run, command(arguments, local, name, with_cache=with_cache), prepared, False, deliver
        )
        if local:
            return start()
        with ledger.container(name):
            return start()
