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
from lib.harness.recording.journal import Journal, close_orphan, is_orphan
from lib.harness.recording.reading import DamagedError, last, read
from tests.lib.harness.conftest import ROOT

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


def test_a_journal_is_closed_when_an_error_leaves(tmp_path: Path) -> None:
    with pytest.raises(SystemExit), Journal.create(tmp_path / "run.jsonl", {"key": "k"}):
        raise SystemExit
    assert is_orphan(tmp_path / "run.jsonl")
