"""Signals that end a command: who handles them for a while, and that the main thread handles them at once."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
Handler = Callable[[int, FrameType | None], object]
WAKING = signal.SIGURG
WAKE_AFTER = (0.1, 0.9)  # seconds, one after the other


@contextmanager
def handled(handler: Handler) -> Iterator[None]:
    """Give the signals to `handler` for the block, those apart that the caller ignores."""
    if threading.current_thread() is not threading.main_thread():  # signals are the main thread's
        yield
        return
    previous = {}
    try:
        for number in ENDING:
            if signal.getsignal(number) != signal.SIG_IGN:
                previous[number] = signal.getsignal(number)
                signal.signal(number, handler)
        yield
    finally:
        for number, old in previous.items():
            signal.signal(number, old)


@contextmanager
def deferred() -> Iterator[None]:
    """Keep signals until the end of the block: what happens in it is whole when they arrive.

    A mask of the thread (pthread_sigmask) would do so as well, but programs that are started in it would inherit it.
    """
    received: list[int] = []
    try:
        with handled(lambda number, _: received.append(number)):
            yield
    finally:
        for number in received:
            signal.raise_signal(number)


def wake() -> None:
    """Wake the main thread, which calls this once, by every later signal, whatever it is waiting for.

    Python runs a handler between two of its instructions. Where the signal comes after the last one before a wait (for
    a lock, a program, a socket), or to another thread, the handler would run when the wait is over: in a lab, when a
    trial has ended. A thread that is told of each signal interrupts such a wait.
    """
    main = threading.get_ident()
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.signal(WAKING, lambda *_: None)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)

    def watch() -> None:
        while told := os.read(reader, 1):
            if told[0] in ENDING:
                for seconds in WAKE_AFTER:
                    time.sleep(seconds)
                    signal.pthread_kill(main, WAKING)

    threading.Thread(target=watch, daemon=True).start()
