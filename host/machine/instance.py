"""The instance that a command works on: its name, and the folder of what it keeps on this machine.

The name is in the clone's .env (LAB_INSTANCE), beside the folder for which it was made (LAB_INSTANCE_FOLDER): a clone
that was moved goes on with its instance, a copied one gets a name of its own. LAB_INSTANCE in the environment, or
written into .env by hand, shares an instance on purpose. `host.engine.project` makes the first name.

What local mode records, and which of its services run, is in .local for the clone's own instance, in
.local/instances/NAME for another one.
"""

import os
import re
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from host.bootstrap import environment
from host.bootstrap.flock import held, held_across
from host.bootstrap.paths import ROOT, STATE
from host.machine import env_file, local_store
from lib.harness.errors import UserError

NAME, FOLDER = "LAB_INSTANCE", "LAB_INSTANCE_FOLDER"
COMPOSE = "COMPOSE_PROJECT_NAME"
"""Compose's own name for it: from .env it is taken before compose.yaml's, by `docker compose` typed in the clone."""
DEFAULT = "fearless-labs"
"""The name of every instance before instances had names of their own."""
ENGINE = "engine"
"""The note that the instance has containers or volumes on an engine, or had."""
DATA = "data"
"""The lock of what copies, replaces or deletes all runs of an instance."""
OF_THE_ORIGINAL = ("jupyter.pid", "mlflow.pid", "labs-owner", "ports.json", ENGINE)
"""What a copied clone does not go on with: services, ports, a loan and an engine's volumes are the original's."""


def known() -> str | None:
    """The name that the environment or .env gives; None before one was made.

    Raises:
        UserError: it is not a name that Compose takes, or .env has another one for Compose alone.
    """
    shared = environment.get(NAME)
    name = _checked(shared) if shared else own()
    compose = env_file.setting(COMPOSE)
    if compose and compose != name:
        raise UserError(
            f"{COMPOSE}={compose} in .env: Compose takes it, ./invoke does not: write {NAME}={compose} instead, or "
            "remove it"
        )
    return name


def own() -> str | None:
    """The name in .env, a new one where this clone is a copy of the one that it was made for; None without one."""
    name, folder = env_file.setting(NAME), env_file.setting(FOLDER)
    if not name:
        return None
    if folder is None or is_here(folder):
        return _checked(name)
    with held("settings"):
        name, folder = env_file.setting(NAME), env_file.setting(FOLDER)
        if name and folder and not is_here(folder):
            name = _go_on(_checked(name), folder)
    return name


def _go_on(name: str, folder: str) -> str:
    """The name for a clone whose .env was made for another folder: moved, or copied from there."""
    local_store.relocate(Path(folder), ROOT)
    if not is_used(Path(folder), name):
        env_file.keep({FOLDER: here()})
        return name
    made = new_name()
    for file in OF_THE_ORIGINAL:
        (STATE / file).unlink(missing_ok=True)
    env_file.keep({NAME: made, FOLDER: here(), "JUPYTER_TOKEN": None})
    print(f"This clone is a copy: {name} is the instance of {folder}, this one's is {made}.", file=sys.stderr)
    return made


def is_used(folder: Path, name: str) -> bool:
    """Return whether a clone in `folder` has `name` in its .env. One that this user cannot look into does."""
    try:
        return env_file.setting(NAME, folder / ".env") == name
    except (OSError, UserError):
        return True


def is_used_elsewhere(folder: str) -> bool:
    """Return whether `folder` is another clone that exists, or that may exist where this user cannot look."""
    try:
        return not is_here(folder) and (Path(folder) / "compose.yaml").exists()
    except OSError:
        return True


def new_name() -> str:
    """A name that nobody has: that of the clone's folder, and six random digits."""
    folder = re.sub(r"[^a-z0-9]+", "-", ROOT.name.lower()).strip("-")[:30].rstrip("-")
    return f"{folder or 'labs'}-{secrets.token_hex(3)}"


def here() -> str:
    """The clone's folder as .env has it; bytes of its name that are no UTF-8 are replaced."""
    return os.fsencode(ROOT).decode("utf-8", "replace")


def is_here(folder: str) -> bool:
    """Return whether `folder` is this clone, by this path or another one to the same place."""
    try:
        return folder == here() or Path(folder).samefile(ROOT)
    except (OSError, ValueError):
        return False


def _checked(name: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,62}", name):
        raise UserError(
            f"LAB_INSTANCE={name}: use up to 63 lower-case letters, digits, - and _, and begin with a letter or digit"
        )
    return name


def folder() -> Path:
    """The folder of this instance's own state.

    Raises:
        UserError: LAB_INSTANCE is not a name that Compose takes.
    """
    name = known()
    return STATE if name is None or name == env_file.setting(NAME) else STATE / "instances" / name


def path(*parts: str) -> Path:
    """A path below the instance's folder, its parent folder made."""
    made = folder().joinpath(*parts)
    made.parent.mkdir(parents=True, exist_ok=True)
    return made


def lock(name: str) -> str:
    """The name of this instance's lock `name`."""
    here = folder()
    return name if here == STATE else f"{name}-{here.name}"


@contextmanager
def turn(name: str) -> Iterator[tuple[int, ...]]:
    """Hold this instance's lock `name` for the block, also against clones that share the instance.

    The yielded descriptors carry the lock: a child process that inherits them holds it on until it ends.
    """
    with held(lock(name)) as opened, held_across(f"{known() or DEFAULT}/{name}") as more:
        yield (opened.fileno(), *more)


def others(name: str) -> list[Path]:
    """The file `name` of every other instance that has one."""
    everywhere = [STATE / name, *(STATE / "instances").glob(f"*/{name}")]
    return [file for file in everywhere if file != folder() / name and file.exists()]
