"""A journal on a disk that is watched, full, broken or gone: what is recorded is on it, whole and in order."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from lib.harness.recording import disk as disks
from lib.harness.recording.journal import Journal, JournalError, JournalFullError, close_orphan
from lib.harness.recording.reading import TAGS, read
from lib.harness.recording.recorder import Recorder
from lib.harness.running.resumption import read_run
from tests.lib.harness.support import until


def kinds(path: Path) -> list[str]:
    return [record["kind"] for _, record in read(path)]


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


class OnceBrokenDisk(disks.LocalDisk):
    """The disk of this machine; it fails once, at the first sync."""

    failed = False

    def sync(self, descriptor: int) -> None:
        if not self.failed:
            self.failed = True
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        super().sync(descriptor)


def test_a_disk_that_fails_as_a_run_is_resumed_is_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "20260101-000000-tiny-abcdef"
    folder.mkdir()
    tags = dict.fromkeys(TAGS, "0")
    header: dict[str, Any] = {"parent": None, "experiment": "tiny", "tags": tags, "params": {}}
    for name in ("run", "trial-0000"):
        journal = Journal.create(folder / f"{name}.jsonl", {**header, "key": folder.name, "name": name})
        journal.end("KILLED")
    run = read_run(folder / "run.jsonl")
    assert run is not None
    with pytest.raises(JournalError, match=r"has failed \(Input/output error\)"):
        run.take_up(OnceBrokenDisk())


def test_a_run_that_is_removed_as_it_is_written_keeps_no_other_record_from_the_disk(tmp_path: Path) -> None:
    """One thread syncs all journals of a process."""
    for name in ("removed", "other"):
        (tmp_path / name).mkdir()
    removed = Journal.create(tmp_path / "removed" / "run.jsonl", {"key": "k"})
    shutil.rmtree(tmp_path / "removed")
    until(lambda: removed._failure is not None, what="the journal was to be synced")
    disk = WatchedDisk()
    with Journal.create(tmp_path / "other" / "run.jsonl", {"key": "k"}, disk):
        until(lambda: "sync run.jsonl" in disk.calls, what="the other one is on the disk")
    with pytest.raises(JournalError):
        removed.append("tags", tags={})
    removed._let_go()


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
    with pytest.raises(JournalFullError):
        journal.append("tags", tags={})
    with pytest.raises(JournalFullError):
        journal.end("FAILED")
    with pytest.raises(JournalFullError):
        journal.close()
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
