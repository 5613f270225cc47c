"""`./invoke sync --from-local`: what local mode has recorded becomes part of the history of the containers."""

from collections.abc import Iterator
from pathlib import Path
from typing import IO

from host.bootstrap import ledger, process
from host.bootstrap.process import reason
from host.engine import build, docker, images, volumes
from host.machine import instance
from host.runs.container import in_container
from lib.harness.commands import store
from lib.harness.commands.status import recorded
from lib.harness.errors import UserError

PLACE = "/journal"


def sync_from_local() -> int:
    """Put the journals of local mode that have ended beside those of the containers, and send them to their MLflow.

    Local mode keeps its own. Returns the exit code of the sync.

    Raises:
        UserError: there is no engine, or its volume cannot be written.
    """
    docker.require()
    journal = instance.folder() / store.JOURNAL
    build.ensure(images.TRACKING, images.LAB)
    volumes.create(volumes.JOURNAL)
    present = set(_run("keys").split())
    at_work = recorded(journal).at_work
    new = [path.parent for path in sorted(journal.glob("*/run.jsonl")) if path.parent.name not in {*present, *at_work}]
    if new:
        _add(journal, new)
    print(f"{len(new)} run{'' if len(new) == 1 else 's'} of local mode added to the journal")
    return in_container(["sync"])


def _command(action: str) -> list[str]:
    return volumes.command(images.LAB.name, {volumes.JOURNAL: PLACE}, volumes.STORE, action, PLACE)


def _run(action: str) -> str:
    result = process.output(_command(action), name="a container on the journal")
    if result.returncode:
        raise UserError(f"The journal cannot be read: {reason(result.stderr)}")
    return result.stdout


def _add(journal: Path, folders: list[Path]) -> None:
    """Add the folders of runs to the journal, each when all are on the disk."""
    names = {folder.name for folder in folders}

    def files(nothing: Path) -> Iterator[tuple[str, int, IO[bytes]]]:
        for member in store.members(journal, nothing, nothing):
            name = member.name.removeprefix(f"{store.JOURNAL}/")
            # how far another MLflow has got says nothing of this one
            if name.partition("/")[0] in names and not name.endswith(".shipped"):
                yield name, member.size, member.content

    with ledger.folder("from-local-") as nothing:
        if failed := volumes.feed(_command("add"), files(nothing)):
            raise UserError(f"The journal cannot be written: {failed}")
