"""Locks between commands that run at the same time in one clone."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from host.bootstrap.paths import state_path
from lib.harness.errors import UserError


@contextmanager
def held(name: str) -> Iterator[IO[str]]:
    """Hold the lock `name` for the block, waiting for it first.

    The yielded file carries the lock: a child process that inherits it (`pass_fds`) holds it on until it ends.

    Raises:
        UserError: another user, root after a sudo, owns the lock's file.
    """
    try:
        opened = state_path("locks", name).open("w")
    except PermissionError as error:
        raise UserError(f"{error.filename} belongs to another user: sudo chown -R $(id -u) .local .venv .env") from None
    with opened as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file
