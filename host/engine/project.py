"""The Compose project of an instance: the name of the instance, made once, and whose the old fixed name is.

Until version 0.2 the project of every clone was `fearless-labs`. The first clone that starts afterwards keeps that name
with its volumes: a volume without content, `fearless-labs_instance`, says so to everybody on the engine by a label.
Every other clone gets a name of its own.
"""

import functools
import json
import shutil
import sys

from host.bootstrap.flock import held
from host.bootstrap.process import reason
from host.engine import docker
from host.machine import env_file, instance
from host.machine.instance import DEFAULT
from lib.harness.errors import UserError

LABEL = "org.fearless-labs.folder"
WORKING_DIR = "com.docker.compose.project.working_dir"
DELETING_SECONDS = 600
"""The longest that deleting volumes may take: a large one has many files."""


@functools.cache
def name() -> str:
    """The name of the instance, made and kept in .env at the first call.

    Raises:
        UserError: the name is none that Compose takes, .env cannot be written, or the engine does not say whose the
            old name is, which may be that of a clone that was used before.
    """
    if known := instance.known():
        return known
    with held("settings"):
        if known := env_file.setting(instance.NAME):  # another command has just made it
            return known
        is_used = env_file.setting("JUPYTER_TOKEN") is not None
        try:
            docker.server()
        except docker.NoEngineError:
            if is_used and shutil.which("docker"):  # the engine knows, when it is back
                return DEFAULT
            made = instance.new_name()
        except docker.EngineError:
            if is_used:
                raise
            made = instance.new_name()
        else:
            made = _of_engine(is_used)
        env_file.keep({instance.NAME: made, instance.FOLDER: instance.here()})
    return made


def display_name() -> str:
    """The name of the instance for a line to the user; in local mode an engine's error may leave it open."""
    try:
        return name()
    except docker.EngineError as error:
        return f"unknown ({error})"


def give_up_default() -> None:
    """Let this clone have a name of its own from now on where it had the old one, whose volumes were deleted.

    Nothing on the engine says any more that the old name is this clone's, so another one would take it.
    """
    with held("settings"):
        if env_file.setting(instance.NAME) == DEFAULT and env_file.setting(instance.FOLDER):
            env_file.keep({instance.NAME: None, instance.FOLDER: None})


def current() -> str | None:
    """The name of the instance; None where none was made yet, so that the engine has nothing of it."""
    return instance.known()


def label(project: str) -> str:
    """The filter of `docker ps`, `volume ls` and `network ls` for what belongs to `project`."""
    return f"label=com.docker.compose.project={project}"


def marker(project: str) -> str:
    """The volume that says whose the instance is."""
    return f"{project}_instance"


def volumes(project: str) -> list[str]:
    """The volumes of `project`: those that Compose has made for it, and its marker.

    Raises:
        UserError: the engine does not list them.
    """
    marked = _lines("volume", "ls", "--quiet", "--filter", f"name=^{marker(project)}$", "--filter", f"label={LABEL}")
    return [*_lines("volume", "ls", "--quiet", "--filter", label(project)), *marked]


def remove_volumes() -> None:
    """Delete the volumes of this instance.

    Raises:
        UserError: one is still there afterwards.
    """
    project = name()
    if present := volumes(project):
        removal = docker.call("volume", "rm", *present, limit=DELETING_SECONDS)
        if left := volumes(project):
            raise UserError(f"Not everything was deleted: {', '.join(left)} is still there ({reason(removal.stderr)})")


def _of_engine(is_used: bool) -> str:
    """The old name, where it is free to take with its volumes, or a new one, with a line that says whose the old is.

    `is_used`: this clone was used before, so that it knows of these volumes; of a new one a line says that it has them.
    """
    if not _exists(DEFAULT):
        return instance.new_name()
    owner = _owner(DEFAULT)
    if owner is None:
        docker.call("volume", "create", "--label", f"{LABEL}={instance.here()}", marker(DEFAULT))
        owner = _marked(DEFAULT)  # whose label is there when two have created it at once
    if owner is not None and instance.is_here(owner):
        if not is_used:
            alone = f"another {instance.NAME} in .env leaves them alone"
            print(f"This clone goes on with {DEFAULT}, whose runs are older than the clone ({alone}).", file=sys.stderr)
        instance.path(instance.ENGINE).touch()
        return DEFAULT
    made = instance.new_name()
    gone = owner is not None and not instance.is_used_elsewhere(owner)
    takes = f", which is gone ({instance.NAME}={DEFAULT} in .env takes it over)" if gone else ""
    print(
        f"The instance {DEFAULT} belongs to {owner or 'another clone'}{takes}: this clone's is {made}.", file=sys.stderr
    )
    return made


def _exists(project: str) -> bool:
    return bool(volumes(project) or _lines("ps", "--all", "--quiet", "--filter", label(project)))


def _owner(project: str) -> str | None:
    """The folder of the clone that the engine says `project` belongs to; None when it may be taken."""
    marked = _marked(project)
    if marked is not None:
        return marked
    folders = _lines("ps", "--all", "--filter", label(project), "--format", f'{{{{.Label "{WORKING_DIR}"}}}}')
    others = [folder for folder in folders if instance.is_used_elsewhere(folder)]
    return others[0] if others else None


def _marked(project: str) -> str | None:
    shown = docker.call("volume", "inspect", marker(project))
    if shown.returncode:
        return None
    owner: str | None = (json.loads(shown.stdout)[0].get("Labels") or {}).get(LABEL)
    return owner


def _lines(*args: str) -> list[str]:
    listing = docker.call(*args)
    if listing.returncode:
        raise UserError(f"The engine does not say what it has: {reason(listing.stderr)}")
    return [line for line in listing.stdout.splitlines() if line]
