"""The instance that a command works on: a Compose project with its services, runs and journals, which are its own.

COMPOSE_PROJECT_NAME names it. What local mode records, and which of its services run, is kept apart as well: in .local
for the default instance, in .local/instances/NAME for another one.
"""

import re
from pathlib import Path

from host.bootstrap import environment
from host.bootstrap.paths import STATE
from lib.harness.errors import UserError

DEFAULT = "fearless-labs"
PROJECT = environment.get("COMPOSE_PROJECT_NAME") or DEFAULT


def folder() -> Path:
    """The folder of this instance's own state.

    Raises:
        UserError: COMPOSE_PROJECT_NAME is not a name that Compose takes.
    """
    if PROJECT == DEFAULT:
        return STATE
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", PROJECT):
        raise UserError(
            f"COMPOSE_PROJECT_NAME={PROJECT}: use lower-case letters, digits, - and _, and begin with a letter or digit"
        )
    return STATE / "instances" / PROJECT


def path(*parts: str) -> Path:
    """A path below the instance's folder, its parent folder made."""
    made = folder().joinpath(*parts)
    made.parent.mkdir(parents=True, exist_ok=True)
    return made


def others(name: str) -> list[Path]:
    """The file `name` of every other instance that has one."""
    everywhere = [STATE / name, *(STATE / "instances").glob(f"*/{name}")]
    return [file for file in everywhere if file != folder() / name and file.exists()]
