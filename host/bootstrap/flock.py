"""Locks between commands that run at the same time, in one clone or on one machine."""

import errno
import fcntl
import os
import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from host.bootstrap import files
from host.bootstrap.paths import STATE, state_path
from lib.harness.errors import UserError

PATIENCE = 2.0
"""Seconds that a command waits for another one before it says so."""
WITHOUT_LOCKS = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL}


@contextmanager
def held(name: str) -> Iterator[IO[str]]:
    """Hold the lock `name` for the block, waiting for it first; after 2 s a line on stderr names who holds it.

    The yielded file carries the lock: a child process that inherits it (`pass_fds`) holds it on until it ends.

    Raises:
        UserError: the lock's file cannot be written, or the disk knows no locks.
    """
    try:
        descriptor = os.open(state_path("locks", name), os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise files.refused(error) or error from None
    with os.fdopen(descriptor, "r+", encoding="utf-8") as opened:
        try:
            _take(opened, name)
        except OSError as error:
            if error.errno in WITHOUT_LOCKS:
                raise UserError(
                    f"{STATE} is on a disk without file locks ({error.strerror}): clone to a disk of this machine"
                ) from None
            raise
        _write_holder(opened)
        yield opened


@contextmanager
def held_across(name: str) -> Iterator[tuple[int, ...]]:
    """Hold the lock `name` for the block against the commands of all clones and users of this machine.

    It is an address that one socket can have, as Linux knows them without a file: nothing of it is left, whatever ends
    its holder. Elsewhere it does nothing. The yielded descriptors carry it, as the file of `held` does.
    """
    if sys.platform != "linux":
        yield ()
        return
    import socket

    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as holder:
        deadline, is_announced = time.monotonic() + PATIENCE, False
        while True:
            try:
                holder.bind(f"\0fearless-labs/{name}")
                break
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
            if time.monotonic() > deadline and not is_announced:
                _say(f"Waiting for a command of another clone or user, which holds the lock {name} …")
                is_announced = True
            time.sleep(0.05)
        yield (holder.fileno(),)


def _take(opened: IO[str], name: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            time.sleep(0.02)
    _say(f"Waiting for {_holder(opened, name)} …")
    fcntl.flock(opened, fcntl.LOCK_EX)


def _write_holder(opened: IO[str]) -> None:
    """Leave in the lock's file who holds it: the command, its process, and since when."""
    line = shlex.join(["./invoke", *sys.argv[1:]])
    opened.seek(0)
    opened.truncate()
    opened.write(f"{line[:120]}\n{os.getpid()}\n{time.strftime('%H:%M:%S')}\n")
    opened.flush()


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _holder(opened: IO[str], name: str) -> str:
    opened.seek(0)
    noted = opened.read().splitlines()
    if len(noted) != 3:
        return f"another command that holds the lock {name}"
    line, pid, since = noted
    return f"`{line}` (process {pid}, since {since}), which holds the lock {name}"
