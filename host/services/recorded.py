"""The runs of an instance: on the engine's volumes and in local mode's folder."""

import json
import shutil
from dataclasses import dataclass

from host.bootstrap import environment, process
from host.engine import images, volumes
from host.machine import env_file, instance
from host.services import without_docker
from lib.harness.commands.status import Recorded, recorded

SECONDS = 120
"""The longest that looking at all files may take."""


@dataclass(frozen=True)
class Runs:
    """The runs of an instance. `on_engine`: None where it cannot be seen, or is not there."""

    on_engine: Recorded | None
    local: Recorded
    complete: bool

    @property
    def parts(self) -> list[Recorded]:
        """The runs that can be seen."""
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
        unseen = "" if self.complete else ", and what the engine has, which cannot be counted"
        return f"{self.runs} run{'' if self.runs == 1 else 's'}, {self.size / 1e6:,.1f} MB{unseen}"


def of_instance(on_engine: bool) -> Runs:
    """The runs of this instance. `on_engine`: one answers that has volumes of it."""
    volumes = of_volumes() if on_engine else None
    return Runs(volumes, local(), complete=volumes is not None or not may_be_on_engine())


def may_be_on_engine() -> bool:
    """Return whether an engine may have volumes of this instance: it was on one, or is not of this clone alone."""
    if (instance.folder() / instance.ENGINE).exists():
        return True
    made_here = env_file.setting(instance.FOLDER) is not None and not environment.get(instance.NAME)
    used = instance.known() is not None or env_file.setting("JUPYTER_TOKEN") is not None
    return used and not made_here and shutil.which("docker") is not None


def local() -> Recorded:
    """The runs of local mode."""
    journal, *more = (instance.folder() / "journal", *without_docker.recorded())
    return recorded(journal, *(path for path in more if path != journal))


def of_volumes() -> Recorded | None:
    """The runs on the engine's volumes; None where there is no image to look with, or it cannot look."""
    there = volumes.present()
    if not there:
        return Recorded(0, [], 0, 0)
    image = images.last_used(images.TRACKING)
    if image is None:
        return None
    mounts = {volume: f"{volumes.DATA}/{volume}:ro" for volume in there}
    places = [f"{volumes.DATA}/{volume}" for volume in (volumes.JOURNAL, volumes.MLFLOW)]
    result = process.output(
        volumes.command(image.id, mounts, volumes.STATUS, *places), limit=SECONDS, name="looking at the volumes"
    )
    return Recorded(**json.loads(result.stdout)) if result.returncode == 0 else None
