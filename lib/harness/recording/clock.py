"""The time: of records, of waiting, and of calls that are made later."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import Protocol


class Clock(Protocol):
    """The calls of time that journals and their shipper make."""

    def now_ms(self) -> int:
        """Milliseconds since the epoch, as the machine's clock has them: it may be set back."""

    def monotonic(self) -> float:
        """Seconds since some moment; they never go back."""

    def sleep(self, seconds: float) -> None:
        """Wait."""

    def later(self, seconds: float, function: Callable[[], None]) -> None:
        """Call `function` after `seconds`, unless this process has ended by then. It must not raise."""


class SystemClock:
    """The clock of this machine. One daemon thread makes the calls that are due, one after the other."""

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[tuple[float, Callable[[], None]]] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def now_ms(self) -> int:
        """Milliseconds since the epoch."""
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        """Seconds since the machine's start."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def later(self, seconds: float, function: Callable[[], None]) -> None:
        """Call `function` after `seconds`, in a thread; calls are made in the order in which they were asked for."""
        self._calls.put((time.monotonic() + seconds, function))
        if self._thread is None:
            with self._starting:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._call, name="later", daemon=True)
                    self._thread.start()

    def _call(self) -> None:
        while True:
            due, function = self._calls.get()
            time.sleep(max(0.0, due - time.monotonic()))
            function()


CLOCK = SystemClock()
