"""`./invoke restore FILE`: puts a backup into this instance, all of it or nothing.

Every byte of the file is checked first. Then each part is written beside what is there, and only when all are on the
disk do they take its place.
"""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from host.bootstrap import process
from host.bootstrap.flock import held
from host.bootstrap.paths import caller_path
from host.bootstrap.process import reason
from host.engine import build, compose, docker, images, project, volumes
from host.machine import env_file, instance, local_store
from host.records import archive
from host.records.archive import LOCAL, VOLUMES, Contents
from host.records.backup import SETTINGS, artifacts, mlflow_version
from host.services import recorded, without_docker
from lib.harness.commands import store
from lib.harness.errors import UserError
from lib.harness.signals import deferred

PLACES = {volumes.JOURNAL: (images.LAB, "/journal"), volumes.MLFLOW: (images.TRACKING, "/mlflow")}
"""The image that has the folder of a volume, so that a new volume gets its owner, and that folder."""
SECONDS = 3600
"""The longest that moving and deleting files in a volume may take."""
AT_REST = ("created", "exited", "dead")
"""The states of a container that uses no volume."""


def restore(name: str, replace: bool) -> None:
    """Put a backup into this instance. `replace`: delete the runs that it has.

    Raises:
        UserError: the file is damaged or of another version, the instance has runs or is in use, or there is no room.
    """
    file = caller_path(name)
    if not file.is_file():
        raise UserError(f"{name}: there is no such file (./invoke backup makes one)")
    contents = archive.check(file)
    about = contents.about
    if _numbers(about.mlflow) > _numbers(mlflow_version()):
        raise UserError(
            f"{name} has a database of MLflow {about.mlflow}, this clone has {mlflow_version()}: use a newer clone"
        )
    if contents.has(VOLUMES):
        docker.require()
    has_engine = docker.available()
    if not has_engine and recorded.may_be_on_engine():
        raise UserError("Nothing was restored: the engine that has this instance's volumes does not answer")
    target = project.name()
    with instance.turn(instance.DATA), instance.turn("services"), held(instance.lock("local-services")):
        _require_rest(has_engine)
        parts = _parts(has_engine, contents)
        if not replace and any(part.has_runs() for part in parts):
            raise UserError(
                f"Nothing was restored: {target} has runs; --replace deletes them (./invoke backup keeps them first)"
            )
        _put(parts, file, contents)
    _keep_settings(about.settings)
    count = f"{contents.runs} run{'' if contents.runs == 1 else 's'}"
    print(f"Restored {about.instance} of {about.time} into {target}: {count}")


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdecimal()]


def _require_rest(has_engine: bool) -> None:
    """Raises `UserError` while services or labs of this instance run."""
    present = [c.name for c in compose.containers() if c.state not in AT_REST] if has_engine else []
    present += [f"{service} (local mode)" for service in without_docker.addresses()]
    present += recorded.local().at_work
    if present:
        raise UserError(f"Nothing was restored, as {project.name()} runs ({', '.join(present)}): ./invoke down first")


class _Local:
    """A part of local mode: its journals, or MLflow's database and artifacts."""

    def __init__(self, part: str):
        self.part = part
        self._folder = instance.folder() / (store.JOURNAL if part == store.JOURNAL else "")
        self._new = not self._folder.exists()

    def has_runs(self) -> bool:
        return store.has_runs(str(self._folder), self.part)

    def stage(self, file: Path, stage: str, contents: Contents) -> None:
        """Write the part of the backup beside what is there.

        Raises:
            UserError: it cannot be written, or its database is none or names files elsewhere on this machine.
        """
        try:
            for left in self._folder.glob(f"{store.STAGED}*"):
                shutil.rmtree(left)
            for name, _, content in _members(file, LOCAL, self.part):
                store.write(self._folder / stage, name, content)
            (self._folder / stage).mkdir(parents=True, exist_ok=True)
            os.sync()
        except OSError as error:
            raise UserError(f"Nothing was restored: {self._folder} cannot be written ({error.strerror})") from None
        database = self._folder / stage / store.DATABASE
        if self.part == store.STORE and database.is_file():
            try:
                local_store.replace_prefix(database, f"{contents.about.artifacts}/", f"{artifacts()}/")
                strange = local_store.elsewhere(database, artifacts())
            except sqlite3.Error as error:
                raise UserError(f"Nothing was restored: {file} has a database that cannot be read ({error})") from None
            if strange:
                raise UserError(f"Nothing was restored: the database in {file} names files elsewhere, {strange!r}")

    def swap(self, stage: str) -> None:
        store.swap(str(self._folder), stage, self.part)

    def drop(self, stage: str) -> None:
        shutil.rmtree(self._folder if self._new else self._folder / stage, ignore_errors=True)


class _Volume:
    """A part on the engine: a volume."""

    def __init__(self, part: str):
        self.part = part
        self._image, self._folder = PLACES[part]
        self._new = part not in volumes.present()

    def has_runs(self) -> bool:
        return not self._new and self._run("runs", self.part).strip() == "True"

    def stage(self, file: Path, stage: str, _contents: Contents) -> None:
        """Write the part of the backup beside what is there. Raises `UserError` when it cannot be written."""
        volumes.create(self.part)
        if failed := volumes.feed(self._command("unpack", stage), _members(file, VOLUMES, self.part)):
            raise UserError(f"Nothing was restored: a volume cannot be written ({failed})")

    def swap(self, stage: str) -> None:
        self._run("swap", stage, self.part)

    def drop(self, stage: str) -> None:
        if self._new:
            volumes.remove(self.part)
        else:
            self._call("drop", stage)

    def _command(self, action: str, *args: str) -> list[str]:
        mounts = {self.part: self._folder}
        return volumes.command(self._image.name, mounts, volumes.STORE, action, self._folder, *args)

    def _call(self, action: str, *args: str) -> subprocess.CompletedProcess[str]:
        return process.output(self._command(action, *args), limit=SECONDS, name="a container on the volumes")

    def _run(self, action: str, *args: str) -> str:
        result = self._call(action, *args)
        if result.returncode:
            raise UserError(f"The volume {volumes.full_name(self.part)} cannot be used: {reason(result.stderr)}")
        return result.stdout


def _parts(has_engine: bool, contents: Contents) -> list[_Local | _Volume]:
    """The parts of this instance: after the restore each has what the backup has of it."""
    local = [_Local(part) for part in (store.JOURNAL, store.STORE)]
    if not contents.has(VOLUMES) and not (has_engine and volumes.present()):
        return [*local]
    build.ensure(images.TRACKING, images.LAB)
    return [*local, *(_Volume(part) for part in (volumes.JOURNAL, volumes.MLFLOW))]


def _put(parts: list[_Local | _Volume], file: Path, contents: Contents) -> None:
    """Stage all parts, then let them take the place of what is there, which no signal interrupts."""
    stage = f"{store.STAGED}{os.urandom(4).hex()}"
    try:
        for part in parts:
            part.stage(file, stage, contents)
    except BaseException:
        for part in parts:
            part.drop(stage)
        raise
    try:
        with deferred():
            for part in parts:
                part.swap(stage)
    except (UserError, OSError) as error:
        raise UserError(f"{error}. Only a part was restored: mend that, then restore again with --replace") from None


def _members(file: Path, place: str, part: str) -> Iterator[tuple[str, int, IO[bytes]]]:
    """The files of a checked backup that belong to a part, with their names in it."""
    prefix = f"{place}/{part}/"
    for name, size, content in archive.members(file):
        if name.startswith(prefix):
            yield name.removeprefix(prefix), size, content


def _keep_settings(settings: dict[str, str]) -> None:
    """Keep the settings of the backup that this clone's .env does not have."""
    with held("settings"):
        present = env_file.read()
        missing = {key: value for key, value in settings.items() if SETTINGS.fullmatch(key) and key not in present}
        if missing:
            env_file.keep(missing)
