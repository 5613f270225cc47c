"""The journal: torn lines, the lock, writers that die, and a disk that is full. Processes and disks are real."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from lib.harness.errors import UserError
from lib.harness.recording import disk as disks
from lib.harness.recording.journal import Journal, JournalError, JournalFullError, close_orphan, is_orphan
from lib.harness.recording.reading import DamagedError, last, read
from lib.harness.recording.recorder import Recorder
from tests.lib.harness.conftest import ROOT
from tests.lib.harness.support import until

WRITER = """
import sys, time
from pathlib import Path
from lib.harness.recording.journal import Journal
journal = Journal.create(Path(sys.argv[1]), {"key": "k"})
for step in range(int(sys.argv[2])):
    journal.append("timing", step=step, values={}, time=0)
if sys.argv[3] == "torn":
    import os
    os.write(journal._fd, b'{"kind":"timing","st')
print("written", flush=True)
time.sleep(600)
"""


def writer(path: Path, steps: int, how: str = "") -> subprocess.Popen[str]:
    """Another process that writes a journal and keeps it open."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), str(steps), how], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "written\n"
    return process


def kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


def kinds(path: Path) -> list[str]:
    return [record["kind"] for _, record in read(path)]


def finished(path: Path) -> list[dict[str, Any]]:
    """Write a small journal and return its records."""
    journal = Journal.create(path, {"key": "k", "name": "Größe\n2"})
    journal.append("log", record={"step": 0, "values": {"loss": "0x1.0p+0"}}, time=1)
    journal.append("timing", step=1, values={"seconds": 0.1}, time=2)
    journal.end("FINISHED", **{"lab.result_digest": "d"})
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    written = finished(path)
    assert [record["kind"] for record in written] == ["run", "log", "timing", "end"]
    assert [record for _, record in read(path)] == written
    assert written[0]["name"] == "Größe\n2"
    assert written[-1]["tags"] == {"lab.result_digest": "d"}
    assert [p.name for p in tmp_path.iterdir()] == ["run.jsonl"]


def test_reading_goes_on_from_any_offset(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    written = finished(path)
    for start, (offset, _) in enumerate(list(read(path)), start=1):
        assert [record for _, record in read(path, offset)] == written[start:]


def test_a_journal_is_read_as_a_stream(tmp_path: Path) -> None:
    """Reading 20,000 records takes the memory of a few."""
    path = tmp_path / "run.jsonl"
    line = json.dumps({"kind": "timing", "step": 0, "values": {"seconds": 0.5}, "time": 0}) + "\n"
    path.write_text(line * 20_000, encoding="utf-8")
    tracemalloc.start()
    try:
        assert sum(1 for _ in read(path)) == 20_000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < path.stat().st_size / 4


def test_a_torn_last_line_is_no_record_wherever_it_is_torn(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    written = finished(path)
    data = path.read_bytes()
    ends = [i + 1 for i, byte in enumerate(data) if byte == ord("\n")]
    torn = tmp_path / "torn.jsonl"
    for cut in range(len(data) + 1):
        torn.write_bytes(data[:cut])
        whole = sum(end <= cut for end in ends)
        assert [record for _, record in read(torn)] == written[:whole], cut
        Journal.reopen(torn).end("FAILED", why="torn")
        text = torn.read_bytes()
        assert text.startswith(data[: ends[whole - 1]] if whole else b"")
        expected = [record["kind"] for record in written[:whole]] + ["end"]
        assert [json.loads(line)["kind"] for line in text.splitlines()] == expected


def test_a_journal_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    written = finished(path)
    with pytest.raises(FileExistsError):
        Journal.create(path, {"key": "other"})
    assert [record for _, record in read(path)] == written
    assert [p.name for p in tmp_path.iterdir()] == ["run.jsonl"]


def test_a_second_writer_is_kept_out_while_the_first_lives(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    first = writer(path, 3)
    try:
        assert not is_orphan(path)
        with pytest.raises(BlockingIOError):
            Journal.reopen(path)
        assert not close_orphan(path, "FAILED", "gone")
        assert kinds(path) == ["run"] + ["timing"] * 3
    finally:
        kill(first)


@pytest.mark.parametrize("how", ["", "torn"])
def test_the_journal_of_a_killed_writer_is_ended_once(tmp_path: Path, how: str) -> None:
    path = tmp_path / "run.jsonl"
    kill(writer(path, 3, how))
    assert is_orphan(path)
    assert close_orphan(path, "FAILED", "it was killed")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["kind"] for line in lines] == ["run", "timing", "timing", "timing", "end"]
    assert (lines[-1]["status"], lines[-1]["tags"]) == ("FAILED", {"lab.ended": "it was killed"})
    assert not close_orphan(path, "FAILED", "again")
    assert kinds(path).count("end") == 1


def test_a_journal_without_its_first_record_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "trial-0000.jsonl"
    path.write_text('{"kind":"run","key":"tri')
    assert not close_orphan(path, "FAILED", "gone")
    assert not path.exists()


def test_a_journal_appears_with_its_first_record_and_its_lock(tmp_path: Path) -> None:
    """Someone who ends orphans all the time never finds a new journal without its writer."""
    seen: list[Path] = []
    stop = threading.Event()

    def close_all_orphans() -> None:
        while not stop.is_set():
            seen.extend(path for path in tmp_path.glob("*.jsonl") if is_orphan(path) or not kinds(path))

    watcher = threading.Thread(target=close_all_orphans)
    watcher.start()
    journals = [Journal.create(tmp_path / f"trial-{i:04d}.jsonl", {"key": str(i)}) for i in range(300)]
    stop.set()
    watcher.join()
    assert seen == []
    for journal in journals:
        journal.close()


def test_records_are_with_the_kernel_at_every_call(tmp_path: Path) -> None:
    """A process that is killed loses nothing it has logged, without any flush."""
    path = tmp_path / "run.jsonl"
    kill(writer(path, 1000))
    assert len(kinds(path)) == 1001


def fill(journal: Journal) -> int:
    """Log until the disk is full; the number of records that were taken."""
    recorder = Recorder(journal)
    for step in range(100_000):
        try:
            recorder(step, loss=step / 7)
        except JournalFullError as error:
            assert str(journal.path.parent) in str(error)
            assert "full" in str(error)
            return step
    raise AssertionError("the disk is not small")


def test_a_full_disk_keeps_every_record_that_was_taken(small_disk: Path) -> None:
    path = small_disk / "trial-0000.jsonl"
    journal = Journal.create(path, {"key": "k"})
    taken = fill(journal)
    assert taken > 1000
    lines = path.read_text().splitlines()
    values = [float.fromhex(json.loads(line)["record"]["values"]["loss"]) for line in lines[1:]]
    assert values == [step / 7 for step in range(taken)], "whole, in order, nothing torn"
    assert path.read_bytes().endswith(b"\n")
    with pytest.raises(JournalFullError):
        journal.append("timing", step=0, values={str(i): 0.5 for i in range(1000)}, time=0)
    assert len(path.read_text().splitlines()) == 1 + taken
    journal._let_go()


def test_a_journal_that_was_full_goes_on_when_there_is_room(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 100_000)
    journal = Journal.create(small_disk / "trial-0000.jsonl", {"key": "k"})
    taken = fill(journal)
    ballast.unlink()
    recorder = Recorder(journal)
    recorder(taken, loss=1.0)
    journal.end("FINISHED")
    steps = [r["record"]["step"] for _, r in read(journal.path) if r["kind"] == "log"]
    assert steps == list(range(taken + 1))


def test_a_journal_for_which_there_is_no_room_leaves_nothing_behind(small_disk: Path) -> None:
    (small_disk / "ballast").write_bytes(b"")
    with (small_disk / "ballast").open("ab", buffering=0) as ballast, pytest.raises(OSError, match="No space"):
        while True:
            ballast.write(b"x" * 4096)
    with pytest.raises(JournalFullError):
        Journal.create(small_disk / "trial-0000.jsonl", {"key": "k"})
    assert [path.name for path in small_disk.iterdir()] == ["ballast"]


class WatchedDisk(disks.LocalDisk):
    """The disk of this machine; `calls` has what was written and synced, in order."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.broken = False

    def append(self, descriptor: int, data: bytes) -> int:
        self.calls.append(json.loads(data)["kind"])
        return super().append(descriptor, data)

    def sync(self, descriptor: int) -> None:
        if self.broken:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        super().sync(descriptor)
        self.calls.append(f"sync {Path(f'/proc/self/fd/{descriptor}').readlink().name}")

    def sync_folder(self, path: Path) -> None:
        super().sync_folder(path)
        self.calls.append(f"sync {path.name}/")


def test_a_record_reaches_the_disk_though_no_other_follows(tmp_path: Path) -> None:
    disk = WatchedDisk()
    wanted = {"sync run.jsonl", f"sync {tmp_path.name}/"}
    with Journal.create(tmp_path / "run.jsonl", {"key": "k"}, disk) as journal:
        until(lambda: wanted <= set(disk.calls), what="the journal and its name are on the disk")
        journal.append("tags", tags={})
        until(lambda: "sync run.jsonl" in disk.calls[disk.calls.index("tags") :], what="so is a later record")


def test_files_are_on_the_disk_before_the_end_that_vouches_for_them(tmp_path: Path) -> None:
    disk = WatchedDisk()
    journal = Journal.create(tmp_path / "trial-0000.jsonl", {"key": "k"}, disk)
    journal.write("model/own.bin", b"1")
    (journal.files / "figures" / "ko").mkdir(parents=True)
    (journal.files / "figures" / "ko" / "drawn.png").write_bytes(b"2")  # by another process
    journal.end("FINISHED")
    before, after = disk.calls[: disk.calls.index("end")], disk.calls[disk.calls.index("end") + 1 :]
    folders = [tmp_path.name, "trial-0000.files", "model", "figures", "ko"]
    assert {"sync own.bin.part", "sync drawn.png", *(f"sync {name}/" for name in folders)} <= set(before)
    assert after == ["sync trial-0000.jsonl"]


def test_a_disk_that_fails_at_a_sync_is_not_believed_again(tmp_path: Path) -> None:
    """The kernel drops what it could not write and reports it once: a later sync that succeeds says nothing."""
    disk = WatchedDisk()
    journal = Journal.create(tmp_path / "run.jsonl", {"key": "k"}, disk)
    disk.broken = True
    until(lambda: journal._failure is not None, what="the journal was to be synced")
    disk.broken = False
    for use in (journal.sync, lambda: journal.append("tags", tags={}), lambda: journal.end("FINISHED"), journal.close):
        with pytest.raises(JournalError, match=r"has failed.*LAB_JOURNAL"):
            use()
    assert kinds(tmp_path / "run.jsonl") == ["run"]


@pytest.mark.parametrize("spoilt", [b"\0" * 8, b"}garbage", b"\xff\xfe\n\n"])
def test_a_bad_line_with_records_behind_it_is_damage(tmp_path: Path, spoilt: bytes) -> None:
    path = tmp_path / "20260101-000000-tiny-abcdef" / "run.jsonl"
    path.parent.mkdir()
    finished(path)
    data = path.read_bytes()
    place = data.index(b'"timing"')
    path.write_bytes(data[:place] + spoilt + data[place + len(spoilt) :])
    seen: list[str] = []
    with pytest.raises(DamagedError, match=r"run\.jsonl is damaged.*./invoke forget 20260101-000000-tiny-abcdef"):
        seen.extend(record["kind"] for _, record in read(path))
    assert seen == ["run", "log"], "what comes before it can be read"
    before = path.read_bytes()
    with pytest.raises(DamagedError):
        Journal.reopen(path)
    assert not close_orphan(path, "FAILED", "gone"), "it has an end"
    assert path.read_bytes() == before, "nobody mends it"


def test_a_journal_that_cannot_be_read_is_damage(tmp_path: Path) -> None:
    (tmp_path / "run.jsonl").mkdir()
    with pytest.raises(DamagedError, match=r"run\.jsonl cannot be read"):
        list(read(tmp_path / "run.jsonl"))


def test_the_last_record_is_found_whatever_its_length(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    journal = Journal.create(path, {"key": "k"})
    for length in (0, 1, 10_000, 16_383, 16_384, 40_000, 5):
        journal.append("tags", tags={"long": "x" * length})
        assert last(path) == {"kind": "tags", "tags": {"long": "x" * length}}
        with path.open("ab") as file:
            file.write(b'{"kind":"to')
        assert last(path) == {"kind": "tags", "tags": {"long": "x" * length}}
        os.truncate(path, path.stat().st_size - len(b'{"kind":"to'))
    journal.close()


def test_a_file_system_without_locks_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run.jsonl"
    finished(path)

    def flock(*_: object) -> None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(fcntl, "flock", flock)
    for use in (
        lambda: Journal.create(tmp_path / "other.jsonl", {"key": "k"}),
        lambda: Journal.reopen(path),
        lambda: is_orphan(path),
    ):
        with pytest.raises(UserError, match=rf"{tmp_path} has no locks .*LAB_JOURNAL"):
            use()
    assert [each.name for each in tmp_path.iterdir()] == ["run.jsonl"], "nothing is left behind"


class FullDisk(disks.LocalDisk):
    """The disk of this machine; `full`: half of a record has room, and what has been written cannot be cut off."""

    full = False

    def append(self, descriptor: int, data: bytes) -> int:
        return super().append(descriptor, data[: len(data) // 2] if self.full else data)

    def truncate(self, descriptor: int, size: int) -> None:
        if self.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        super().truncate(descriptor, size)


def test_nothing_is_written_behind_half_a_record_that_cannot_be_taken_back(tmp_path: Path) -> None:
    """A file system that copies on write needs room to cut a file off. A record behind would make it damage."""
    path, disk = tmp_path / "run.jsonl", FullDisk()
    journal = Journal.create(path, {"key": "k"}, disk)
    disk.full = True
    with pytest.raises(JournalFullError):
        journal.append("tags", tags={"a": "b"})
    disk.full = False
    for use in (lambda: journal.append("tags", tags={}), lambda: journal.end("FAILED"), journal.close):
        with pytest.raises(JournalFullError):
            use()
    assert kinds(path) == ["run"]
    assert close_orphan(path, "FAILED", "gone")
    assert kinds(path) == ["run", "end"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_file_that_was_not_written_to_its_end_leaves_no_part(tmp_path: Path, error: type[BaseException]) -> None:
    with Journal.create(tmp_path / "run.jsonl", {"key": "k"}) as journal:
        with pytest.raises(error), journal.writing("figures/a.png") as file:
            file.write(b"half")
            raise error
        assert [path.name for path in journal.files.rglob("*")] == ["figures"]


def test_a_journal_is_closed_when_an_error_leaves(tmp_path: Path) -> None:
    with pytest.raises(SystemExit), Journal.create(tmp_path / "run.jsonl", {"key": "k"}):
        raise SystemExit
    assert is_orphan(tmp_path / "run.jsonl")
