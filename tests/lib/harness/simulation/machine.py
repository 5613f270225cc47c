"""A machine that is simulated: its disk, its clock, and its processes, which can be killed at any call."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.lib.harness.simulation.disk import Disk


class KilledError(BaseException):
    """The process that makes this call has been killed; none of its cleaning up has an effect."""


class Machine:
    """Processes by their names. Every call of the disk and of the server passes through `call`.

    Attributes:
        process: the name of the one that is at work.
        counts: of calls and faults.
    """

    def __init__(self) -> None:
        self.process = ""
        self.killed: set[str] = set()
        self.counts: Counter[str] = Counter()
        self._countdown = 0
        self._trap: Callable[[str], None] | None = None
        self.clock = Clock(self)
        self.disk = Disk(self)

    def call(self, name: str) -> None:
        """Note a call, and spring the trap when it is its turn. Raises `KilledError` in a process that is gone."""
        if self.process in self.killed:
            raise KilledError
        self._countdown -= 1
        if self._countdown == 0 and self._trap is not None:
            trap, self._trap = self._trap, None
            trap(name)
            if self.process in self.killed:
                raise KilledError

    def set_trap(self, after: int, trap: Callable[[str], None] | None) -> None:
        """Let `trap` be called with the name of the call number `after` from now, before it is made."""
        self._countdown, self._trap = after, trap

    @contextmanager
    def in_process(self, name: str) -> Iterator[None]:
        """Be a process. Its death ends the block."""
        before, self.process = self.process, name
        try:
            yield
        except KilledError:
            if name not in self.killed:
                raise
        finally:
            self.process = before

    def kill(self, name: str) -> None:
        """Kill a process: the kernel keeps what it has written, and closes its files."""
        self.killed.add(name)
        self.disk.close_of(name)

    def cut_power(self, rng: random.Random, processes: list[str]) -> None:
        """End everything at once."""
        for name in processes:
            self.kill(name)
        self.disk.lose(rng)


class Clock:
    """A clock that stands still between steps.

    Attributes:
        ahead: of its start, in ms since the epoch.
        frozen: whether no time passes: another process is in the middle of a call.
    """

    def __init__(self, machine: Machine):
        self._machine = machine
        self._seconds = 0.0
        self.ahead = 1_700_000_000_000
        self._calls: list[tuple[float, int, str, Callable[[], None]]] = []
        self._number = 0
        self.frozen = False

    def now_ms(self) -> int:
        """Milliseconds since the epoch."""
        return int(self._seconds * 1000) + self.ahead

    def monotonic(self) -> float:
        """Seconds since the start."""
        return self._seconds

    def sleep(self, seconds: float) -> None:
        """Wait."""
        self.advance(seconds)

    def later(self, seconds: float, function: Callable[[], None]) -> None:
        """Call `function` after `seconds` if the process lives."""
        self._number += 1
        self._calls.append((self._seconds + seconds, self._number, self._machine.process, function))

    def advance(self, seconds: float) -> None:
        """Let time pass, and make the calls that come due."""
        if self.frozen:
            return
        end = self._seconds + seconds
        while due := [call for call in self._calls if call[0] <= end]:
            call = min(due, key=lambda each: each[:2])
            self._calls.remove(call)
            self._seconds = max(self._seconds, call[0])
            if call[2] not in self._machine.killed:
                with self._machine.in_process(call[2]):
                    call[3]()
        self._seconds = end
