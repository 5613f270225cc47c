"""Backups: whole, checked, made of files that are written meanwhile, and put back all or nothing."""

import fcntl
import hashlib
import io
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tarfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import zstandard

from host.bootstrap import ledger
from host.engine import volumes
from host.machine import instance
from host.records import archive
from lib.harness.commands import store
from lib.harness.errors import UserError
from lib.harness.recording.journal import Journal
from tests.host.clone import ROOT, command, copy_clone, share_venv
from tests.host.conftest import Invoke, Outcome, one_line


@pytest.fixture
def alone(tmp_path: Path) -> dict[str, str | None]:
    """An environment in which there is no engine and no command docker, and every clone has its own instance."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for tool in ("bash", "dirname", "git"):
        (programs / tool).symlink_to(str(shutil.which(tool)))
    return {"PATH": str(programs), "LAB_INSTANCE": None}


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone with a run in local mode."""
    root = share_venv(copy_clone(tmp_path / "clone"))
    record(root / ".local")
    (root / ".env").write_text("LAB_MEMORY=2g\nJUPYTER_TOKEN=secret\nLAB_CPU_IMAGE=x\n", encoding="utf-8")
    return root


def record(state: Path, key: str = "20260101-000000-mlp-abcdef") -> None:
    """A run as local mode leaves it: a journal, its files, and MLflow's database."""
    folder = state / "journal" / key
    folder.mkdir(parents=True)
    Journal.create(folder / "run.jsonl", {"key": key}).end("FINISHED")
    sent = {"page": "", "done": True, "size": (folder / "run.jsonl").stat().st_size, "end_time": 0}
    (folder / "run.shipped").write_text(json.dumps(sent), encoding="utf-8")
    (folder / "run.files").mkdir()
    (folder / "run.files" / "config.json").write_text("{}", encoding="utf-8")
    (state / "artifacts" / "1").mkdir(parents=True)
    (state / "artifacts" / "1" / "claims.json").write_text("[]", encoding="utf-8")
    with closing(sqlite3.connect(state / "mlflow.db")) as connection, connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE runs (run_uuid TEXT, artifact_uri TEXT)")
        connection.execute("INSERT INTO runs VALUES ('a', ?)", (f"{(state / 'artifacts').as_uri()}/1/a/artifacts",))


def contents(state: Path) -> dict[str, bytes]:
    """The files of local mode, and its database as text."""
    files = {
        str(path.relative_to(state)): path.read_bytes()
        for folder in ("journal", "artifacts")
        for path in sorted((state / folder).rglob("*"))
        if path.is_file()
    }
    if (state / "mlflow.db").is_file():
        with closing(sqlite3.connect(state / "mlflow.db")) as connection:
            files["mlflow.db"] = "\n".join(connection.iterdump()).encode()
    return files


def back_up(invoke: Invoke, clone: Path, alone: dict[str, str | None], file: Path) -> Outcome:
    outcome = invoke("backup", str(file), root=clone, env=alone)
    assert outcome.returncode == 0, outcome.stderr
    return outcome


def test_a_backup_goes_into_another_instance(
    invoke: Invoke, clone: Path, alone: dict[str, str | None], tmp_path: Path
) -> None:
    file, other = tmp_path / "all.backup", share_venv(copy_clone(tmp_path / "other"))
    outcome = back_up(invoke, clone, alone, file)
    assert outcome.stdout.startswith(f"{file}: clone-")
    assert ", 1 run, " in outcome.stdout
    assert not [name for name, _, content in archive.members(file) if b"secret" in content.read()]
    outcome = invoke("restore", str(file), root=other, env=alone)
    assert outcome.returncode == 0, outcome.stderr
    expected = contents(clone / ".local")
    expected["mlflow.db"] = expected["mlflow.db"].replace(str(clone).encode(), str(other).encode())
    assert contents(other / ".local") == expected
    assert "LAB_MEMORY=2g\n" in (other / ".env").read_text(encoding="utf-8")
    assert "LAB_CPU_IMAGE" not in (other / ".env").read_text(encoding="utf-8")
    made = {path.name for path in (other / ".local").iterdir()}
    assert made == {"artifacts", "journal", "ledger", "locks", "mlflow.db"}

    mine = share_venv(copy_clone(tmp_path / "mine"))
    record(mine / ".local", "20260202-000000-lenet-fedcba")
    before = contents(mine / ".local")
    assert "has runs; --replace deletes them" in one_line(invoke("restore", str(file), root=mine, env=alone))
    assert contents(mine / ".local") == before
    assert invoke("restore", str(file), "--replace", root=mine, env=alone).returncode == 0
    expected["mlflow.db"] = expected["mlflow.db"].replace(str(other).encode(), str(mine).encode())
    assert contents(mine / ".local") == expected


def test_a_backup_waits_for_what_replaces_or_deletes_the_runs(clone: Path, alone: dict[str, str | None]) -> None:
    lock, file = clone / ".local" / "locks" / instance.DATA, clone / "all.backup"
    lock.parent.mkdir()
    environment = {name: value for name, value in {**os.environ, **alone}.items() if value is not None}
    with lock.open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        process = subprocess.Popen(command(clone, "backup", file), env=environment, stderr=subprocess.PIPE, text=True)
        assert process.stderr
        assert process.stderr.readline() == "Waiting for another command that holds the lock data …\n"
        assert not file.exists()
    with process:
        assert process.wait() == 0
    assert archive.check(file).runs == 1


def test_a_file_that_is_there_is_not_written_over(invoke: Invoke, clone: Path, alone: dict[str, str | None]) -> None:
    (clone / "kept").write_text("kept", encoding="utf-8")
    for name, why in (("kept", "it is there already"), ("nowhere/file", "there is no folder"), (".", "already")):
        assert why in one_line(invoke("backup", str(clone / name), root=clone, env=alone))
    assert (clone / "kept").read_text(encoding="utf-8") == "kept"


def rewritten(file: Path, change: Callable[[list[tuple[str, bytes]]], object]) -> None:
    """Write a backup anew with other members, and right hashes of them."""
    members = [(name, content.read()) for name, _, content in archive.members(file) if name != archive.SUMS]
    change(members)
    sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in members)
    with (
        file.open("wb") as raw,
        zstandard.ZstdCompressor().stream_writer(raw) as stream,
        tarfile.open(fileobj=stream, mode="w|") as tar,
    ):
        for name, data in [*members, (archive.SUMS, sums.encode())]:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


def about(**fields: object) -> Callable[[list[tuple[str, bytes]]], object]:
    def change(members: list[tuple[str, bytes]]) -> None:
        members[0] = (members[0][0], json.dumps(json.loads(members[0][1]) | fields).encode())

    return change


def deep(members: list[tuple[str, bytes]]) -> None:
    members[0] = (members[0][0], b"[" * 100_000)


def added(name: str) -> Callable[[list[tuple[str, bytes]]], object]:
    return lambda members: members.append((name, b"x"))


def elsewhere(members: list[tuple[str, bytes]]) -> None:
    """Let the database name a file of the user's as an artifact."""
    place = next(i for i, (name, _) in enumerate(members) if name.endswith("mlflow.db"))
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(members[place][1])
        with connection:
            connection.execute("UPDATE runs SET artifact_uri = 'file:///root/.ssh'")
        members[place] = (members[place][0], connection.serialize())


def bytes_of(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def apply(file: Path) -> None:
        file.write_bytes(change(file.read_bytes()))

    return apply


def members_of(change: Callable[[list[tuple[str, bytes]]], object]) -> Callable[[Path], None]:
    return lambda file: rewritten(file, change)


DAMAGED: dict[str, tuple[Callable[[Path], None], str]] = {
    "empty": (bytes_of(lambda data: b""), "damaged or no backup"),
    "another file": (bytes_of(lambda data: b"PK\x03\x04" * 100), "damaged or no backup"),
    "cut": (bytes_of(lambda data: data[: len(data) // 2]), "damaged or no backup"),
    "last byte": (bytes_of(lambda data: data[:-1]), "damaged or no backup"),
    "more behind it": (bytes_of(lambda data: data + b"x"), "damaged or no backup"),
    "a bit": (bytes_of(lambda data: data[:400] + bytes([data[400] ^ 1]) + data[401:]), "damaged"),
    "no backup": (members_of(lambda members: members.pop(0)), "damaged or no backup"),
    "newer format": (members_of(about(format=2, version="9.1")), "of format 2, this version reads format 1"),
    "newer MLflow": (members_of(about(mlflow="99.0.1")), "database of MLflow 99.0.1"),
    "field missing": (members_of(about(more=1)), "damaged or no backup"),
    "too deep": (members_of(deep), "damaged or no backup"),
    "field of another type": (members_of(about(settings={"LAB_MEMORY": 7})), "damaged or no backup"),
    "outside": (members_of(added("local/journal/../../../../escaped")), "damaged or no backup"),
    "absolute": (members_of(added("/tmp/escaped")), "damaged or no backup"),
    "another place": (members_of(added("README.md")), "damaged or no backup"),
    "twice": (members_of(lambda members: members.append(members[-1])), "is there twice"),
    "a file of the user's": (members_of(elsewhere), "names files elsewhere, 'file:///root/.ssh'"),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of local mode."""
    folder = tmp_path_factory.mktemp("backup")
    record(folder)
    file = folder / "whole"
    facts = archive.About(1, "x", "2026", "0.2", "3.0.0", (folder / "artifacts").as_uri(), {})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ledger, "STATE", folder / "state")
        with archive.writing(file) as writer:
            writer.begin(facts)
            for member in store.members(folder / "journal", folder, folder):
                writer.add(f"local/{member.name}", member.size, member.content)
    assert archive.check(file).runs == 1
    return file


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone without runs."""
    return share_venv(copy_clone(tmp_path_factory.mktemp("target") / "clone"))


AFTER_THE_CHECK = ("newer MLflow", "a file of the user's")
"""Faults of a file that is whole."""


def damaged(whole: Path, file: Path, damage: str) -> tuple[Path, str]:
    """A damaged copy of a backup, and why it is refused."""
    shutil.copy(whole, file)
    change, why = DAMAGED[damage]
    change(file)
    return file, why


@pytest.mark.parametrize("damage", [damage for damage in DAMAGED if damage not in AFTER_THE_CHECK])
def test_a_damaged_or_foreign_file_is_refused(whole: Path, tmp_path: Path, damage: str) -> None:
    file, why = damaged(whole, tmp_path / "file", damage)
    with pytest.raises(UserError) as error:
        archive.check(file)
    assert str(error.value).startswith(str(file))
    assert why in str(error.value)


@pytest.mark.parametrize("damage", ["cut", "newer format", "outside", *AFTER_THE_CHECK])
def test_a_refused_file_is_one_line_and_touches_nothing(
    invoke: Invoke, alone: dict[str, str | None], target: Path, whole: Path, damage: str
) -> None:
    if damage == "a file of the user's" and sys.version_info < (3, 11):
        pytest.skip("the test needs a database in memory that can be written out")
    file, why = damaged(whole, target / "file", damage)
    line = one_line(invoke("restore", str(file), root=target, env=alone))
    assert why in line
    assert str(file) in line
    state = {path.name for path in (target / ".local").iterdir()} if (target / ".local").exists() else set()
    assert state <= {"ledger", "locks"}
    assert not list((target / ".local").glob("ledger/*"))
    assert not list(target.rglob("escaped"))


def test_no_changed_bit_passes_for_other_content(whole: Path, tmp_path: Path) -> None:
    """A few bits change nothing: where a compressed copy of zeros is taken from, for one."""
    data, file = whole.read_bytes(), tmp_path / "file"
    expected, refused = archive.check(whole), 0
    for place in range(0, len(data), max(1, len(data) // 128)):
        file.write_bytes(data[:place] + bytes([data[place] ^ 0x10]) + data[place + 1 :])
        try:
            assert archive.check(file) == expected
        except UserError:
            refused += 1
    assert refused > 100


def test_a_full_disk_is_one_line_and_leaves_nothing(invoke: Invoke, clone: Path, alone: dict[str, str | None]) -> None:
    outcome = invoke("backup", "/dev/full/x", root=clone, env=alone)
    assert "there is no folder" in one_line(outcome)
    limit = "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
    script = (
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "from pathlib import Path\nfrom host.records import archive\nimport io, os\n"
        "facts = archive.About(1, 'x', '2026', '0.2', '3.0.0', 'file:///a', {})\n"
        "try:\n with archive.writing(Path(sys.argv[1])) as writer:\n"
        "  writer.begin(facts); writer.add('local/journal/a/run.jsonl', 9999, io.BytesIO(os.urandom(9999)))\n"
        "except archive.UserError as error: print(error)\n"
    )
    file = clone / "too-large"
    done = subprocess.run(
        [sys.executable, "-c", limit + script, str(file)], cwd=clone, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{file} cannot be written (File too large)\n"
    assert not list(clone.glob("*too-large*")) and not list(clone.glob(".too-large*"))


def copied(state: Path) -> dict[str, bytes]:
    """The members of a copy of what is in a folder, read in full before the next one."""
    scratch = state / "scratch"
    scratch.mkdir(exist_ok=True)
    return {m.name: m.content.read(m.size) for m in store.members(state / "journal", state, scratch)}


def test_a_journal_that_is_written_is_copied_to_its_last_whole_line(tmp_path: Path) -> None:
    record(tmp_path)
    journal = tmp_path / "journal" / "b" / "run.jsonl"
    journal.parent.mkdir()
    for text, whole in (
        (b'{"a":1}\n{"b"', b'{"a":1}\n'),
        (b"x" * 200_000, b""),
        (b"\n" + b"x" * 70_000, b"\n"),
        (b"", b""),
    ):
        journal.write_bytes(text)
        assert copied(tmp_path)["journal/b/run.jsonl"] == whole


def test_the_order_of_a_copy_lets_nothing_be_missed(tmp_path: Path) -> None:
    """What was sent goes before MLflow's database, journals after it, and the files that they vouch for last."""
    record(tmp_path)
    names = list(copied(tmp_path))
    assert names == [
        "journal/20260101-000000-mlp-abcdef/run.shipped",
        "mlflow/mlflow.db",
        "mlflow/artifacts/1/claims.json",
        "journal/20260101-000000-mlp-abcdef/run.jsonl",
        "journal/20260101-000000-mlp-abcdef/run.files/config.json",
    ]
    assert not list((tmp_path / "scratch").iterdir())


def test_a_database_in_use_is_copied_as_it_is_at_one_moment(tmp_path: Path) -> None:
    record(tmp_path)
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as writer, writer:
        writer.execute("INSERT INTO runs VALUES ('open', '')")  # not committed
        data = copied(tmp_path)["mlflow/mlflow.db"]
    (tmp_path / "copy.db").write_bytes(data)
    with closing(sqlite3.connect(tmp_path / "copy.db")) as connection:
        assert connection.execute("SELECT run_uuid FROM runs").fetchall() == [("a",)]
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_links_and_special_files_are_left_out(tmp_path: Path) -> None:
    record(tmp_path)
    (tmp_path / "secret").write_text("secret", encoding="utf-8")
    run = tmp_path / "journal" / "20260101-000000-mlp-abcdef"
    (run / "link").symlink_to(tmp_path / "secret")
    (run / "folder").symlink_to(tmp_path)
    os.mkfifo(run / "pipe")
    (tmp_path / "venv").mkdir()
    (tmp_path / "venv" / "file").touch()
    assert {name.rpartition("/")[2] for name in copied(tmp_path)} == {
        "run.shipped", "run.jsonl", "config.json", "mlflow.db", "claims.json",
    }  # fmt: skip


def test_files_reach_the_program_of_a_container_or_its_reason_comes_back(tmp_path: Path) -> None:
    program = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); {volumes.STORE}", "add"]
    key, content = "20260101-000000-mlp-abcdef", b"x" * 100_000
    files = [(f"{key}/{name}", len(content), io.BytesIO(content)) for name in ("run.jsonl", "run.files/config.json")]
    assert volumes.feed([*program, str(tmp_path)], files) == ""
    assert {path.relative_to(tmp_path).as_posix(): path.read_bytes() for path in tmp_path.rglob("*.json*")} == {
        name: content for name, _, _ in files
    }
    assert "../escaped is no path below a folder" in volumes.feed(
        [*program, str(tmp_path)], [("../escaped", 1, io.BytesIO(b"x"))]
    )
    assert [path.name for path in tmp_path.iterdir() if not path.name.startswith(store.STAGED)] == [key]


@pytest.mark.parametrize("whole", [True, False])
def test_a_stream_that_is_cut_off_between_two_files_adds_nothing(tmp_path: Path, whole: bool) -> None:
    """As of a command that is ended while it gives files to a container: tarfile itself takes it for whole."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        info = tarfile.TarInfo("20260101-000000-mlp-abcdef/run.jsonl")
        info.size = 3
        tar.addfile(info, io.BytesIO(b"{}\n"))
        end = None if whole else tar.offset
    program = [sys.executable, "-c", volumes.STORE, "add", str(tmp_path)]
    done = subprocess.run(program, cwd=ROOT, input=stream.getvalue()[:end], capture_output=True, check=False)
    assert (done.returncode == 0) is whole, done.stderr
    assert [path.name for path in tmp_path.glob("*/run.jsonl")] == ["run.jsonl"] * whole


def test_what_an_interrupted_restore_left_is_neither_copied_nor_kept(tmp_path: Path) -> None:
    record(tmp_path)
    left = tmp_path / "journal" / f"{store.STAGED}1"
    left.mkdir()
    (left / "run.jsonl").touch()
    assert not [name for name in copied(tmp_path) if store.STAGED in name]
    assert left not in store.entries(tmp_path / "journal", store.JOURNAL)
