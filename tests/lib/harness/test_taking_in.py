"""What a stranger's program may leave in the room of a reproduction: one run of its lab is taken, all else refused."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lib.harness.recording.journal import Journal
from tests.lib.harness.conftest import ROOT

ORIGINAL = "20260101-000000-tiny-0a1b2c"
SINCE = "20261130-120000"
NEW = "20261130-130000-tiny-00beef"
TAGS = {"lab.name": "tiny", "lab.seed": "0", "lab.framework": "numpy", "lab.dtype": "float64", "lab.variant": "all"}
Change = Callable[[Path], object]


def record(room: Path, key: str = NEW, **changes: Any) -> Path:
    """A run with one trial, as a lab leaves it; `changes`: of the first record of the run."""
    folder = room / key
    folder.mkdir()
    tags = {**TAGS, "lab.reproduces": ORIGINAL}
    header = {"key": key, "parent": None, "experiment": "tiny", "name": "tiny", "params": {}, "tags": tags}
    with Journal.create(folder / "run.jsonl", header | changes) as run:
        run.write("claims.json", b"[]")
        run.write("figures/ko/losses.png", b"png")
        own = {"key": f"{key}.trial-0000", "parent": key, "experiment": "tiny", "name": "0", "params": {}, "tags": TAGS}
        with Journal.create(folder / "trial-0000.jsonl", own) as trial:
            trial.write("config.json", b"{}")
            trial.end("FINISHED")
        run.end("FINISHED")
    (folder / "workers.log").write_text("what it has printed\n", encoding="utf-8")
    (folder / "run.shipped").write_text('{"done": true, "size": 1}', encoding="utf-8")
    return folder


def take_in(room: Path, journal: Path) -> subprocess.CompletedProcess[str]:
    """Run the program as ./invoke does: with the standard library alone."""
    program = "import sys; from lib.harness.commands.taking_in import main; main(*sys.argv[1:])"
    command = [sys.executable, "-S", "-B", "-c", program, str(room), ORIGINAL, SINCE]
    variables = {"PATH": os.environ["PATH"], "LAB_JOURNAL": str(journal), "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, env=variables, capture_output=True, text=True, check=False)


@pytest.fixture
def room(tmp_path: Path) -> Path:
    folder = tmp_path / "room"
    folder.mkdir()
    return folder


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """A journal with a run of ours."""
    folder = tmp_path / "journal"
    folder.mkdir()
    record(folder, "20261130-140000-tiny-0000aa", tags=TAGS)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_run_is_taken_with_its_files_and_without_what_it_says_of_mlflow(room: Path, journal: Path) -> None:
    before = contents(journal)
    record(room)
    done = take_in(room, journal)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    after = contents(journal)
    assert before.items() <= after.items()
    names = {name.removeprefix(f"{NEW}/") for name in after.keys() - before.keys()}
    files = {"run.files/claims.json", "run.files/figures/ko/losses.png", "trial-0000.files/config.json"}
    assert names == {"run.jsonl", "trial-0000.jsonl", *files}
    assert {after[f"{NEW}/{name}"] for name in names} == {(room / NEW / name).read_bytes() for name in names}


def first_record(name: str = "run.jsonl", **changes: Any) -> Change:
    """Change fields of the first record of a journal."""

    def change(room: Path) -> None:
        path = room / NEW / name
        first, *others = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join([json.dumps(json.loads(first) | changes).encode() + b"\n", *others]))

    return change


def renamed(key: str) -> Change:
    def change(room: Path) -> None:
        shutil.rmtree(room / NEW)
        record(room, key)

    return change


def linked(name: str, target: str) -> Change:
    def change(room: Path) -> None:
        path = room / NEW / name
        path.unlink(missing_ok=True)
        path.symlink_to(target)

    return change


def put(name: str, data: bytes = b"x") -> Change:
    def change(room: Path) -> None:
        path = room / NEW / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    return change


def run_linked(room: Path) -> None:
    shutil.rmtree(room / NEW)
    (room / NEW).symlink_to("/journal")


def folder_linked(room: Path) -> None:
    shutil.rmtree(room / NEW / "trial-0000.files")
    (room / NEW / "trial-0000.files").symlink_to("/etc")


def without_end(room: Path) -> None:
    path = room / NEW / "run.jsonl"
    path.write_bytes(path.read_bytes()[: path.read_bytes().rstrip(b"\n").rfind(b"\n") + 1])


CASES: dict[str, tuple[Change, str]] = {
    "nothing": (lambda room: shutil.rmtree(room / NEW), "there is not one run alone"),
    "two runs": (lambda room: record(room, "20261130-130001-tiny-00beef"), "there is not one run alone"),
    "a file beside it": (lambda room: (room / "x").touch(), "there is not one run alone"),
    "a link in its place": (run_linked, "there is not one run alone"),
    "the key of our run": (renamed("20261130-140000-tiny-0000aa"), "the key of a run that is there"),
    "the key of the record": (renamed(ORIGINAL), "began before it was run again"),
    "the key of a run of before": (renamed("20261130-115959-tiny-00beef"), "began before it was run again"),
    "the key of another lab's run": (renamed("20261130-130000-lenet-00beef"), "the key of no run of its lab"),
    "no key": (renamed("records"), "the key of no run of its lab"),
    "control characters": (renamed("\x1b[2J"), "the key of no run of its lab"),
    "a key with a newline": (renamed(f"{NEW}\n"), "the key of no run of its lab"),
    "another run's first record": (first_record(key="20261130-140000-tiny-0000aa"), "is that of another run"),
    "another experiment": (first_record(experiment="lenet"), "in the experiment of another lab"),
    "a sweep of another lab": (first_record(experiment="lenet-sweep"), "in the experiment of another lab"),
    "another lab's name": (first_record(tags={**TAGS, "lab.reproduces": ORIGINAL, "lab.name": "x"}), "of another lab"),
    "no reproduction": (first_record(tags=TAGS), "is no reproduction of it"),
    "a reproduction of another run": (first_record(tags={**TAGS, "lab.reproduces": NEW}), "is no reproduction of it"),
    "a parent": (first_record(parent="20261130-140000-tiny-0000aa"), "run.jsonl is of another run"),
    "no tags": (first_record(tags={}), "is damaged in its first record"),
    "a run without an end": (without_end, "that has ended"),
    "a trial of our run": (first_record("trial-0000.jsonl", parent="20261130-140000-tiny-0000aa"), "of another run"),
    "a trial in another experiment": (first_record("trial-0000.jsonl", experiment="lenet"), "in another experiment"),
    "an empty trial": (put("trial-0000.jsonl", b""), "trial-0000.jsonl is empty"),
    "a damaged trial": (put("trial-0000.jsonl", b"{}\n{}\n"), "is empty"),
    "no run": (lambda room: (room / NEW / "run.jsonl").unlink(), "there is no run.jsonl"),
    "a journal that is a link": (linked("run.jsonl", "/etc/passwd"), "is no plain file"),
    "a trial that is a link": (linked("trial-0001.jsonl", "/journal/x"), "is no plain file"),
    "a file that is a link": (linked("run.files/claims.json", "/etc/passwd"), "is no plain file"),
    "a folder that is a link": (folder_linked, "is no plain file"),
    "a pipe": (lambda room: os.mkfifo(room / NEW / "run.files" / "pipe"), "is no plain file"),
    "a hard link": (
        lambda room: (room / NEW / "run.files" / "b").hardlink_to(room / NEW / "run.files" / "claims.json"),
        "is no plain file",
    ),
    "a hidden file": (put("run.files/.config"), "is no name of a file"),
    "a name with control characters": (put("run.files/\x1b]52;c;AA\x07"), "is no name of a file"),
}


@pytest.mark.parametrize(("change", "part"), CASES.values(), ids=CASES)
def test_one_line_and_the_journal_is_as_it_was(change: Change, part: str, room: Path, journal: Path) -> None:
    record(room)
    change(room)
    before = contents(journal)
    done = take_in(room, journal)
    lines = done.stderr.splitlines()
    assert (done.returncode, done.stdout, len(lines)) == (2, "", 1), done.stderr
    assert part in lines[0]
    assert all(sign.isprintable() for sign in lines[0])
    assert contents(journal) == before


def test_the_corpus_is_large() -> None:
    assert len(CASES) >= 30
