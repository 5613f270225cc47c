"""Faults in real programs: their places, the order of their syncs, and commands under strace with an oracle."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.torture.campaign import Tried, benches, place_faults, table, try_fault
from tests.torture.case import Case
from tests.torture.places import ACTIONS, Call, Fault, calls_of, faults_of, pattern, unsynced
from tests.torture.program import Ended

ROOM = Path("/room")
END = r'"{\"kind\":\"end\",\""'


def call(name: str, path: str, new: str = "", begins: str = "", number: int = 1) -> Call:
    return Call(name, f"{ROOM}/{path}", f"{ROOM}/{new}" if new else "", begins, number, False)


@pytest.fixture
def strace() -> None:
    """The strace of this machine. Without one the test is skipped; in CI that is a failure."""
    if shutil.which("strace") is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("no strace: apt install strace")


def test_the_log_of_a_thread_is_read_call_by_call(tmp_path: Path) -> None:
    (tmp_path / "calls.1").write_text(
        '1.5 write(3</room/a.jsonl>, "{\\"kind\\":\\"end\\",\\""..., 90) = 90\n'
        "1.7 fsync(3</room/a.jsonl>)             = -1 EIO (Input/output error) (INJECTED)\n"
        '1.9 rename("/room/b.part", "/room/b")   = 0\n'
        "2.0 write(1<pipe:[77]>, ..., 3)         = 3\n"
        "2.1 write(3</room/a.jsonl>, \"x\", 1)     = ?\n",
        encoding="utf-8",
    )  # fmt: skip
    (tmp_path / "calls.2").write_text('1.6 write(3</room/a.jsonl>, "y", 1) = 1\n', encoding="utf-8")
    calls = calls_of(tmp_path)
    assert [(each.name, each.path, each.number, each.was_hit) for each in calls] == [
        ("write", "/room/a.jsonl", 1, False),
        ("write", "/room/a.jsonl", 1, False),
        ("fsync", "/room/a.jsonl", 1, True),
        ("rename", "/room/b.part", 1, False),
        ("write", "/room/a.jsonl", 2, True),
    ]
    assert (calls[0].begins, calls[3].new) == (END, "/room/b")


def test_a_place_is_tried_at_its_first_a_middle_and_its_last_call() -> None:
    calls = [
        call("write", f"journal/20260101-000000-tiny-00000a/trial-{n // 4:04}.jsonl", number=n % 4 + 1)
        for n in range(8)
    ]
    faults = faults_of([*calls, call("fsync", "engine/image")], ROOM)
    assert {fault.place for fault in faults} == {"write journal/RUN/trial-*.jsonl"}
    assert [(fault.path[-12:], fault.number, fault.action) for fault in faults[::3]] == [
        ("l-0000.jsonl", 1, "ENOSPC"),
        ("l-0001.jsonl", 1, "ENOSPC"),
        ("l-0001.jsonl", 4, "ENOSPC"),
    ]
    assert len(faults) == 9
    for fault in faults:
        assert Fault.read(str(fault)) == fault
    with pytest.raises(ValueError, match="EPERM"):
        Fault.read("write:a:1:EPERM")


def test_what_varies_is_no_part_of_a_place() -> None:
    assert pattern(".local/backup-78a3bd22/b640952bbe8e3fa7.db-journal") == ".local/backup-*/*.db-journal"
    assert pattern("journal/20260101-000000-mlp-abcdef/trial-0012-2.jsonl") == "journal/RUN/trial-*.jsonl"


@pytest.mark.parametrize(
    ("calls", "lost"),
    [
        ([call("write", "a.part"), call("fsync", "a.part"), call("rename", "a.part", "a"), call("fsync", "")], []),
        ([call("write", "a.part"), call("rename", "a.part", "a"), call("fsync", "")], ["a.part gets its name before"]),
        ([call("write", "a.part"), call("fsync", "a.part"), call("rename", "a.part", "a")], ["the name a is not"]),
        ([call("write", "r.files/x"), call("write", "r.jsonl", begins=END)], ["r.files/x is not on the disk"]),
        ([call("write", "r.files/x"), call("fsync", "r.files/x"), call("write", "r.jsonl", begins=END)], []),
        ([call("write", "r.files/x"), call("write", "r.jsonl", begins='"{\\"kind\\":\\"log\\""')], []),
        ([call("write", "b.part"), call("write", "b.part.journal")], ["b.part is not on the disk"]),
        ([call("write", "b.part"), call("fsync", "b.part"), call("write", "b.part.journal")], []),
    ],
)  # fmt: skip
def test_the_order_of_syncs_is_checked(calls: list[Call], lost: list[str]) -> None:
    folder = [replace(each, path=each.path.rstrip("/")) for each in calls]
    assert [line[: len(start)] for line, start in zip(unsynced(folder, ROOM), lost, strict=True)] == lost


@pytest.mark.parametrize(
    ("ended", "complaint"),
    [
        (Ended(0, "", ""), ""),
        (Ended(2, "", "a line\n"), ""),
        (Ended(2, "", "Checking the bundle: 10 %\na line\n"), ""),
        (Ended(-9, "", ""), ""),
        (Ended(2, "", "a line\nanother\n"), "2 lines"),
        (Ended(2, "", ""), "0 lines"),
        (Ended(1, "", "Traceback (most recent call last):\nOSError: x\n"), "OSError: x"),
        (Ended(-11, "", ""), "-11"),
        (Ended(0, "", "", late=True), "did not end"),
    ],
)
def test_what_no_fault_may_lead_to(ended: Ended, complaint: str) -> None:
    wrong = ended.wrong()
    assert (len(wrong) == 1 and complaint in wrong[0]) if complaint else wrong == []


def test_the_table_has_each_place_once() -> None:
    tried = Tried()
    tried.places["lab", "sync run.jsonl", "EIO"] += 2
    tried.places["lab", "sync run.jsonl", "KILL"] += 1
    lines = table(tried, ["lab"])
    assert lines[0].startswith("3 faults at 1 places, 0 not reached, 0 left, 0 lost")
    assert lines[1] == "lab: 3 faults, 0 lost something"
    assert lines[3].split() == ["sync", "run.jsonl", "0", "2", "1"]


@pytest.fixture
def backup(strace: None) -> Iterator[Case]:
    with benches(1) as (bench,):
        yield bench.case("backup")


def test_a_command_is_tried_under_strace(backup: Case) -> None:
    """A real command: without a fault, with one of each kind, and with an oracle that sees what is not whole."""
    faults, lost = place_faults(backup)
    assert lost == []
    assert {"rename out/.all.backup.*.part", "sync out/.all.backup.*.part"} <= {fault.place for fault in faults}
    for action in ACTIONS:
        fault = next(each for each in faults if each.place.startswith("write out/") and each.action == action)
        assert try_fault(backup, fault) == (True, [])
    backup.reset()
    (backup.room / "out" / "all.backup").write_bytes(b"half a backup")
    assert any("damaged" in line for line in backup.lost(Ended(0, "", "")))
