"""MLflow's database of local mode, which names the folder of every run's artifacts in full."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from host.bootstrap.paths import STATE

if TYPE_CHECKING:
    import sqlite3

COLUMNS = ("artifact_location", "artifact_uri", "source", "storage_location")
"""The columns, in whichever table, that may hold such an address."""
OF_MLFLOW = ("models:/", "runs:/", "mlflow-artifacts:/")
"""Addresses that MLflow looks up."""
LOCK_SECONDS = 60


def databases() -> list[Path]:
    """The databases of all instances of this clone."""
    return [file for file in (STATE / "mlflow.db", *(STATE / "instances").glob("*/mlflow.db")) if file.is_file()]


def relocate(before: Path, now: Path) -> None:
    """Let the databases of a clone that was moved or copied name the artifacts below `now` instead of `before`.

    Otherwise a moved clone finds none of them, and a copy writes into the original. A damaged database is one warning.
    """
    import sqlite3

    if not before.is_absolute():  # somebody has edited it
        return
    for file in databases():
        try:
            replace_prefix(file, f"{before.as_uri()}/", f"{now.as_uri()}/")
        except sqlite3.Error as error:
            print(f"{file}: the artifacts of its runs are still looked for in {before} ({error})", file=sys.stderr)


def replace_prefix(database: Path, before: str, now: str) -> None:
    """Replace the beginning `before` of all addresses of artifacts with `now`, in one transaction."""
    with _opened(database) as connection, connection:
        for table, column in _columns(connection):
            connection.execute(
                f'UPDATE "{table}" SET "{column}" = ? || substr("{column}", ?) WHERE substr("{column}", 1, ?) = ?',
                (now, len(before) + 1, len(before), before),
            )


def elsewhere(database: Path, place: str) -> str | None:
    """An address of artifacts in the database that is neither below `place` nor one of MLflow's own; None without."""
    with _opened(database) as connection:
        for table, column in _columns(connection):
            for (address,) in connection.execute(f'SELECT DISTINCT "{column}" FROM "{table}"'):
                if address and not str(address).startswith((f"{place}/", *OF_MLFLOW)):
                    return str(address)
    return None


def _opened(database: Path) -> closing[sqlite3.Connection]:
    import sqlite3

    return closing(sqlite3.connect(database, timeout=LOCK_SECONDS))


def _columns(connection: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    for (table,) in tables:
        for _, column, *_ in connection.execute(f'PRAGMA table_info("{table}")').fetchall():
            if column in COLUMNS:
                yield table, column
