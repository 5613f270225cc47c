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
Records reach the kernel with every call and the disk within a second, with another record or without. Files of the run
are on the disk before the ``end`` that vouches for them.

What is torn at a journal's end (a full disk, a power cut) is no record: readers stop before it and `reopen` cuts it
off. A bad line with records behind it is damage, which nobody mends: `read` raises `DamagedError` there.
"""

from __future__ import annotations

import errno
import json
import os
import stat
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from lib.harness.errors import UserError
from lib.harness.recording.clock import CLOCK, Clock
from lib.harness.recording.disk import DISK, PART, Disk, replacing, sync_file
from lib.harness.recording.reading import files_of, last, read

FORGOTTEN = ".forgotten"
"""The folder to which a journal goes before it is removed, or comes before it is taken in: what is there is no run."""
GONE = "the process that ran it is gone"
SYNC_SECONDS = 0.5
"""From a record to the sync that puts it on the disk; that takes time itself, and all within a second."""


def journal_folder() -> Path:
    """The folder of all journals, whether it is there or not: ``LAB_JOURNAL``."""
    return Path(os.environ.get("LAB_JOURNAL") or "/journal")


def journal_root() -> Path:
    """The folder of all journals: ``LAB_JOURNAL``.

    Raises:
        UserError: it is missing or cannot be written.
    """
    root = journal_folder()
    if not (root.is_dir() and os.access(root, os.W_OK)):
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


class JournalError(UserError):
    """The disk of the journal has failed. What was recorded before stays readable."""


class JournalFullError(JournalError):
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
        raise _of_disk(error, folder) from None


@contextmanager
def _by_disk(folder: Path) -> Iterator[None]:
    """Calls of the disk below `folder` alone: its failures become a `JournalError`."""
    try:
        yield
    except (BlockingIOError, FileExistsError, FileNotFoundError, PermissionError):
        raise
    except OSError as error:
        raise _of_disk(error, folder) from None


def _of_disk(error: OSError, folder: Path) -> JournalError:
    if not is_full(error):
        return JournalError(
            f"The disk of the journal ({folder}) has failed ({error.strerror}): what was recorded so far is kept. "
            "Check the disk, or set LAB_JOURNAL to a folder on another one, and run the lab again."
        )
    return JournalFullError(
        f"The disk of the journal ({folder}) is full: what was recorded so far is kept. "
        "Make room (./invoke doctor says how much) and run the lab again."
    )


def make_folder(folder: Path, disk: Disk = DISK) -> None:
    """Make the folder of a run, on the disk, unless it is there. Raises `JournalError` where that fails."""
    try:
        disk.make_folder(folder)
        disk.sync_folder(folder.parent)
    except OSError as error:
        raise _of_disk(error, folder.parent) from None


def now_ms() -> int:
    """Milliseconds since the epoch."""
    return CLOCK.now_ms()


class Journal:
    """The writer of one journal. It owns the file's lock until `close`, at the latest at the end of a ``with`` block.

    Attributes:
        path: of the journal.
        now_ms: the time of its records.
    """

    def __init__(self, path: Path, *, new: bool, disk: Disk = DISK, clock: Clock = CLOCK):
        self.path = path
        self._folder = path.parent
        self._disk, self._clock = disk, clock
        self.now_ms = clock.now_ms
        self._writing, self._syncing = threading.Lock(), threading.Lock()
        self._fd: int | None = disk.open(path, new)
        self._unsynced = False
        self._failure: OSError | None = None
        self._folders: dict[Path, None] = {path.parent: None}  # with names that may not be on the disk yet
        self._files: set[Path] = set()  # that are

    @classmethod
    def create(cls, path: Path, header: Mapping[str, Any], disk: Disk = DISK, clock: Clock = CLOCK) -> Journal:
        """A new journal with its ``run`` record. Raises `FileExistsError` if there is one already."""
        unnamed = path.with_suffix(".new")
        with _by_disk(path.parent):
            journal = cls(unnamed, new=True, disk=disk, clock=clock)  # only one process has it: it may look and rename
            try:
                if disk.exists(path):
                    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
                journal.append("run", time=clock.now_ms(), **header)
                disk.rename(unnamed, path)
            except BaseException:
                journal._let_go()
                with suppress(OSError):
                    disk.remove(unnamed)
                raise
        journal.path = path
        journal._folders[path.parent] = None  # on a slow machine it may have been synced with the other name
        journal._sync_soon()
        return journal

    @classmethod
    def reopen(cls, path: Path, disk: Disk = DISK, clock: Clock = CLOCK) -> Journal:
        """The journal at `path`, what is torn at its end cut off.

        Raises:
            BlockingIOError: its writer lives.
            DamagedError: it has a bad line with records behind it.
        """
        journal = cls(path, new=False, disk=disk, clock=clock)
        try:
            with _by_disk(path.parent):
                disk.truncate(journal._descriptor(), max((offset for offset, _ in read(path, disk=disk)), default=0))
        except BaseException:
            journal._let_go()
            raise
        return journal

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.is_open:
            with suppress(JournalError) if error else nullcontext():
                self.close()

    @property
    def is_open(self) -> bool:
        """Return whether it can be written: it has neither been ended nor closed."""
        return self._fd is not None

    @property
    def files(self) -> Path:
        """The folder of the run's files."""
        return files_of(self.path)

    @contextmanager
    def writing(self, name: str) -> Iterator[IO[bytes]]:
        """Write one of the run's files, whole or not at all."""
        path = self.files / name
        with _by_disk(self._folder):
            self._make_folder(path.parent)
            with replacing(self._disk, path) as file:
                yield file
        self._folders[path.parent] = None
        self._files.add(path)

    def write(self, name: str, data: bytes) -> None:
        """Write one of the run's files, whole or not at all."""
        with self.writing(name) as file:
            file.write(data)

    def _make_folder(self, folder: Path) -> None:
        if folder != self._folder and not self._disk.exists(folder):
            self._make_folder(folder.parent)
            self._disk.make_folder(folder)
            self._folders[folder.parent] = None

    def append(self, kind: str, **fields: Any) -> None:
        """Append one record."""
        self.append_line(json.dumps({"kind": kind, **fields}, separators=(",", ":")))

    def append_line(self, record: str) -> None:
        """Append a record that is JSON text already.

        Raises:
            JournalFullError: there is no room; the part of the record that was written is taken back.
            JournalError: the disk has failed, now or when it was to sync an earlier record.
        """
        line = record.encode() + b"\n"
        with self._writing:
            try:
                if self._failure is not None:
                    raise self._failure
                written = self._disk.append(self._descriptor(), line)
                if written < len(line):  # a disk that fills up writes a part and fails at the next call
                    self._take_back(written)
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            except OSError as error:
                raise _of_disk(error, self._folder) from None
        if not self._unsynced:
            self._sync_soon()

    def _sync_soon(self) -> None:
        self._unsynced = True
        self._clock.later(SYNC_SECONDS, self._sync_later)

    def _descriptor(self) -> int:
        if self._fd is None:
            raise ValueError(f"{self.path} is closed")
        return self._fd

    def _take_back(self, size: int) -> None:
        """Cut off the part of a record that had room. Where that fails, nothing may be written behind it any more."""
        try:
            self._disk.truncate(self._descriptor(), self._disk.size(self._descriptor()) - size)
        except OSError as error:
            self._failure = error
            raise

    def sync(self) -> None:
        """Force what was appended, and the names of the run's files, to the disk.

        Raises:
            JournalError: the disk could not, now or before. What it had lost then it will not find again.
        """
        with self._syncing, _by_disk(self._folder):
            if self._failure is not None:
                raise self._failure
            self._unsynced = False
            try:
                self._disk.sync(self._descriptor())
                while self._folders:
                    self._disk.sync_folder(self._folders.popitem()[0])
            except OSError as error:
                self._failure = error
                raise

    def _sync_later(self) -> None:
        if self._fd is not None and self._unsynced:
            with suppress(JournalError, OSError, ValueError):  # the next record says so; or it was closed meanwhile
                self.sync()

    def sync_files(self) -> None:
        """Force all files of the run to the disk, those that others have written included, and their names."""
        with _by_disk(self._folder):
            for path in self._disk.below(self.files):
                if path not in self._files:
                    sync_file(self._disk, path)
                    self._files.add(path)
                folder = path.parent
                while folder != self._folder:
                    self._folders[folder] = None
                    folder = folder.parent
        self.sync()

    def end(self, status: str, **tags: str) -> None:
        """Append the last record, when the run's files are on the disk, and close."""
        self.sync_files()
        self.append("end", status=status, tags=tags, time=self._clock.now_ms())
        self.close()

    def end_for_its_writer(self, status: str, reason: str) -> bool:
        """End it in the place of a writer that is gone, unless that one has, and close. Returns whether it did.

        A journal whose first record was lost with the power says nothing of any run: it is removed.
        """
        record = last(self.path, self._disk)
        if record is not None and record["kind"] != "end":
            for path in self._disk.below(self.files):
                if path.name.endswith(PART):
                    self._disk.remove(path)
                    self._folders[path.parent] = None
            self.end(status, **{"lab.ended": reason})
            return True
        if record is None:
            self._disk.remove(self.path)
        self.close()
        return False

    def close(self) -> None:
        """Sync and let go of the lock."""
        try:
            self.sync()
        finally:
            self._let_go()

    def _let_go(self) -> None:
        with self._syncing:
            descriptor, self._fd = self._fd, None
            if descriptor is not None:
                self._disk.close(descriptor)


def sync_journal(path: Path, disk: Disk = DISK, *, named: bool = False) -> None:
    """Force a journal that somebody else has written, and its name if `named`, to the disk.

    Raises:
        JournalError: the disk has failed.
    """
    with _by_disk(path.parent):
        sync_file(disk, path)
        if named:
            disk.sync_folder(path.parent)


def is_orphan(path: Path, disk: Disk = DISK) -> bool:
    """Return whether no process writes this journal any more. (It may have ended properly or not.)"""
    return not disk.is_locked(path)


def has_ended(path: Path, disk: Disk = DISK) -> bool:
    """Return whether a journal has its end, and nobody has it open. Raises `DamagedError` where it cannot be read."""
    return is_orphan(path, disk) and _has_end(path, disk)


def _has_end(path: Path, disk: Disk) -> bool:
    return (last(path, disk) or {}).get("kind") == "end"


def close_orphan(path: Path, status: str, reason: str, disk: Disk = DISK, clock: Clock = CLOCK) -> bool:
    """Give a journal without ``end`` whose writer is gone one (`Journal.end_for_its_writer`). Returns whether it did.

    Raises:
        BlockingIOError: somebody else has just taken it, or looks at it.
        DamagedError: it cannot be read.
    """
    if not is_orphan(path, disk) or _has_end(path, disk):
        return False
    return Journal.reopen(path, disk, clock).end_for_its_writer(status, reason)
