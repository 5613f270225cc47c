"""`./invoke backup FILE`: everything of an instance in one checked file, made while labs and services run."""

import datetime
import re
import sqlite3
import tarfile
import tempfile

from host.bootstrap import ledger, process
from host.bootstrap.paths import REQUIREMENTS, caller_path
from host.bootstrap.process import reason
from host.engine import build, docker, images, project, volumes
from host.machine import env_file, instance
from host.records import archive
from host.records.archive import LOCAL, VOLUMES, About, Writer
from host.services import recorded
from lib.harness import __version__
from lib.harness.commands import store
from lib.harness.errors import UserError

SETTINGS = re.compile(r"LAB_MEMORY|MLFLOW_MEMORY|RAY_HEAD_MEMORY|LAB_RESTART")
"""The settings of .env that a backup has: no secret, and nothing that names an instance, a port, an image or a user."""


def backup(name: str) -> None:
    """Write the backup of this instance to a new file. Labs and services may run.

    Raises:
        UserError: the file is there already or cannot be written, or a part of the instance cannot be read.
    """
    file = caller_path(name)
    if file.exists():
        raise UserError(f"{name}: it is there already; name a new file")
    if not file.parent.is_dir():
        raise UserError(f"{name}: there is no folder {file.parent}")
    has_engine = docker.available()
    if not has_engine and recorded.may_be_on_engine():
        raise UserError(
            "No backup was made: it would lack what the engine has, which does not answer; "
            "./invoke doctor says how to mend it"
        )
    with instance.turn(instance.DATA), archive.writing(file) as writer:
        writer.begin(_about())
        if has_engine and (there := volumes.present()):
            build.ensure(images.TRACKING)
            _add_volumes(writer, there)
        with ledger.folder("backup-") as scratch:
            here = instance.folder()
            try:
                for member in store.members(here / store.JOURNAL, here, scratch):
                    writer.add(f"{LOCAL}/{member.name}", member.size, member.content)
            except sqlite3.Error as error:
                raise UserError(f"No backup was made: MLflow's database cannot be copied ({error})") from None
    runs = sum(name.endswith("/run.jsonl") for name in writer.names)
    sizes = f"{writer.size / 1e6:,.1f} MB in {file.stat().st_size / 1e6:,.1f} MB"
    print(f"{file}: {project.name()}, {runs} run{'' if runs == 1 else 's'}, {sizes}")


def _about() -> About:
    settings = {key: value for key, value in env_file.read().items() if SETTINGS.fullmatch(key)}
    return About(
        format=archive.FORMAT,
        instance=project.name(),
        time=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        version=__version__,
        mlflow=mlflow_version(),
        artifacts=artifacts(),
        settings=settings,
    )


def mlflow_version() -> str:
    """The version of MLflow that this clone's images have."""
    lock = (REQUIREMENTS / images.TRACKING.lock).read_text(encoding="utf-8")
    match = re.search(r"^mlflow(?:-skinny)?==([\d.]+)", lock, re.MULTILINE)
    assert match
    return match[1]


def artifacts() -> str:
    """The address of the folder of local mode's artifacts."""
    return (instance.folder() / "artifacts").as_uri()


def _add_volumes(writer: Writer, there: list[str]) -> None:
    """Add what the engine has. Raises `UserError` when it cannot be read."""
    # the journal is only read; SQLite also writes where it reads a database that is in use
    mounts = {v: f"{volumes.DATA}/{v}{':ro' if v == volumes.JOURNAL else ''}" for v in there}
    places = [f"{volumes.DATA}/{volume}" for volume in (volumes.JOURNAL, volumes.MLFLOW)]
    command = volumes.command(images.TRACKING.name, mounts, volumes.STORE, "pack", *places, volumes.SCRATCH)
    broken = False
    with tempfile.TemporaryFile("w+") as errors:
        try:
            with process.reading(command, errors) as (child, stream), tarfile.open(fileobj=stream, mode="r|") as tar:
                for info in tar:
                    content = tar.extractfile(info)
                    assert content is not None
                    writer.add(f"{VOLUMES}/{info.name}", info.size, content)
        except tarfile.TarError:  # it ended early
            broken = True
        if child.returncode or broken:
            errors.seek(0)
            raise UserError(f"No backup was made: the volumes cannot be read ({reason(errors.read())})")
