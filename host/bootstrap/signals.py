"""Signals that end a command: each raises, so that what the command has begun is undone on its way out.

Signals that the caller ignores stay ignored (nohup; a job in the background of a script). After the first one, a
repeated SIGTERM or SIGHUP waits for the clean-up (a terminal that closes sends several); Ctrl-C cuts it short, and the
ledger has the rest (host.bootstrap.ledger).
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
Handler = Callable[[int, FrameType | None], object]


class Ended(KeyboardInterrupt):
    """The end of a command by a signal, as Ctrl-C is one. `reported`: the user has been told."""

    def __init__(self, number: int, *, reported: bool = False) -> None:
        super().__init__(number)
        self.number, self.reported = number, reported


def exit_code(error: KeyboardInterrupt) -> int:
    """128 and the number of the signal, as a shell has it."""
    return 128 + (error.number if isinstance(error, Ended) else signal.SIGINT)


def install() -> None:
    """Let each of the signals raise `Ended` from now on."""
    received: list[int] = []

    def end(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        if len(received) == 1 or number == signal.SIGINT:
            raise Ended(number)

    for number in ENDING:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, end)


def ignore() -> None:
    """Let no signal interrupt the end of this process: its work is done."""
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)


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
    """Keep signals until the end of the block: a process that is started in it is known when they arrive.

    A mask of the thread (pthread_sigmask) would do so as well, but the process would inherit it.
    """
    received: list[int] = []
    try:
        with handled(lambda number, _: received.append(number)):
            yield
    finally:
        for number in received:
            signal.raise_signal(number)
