"""A command in the foreground that a signal ends once, in good order, and a second signal at once."""

import signal
import subprocess
from collections.abc import Callable, Mapping
from types import FrameType
from typing import BinaryIO

from host.bootstrap.paths import ROOT

Deliver = Callable[[subprocess.Popen[bytes], signal.Signals], None]
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run(
    command: list[str],
    variables: Mapping[str, str],
    terminal: bool,
    deliver: Deliver,
    *,
    output: BinaryIO | None = None,
    interactive: bool = False,
) -> tuple[int, bool]:
    """Exit code of `command`, run in the clone with its output shown, and whether a signal ended it (128 + its number).

    `output`: a file that takes its standard output. `interactive`: it reads this command's standard input even where
    that is no terminal.

    With a terminal, Ctrl-C reaches the command as a key press and is not sent again. Without one the command is in a
    session of its own and `deliver(process, signal)` brings it each signal: SIGINT or SIGTERM first, then SIGKILL.
    """
    received: list[int] = []

    def forward(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        if len(received) > 1:
            deliver(child, signal.SIGKILL)
        elif not (terminal and number == signal.SIGINT):
            deliver(child, signal.SIGINT if number == signal.SIGINT else signal.SIGTERM)

    stdin = None if terminal or interactive else subprocess.DEVNULL
    child = subprocess.Popen(
        command, cwd=ROOT, env=variables, stdin=stdin, stdout=output, start_new_session=not terminal
    )
    before = {number: signal.signal(number, forward) for number in SIGNALS}
    try:
        code = child.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if received:
        return 128 + received[0], True
    return (code if code >= 0 else 128 - code), False
