"""The process that ships the journals of a lab while it runs, and those that earlier labs left behind."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

from lib.harness.recording import journal as journals
from lib.harness.shipping.server import AWAY_SECONDS, RefusedError, ServerAwayError, answers, connect
from lib.harness.shipping.shipper import Shipper
from lib.harness.shipping.state import unsent

POLL_SECONDS = 0.5
"""Between two looks at the journals."""
BACKLOG_SECONDS = 5.0
"""How long a lab that has been sent waits for the runs that earlier labs left behind."""


@contextlib.contextmanager
def shipping(folder: Path, wait: bool = False) -> Iterator[bool]:
    """Yield whether this process may ship `folder`: one process at a time, and only one that may write there."""
    if not os.access(folder, os.W_OK):
        yield False
        return
    with (folder / "shipping.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True


def mend(folder: Path) -> None:
    """End the runs below `folder` whose process is gone, so that MLflow does not show them as running for ever."""
    parent = folder / "run.jsonl"
    if parent.exists() and not journals.is_orphan(parent):
        return
    for path in sorted(folder.glob("*.jsonl")):
        with contextlib.suppress(BlockingIOError):
            journals.close_orphan(path, "FAILED", "the process that ran it is gone")


def ship_left_behind(client: Any, folder: Path) -> bool:
    """Mend and ship the folder of an earlier lab, unless somebody else does. Returns whether it is all sent.

    Raises:
        ServerAwayError: MLflow does not answer.
        RefusedError: MLflow does not want it.
    """
    with shipping(folder) as locked:
        if not locked:
            return False
        mend(folder)
        return Shipper(client, folder).ship()


def follow(folder: Path, listener: TextIO) -> None:
    """Ship `folder` while its lab runs, and what earlier labs left behind when there is nothing else to do.

    Tells the listener, a line each: ``up``, ``away``, ``run <address of the parent's page>``, ``refused <why>``,
    ``done``. Ends when all is sent, or when the lab is gone and MLflow is away.
    """
    lab = os.getppid()
    last = ""

    def tell(line: str) -> None:
        nonlocal last
        if line != last:
            with contextlib.suppress(BrokenPipeError):  # the lab was killed
                print(line, file=listener, flush=True)
            last = line

    with shipping(folder, wait=True):
        try:
            while not answers():
                tell("away")
                if os.getppid() != lab:
                    return
                time.sleep(POLL_SECONDS)
        except RefusedError as error:
            tell(f"refused {error}")
            return
        shipper = Shipper(connect(), folder)
        backlog = [other for other in unsent(folder.parent) if other != folder]
        sent_at = None
        while True:
            try:
                done = shipper.ship()
                tell(f"run {shipper.page}" if shipper.page else "up")
                sent_at = sent_at or (time.monotonic() if done else None)
                if sent_at and (not backlog or time.monotonic() - sent_at > BACKLOG_SECONDS):
                    tell("done")
                    return
                if backlog:
                    with contextlib.suppress(RefusedError):  # `sync` says why
                        ship_left_behind(shipper.client, backlog.pop(0))
                    continue
            except ServerAwayError:
                tell("away")
                if os.getppid() != lab:
                    return
                time.sleep(AWAY_SECONDS)
            except RefusedError as error:
                tell(f"refused {error}")
                return
            mend(folder)  # a lab that was killed
            time.sleep(POLL_SECONDS)


def main(arguments: Sequence[str]) -> None:
    """``python -m lib.harness.shipping.follow FOLDER``: follow one lab's journals."""
    with contextlib.suppress(OSError):
        os.nice(5)
    listener, sys.stdout = sys.stdout, sys.stderr  # MLflow's client prints addresses of runs to standard output
    follow(Path(arguments[0]), listener)


if __name__ == "__main__":
    main(sys.argv[1:])
