"""Reads journals: record by record, from any byte on, or the last one alone."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from lib.harness.errors import UserError
from lib.harness.recording.disk import DISK, Disk

LAST_BYTES = 1 << 14
"""Of a journal's end, which are read at a time to find its last record."""


def is_trial(name: str) -> bool:
    """Return whether a file of a run's folder is the journal of a trial."""
    return name.startswith("trial-") and name.endswith(".jsonl")


def files_of(path: Path) -> Path:
    """The folder of the files of the run whose journal is at `path`."""
    return path.with_suffix(".files")


class DamagedError(UserError):
    """A journal that cannot be read, or has a bad line with records behind it. The others are as they were."""


def damaged(path: Path, reason: str) -> DamagedError:
    """The error of a file in the folder of a run."""
    return DamagedError(
        f"{path} {reason}: that run is left out. Put the file back from a backup, or remove the run: "
        f"./invoke forget {path.parent.name}"
    )


def read(path: Path, offset: int = 0, disk: Disk = DISK) -> Iterator[tuple[int, dict[str, Any]]]:
    """The records from byte `offset` on, one by one, each with the offset behind it; what is torn is left out.

    Raises:
        DamagedError: at a bad line with records behind it, or where the file cannot be read.
    """
    try:
        file = disk.reading(path, offset)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise damaged(path, f"cannot be read ({error.strerror})") from None
    with file:
        for line in file:
            record = _record(line)
            if record is None:  # without its newline it may be on its way
                if line.endswith(b"\n") and any(_record(behind) for behind in file):
                    raise damaged(path, f"is damaged at byte {offset}")
                return
            offset += len(line)
            yield offset, record


def _record(line: bytes) -> dict[str, Any] | None:
    """The record of a line; None where it is none."""
    if not line.endswith(b"\n"):
        return None
    try:
        record = json.loads(line.decode())
    except ValueError:
        return None
    return record if isinstance(record, dict) and "kind" in record else None


def ends(path: Path, disk: Disk = DISK) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """The first record of a journal, None where it has none, and the last one. Each line is read. Raises as `read`."""
    first: dict[str, Any] | None = None
    record: dict[str, Any] = {}
    for _, record in read(path, disk=disk):
        first = first or record
    return first, record


def last(path: Path, disk: Disk = DISK) -> dict[str, Any] | None:
    """The last record of a journal; None where it has none. Raises as `read`."""
    return last_at(path, disk)[1]


def last_at(path: Path, disk: Disk = DISK) -> tuple[int, dict[str, Any] | None]:
    """The byte at which the last record of a journal begins, and the record. Raises as `read`."""
    with disk.reading(path, 0) as file:
        size = file.seek(0, os.SEEK_END)
        line = _line_before(file, size)
    record = _record(line)
    if record is not None:
        return size - len(line), record
    start = end = 0
    for offset, whole in read(path, disk=disk):  # its end is torn
        start, end, record = end, offset, whole
    return start, record


def ends_at(path: Path, offset: int, disk: Disk = DISK) -> bool:
    """Return whether a record ends at this byte of a journal, or nothing comes before it."""
    if offset == 0:
        return True
    with disk.reading(path, 0) as file:
        return offset <= file.seek(0, os.SEEK_END) and _record(_line_before(file, offset)) is not None


def _line_before(file: IO[bytes], end: int) -> bytes:
    """The line of a file that ends at byte `end`."""
    tail, start = b"", end
    while start and tail.count(b"\n", 0, -1) < 1:  # of the line before it
        start, upto = max(0, start - LAST_BYTES), start
        file.seek(start)
        tail = file.read(upto - start) + tail
    return tail[tail.rfind(b"\n", 0, -1) + 1 :]
