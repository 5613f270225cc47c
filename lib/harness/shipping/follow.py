"""The process that ships the journals of a lab while it runs, and those that earlier labs left behind."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TextIO

from lib.harness.errors import UserError
from lib.harness.recording import journal as journals
from lib.harness.recording import reading
from lib.harness.recording.clock import CLOCK, Clock
from lib.harness.recording.disk import DISK, Disk
from lib.harness.shipping.remote import MlflowServer, Server
from lib.harness.shipping.server import AWAY_SECONDS, RefusedError, ServerAwayError, answers, connect
from lib.harness.shipping.shipper import Shipper
from lib.harness.shipping.state import JOURNAL, unsent

POLL_SECONDS = 0.5
"""Between two looks at the journals."""
BACKLOG_SECONDS = 5.0
"""How long a lab that has been sent waits for the runs that earlier labs left behind."""


@contextlib.contextmanager
def shipping(folder: Path, wait: bool = False, disk: Disk = DISK) -> Iterator[bool]:
    """Yield whether this process may ship `folder`: one process at a time, and only one that may write there."""
    lock = disk.lock(folder / "shipping.lock", wait)
    try:
        yield lock is not None
    finally:
        if lock is not None:
            disk.close(lock)


def mend(folder: Path, disk: Disk = DISK, clock: Clock = CLOCK) -> None:
    """End the runs below `folder` whose process is gone, so that MLflow does not show them as running for ever.

    Those that are damaged or cannot be read are left as they are.
    """
    names = disk.names(folder)
    with contextlib.suppress(OSError):
        if JOURNAL in names and not journals.is_orphan(folder / JOURNAL, disk):
            return
    for name in names:
        if name == JOURNAL or reading.is_trial(name):
            with contextlib.suppress(BlockingIOError, PermissionError, FileNotFoundError, reading.DamagedError):
                journals.close_orphan(folder / name, "FAILED", journals.GONE, disk, clock)


def ship_left_behind(shipper: Shipper, folder: Path, disk: Disk = DISK, clock: Clock = CLOCK) -> bool:
    """Mend and ship the folder of an earlier lab, unless somebody else does. Returns whether it is all sent.

    Raises:
        ServerAwayError: MLflow does not answer.
        RefusedError: MLflow does not want it.
    """
    with shipping(folder, disk=disk) as locked:
        if not locked:
            return False
        mend(folder, disk, clock)
        while not (done := shipper.ship()) and shipper.is_to_ship_again:
            pass
        return done


class Follower:
    """Ships `folder` while its lab runs, and what earlier labs left behind when there is nothing else to do.

    Args:
        folder: of the lab's journals.
        reach: returns whether MLflow listens.
        join: returns MLflow, when it listens. Raises `RefusedError` where it is of no use.
        lives: returns whether the lab does.
        tell: is given a line for the lab, whenever it is another one: ``up``, ``away``, ``slow``, ``run <address of the
            parent's page>``, ``sending <how much>``, ``problem <why>``, ``refused <why>``, ``done``.
    """

    def __init__(
        self,
        folder: Path,
        *,
        reach: Callable[[], bool],
        join: Callable[[], Server],
        lives: Callable[[], bool],
        tell: Callable[[str], None],
        disk: Disk = DISK,
        clock: Clock = CLOCK,
    ):
        self._folder, self._disk, self._clock = folder, disk, clock
        self._reach, self._join, self._lives, self._tell = reach, join, lives, tell
        self._shipper: Shipper | None = None
        self._backlog: list[Path] | None = None
        self._sent_at: float | None = None
        self._last = ""

    def step(self) -> float | None:
        """Ship what is new. Returns the seconds until there may be more; None at the end.

        It ends when all is sent, or when the lab is gone and MLflow is away.
        """
        try:
            if not self._reach():
                raise ServerAwayError
            return self._ship()
        except ServerAwayError as error:
            self._say("slow" if error.slow else "away")
            if self._shipper is not None:
                self._shipper.forget()
            return AWAY_SECONDS if self._lives() else None
        except RefusedError as error:
            self._say(f"refused {error}")
            return None

    def _say(self, line: str) -> None:
        if line != self._last:
            self._tell(line)
        self._last = line

    def _ship(self) -> float | None:
        if self._shipper is None:
            heard = lambda progress: self._say(f"sending {progress}")  # noqa: E731
            self._shipper = Shipper(self._join(), self._folder, self._disk, heard)
        shipper = self._shipper
        if self._sent_at is None:
            done = shipper.ship()
            self._say(f"run {shipper.page}" if shipper.page else "up")
            if shipper.is_to_ship_again:
                return 0.0
            if not done:
                mend(self._folder, self._disk, self._clock)  # a lab that was killed
                return POLL_SECONDS
            self._sent_at = self._clock.monotonic()
            for problem in shipper.problems.values():
                self._say(f"problem {problem}")
        if self._backlog is None:
            root = self._folder.parent
            self._backlog = [
                other for other in unsent(root, shipper.server.parents(), self._disk) if other != self._folder
            ]
        if not self._backlog or self._clock.monotonic() - self._sent_at > BACKLOG_SECONDS:
            self._say("done")
            return None
        with contextlib.suppress(RefusedError):  # `sync` says why
            other = self._backlog.pop(0)
            ship_left_behind(Shipper(shipper.server, other, self._disk), other, self._disk, self._clock)
        return 0.0


def follow(folder: Path, lab: int, listener: TextIO) -> None:
    """Ship `folder` as a `Follower` does, and tell the listener.

    `lab`: the process that has started this one, as long as it is the parent of this one.
    """

    def tell(line: str) -> None:
        with contextlib.suppress(BrokenPipeError):  # the lab was killed
            print(line, file=listener, flush=True)

    follower = Follower(
        folder, reach=answers, join=lambda: MlflowServer(connect()), lives=lambda: os.getppid() == lab, tell=tell
    )
    try:
        with shipping(folder, wait=True), journals.on_disk(folder):
            while (seconds := follower.step()) is not None:
                CLOCK.sleep(seconds)
    except UserError as error:  # of the journal's disk
        tell(f"refused {error}")


def main(arguments: Sequence[str]) -> None:
    """``python -m lib.harness.shipping.follow FOLDER PID``: follow the journals of the lab with this process id."""
    with contextlib.suppress(OSError):
        os.nice(5)
    listener, sys.stdout = sys.stdout, sys.stderr  # MLflow's client prints addresses of runs to standard output
    follow(Path(arguments[0]), int(arguments[1]), listener)


if __name__ == "__main__":
    main(sys.argv[1:])
