"""Reads journals: record by record, from any byte on, or the last one alone."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from lib.harness.errors import UserError, short
from lib.harness.recording.disk import DISK, Disk

LAST_BYTES = 1 << 14
"""Of a journal's end, which are read at a time to find its last record."""


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_whole(value: Any) -> bool:
    return type(value) is int and abs(value) < 1 << 63


def _are_texts(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_text, value.values()))


def _are_numbers(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    others = [each for each in value.values() if type(each) not in (float, int)]
    return not others or all(each in NO_JSON for each in others)


def _is_logged(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    if "values" in value:
        return type(value.get("step")) is int and isinstance(value["values"], dict)
    return isinstance(value.get("parameters"), dict) or isinstance(value.get("measurements"), dict)


NO_JSON = ("inf", "-inf", "nan")
FIELDS: Mapping[str, Sequence[tuple[str, Callable[[Any], bool]]]] = {
    "run": (("key", _is_text),),
    "log": (("record", _is_logged), ("time", _is_whole)),
    "timing": (("step", _is_whole), ("values", _are_numbers), ("time", _is_whole)),
    "tags": (("tags", _are_texts),),
    "end": (("status", _is_text), ("tags", _are_texts), ("time", _is_whole)),
    "resume": (("tags", _are_texts), ("time", _is_whole)),
}
"""The kinds of records, and what each has."""
HEADER: Mapping[str, Callable[[Any], bool]] = {
    "key": _is_text,
    "parent": lambda value: value is None or _is_text(value),
    "experiment": _is_text,
    "name": _is_text,
    "tags": _are_texts,
    "params": _are_texts,
    "time": _is_whole,
}
"""What the first record has that speaks for a run."""
TAGS = ("lab.name", "lab.seed", "lab.framework")
"""What every run of a lab is tagged with."""
TAGS_OF_TRIAL = ("lab.variant", "lab.seed", "lab.framework", "lab.dtype")
"""The same of a trial."""

REPRODUCES = "lab.reproduces"
"""On a reproduction: the key of the run that it repeats. Its code is whose the record was, so it speaks for no lab."""


def is_trial(name: str) -> bool:
    """Return whether a file of a run's folder is the journal of a trial."""
    return name.startswith("trial-") and name.endswith(".jsonl")


def files_of(path: Path) -> Path:
    """The folder of the files of the run whose journal is at `path`."""
    return path.with_suffix(".files")


def key_of(path: Path) -> str:
    """The key of the run whose journal is at `path`."""
    folder = path.parent.name
    return f"{folder}.{path.stem}" if is_trial(path.name) else folder


class DamagedError(UserError):
    """A journal that cannot be read, or has a bad line with records behind it. The others are as they were."""


def damaged(path: Path, reason: str) -> DamagedError:
    """The error of a journal, or of a file of its run."""
    folder = path.parent if path.suffix == ".jsonl" else path.parent.parent
    return DamagedError(
        f"{path} {reason}: that run is left out. Put the file back from a backup, or remove the run: "
        f"./invoke forget {folder.name}"
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
    except (ValueError, RecursionError):
        return None
    kind = record.get("kind") if isinstance(record, dict) else None
    if not isinstance(kind, str) or kind not in FIELDS:
        return None
    for name, is_kind in FIELDS[kind]:  # a million of them: `all` would take half as long again
        if not is_kind(record.get(name)):
            return None
    whole: dict[str, Any] = record
    return whole


def require_header(path: Path, record: Mapping[str, Any], tags: Iterable[str] = ()) -> None:
    """Raises `DamagedError` unless a journal's first record has all that a run says of itself, these tags included."""
    whole = record["kind"] == "run" and all(is_kind(record.get(name)) for name, is_kind in HEADER.items())
    if not whole or any(tag not in record["tags"] for tag in tags):
        raise damaged(path, "is damaged in its first record")
    if record["key"] != key_of(path):
        raise damaged(path, f"is that of another run ({short(record['key'])})")


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
