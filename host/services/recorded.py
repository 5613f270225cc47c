"""The runs of an instance: on the engine's volumes and in local mode's folder."""

import json
from dataclasses import dataclass

from host.bootstrap import process
from host.engine import images, volumes
from host.machine import instance
from host.services import without_docker
from lib.harness.commands.status import Recorded, recorded

PROGRAM = "import sys; from lib.harness.commands.status import main; main(*sys.argv[1:])"
SECONDS = 120
"""The longest that looking at all files may take."""


@dataclass(frozen=True)
class Runs:
    """What an instance has recorded. `on_engine`: None where it cannot be seen."""

    on_engine: Recorded | None
    local: Recorded

    @property
    def parts(self) -> list[Recorded]:
        """What can be seen of it."""
        return [part for part in (self.on_engine, self.local) if part is not None]

    @property
    def runs(self) -> int:
        """Number of runs."""
        return sum(part.runs for part in self.parts)

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(part.size for part in self.parts)

    def __str__(self) -> str:
        unseen = "" if self.on_engine else ", and what the engine has, which cannot be counted"
        return f"{self.runs} run{'' if self.runs == 1 else 's'}, {self.size / 1e6:,.1f} MB{unseen}"


def of_instance(has_engine: bool) -> Runs:
    """The runs of this instance. `has_engine`: one answers."""
    return Runs(on_engine() if has_engine else None, local())


def local() -> Recorded:
    """The runs of local mode."""
    journal, *more = (instance.folder() / "journal", *without_docker.recorded())
    return recorded(journal, *(path for path in more if path != journal))


def on_engine() -> Recorded | None:
    """The runs on the engine's volumes; None where there is no image to look with, or it cannot look."""
    there = volumes.present()
    if not there:
        return Recorded(0, [], 0, 0)
    if images.inspect(images.TRACKING.name) is None:
        return None
    mounts = {volume: f"{volumes.DATA}/{volume}:ro" for volume in there}
    places = [f"{volumes.DATA}/{volume}" for volume in (volumes.JOURNAL, volumes.MLFLOW)]
    result = process.output(
        volumes.command(images.TRACKING, mounts, PROGRAM, *places), limit=SECONDS, name="looking at the volumes"
    )
    return Recorded(**json.loads(result.stdout)) if result.returncode == 0 else None
