"""The disk of the journals: the few calls that they make, and how a file is replaced so that a power cut spares it.

What is written reaches the kernel at once and survives the end of the process; what is synced survives a power cut. A
name is synced with its folder, not with its file.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Protocol

from lib.harness.errors import UserError

PART = ".part"
"""The ending of a file that is being written, after its own."""
NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK, errno.EINVAL)
"""What a file system answers that has no locks."""


class Disk(Protocol):
    """The calls of a disk that journals and their shipper make. Each raises `OSError` as the kernel does."""

    def open(self, path: Path, new: bool) -> int:
        """Open a file, a new one or one that is there, to append to it, with its lock. Raises `BlockingIOError`."""

    def append(self, descriptor: int, data: bytes) -> int:
        """Append to a file. Returns the number of bytes that had room."""

    def truncate(self, descriptor: int, size: int) -> None:
        """Cut a file off at `size`."""

    def size(self, descriptor: int) -> int:
        """Size of an open file."""

    def sync(self, descriptor: int) -> None:
        """Force what was written to a file to the disk."""

    def close(self, descriptor: int) -> None:
        """Close a file, and let go of its lock."""

    def is_locked(self, path: Path) -> bool:
        """Return whether somebody holds the lock of a file."""

    def lock(self, path: Path, wait: bool) -> int | None:
        """Open a file, made if need be, and lock it; None where somebody else has it, or where this user may not."""

    def reading(self, path: Path, offset: int) -> IO[bytes]:
        """A file to read from `offset` on."""

    def writing(self, path: Path) -> IO[bytes]:
        """A file to write anew."""

    def rename(self, old: Path, new: Path) -> None:
        """Give a file another name, in the place of one that has it."""

    def remove(self, path: Path) -> None:
        """Remove a file."""

    def make_folder(self, path: Path) -> None:
        """Make a folder, unless it is there."""

    def remove_folder(self, path: Path) -> None:
        """Remove a folder with all that is in it."""

    def sync_folder(self, path: Path) -> None:
        """Force the names in a folder to the disk."""

    def exists(self, path: Path) -> bool:
        """Return whether a file or a folder has this name."""

    def names(self, folder: Path) -> list[str]:
        """The names in a folder, in order; none where there is no such folder."""

    def below(self, folder: Path) -> list[Path]:
        """All files below a folder, and below the folders in it."""


class LocalDisk:
    """The disk of this machine."""

    def open(self, path: Path, new: bool) -> int:
        """Open a file to append to it, with an exclusive lock.

        Raises:
            BlockingIOError: another process holds the lock.
            UserError: the file system has no locks.
        """
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | (os.O_CREAT | os.O_EXCL if new else 0), 0o666)
        try:
            _lock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, path)
        except BaseException:
            os.close(descriptor)
            if new:
                path.unlink()
            raise
        return descriptor

    def append(self, descriptor: int, data: bytes) -> int:
        """Append to a file."""
        return os.write(descriptor, data)

    def truncate(self, descriptor: int, size: int) -> None:
        """Cut a file off."""
        os.ftruncate(descriptor, size)

    def size(self, descriptor: int) -> int:
        """Size of an open file."""
        return os.fstat(descriptor).st_size

    def sync(self, descriptor: int) -> None:
        """Force a file's data, and what is needed to read them, to the disk."""
        os.fdatasync(descriptor)

    def close(self, descriptor: int) -> None:
        """Close a file."""
        os.close(descriptor)

    def is_locked(self, path: Path) -> bool:
        """Return whether another process holds the lock of a file. Raises `UserError` where there are no locks."""
        with path.open("rb") as file:
            try:
                _lock(file.fileno(), fcntl.LOCK_SH | fcntl.LOCK_NB, path)
            except BlockingIOError:
                return True
        return False

    def lock(self, path: Path, wait: bool) -> int | None:
        """Open a file and lock it, when it is free if `wait`. Raises `UserError` where there are no locks."""
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o666)
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT):
                return None
            raise
        try:
            _lock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB), path)
        except BlockingIOError:
            os.close(descriptor)
            return None
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def reading(self, path: Path, offset: int) -> IO[bytes]:
        """A file to read from `offset` on."""
        file = path.open("rb")
        file.seek(offset)
        return file

    def writing(self, path: Path) -> IO[bytes]:
        """A file to write anew."""
        return path.open("wb")

    def rename(self, old: Path, new: Path) -> None:
        """Give a file another name."""
        old.replace(new)

    def remove(self, path: Path) -> None:
        """Remove a file."""
        path.unlink()

    def make_folder(self, path: Path) -> None:
        """Make a folder, unless it is there."""
        path.mkdir(exist_ok=True)

    def remove_folder(self, path: Path) -> None:
        """Remove a folder with all that is in it."""
        shutil.rmtree(path)

    def sync_folder(self, path: Path) -> None:
        """Force the names in a folder to the disk. (Some network file systems do it by themselves and refuse this.)"""
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):
                raise
        finally:
            os.close(descriptor)

    def exists(self, path: Path) -> bool:
        """Return whether a file or a folder has this name."""
        return path.exists()

    def names(self, folder: Path) -> list[str]:
        """The names in a folder, in order."""
        try:
            return sorted(entry.name for entry in os.scandir(folder))
        except (FileNotFoundError, NotADirectoryError, PermissionError):  # as of the file system's own lost+found
            return []

    def below(self, folder: Path) -> list[Path]:
        """All files below a folder."""
        return sorted(path for path in folder.rglob("*") if path.is_file())


DISK = LocalDisk()


def _lock(descriptor: int, how: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, how)
    except BlockingIOError:
        raise
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        raise UserError(
            f"The file system of {path.parent} has no locks ({error.strerror}): set LAB_JOURNAL to a folder on a local "
            "disk; every journal is locked by the process that writes it"
        ) from None


@contextmanager
def replacing(disk: Disk, path: Path) -> Iterator[IO[bytes]]:
    """Write a file that appears under its name when all of it is on the disk. Its folder is not synced yet."""
    new = path.with_name(path.name + PART)
    try:
        with disk.writing(new) as file:
            yield file
            file.flush()
            disk.sync(file.fileno())
        disk.rename(new, path)
    except BaseException:
        with suppress(OSError):
            disk.remove(new)
        raise


def replace(disk: Disk, path: Path, data: bytes) -> None:
    """Write a file that is on the disk when this returns, its name included."""
    with replacing(disk, path) as file:
        file.write(data)
    disk.sync_folder(path.parent)


def sync_file(disk: Disk, path: Path) -> None:
    """Force what anybody has written to a file to the disk."""
    with disk.reading(path, 0) as file:
        disk.sync(file.fileno())
