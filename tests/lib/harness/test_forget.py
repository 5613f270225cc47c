"""Journals go when MLflow has their runs; those that claims read, and those that MLflow lacks, stay."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lib.harness.support import Clone, Server


@pytest.fixture(scope="module")
def sent(clone_root: Path, server: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The journals of two finished runs of one config that a real MLflow has."""
    clone = Clone(clone_root, tmp_path_factory.mktemp("sent"), server.url)
    for _ in range(2):
        assert clone.tiny("--quick").code == 0
    assert clone.run("sync").code == 0
    return clone.journals


@pytest.fixture
def recorded(clone: Clone, server: Server, sent: Path) -> tuple[Clone, Path, Path]:
    """A copy of them, the older run first."""
    shutil.copytree(sent, clone.journals, dirs_exist_ok=True)
    clone.tracking = server.url
    older, newer = (path.parent for path in clone.runs())
    return clone, older, newer


def test_a_run_that_mlflow_has_goes_and_the_one_that_claims_read_stays(
    recorded: tuple[Clone, Path, Path], server: Server
) -> None:
    clone, older, newer = recorded
    ended = clone.run("forget", newer.name)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == f"{newer.name} is kept: ./invoke claims and labs read it\n"
    away = Clone(clone.root, clone.journals).run("forget", older.name)
    assert (away.code, away.out) == (2, "")
    assert "MLflow does not answer" in away.err
    runs = server.runs()
    ended = clone.run("forget", older.name)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(f"Removed {older.name}: ")
    assert [path.name for path in clone.journals.iterdir() if path.is_dir()] == [newer.name]
    assert server.runs() == runs
    ended = clone.run("forget", "--older-than", "0")
    assert (ended.code, ended.out) == (0, "Removed 0 journals, kept 1 that claims need or MLflow has not got.\n")
    assert newer.is_dir()


def test_a_run_that_was_deleted_in_mlflow_or_not_sent_stays(recorded: tuple[Clone, Path, Path], server: Server) -> None:
    clone, older, newer = recorded
    trial = next(name for name in server.runs() if name.startswith(f"{older.name}."))
    run_id = server.runs()[trial]["info"]["run_id"]
    assert server._ask("runs/delete", run_id=run_id).ok
    try:
        for path in (older, newer):
            assert clone.run("forget", path.name).code == 2
        assert "MLflow has not got all of it" in clone.run("forget", older.name).err
    finally:
        assert server._ask("runs/restore", run_id=run_id).ok
    (older / "run.shipped").unlink()
    assert "MLflow has not got all of it" in clone.run("forget", older.name).err
    assert clone.run("forget", "--older-than", "0").out.startswith("Removed 0 journals, kept 2")
    assert clone.run("forget", "--older-than", "1").out.startswith("Removed 0 journals, kept 0")
    assert older.is_dir() and newer.is_dir()


def test_a_damaged_run_goes_when_it_is_named(recorded: tuple[Clone, Path, Path]) -> None:
    clone, older, newer = recorded
    first, _, *others = (older / "run.jsonl").read_bytes().splitlines(keepends=True)
    (older / "run.jsonl").write_bytes(b"".join([first, b"damaged\n", *others]))
    assert clone.run("forget", "--older-than", "0").code == 0
    assert older.is_dir()
    away = Clone(clone.root, clone.journals).run("forget", older.name)
    assert (away.code, away.out) == (2, "")
    assert "MLflow does not answer" in away.err, "it may have the run, or not"
    ended = clone.run("forget", older.name)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.endswith("; it was damaged, and MLflow keeps the run\n")
    assert [path.name for path in clone.journals.iterdir() if path.is_dir()] == [newer.name]


def _change_a_record(path: Path) -> None:
    first, _, *others = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([first, b"damaged\n", *others]))


def _lose_the_verdicts(folder: Path) -> None:
    (folder / "run.files" / "claims.json").unlink()


def _change_the_code(folder: Path) -> None:
    (folder / "run.files" / "code.tar.gz").write_bytes(b"no archive")


def _change_the_journal(folder: Path) -> None:
    _change_a_record(folder / "run.jsonl")


def _change_a_trial(folder: Path) -> None:
    (folder / "run.shipped").unlink()
    path = folder / "trial-0001.jsonl"
    path.write_bytes(b"damaged\n" + path.read_bytes())


def _lose_the_journal(folder: Path) -> None:
    (folder / "run.jsonl").unlink()


@pytest.mark.parametrize(
    ("damage", "command"),
    [
        (_lose_the_verdicts, ("labs",)),
        (_change_the_code, ("report", "tiny")),
        (_change_the_journal, ("labs",)),
        (_change_a_trial, ("sync",)),
        (_lose_the_journal, ("sync",)),
    ],
)
def test_what_a_warning_recommends_is_done_also_where_claims_read_the_run(
    recorded: tuple[Clone, Path, Path], damage: Callable[[Path], None], command: tuple[str, ...]
) -> None:
    clone, older, newer = recorded
    damage(newer)
    ended = clone.run(*command)
    assert ended.code == 0, ended
    (recommended,) = set(re.findall(r"\./invoke (forget \S+)", " ".join((ended.out + ended.err).split())))
    assert recommended == f"forget {newer.name}"
    ended = clone.run(*recommended.split())
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(f"Removed {newer.name}: ")
    assert "it was damaged, and MLflow keeps the run" in ended.out
    assert [path.name for path in clone.journals.iterdir() if path.is_dir()] == [older.name]
    ended = clone.run(*command)
    assert (ended.code, "forget" in ended.out + ended.err) == (0, False)


def test_a_damaged_run_that_mlflow_lacks_is_said_to_be_lost(clone: Clone, server: Server) -> None:
    assert clone.tiny("--quick").code == 0
    folder = clone.newest()
    _lose_the_verdicts(folder)
    ended = Clone(clone.root, clone.journals, server.url).run("forget", folder.name)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.endswith("; it was damaged, and MLflow has not got all of it\n")
    assert not folder.exists()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ((), "forget takes a run or --older-than DAYS"),
        (("",), "forget takes a run or --older-than DAYS"),
        (("a", "--older-than", "1"), "forget takes a run or --older-than DAYS"),
        (("nothing",), "forget nothing: the journal has no such run"),
        (("last:nothing",), "forget last:nothing: the journal has no such run"),
        (("--older-than", "-1"), "--older-than -1: a whole number of at least 0 is needed"),
    ],
)
def test_bad_input_is_one_line(clone: Clone, words: tuple[str, ...], why: str) -> None:
    ended = clone.run("forget", *words)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(why)
    assert len(ended.err.splitlines()) == 1
