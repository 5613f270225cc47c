"""A disk that is simulated.

What was not synced is lost with the power in any part: each write may be there, missing or torn, each name present or
not; what lies between is zeros.
"""

from __future__ import annotations

import errno
import io
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.lib.harness.simulation.machine import Machine

ROOT = Path("/journal")
FOLDER = 0
"""The number of a folder in the place of a file's."""


@dataclass
class Inode:
    """A file: its bytes now, those on the disk, and the writes in between as (offset, bytes)."""

    data: bytearray = field(default_factory=bytearray)
    synced: bytes = b""
    writes: list[tuple[int, bytes]] = field(default_factory=list)

    def write(self, offset: int, data: bytes) -> None:
        """Write into the page cache."""
        self.data[offset : offset + len(data)] = data
        self.writes.append((offset, data))

    def sync(self) -> None:
        """Put all of it on the disk."""
        self.synced = bytes(self.data)
        self.writes.clear()

    def lose(self, rng: random.Random) -> None:
        """Lose any part of what is not on the disk."""
        data = bytearray(self.synced)
        for offset, whole in self.writes:
            fate = rng.random()
            if fate < 0.35:
                continue
            if not whole:
                del data[offset:]  # it was cut off there
                continue
            written = _torn(whole, rng) if fate < 0.6 else whole
            data.extend(bytes(max(0, offset - len(data))))
            data[offset : offset + len(written)] = written
        self.data, self.synced = data, bytes(data)
        self.writes.clear()


def _torn(written: bytes, rng: random.Random) -> bytes:
    """A write of which only the beginning, or only the rest, is on the disk."""
    cut = rng.randrange(len(written))
    return written[:cut] if rng.random() < 0.7 else bytes(cut) + written[cut:]


def _folder(name: str) -> str:
    return name.rpartition("/")[0]


class Reader(io.BytesIO):
    """A file that is read. Its descriptor is the number of the file, negative."""

    def __init__(self, data: bytes, number: int):
        super().__init__(data)
        self._number = number

    def fileno(self) -> int:
        """The descriptor."""
        return -self._number


class Writer(io.RawIOBase):
    """A file that is written anew."""

    def __init__(self, disk: Disk, number: int):
        super().__init__()
        self._disk, self._number = disk, number

    def write(self, data: Any) -> int:
        """Append."""
        self._disk.machine.call("write")
        inode = self._disk.inodes[self._number]
        inode.write(len(inode.data), bytes(data))
        return len(data)

    def fileno(self) -> int:
        """The descriptor."""
        return -self._number


class Disk:
    """The `lib.harness.recording.disk.Disk` of a machine."""

    def __init__(self, machine: Machine):
        self.machine = machine
        self.inodes: dict[int, Inode] = {}
        self.numbers: dict[str, int] = {}
        self._kept: dict[str, int] = {}
        self._changes: list[tuple[str, str, int]] = []  # old name, new name, number; empty for none
        self._open: dict[int, tuple[int, str]] = {}
        self._locks: dict[int, int] = {}  # of a file, by its number: the descriptor
        self._next = 1
        self.fails = 0
        """Calls from now on that fail, as on a full or a broken disk."""
        self.failure = errno.ENOSPC

    def _fail(self) -> None:
        if self.fails > 0:
            self.fails -= 1
            raise OSError(self.failure, "the simulated disk fails")

    def data(self, path: Path) -> bytes | None:
        """The bytes of a file; None where there is none."""
        number = self.numbers.get(str(path))
        return bytes(self.inodes[number].data) if number else None

    def journals(self) -> list[Path]:
        """All journals."""
        return [Path(name) for name in sorted(self.numbers) if name.endswith(".jsonl")]

    def files_below(self, folder: Path) -> dict[str, bytes]:
        """All files below a folder, by their paths from there."""
        start = f"{folder}/"
        inside = [(name, number) for name, number in self.numbers.items() if number and name.startswith(start)]
        return {name.removeprefix(start): bytes(self.inodes[number].data) for name, number in inside}

    def _change(self, old: str, new: str, number: int) -> None:
        if old:
            self.numbers.pop(old, None)
        if new:
            self.numbers[new] = number
        self._changes.append((old, new, number))

    def _number(self, path: Path) -> int:
        number = self.numbers.get(str(path))
        if not number:
            raise FileNotFoundError(errno.ENOENT, "no such file", str(path))
        return number

    def _new(self, path: Path) -> int:
        if _folder(str(path)) not in self.numbers:
            raise FileNotFoundError(errno.ENOENT, "no such folder", str(path))
        number, self._next = self._next, self._next + 1
        self.inodes[number] = Inode()
        self._change("", str(path), number)
        return number

    def _descriptor(self, number: int, locked: bool) -> int:
        descriptor, self._next = self._next, self._next + 1
        self._open[descriptor] = (number, self.machine.process)
        if locked:
            self._locks[number] = descriptor
        return descriptor

    def open(self, path: Path, new: bool) -> int:
        """Open a file to append to it."""
        self.machine.call("open")
        if new:
            self._fail()
            if str(path) in self.numbers:
                raise FileExistsError(errno.EEXIST, "file exists", str(path))
            number = self._new(path)
        else:
            number = self._number(path)
        if number in self._locks:
            raise BlockingIOError(errno.EAGAIN, "locked", str(path))
        return self._descriptor(number, locked=True)

    def append(self, descriptor: int, data: bytes) -> int:
        """Append to a file."""
        self.machine.call("append")
        self._fail()
        inode = self.inodes[self._open[descriptor][0]]
        inode.write(len(inode.data), data)
        return len(data)

    def truncate(self, descriptor: int, size: int) -> None:
        """Cut a file off."""
        self.machine.call("truncate")
        inode = self.inodes[self._open[descriptor][0]]
        if size < len(inode.data):
            del inode.data[size:]
            inode.writes.append((size, b""))

    def size(self, descriptor: int) -> int:
        """Size of an open file."""
        return len(self.inodes[self._open[descriptor][0]].data)

    def sync(self, descriptor: int) -> None:
        """Put a file on the disk."""
        self.machine.call("sync")
        self._fail()
        number = self._open[descriptor][0] if descriptor > 0 else -descriptor
        self.inodes[number].sync()

    def close(self, descriptor: int) -> None:
        """Close a file."""
        self.machine.call("close")
        self._close(descriptor)

    def _close(self, descriptor: int) -> None:
        number, _ = self._open.pop(descriptor)
        if self._locks.get(number) == descriptor:
            del self._locks[number]

    def close_of(self, process: str) -> None:
        """Close the files of a process that is gone."""
        for descriptor in [each for each, (_, owner) in self._open.items() if owner == process]:
            self._close(descriptor)

    def is_locked(self, path: Path) -> bool:
        """Return whether somebody holds the lock of a file."""
        self.machine.call("is_locked")
        return self._number(path) in self._locks

    def lock(self, path: Path, wait: bool) -> int | None:
        """Lock a file. Nobody waits here: who would has to come again."""
        self.machine.call("lock")
        number = self.numbers.get(str(path)) or self._new(path)
        return None if number in self._locks else self._descriptor(number, locked=True)

    def reading(self, path: Path, offset: int) -> IO[bytes]:
        """A file to read."""
        self.machine.call("reading")
        number = self._number(path)
        file = Reader(bytes(self.inodes[number].data), number)
        file.seek(offset)
        return file

    def writing(self, path: Path) -> IO[bytes]:
        """A file to write anew."""
        self.machine.call("writing")
        self._fail()
        return Writer(self, self._new(path))  # type: ignore[return-value]

    def rename(self, old: Path, new: Path) -> None:
        """Give a file another name."""
        self.machine.call("rename")
        self._change(str(old), str(new), self._number(old))

    def remove(self, path: Path) -> None:
        """Remove a file."""
        self.machine.call("remove")
        self._number(path)
        self._change(str(path), "", 0)

    def make_folder(self, path: Path) -> None:
        """Make a folder."""
        self.machine.call("make_folder")
        if str(path) not in self.numbers:
            self._change("", str(path), FOLDER)

    def remove_folder(self, path: Path) -> None:
        """Remove a folder with all that is in it."""
        self.machine.call("remove_folder")
        for name in [each for each in self.numbers if f"{each}/".startswith(f"{path}/")]:
            self._change(name, "", 0)

    def sync_folder(self, path: Path) -> None:
        """Put the names in a folder on the disk."""
        self.machine.call("sync_folder")
        self._fail()
        folder = str(path)
        others = []
        for change in self._changes:
            if _folder(change[1] or change[0]) == folder:
                self._keep(change)
            else:
                others.append(change)
        self._changes = others

    def _keep(self, change: tuple[str, str, int]) -> None:
        old, new, number = change
        if old and new and self._kept.get(old) != number:
            return  # what was renamed had not been kept
        if old:
            self._kept.pop(old, None)
        if new:
            self._kept[new] = number

    def exists(self, path: Path) -> bool:
        """Return whether there is this name."""
        self.machine.call("exists")
        return str(path) in self.numbers

    def names(self, folder: Path) -> list[str]:
        """The names in a folder."""
        self.machine.call("names")
        start = f"{folder}/"
        inside = [name.removeprefix(start) for name in self.numbers if name.startswith(start)]
        return sorted(name for name in inside if "/" not in name)

    def below(self, folder: Path) -> list[Path]:
        """All files below a folder."""
        self.machine.call("below")
        start = f"{folder}/"
        return [Path(name) for name in sorted(self.numbers) if self.numbers[name] and name.startswith(start)]

    def lose(self, rng: random.Random) -> None:
        """Lose any part of what is not on the disk."""
        for change in self._changes:
            if rng.random() < 0.5:
                self._keep(change)
        self._changes.clear()
        kept: dict[str, int] = {}
        for name in sorted(self._kept):
            if name == str(ROOT) or _folder(name) in kept:
                kept[name] = self._kept[name]
        self._kept, self.numbers = kept, dict(kept)
        for inode in self.inodes.values():
            inode.lose(rng)
        self._open.clear()
        self._locks.clear()
        self.fails = 0

    def make_root(self) -> None:
        """Make the folder of all journals, on the disk."""
        self.numbers[str(ROOT)] = self._kept[str(ROOT)] = FOLDER
