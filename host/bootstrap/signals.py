"""Signals that end a command: each raises, so that what the command has begun is undone on its way out.

Signals that the caller ignores stay ignored (nohup; a job in the background of a script). After the first one, a
repeated SIGTERM or SIGHUP waits for the clean-up (a terminal that closes sends several); Ctrl-C cuts it short, and the
ledger has the rest (host.bootstrap.ledger).
"""

import signal

from lib.harness.signals import ENDING, end_with


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
    end_with(Ended)


def ignore() -> None:
    """Let no signal interrupt the end of this process: its work is done."""
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)
