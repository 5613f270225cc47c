"""The machine's own package manager: the mirrors it has configured, and commands whose output goes to a log."""

import sys
from pathlib import Path
from typing import NoReturn

from host.bootstrap import environment, process
from lib.harness.errors import UserError

INSTALL = ["apt-get", "install", "-y", "-qq", "--no-install-recommends"]


def mirror(release: str, targets: str | None = None) -> str | None:
    """Address of the mirror that apt has configured for `release` (main); None when it has none.

    `targets`: lines 'RELEASE COMPONENT ADDRESS', by default what apt-get indextargets says.
    """
    if targets is None:
        command = ["apt-get", "indextargets", "--format", "$(RELEASE) $(COMPONENT) $(REPO_URI)", "Created-By: Packages"]
        targets = process.output(command).stdout
    lines = (line.split() for line in targets.splitlines())
    return next((fields[2] for fields in lines if fields[:2] == [release, "main"] and len(fields) == 3), None)


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
