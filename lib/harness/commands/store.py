"""The files of an instance, journals and MLflow's, as a stream and back: for ``invoke backup`` and ``invoke restore``.

It runs where the files are, in a container or on the host, with the standard library alone.

The order makes a copy whole while labs run. What says how much MLflow has got (``.shipped``) goes first, then MLflow's
database (by SQLite's own backup) and its artifacts, then journals, each to the end of its last whole line, then the
files that they vouch for. So a restored MLflow has at least what was said to be sent, and the rest is sent again.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import sqlite3
import stat
import sys
import tarfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO, cast

JOURNAL, STORE = "journal", "mlflow"
DATABASE = "mlflow.db"
STORED = re.compile(r"mlflow[^/]*\.db(-journal|-wal|-shm)?|artifacts")
"""The entries of MLflow's folder that are MLflow's: in local mode it has others."""
TEMPORARY = re.compile(r".*\.(new|lock|part)")
"""Files of a journal that are nothing to anybody else."""
STAGED, REPLACED = ".restored-", ".replaced-"


@dataclass(frozen=True)
class Member:
    """A file of a copy: its name there, its size, and its bytes, of which there may be more."""

    name: str
    size: int
    content: IO[bytes]


def members(journal: Path, store: Path, scratch: Path) -> Iterator[Member]:
    """The files of a journal and of MLflow's folder, of which either may be missing, in the order of a whole copy.

    Each is open until the next one. `scratch`: a folder with room for a copy of MLflow's database.
    """
    recorded = sorted(_files(journal))
    yield from _opened(journal, JOURNAL, (path for path in recorded if path.suffix == ".shipped"))
    database = store / DATABASE
    if database.is_file():
        copy = scratch / f"{secrets.token_hex(8)}.db"
        try:
            _copy_database(database, copy)
            with copy.open("rb") as content:
                yield Member(f"{STORE}/{DATABASE}", copy.stat().st_size, content)
        finally:
            copy.unlink(missing_ok=True)
    kept = (path for path in sorted(_files(store)) if _is_plain(path.relative_to(store)))
    yield from _opened(store, STORE, kept)
    recorded = sorted(_files(journal), key=lambda path: (path.suffix != ".jsonl", path))
    left = (path for path in recorded if path.suffix != ".shipped" and not TEMPORARY.fullmatch(path.name))
    yield from _opened(journal, JOURNAL, left)


def pack(journal: str, store: str, scratch: str) -> None:
    """Write these files to standard output, as a tar stream."""
    with tarfile.open(fileobj=sys.stdout.buffer, mode="w|") as tar:
        for member in members(Path(journal), Path(store), Path(scratch)):
            info = tarfile.TarInfo(member.name)
            info.size = member.size
            tar.addfile(info, member.content)


def unpack(folder: str, stage: str) -> None:
    """Write a tar stream on standard input below `folder`, into its folder `stage`, and force it to the disk."""
    root = Path(folder)
    for path in root.glob(f"{STAGED}*"):
        shutil.rmtree(path)
    with tarfile.open(fileobj=cast(IO[bytes], _Unended(sys.stdin.buffer)), mode="r|") as tar:
        for info in tar:
            content = tar.extractfile(info)
            assert content is not None
            write(root / stage, info.name, content)
    (root / stage).mkdir(exist_ok=True)
    os.sync()


class _Unended:
    """A stream that is read to the end of its tar: tarfile takes one that is cut off between two files for whole."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def read(self, size: int) -> bytes:
        """At most `size` bytes. Raises `EOFError` where there are none."""
        if data := self._stream.read(size):
            return data
        raise EOFError("the stream ended early")


def write(stage: Path, name: str, content: IO[bytes]) -> None:
    """Write one file below `stage`. Raises `ValueError` for a name that is not below it."""
    if not is_inside(name):
        raise ValueError(f"{name} is no path below a folder")
    target = stage / name
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("xb") as file:
        shutil.copyfileobj(content, file)


def is_inside(name: str) -> bool:
    """Return whether a name is a plain path below a folder."""
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts and "\0" not in name


def swap(folder: str, stage: str, part: str) -> None:
    """Put what `unpack` has staged in the place of what `folder` has of `part`, which is then deleted."""
    root, old = Path(folder), Path(folder, REPLACED + stage.removeprefix(STAGED))
    old.mkdir(parents=True)
    for path in entries(root, part):
        path.rename(old / path.name)
    for path in (root / stage).iterdir():
        path.rename(root / path.name)
    (root / stage).rmdir()
    os.sync()
    for path in root.glob(f"{REPLACED}*"):  # and that of a restore that was killed
        shutil.rmtree(path)


def add(folder: str) -> None:
    """Add the folders of a tar stream on standard input to `folder`, when all of it is on the disk; none twice."""
    stage = f"{STAGED}{secrets.token_hex(4)}"
    unpack(folder, stage)
    for path in sorted(Path(folder, stage).iterdir()):
        if not Path(folder, path.name).exists():
            path.rename(Path(folder, path.name))
    os.sync()
    drop(folder, stage)


def drop(folder: str, stage: str) -> None:
    """Delete what `unpack` has staged."""
    shutil.rmtree(Path(folder, stage), ignore_errors=True)


def entries(root: Path, part: str) -> list[Path]:
    """The files and folders in `root` that belong to `part`."""
    if not root.is_dir():
        return []
    present = [path for path in root.iterdir() if not path.name.startswith((STAGED, REPLACED))]
    return present if part == JOURNAL else [path for path in present if STORED.fullmatch(path.name)]


def has_runs(folder: str, part: str) -> bool:
    """Return whether the folder of `part` has a run, or what cannot be looked into."""
    root = Path(folder)
    if part == JOURNAL:
        return any(root.glob("*/run.jsonl"))
    if not (root / DATABASE).is_file():
        return any(root.glob("artifacts/*"))
    try:
        with closing(sqlite3.connect(root / DATABASE, timeout=60)) as connection:
            return bool(connection.execute("SELECT EXISTS (SELECT 1 FROM runs)").fetchone()[0])
    except sqlite3.Error:
        return True


def _files(root: Path) -> Iterator[Path]:
    """The files below `root`, none of a restore that was interrupted; links are not followed."""
    for place, folders, files in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith((STAGED, REPLACED))]
        yield from (Path(place, name) for name in files)


def _is_plain(path: Path) -> bool:
    """Return whether a file of MLflow's folder is copied as it is: artifacts, and databases of older versions."""
    first = path.parts[0]
    return first == "artifacts" or (STORED.fullmatch(first) is not None and not first.startswith(DATABASE))


def _opened(root: Path, part: str, paths: Iterator[Path]) -> Iterator[Member]:
    for path in paths:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:  # it was removed meanwhile
            continue
        except OSError:
            if path.is_symlink():
                continue
            raise
        with os.fdopen(descriptor, "rb") as file:
            facts = os.fstat(descriptor)
            if not stat.S_ISREG(facts.st_mode):
                continue
            size = whole_lines(file, facts.st_size) if path.suffix == ".jsonl" else facts.st_size
            yield Member(f"{part}/{path.relative_to(root).as_posix()}", size, file)


def whole_lines(file: BinaryIO | IO[bytes], size: int) -> int:
    """Bytes of a file up to the end of its last whole line: what is behind it may be cut off and written anew."""
    end = size
    while end > 0:
        start = max(0, end - 65536)
        file.seek(start)
        last = file.read(end - start).rfind(b"\n")
        if last >= 0:
            end = start + last + 1
            break
        end = start
    file.seek(0)
    return end


def _copy_database(source: Path, target: Path) -> None:
    """Copy a database that is in use, as it is at one moment."""
    with (
        closing(sqlite3.connect(source, timeout=60)) as present,
        closing(sqlite3.connect(target)) as copy,
    ):
        present.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")  # one file, whatever the original is


def main(action: str, *of: str) -> None:
    """Do what a container is asked to do on the volumes of an instance."""
    os.umask(0o002)  # the group of the journal writes there: JupyterLab's user is in it
    match action:
        case "pack":
            pack(*of)
        case "unpack":
            unpack(*of)
        case "swap":
            swap(*of)
        case "drop":
            drop(*of)
        case "add":
            add(*of)
        case "keys":
            print("\n".join(path.parent.name for path in Path(*of).glob("*/run.jsonl")))
        case "runs":
            print(has_runs(*of))
