"""MLflow's database on SQLite: made, brought to the schema of this MLflow after a copy, or refused in one line.

A database that a newer MLflow has written is left as it is. One of an older MLflow is copied first, by SQLite's own
backup, checked and put on the disk; a note beside it says that the upgrade has begun, so that an upgrade which is
killed begins again from the copy. One copy is kept, that of the last upgrade. PRAGMA user_version has the version of
the MLflow that wrote last: 3.17.2 is 3017002.

Its journal is a write-ahead log, so that reading (a page, an export) and writing (the labs) do not wait for each other.
Writers wait for one another as long as MLflow says (PRAGMA busy_timeout, 20 s).
"""

import contextlib
import errno
import os
import re
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

COPY = re.compile(r"mlflow-[0-9a-f]{12}\.db")
SPARE = 16 << 20
"""Bytes that stay free on the disk during an upgrade."""


class RefusedError(Exception):
    """The database cannot be served as it is. The message is one line; to start again would not help."""


def prepare(database: Path) -> str:
    """Bring the database to the schema of this MLflow, or make it. Returns a line about an upgrade, else nothing.

    Raises:
        RefusedError: it is newer or damaged, there is no room for an upgrade and its copy, or the upgrade failed. It is
            as it was then.
    """
    try:
        _finish_restoring(database)
        revision = _revision(database)
        if revision is None:
            _make(database)
            _write_ahead(database)
            return ""
        known = _known()
        if revision not in known:
            raise RefusedError(_newer(database, revision, known[0]))
        line = "" if revision == known[0] else _upgrade(database, revision, known[0])
        _sign(database)
        _write_ahead(database)
    except (sqlite3.DatabaseError, OSError) as error:
        raise RefusedError(_unusable(database, error)) from error
    return line


def _revision(database: Path) -> str | None:
    """The revision of the schema; None where there is no database yet, or an empty one."""
    if not database.exists():
        return None
    with contextlib.closing(sqlite3.connect(database)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if "alembic_version" not in tables:
            return None
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(row[0]) if row else None


def _known() -> list[str]:
    """The revisions that this MLflow knows, the newest first."""
    from alembic.script import ScriptDirectory
    from mlflow.store.db import utils

    scripts = ScriptDirectory.from_config(utils._get_alembic_config(db_url=""))
    return [script.revision for script in scripts.walk_revisions()]


@contextlib.contextmanager
def _engine(database: Path) -> Iterator[object]:
    from mlflow.store.db import utils

    engine = utils.create_sqlalchemy_engine_with_retry(f"sqlite:///{database}")
    try:
        yield engine
    finally:
        engine.dispose()


def _make(database: Path) -> None:
    from mlflow.store.db import utils

    with _engine(database) as engine:
        utils._safe_initialize_tables(engine)
    _sign(database)


def _version() -> str:
    from mlflow.version import VERSION

    return str(VERSION)


def _number(version: str) -> int:
    major, minor, patch = (int(re.match(r"\d+", part)[0]) for part in version.split(".")[:3])
    return (major * 1000 + minor) * 1000 + patch


def _sign(database: Path) -> None:
    """Note the version of this MLflow in the database."""
    number = _number(_version())
    with contextlib.closing(sqlite3.connect(database)) as connection:
        if connection.execute("PRAGMA user_version").fetchone()[0] != number:
            connection.execute(f"PRAGMA user_version = {number}")


def _write_ahead(database: Path) -> None:
    """Give it a write-ahead log, for good. A disk without room for one, or without shared memory, keeps it as it is."""
    with contextlib.closing(sqlite3.connect(database)) as connection, contextlib.suppress(sqlite3.OperationalError):
        connection.execute("PRAGMA journal_mode = WAL")


def _signed(database: Path) -> str:
    """The version of the MLflow that wrote last; empty where it is not known."""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        number = int(connection.execute("PRAGMA user_version").fetchone()[0])
    return f"{number // 1_000_000}.{number // 1000 % 1000}.{number % 1000}" if number else ""


def _newer(database: Path, revision: str, newest: str) -> str:
    version = _signed(database)
    writer, commit = "a newer MLflow", "the commit that wrote it (git pull, if it is not here)"
    if _number(version or "0.0.0") > _number(_version()):
        writer = f"MLflow {version}"
        commit = f"its commit (git log --all --oneline -S mlflow=={version} -- docker/requirements/tracking.txt)"
    return (
        f"MLflow's database was written by {writer} (schema {revision}) "
        f"and this is MLflow {_version()} (schema {newest}), which leaves it as it is: check out {commit}, "
        "or use another instance (LAB_INSTANCE=NAME ./invoke up)"
    )


def _unusable(database: Path, error: Exception) -> str:
    reason, number = " ".join(str(error).split()), getattr(error, "errno", None)
    if "full" in reason or number in (errno.ENOSPC, errno.EDQUOT):
        return f"MLflow's disk is full ({reason}): free space where Docker keeps volumes, then ./invoke up"
    if number is not None or isinstance(error, sqlite3.OperationalError):
        return f"MLflow's database {database} cannot be opened ({reason}): mend that, then ./invoke up"
    return (
        f"MLflow's database {database.name} is damaged ({reason}): restore a backup (./invoke restore FILE); "
        "the journals have every run of a lab"
    )


def _upgrade(database: Path, revision: str, newest: str) -> str:
    """Upgrade the database after a copy; returns what was done. Raises `RefusedError` and leaves it as it was."""
    size = sum(file.stat().st_size for file in (database, *_beside(database)))
    free = shutil.disk_usage(database.parent).free
    if free < 2 * size + SPARE:
        raise RefusedError(
            f"Upgrading MLflow's database from schema {revision} to {newest} needs {(2 * size + SPARE) / 1e6:,.0f} MB "
            f"free where Docker keeps volumes, there are {free / 1e6:,.0f}: free some, then ./invoke up"
        )
    copy = database.with_name(f"mlflow-{revision}.db")
    _copy(database, copy)
    note = _note(database)
    note.write_text(f"{copy.name}\n", encoding="utf-8")
    _sync(note)
    _sync(note.parent)
    try:
        _apply(database)
    except Exception as error:
        _finish_restoring(database)
        reason = " ".join(str(error).split())
        raise RefusedError(
            f"MLflow's database could not be upgraded from schema {revision} to {newest} ({reason[:200]}) "
            "and is as it was: check out the commit that wrote it, or use another instance"
        ) from error
    _remove(note)
    for old in database.parent.iterdir():
        if COPY.fullmatch(old.name) and old != copy:
            old.unlink()
    return (
        f"MLflow's database was upgraded from schema {revision} to {newest}; "
        f"as it was before, it is {copy.name} beside it, until the next upgrade"
    )


def _apply(database: Path) -> None:
    from mlflow.store.db import utils

    with _engine(database) as engine:
        utils._upgrade_db(engine)


def _copy(source: Path, target: Path) -> None:
    """A copy by SQLite's own backup, whole and on the disk before it has its name.

    Raises:
        sqlite3.DatabaseError: what was copied is damaged.
    """
    part = target.with_name(f"{target.name}.part")
    part.unlink(missing_ok=True)
    try:
        with (
            contextlib.closing(sqlite3.connect(source)) as origin,
            contextlib.closing(sqlite3.connect(part)) as destination,
        ):
            origin.backup(destination)
            checked = destination.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if checked != "ok":
            raise sqlite3.DatabaseError(checked)
        _sync(part)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    _sync(target.parent)


def _finish_restoring(database: Path) -> None:
    """Put back the copy of an upgrade that was begun and not ended."""
    note = _note(database)
    if not note.exists():
        return
    copy = database.with_name(note.read_text(encoding="utf-8").strip())
    if COPY.fullmatch(copy.name) and copy.exists():  # else the note was not whole when the power went: nothing was done
        back = database.with_name(f"{database.name}.back")
        _copy(copy, back)
        for file in _beside(database):
            file.unlink()
        back.replace(database)
        _sync(database.parent)
    _remove(note)


def _remove(note: Path) -> None:
    """Remove a note, also from the disk: one that came back with the power would undo what was written since."""
    note.unlink()
    _sync(note.parent)


def _note(database: Path) -> Path:
    return database.with_name(f"{database.name}.upgrading")


def _beside(database: Path) -> list[Path]:
    """SQLite's own files beside a database."""
    names = (f"{database.name}-{kind}" for kind in ("journal", "wal", "shm"))
    return [file for file in map(database.with_name, names) if file.exists()]


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
