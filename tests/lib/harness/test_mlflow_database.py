"""MLflow's database across versions, with real ones: newer, older, damaged, and an upgrade that is killed."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.filterwarnings("ignore:The ``noload``")  # SQLAlchemy's, about MLflow's code
ROOT = Path(__file__).resolve().parents[3]
SERVER = ROOT / "docker" / "mlflow" / "server.py"
NEWER = "ffffffffffff"


def load() -> Any:
    spec = importlib.util.spec_from_file_location("mlflow_database", SERVER.with_name("database.py"))
    assert spec and spec.loader
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


database = load()


def read(file: Path, query: str) -> Any:
    with contextlib.closing(sqlite3.connect(file)) as connection:
        return connection.execute(query).fetchone()[0]


def write(file: Path, statement: str) -> None:
    with contextlib.closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(statement)


def refused(file: Path, **options: Any) -> str:
    """The line with which a start of the server is refused (`server.py --migrate FILE`, as each start begins)."""
    command = [sys.executable, str(SERVER), "--migrate", str(file)]
    done: subprocess.CompletedProcess[str] = subprocess.run(
        command, capture_output=True, text=True, check=False, **options
    )
    assert done.returncode == 78, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr.splitlines()[-1]


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


@pytest.fixture(scope="module")
def revisions() -> list[str]:
    known: list[str] = database._known()
    return known


@pytest.fixture(scope="module")
def older_database(tmp_path_factory: pytest.TempPathFactory, revisions: list[str]) -> Path:
    """A database with the schema of three revisions ago and an experiment, as that MLflow made it."""
    from alembic import command
    from mlflow.store.db import utils
    from mlflow.store.tracking.dbmodels.initial_models import Base
    from sqlalchemy import create_engine

    file = tmp_path_factory.mktemp("older") / "mlflow.db"
    engine = create_engine(f"sqlite:///{file}")
    Base.metadata.create_all(engine)
    config = utils._get_alembic_config(f"sqlite:///{file}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revisions[3])
    engine.dispose()
    write(
        file,
        "INSERT INTO experiments (experiment_id, name, artifact_location, lifecycle_stage) "
        "VALUES (7, 'of long ago', 'mlflow-artifacts:/7', 'active')",
    )
    return file


@pytest.fixture
def older(older_database: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(older_database, tmp_path / "mlflow.db"))


def assert_experiment_is_there(file: Path) -> None:
    assert read(file, "SELECT name FROM experiments WHERE experiment_id = 7") == "of long ago"
    assert read(file, "PRAGMA integrity_check") == "ok"


def test_an_older_one_is_upgraded_after_a_copy_of_which_one_is_kept(older: Path, revisions: list[str]) -> None:
    copy = older.with_name(f"mlflow-{revisions[3]}.db")
    kept = [older.with_name(name) for name in ("mlflow-before-my-exam.db", "notes")]
    for file in (older.with_name(f"mlflow-{revisions[9]}.db"), *kept):  # of an earlier upgrade, and two of the user's
        file.write_bytes(b"x")
    line = database.prepare(older)
    assert f"from schema {revisions[3]} to {revisions[0]}" in line
    assert copy.name in line
    assert names(older.parent) == sorted([older.name, copy.name, *(file.name for file in kept)])
    for file, revision in ((older, revisions[0]), (copy, revisions[3])):
        assert read(file, "SELECT version_num FROM alembic_version") == revision
        assert_experiment_is_there(file)
    assert database.prepare(older) == ""


def test_a_copy_has_what_only_the_write_ahead_log_has(older: Path, revisions: list[str]) -> None:
    """A file that is copied without its log lacks the last transactions."""
    code = f"""
import os, sqlite3
database = sqlite3.connect({str(older)!r})
database.execute("PRAGMA journal_mode = WAL")
database.execute("UPDATE experiments SET name = 'in the log' WHERE experiment_id = 7")
database.commit()
os._exit(0)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    assert older.with_name("mlflow.db-wal").stat().st_size > 0
    database.prepare(older)
    for file in (older, older.with_name(f"mlflow-{revisions[3]}.db")):
        assert read(file, "SELECT name FROM experiments WHERE experiment_id = 7") == "in the log"


@pytest.mark.parametrize("version", ["", "4.5.6"])
def test_a_newer_one_is_one_line_and_left_as_it_is(older: Path, version: str, revisions: list[str]) -> None:
    write(older, f"UPDATE alembic_version SET version_num = '{NEWER}'")
    write(older, f"PRAGMA user_version = {4005006 if version else 3017002}")
    before = older.read_bytes()
    line = refused(older)
    assert f"schema {NEWER}" in line
    assert f"schema {revisions[0]}" in line
    assert "LAB_INSTANCE=NAME ./invoke up" in line
    assert (f"mlflow=={version} -- docker/requirements/tracking.txt" if version else "git pull") in line
    assert (names(older.parent), older.read_bytes()) == (["mlflow.db"], before)


def test_it_says_who_wrote_last(older: Path) -> None:
    from mlflow.version import VERSION

    database.prepare(older)
    assert database._signed(older) == VERSION


def test_a_reader_holds_up_no_writer_and_sees_what_there_was(older: Path) -> None:
    """With a rollback journal the writer would wait for the reader to end, and be refused."""
    database.prepare(older)
    with (
        contextlib.closing(sqlite3.connect(older)) as reader,
        contextlib.closing(sqlite3.connect(older, timeout=0)) as writer,
    ):
        reader.execute("BEGIN")
        names = "SELECT name FROM experiments WHERE experiment_id = 7"
        assert reader.execute(names).fetchone()[0] == "of long ago"
        with writer:
            writer.execute("UPDATE experiments SET name = 'of today' WHERE experiment_id = 7")
        assert reader.execute(names).fetchone()[0] == "of long ago"
        reader.rollback()
        assert reader.execute(names).fetchone()[0] == "of today"


def test_a_database_of_local_mode_has_a_write_ahead_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lib.harness.shipping.server import connect

    file = tmp_path / "mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{file}")
    connect().create_experiment("of today")
    assert read(file, "PRAGMA journal_mode") == "wal"
    assert read(file, "SELECT count(*) FROM experiments WHERE name = 'of today'") == 1


def test_none_is_made(tmp_path: Path, revisions: list[str]) -> None:
    assert database.prepare(tmp_path / "mlflow.db") == ""
    assert names(tmp_path) == ["mlflow.db"]
    assert read(tmp_path / "mlflow.db", "SELECT version_num FROM alembic_version") == revisions[0]
    assert read(tmp_path / "mlflow.db", "PRAGMA journal_mode") == "wal"


def test_a_damaged_one_is_one_line_and_no_copy_takes_the_place_of_a_good_one(older: Path, revisions: list[str]) -> None:
    copy = older.with_name(f"mlflow-{revisions[3]}.db")
    copy.write_bytes(b"of an earlier upgrade")
    page = read(older, "SELECT rootpage FROM sqlite_master WHERE name = 'experiments'")
    with older.open("r+b") as stream:
        stream.seek((page - 1) * read(older, "PRAGMA page_size"))
        stream.write(os.urandom(512))
    for content in (older.read_bytes(), b"no database at all" * 1000):
        older.write_bytes(content)
        with pytest.raises(database.RefusedError, match=r"damaged.*\./invoke restore FILE"):
            database.prepare(older)
        assert older.read_bytes() == content
        assert copy.read_bytes() == b"of an earlier upgrade"
        assert names(older.parent) == [copy.name, older.name]


def test_without_room_for_the_copy_it_is_left_as_it_is(older: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real disk of 1 MiB, where there is one, is smaller than any database of MLflow's: the room is what is asked."""
    monkeypatch.setattr(database, "SPARE", shutil.disk_usage(older.parent).total)
    before = older.read_bytes()
    with pytest.raises(database.RefusedError, match=r"needs [\d,]+ MB free where Docker keeps volumes, there are"):
        database.prepare(older)
    assert (names(older.parent), older.read_bytes()) == (["mlflow.db"], before)


def limited(size: int) -> Callable[[], None]:
    """No file of the process grows beyond `size` bytes."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def test_a_disk_that_fills_up_leaves_it_as_it_is(older: Path, revisions: list[str]) -> None:
    before = older.read_bytes()
    for size in (len(before) // 2, len(before) + 4096):  # in the copy; in the upgrade, which makes it larger
        line = refused(older, preexec_fn=limited(size))
        assert "MLflow's database" in line
        assert read(older, "SELECT version_num FROM alembic_version") == revisions[3]
        assert_experiment_is_there(older)
        assert not [name for name in names(older.parent) if not name.endswith(".db")]
    database.prepare(older)
    assert_experiment_is_there(older)


@pytest.fixture
def stopped_upgrade(older: Path) -> Iterator[Path]:
    """A database whose upgrade was killed in the middle, after half of the last three revisions."""
    code = f"""
import os, signal, sys
sys.path.insert(0, {str(SERVER.parent)!r})
import database
from alembic import command
from mlflow.store.db import utils
from pathlib import Path

def half(file):
    config = utils._get_alembic_config(f"sqlite:///{{file}}")
    with database._engine(file) as engine, engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, database._known()[2])
    import sqlite3
    broken = sqlite3.connect(file)
    broken.execute("DELETE FROM experiments")
    broken.commit()
    os.kill(os.getpid(), signal.SIGKILL)

database._apply = half
database.prepare(Path({str(older)!r}))
"""
    killed = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    yield older


def test_the_note_of_an_upgrade_is_on_the_disk_before_it_and_off_it_afterwards(
    older: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A note that a power cut brings back undoes what was written since; without one a half upgrade stays."""
    events: list[tuple[str, bool]] = []
    sync, apply = database._sync, database._apply

    def synced(path: Path) -> None:
        sync(path)
        events.append((path.name, older.with_name("mlflow.db.upgrading").exists()))

    def applied(file: Path) -> None:
        events.append(("upgrade", True))
        apply(file)

    monkeypatch.setattr(database, "_sync", synced)
    monkeypatch.setattr(database, "_apply", applied)
    database.prepare(older)
    at, folder = events.index(("upgrade", True)), older.parent.name
    assert events[at - 2 : at] == [("mlflow.db.upgrading", True), (folder, True)]
    assert events[at + 1] == (folder, False)


def test_an_upgrade_that_was_killed_begins_again_from_the_copy(stopped_upgrade: Path, revisions: list[str]) -> None:
    assert read(stopped_upgrade, "SELECT version_num FROM alembic_version") == revisions[2]
    assert "upgraded" in database.prepare(stopped_upgrade)
    copy = stopped_upgrade.with_name(f"mlflow-{revisions[3]}.db")
    assert names(stopped_upgrade.parent) == [copy.name, "mlflow.db"]
    for file, revision in ((stopped_upgrade, revisions[0]), (copy, revisions[3])):
        assert read(file, "SELECT version_num FROM alembic_version") == revision
        assert_experiment_is_there(file)
