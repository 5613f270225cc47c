"""The machine's own package manager: the mirrors it has configured, and installing without removing or replacing.

What apt would do is asked of apt itself (`apt-get --simulate`) before it does anything.
"""

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from host.bootstrap import environment, process
from lib.harness.errors import UserError

INSTALL = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "--no-remove"]
OF_DOCKER = {"docker-ce", "docker-ce-cli", "containerd.io", "docker-compose-plugin", "docker-buildx-plugin"}
"""Docker's own packages, with which the distribution's cannot be installed."""


@dataclass(frozen=True)
class Changes:
    """The changes that apt would make: names of packages that are new, gone, and in another version ('a 1 -> 2')."""

    new: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()

    def refuse(self) -> None:
        """Raises `UserError`, with the package that stands in the way, unless everything that is installed stays."""
        gone = [name for name in self.removed if name in OF_DOCKER]
        if gone:
            raise UserError(
                f"doctor --fix would remove {', '.join(gone)}, which it never does: keep Docker's own packages and add "
                "what they lack: sudo apt-get install docker-compose-plugin docker-buildx-plugin"
            )
        for what, names in (("remove", self.removed), ("replace", self.replaced)):
            if names:
                raise UserError(
                    f"doctor --fix would {what} {', '.join(names)}, which it never does: install by hand what "
                    "./invoke doctor names as missing"
                )


def mirror(release: str, targets: str | None = None) -> str | None:
    """Address of the mirror that apt has configured for `release` (main); None when it has none.

    `targets`: lines 'RELEASE COMPONENT ADDRESS', by default what apt-get indextargets says.
    """
    if targets is None:
        command = ["apt-get", "indextargets", "--format", "$(RELEASE) $(COMPONENT) $(REPO_URI)", "Created-By: Packages"]
        targets = process.output(command).stdout
    lines = (line.split() for line in targets.splitlines())
    return next((fields[2] for fields in lines if fields[:2] == [release, "main"] and len(fields) == 3), None)


def simulate(packages: Sequence[str], options: Sequence[str] = ()) -> Changes:
    """The changes that installing `packages` would make. `options`: of apt-get, as in `-o Dir::…=…`.

    Raises:
        UserError: with apt's reason, where they cannot be installed.
    """
    command = ["apt-get", "--simulate", *options, "-o", "Debug::NoLocking=1", "install", "-y"]
    plain = environment.caller() | {"LC_ALL": "C.UTF-8"}
    done = process.output([*command, "--no-install-recommends", *packages], limit=process.INSTALL, env=plain)
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if line.startswith("E:")]
        raise UserError(f"apt cannot install {' '.join(packages)}: {(errors or ['it gave no reason'])[0]}")
    installed = re.findall(r"^Inst (\S+) (?:\[(\S+)\] )?\((\S+)", done.stdout, re.MULTILINE)
    return Changes(
        new=tuple(name for name, old, _ in installed if not old),
        removed=tuple(re.findall(r"^Remv (\S+)", done.stdout, re.MULTILINE)),
        replaced=tuple(f"{name} {old} -> {new}" for name, old, new in installed if old),
    )


def install(packages: Sequence[str], log: Path) -> None:
    """Install packages with their dependencies, the output in `log`.

    Raises:
        UserError: an installed package would be removed or replaced, and nothing was done; or apt has failed.
    """
    simulate(packages).refuse()
    run([*INSTALL, *packages], log)


def run(command: list[str], log: Path) -> None:
    """Run `command` with its output in `log`. Raises `UserError` after printing the end of it."""
    quiet = environment.caller() | {"DEBIAN_FRONTEND": "noninteractive"}
    if process.logged(command, log, limit=process.INSTALL, append=True, env=quiet):
        fail(f"`{' '.join(command[:3])} …` failed", log)


def fail(what: str, log: Path) -> NoReturn:
    """Print the end of `log`, then raise `UserError`."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    print("\n".join(lines[-15:]), file=sys.stderr)
    raise UserError(f"{what}; all of it: {log}")
