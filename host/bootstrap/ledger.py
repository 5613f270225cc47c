"""The ledger of what a command has made for a time: folders, files, containers, processes.

Each is written down before it is made and struck out when it is gone. A command that is killed leaves its rows; the
next command in the clone removes what they name. A row belongs to the process that holds the lock of its file: such a
lock ends with the process, whatever ends it, and no later process has it by accident, as it may have a number.
"""

import fcntl
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from host.bootstrap import environment, files, process
from host.bootstrap.paths import STATE
from lib.harness.errors import UserError
from lib.harness.signals import deferred

STOPPING = 30.0
"""Seconds for a lab to close its runs, and for the engine to remove its container."""
LOOK = 1.0
"""Seconds until a second look: the engine may still make a container for a client that has been ended."""
Row = Mapping[str, str]


def _folder() -> Path:
    return STATE / "ledger"


class _File:
    """The rows of this process. The file is there while one is open."""

    def __init__(self) -> None:
        self.name = secrets.token_hex(8)
        self._stream: IO[str] | None = None
        self._open: set[str] = set()

    @property
    def _path(self) -> Path:
        return _folder() / f"{self.name}.jsonl"

    def write(self, row: Row) -> str:
        """Add a row; returns its number.

        Raises:
            UserError: the ledger cannot be written.
        """
        number = secrets.token_hex(4)
        with deferred():
            try:
                stream = self._stream or self._begin()
                self._open.add(number)
                self._append(stream, {"row": number, "file": _identity(stream), **row})
            except OSError as error:
                remedy = files.taking(STATE) if isinstance(error, PermissionError) else "mend that first"
                raise UserError(f"{_folder()} cannot be written ({error.strerror}): {remedy}") from None
        return number

    def strike(self, number: str) -> None:
        """Strike out a row."""
        with deferred(), suppress(OSError):
            assert self._stream
            self._open.discard(number)
            self._append(self._stream, {"gone": number})
            if not self._open:
                self._path.unlink(missing_ok=True)
                self._stream.close()
                self._stream = None

    def settle(self) -> None:
        """Remove what the open rows name."""
        if self._stream is not None:
            with suppress(OSError), self._path.open(encoding="utf-8") as rows:
                if not _without_removable(_rows(rows)):
                    self._path.unlink(missing_ok=True)

    def _append(self, stream: IO[str], line: Row) -> None:
        stream.write(json.dumps(line) + "\n")
        stream.flush()

    def _begin(self) -> IO[str]:
        """Make the file. It has its name when it is locked, so that no other command takes it for a dead one's."""
        _folder().mkdir(parents=True, exist_ok=True)
        new = self._path.with_suffix(".new")
        self._stream = new.open("w", encoding="utf-8")
        fcntl.flock(self._stream, fcntl.LOCK_EX)
        new.rename(self._path)
        environment.add(environment.OWNER, self.name)
        return self._stream


_OURS = _File()


@contextmanager
def _row(remove: Callable[[Row], bool], **row: str) -> Iterator[None]:
    """Keep a row for the block; at its end `remove` removes what it names, and the row stays where that failed."""
    number = _OURS.write(row)
    try:
        yield
    finally:
        with deferred():
            if remove(row):
                _OURS.strike(number)


@contextmanager
def folder(prefix: str, parent: Path | None = None) -> Iterator[Path]:
    """A new folder for the block, whose name begins with `prefix`: in .local, or in `parent`."""
    path = (parent or STATE) / f"{prefix}{secrets.token_hex(4)}"
    path.parent.mkdir(parents=True, exist_ok=True)
    with _row(_remove_path, kind="path", path=str(path)):
        path.mkdir(mode=0o700)
        yield path


@contextmanager
def beside(path: Path) -> Iterator[Path]:
    """A path beside `path` for a file or folder that takes its name when it is whole; what is left of it goes."""
    part = path.with_name(f".{path.name.lstrip('.')}.{secrets.token_hex(4)}.part")
    with _row(_remove_path, kind="path", path=str(part)):
        yield part


@contextmanager
def container(name: str, *, closes: bool = False) -> Iterator[None]:
    """A container that is gone after the block. `closes`: it has something to write when it is stopped."""
    engine = {variable: value for variable, value in environment.caller().items() if variable in environment.ENGINE}
    row = {"kind": "container", "name": name, "closes": "yes" if closes else "", "engine": json.dumps(engine)}
    number = _OURS.write(row)
    try:
        yield
    except BaseException:
        _remove_container(row)
        time.sleep(LOOK)
        if _remove_container(row):
            _OURS.strike(number)
        raise
    _OURS.strike(number)  # it has ended, and --rm has removed it


@contextmanager
def processes() -> Iterator[str]:
    """The owner of what is started in the block behind this command: it ends when the command is killed in the block.

    After the block other commands know these processes.
    """
    owner = f"{_OURS.name}-{secrets.token_hex(4)}"
    with _row(lambda _: True, kind="processes", owner=owner):
        yield owner


def sweep() -> None:
    """Remove what commands that were killed have left. A line on stderr names a lab that was still running."""
    for file in sorted(_folder().glob("*.jsonl")):
        with suppress(OSError), file.open("r+", encoding="utf-8") as stream:  # it may go, or be another user's
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)  # an error while its command lives
            rows = _rows(stream)
            if rows:
                _end_processes({file.stem, *(row["owner"] for row in rows if "owner" in row)})
            left = _without_removable(rows)
            if left:
                stream.seek(0)
                stream.truncate()
                stream.writelines(json.dumps(row) + "\n" for row in left)
            else:
                file.unlink(missing_ok=True)


def settle() -> None:
    """Remove what this command has left at its end: a signal came when something had just been written down."""
    _OURS.settle()


def _without_removable(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """Remove what the rows name; those that stay."""
    return [row for row in rows if not _REMOVE[row["kind"]](row)]


def _rows(stream: IO[str]) -> list[dict[str, str]]:
    """The rows that are not struck out, if the file is the one they were written to: a copied clone has copies.

    A torn last line names nothing that was made.
    """
    rows: dict[str, dict[str, str]] = {}
    identity = _identity(stream)
    for line in stream:
        with suppress(ValueError):
            row = json.loads(line)
            if "gone" in row:
                rows.pop(row["gone"], None)
            elif row.get("kind") in _REMOVE and row.get("file") == identity:
                rows[row["row"]] = row
    return list(rows.values())


def _identity(stream: IO[str]) -> str:
    """The number of a file on its disk, which a copy of it does not have."""
    return str(os.fstat(stream.fileno()).st_ino)


def _end_processes(owners: set[str]) -> None:
    """Kill what a killed command has started and left."""
    marks = {f"{environment.OWNER}={owner}".encode() for owner in owners}
    for status in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if marks & set((status / "environ").read_bytes().split(b"\0")):
                os.kill(int(status.name), signal.SIGKILL)


def _remove_path(row: Row) -> bool:
    """Remove a file or folder, what is mounted below it first. Returns whether it is gone."""
    path = Path(row["path"])
    if path.is_dir() and not path.is_symlink():
        _unmount(path)
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink(missing_ok=True)
    return not os.path.lexists(path)


def _unmount(path: Path) -> None:
    """Unmount what debootstrap has mounted below a folder; what is in there is not the folder's."""
    with suppress(OSError):
        mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()]
        for mounted in reversed(mounts):
            if mounted.startswith(f"{path.resolve()}/"):
                process.output(["umount", "--lazy", mounted])


def _remove_container(row: Row) -> bool:
    """Remove a container. Returns whether it is gone; an engine that is away is asked by a later command."""
    variables = {key: value for key, value in environment.caller().items() if key not in environment.ENGINE}
    variables |= json.loads(row["engine"])
    try:
        stop = ["docker", "stop", row["name"]]
        if row["closes"] and not process.output(stop, limit=STOPPING, env=variables).returncode:
            print(f"{row['name']} ran on without its command: stopped", file=sys.stderr)
        done = process.output(["docker", "rm", "--force", row["name"]], limit=STOPPING, env=variables)
    except (OSError, subprocess.SubprocessError, UserError):
        return False
    return done.returncode == 0 or "no such container" in done.stderr.lower()


_REMOVE: dict[str, Callable[[Row], bool]] = {
    "path": _remove_path,
    "container": _remove_container,
    "processes": lambda _: True,
}
