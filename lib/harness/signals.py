"""Signals that end a command: what they raise, at once and never in vain, and who handles them for a while."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
Handler = Callable[[int, FrameType | None], object]
WAKING = signal.SIGURG
WAKE_AFTER = (0.1, 0.9)  # seconds, one after the other
AGAIN = 255
"""Before the number of a signal that is to be sent again; no signal has it."""


class Interrupt(KeyboardInterrupt):
    """The end of a command by a signal.

    Of a plain KeyboardInterrupt that passes code which a library has Python run, Python thinks that nobody has handled
    it, and kills itself by SIGINT at the end.
    """


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


def end_with(exception: Callable[[int], BaseException]) -> None:
    """Let the signals raise `exception(number)` in the main thread, which calls this, whatever it is doing then.

    Those that the caller ignores stay ignored. After the first one, a repeated SIGTERM or SIGHUP waits for the end of
    what that has begun (a terminal that closes sends several); Ctrl-C cuts it short.

    Python alone would miss two of them. It runs a handler between two of its instructions: where the signal comes after
    the last one before a wait (for a lock, a program, a socket), or to another thread, the handler would run when the
    wait is over: in a lab, when a trial has ended. And an exception in a callback of the interpreter is dropped. A
    thread that is told of both interrupts the wait, or sends the signal again.
    """
    received: list[int] = []

    def end(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        if len(received) == 1 or number == signal.SIGINT:
            raise exception(number)

    def dropped(what: "sys.UnraisableHookArgs") -> None:
        if isinstance(what.exc_value, KeyboardInterrupt) and received:
            os.write(writer, bytes([AGAIN, received.pop()]))
        else:
            sys.__unraisablehook__(what)

    def watch() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, (*ENDING, WAKING))  # they are the main thread's
        while told := os.read(reader, 1):
            number = os.read(reader, 1)[0] if told[0] == AGAIN else WAKING
            if told[0] in (*ENDING, AGAIN):
                for seconds in WAKE_AFTER[: 1 if told[0] == AGAIN else None]:
                    time.sleep(seconds)
                    signal.pthread_kill(main, number)

    main = threading.get_ident()
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    for number in ENDING:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, end)
    signal.signal(WAKING, lambda *_: None)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    sys.unraisablehook = dropped
    threading.Thread(target=watch, daemon=True).start()
