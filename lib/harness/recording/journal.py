"""The journal: an append-only file per run, written before anything is sent to MLflow.

Each line is one JSON record with a ``kind``:

- ``run``: key, parent, experiment, name, tags, params, time (the first line)
- ``log``: a canonical trace record (see `lib.harness.recording.trace`) and the time at which it was made
- ``timing``: step, values, time
- ``tags``: tags that are only known later
- ``end``: status, tags, time (the last line)
- ``resume``: tags, time (an interrupted lab is resumed; its first ``end``, if it had one, is void)

Times are milliseconds since the epoch. Files that belong to a run lie in the folder ``<key>.files`` beside the journal.

A writer holds an exclusive lock on its file for as long as it lives, so a journal without ``end`` whose lock can be had
belongs to a process that is gone. A journal appears under its name with the lock held and the first record in it.
Records reach the kernel with every call and the disk at least every second. A last line that is torn (a full disk, a
power cut) is no record: readers stop before it and `reopen` cuts it off.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import stat
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from lib.harness.errors import UserError

SYNC_SECONDS = 1.0


def journal_folder() -> Path:
    """The folder of all journals, whether it is there or not: ``LAB_JOURNAL``."""
    return Path(os.environ.get("LAB_JOURNAL", "/journal"))


def journal_root() -> Path:
    """The folder of all journals: ``LAB_JOURNAL``.

    Raises:
        UserError: it is missing or cannot be written.
    """
    root = journal_folder()
    if not os.access(root, os.W_OK):
        raise UserError(
            f"The journal's folder {root} cannot be written: run labs with ./invoke lab, start JupyterLab with "
            "./invoke up, or set LAB_JOURNAL"
        )
    return root


def share() -> None:
    """Let the group of the journal's folder write what this process and its workers make, if it may write the folder.

    So it is in containers: JupyterLab runs as the owner of ``labs/``, all other commands as another user, and each
    sends to MLflow, ends and resumes what the other has recorded.
    """
    with suppress(OSError):
        if journal_folder().stat().st_mode & stat.S_IWGRP:
            os.umask(0o002)


class JournalFullError(UserError):
    """The disk of the journal is full. What was recorded before stays readable."""


def is_full(error: BaseException) -> bool:
    """Return whether `error` says that a disk is full."""
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    return full or isinstance(error, JournalFullError)


@contextmanager
def on_disk(folder: Path) -> Iterator[None]:
    """Work that writes below `folder`: a full disk there becomes a `JournalFullError`."""
    try:
        yield
    except OSError as error:
        if not is_full(error):
            raise
        raise JournalFullError(
            f"The disk of the journal ({folder}) is full: what was recorded so far is kept. "
            "Make room (./invoke doctor says how much) and run the lab again."
        ) from None


def now_ms() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


class Journal:
    """The writer of one journal. It owns the file's lock until `close`."""

    def __init__(self, path: Path, flags: int):
        self.path = path
        self._folder = path.parent
        self._writing = threading.Lock()
        self._fd = os.open(path, flags, 0o666)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._fd)
            raise
        self._synced = time.monotonic()

    @classmethod
    def create(cls, path: Path, header: Mapping[str, Any]) -> Journal:
        """A new journal with its ``run`` record. Raises `FileExistsError` if there is one already."""
        unnamed = path.with_suffix(".new")
        with on_disk(path.parent):
            journal = cls(unnamed, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND)
        journal.path = path
        try:
            journal.append("run", time=now_ms(), **header)
            os.link(unnamed, path)
        except BaseException:
            os.close(journal._fd)
            raise
        finally:
            unnamed.unlink()
        return journal

    @classmethod
    def reopen(cls, path: Path) -> Journal:
        """The journal at `path`, its torn last line cut off. Raises `BlockingIOError` while its writer lives."""
        journal = cls(path, os.O_WRONLY | os.O_APPEND)
        os.ftruncate(journal._fd, _whole_lines(path.read_bytes()))
        return journal

    @property
    def files(self) -> Path:
        """The folder of the run's files."""
        return files_of(self.path)

    def append(self, kind: str, **fields: Any) -> None:
        """Append one record."""
        self.append_line(json.dumps({"kind": kind, **fields}, separators=(",", ":")))

    def append_line(self, record: str) -> None:
        """Append a record that is JSON text already.

        Raises:
            JournalFullError: there is no room; the part of the record that was written is taken back.
        """
        line = record.encode() + b"\n"
        with self._writing, on_disk(self._folder):
            written = os.write(self._fd, line)
            if written < len(line):  # a disk that fills up writes a part and fails at the next call
                os.ftruncate(self._fd, os.fstat(self._fd).st_size - written)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if time.monotonic() - self._synced > SYNC_SECONDS:
            self.sync()

    def sync(self) -> None:
        """Force what was appended to the disk."""
        with on_disk(self._folder):
            os.fdatasync(self._fd)
        self._synced = time.monotonic()

    def end(self, status: str, **tags: str) -> None:
        """Append the last record and close."""
        self.append("end", status=status, tags=tags, time=now_ms())
        self.close()

    def end_for_its_writer(self, status: str, reason: str) -> bool:
        """End it in the place of a writer that is gone, unless that one has, and close. Returns whether it did.

        A journal whose first record was lost with the power says nothing of any run: it is removed.
        """
        kinds = [record["kind"] for _, record in read(self.path)]
        if kinds and kinds[-1] != "end":
            self.end(status, **{"lab.ended": reason})
            return True
        if not kinds:
            self.path.unlink()
        self.close()
        return False

    def close(self) -> None:
        """Sync and let go of the lock."""
        self.sync()
        os.close(self._fd)


def files_of(path: Path) -> Path:
    """The folder of the files of the run whose journal is at `path`."""
    return path.with_suffix(".files")


def _whole_lines(data: bytes) -> int:
    return data.rfind(b"\n") + 1


def read(path: Path, offset: int = 0) -> Iterator[tuple[int, dict[str, Any]]]:
    """The records from byte `offset` on, each with the offset behind it; a torn last line is left out."""
    with path.open("rb") as file:
        file.seek(offset)
        data = file.read()
    for line in data[: _whole_lines(data)].splitlines():
        offset += len(line) + 1
        yield offset, json.loads(line)


def is_orphan(path: Path) -> bool:
    """Return whether no process writes this journal any more. (It may have ended properly or not.)"""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return False
    return True


def close_orphan(path: Path, status: str, reason: str) -> bool:
    """Give a journal without ``end`` whose writer is gone one (`Journal.end_for_its_writer`). Returns whether it did.

    Raises:
        BlockingIOError: somebody else has just taken it, or looks at it.
    """
    if not is_orphan(path) or [record["kind"] for _, record in read(path)][-1:] == ["end"]:
        return False
    return Journal.reopen(path).end_for_its_writer(status, reason)
