"""A command in the foreground that a signal ends once, in good order, and a second signal at once."""

import signal
import subprocess
from collections.abc import Callable, Mapping
from types import FrameType
from typing import BinaryIO

from host.bootstrap import signals
from host.bootstrap.paths import ROOT
from lib.harness.signals import handled

Deliver = Callable[[subprocess.Popen[bytes], signal.Signals], None]


def run(
    command: list[str],
    variables: Mapping[str, str],
    terminal: bool,
    deliver: Deliver,
    *,
    output: BinaryIO | None = None,
    interactive: bool = False,
) -> int:
    """Exit code of `command`, run in the clone with its output shown.

    `output`: a file that takes its standard output. `interactive`: it reads this command's standard input even where
    that is no terminal.

    With a terminal, Ctrl-C reaches the command as a key press and is not sent again. Without one the command is in a
    session of its own and `deliver(process, signal)` brings it each signal: SIGINT or SIGTERM first, then SIGKILL.

    Raises:
        signals.Ended: a signal has ended it; it has reported that.
    """
    received: list[int] = []
    delivered: list[int] = []
    children: list[subprocess.Popen[bytes]] = []

    def forward(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        if children:
            catch_up()

    def catch_up(*, early: bool = False) -> None:
        while len(delivered) < len(received):
            number = received[len(delivered)]
            delivered.append(number)
            if len(delivered) > 1:
                deliver(children[0], signal.SIGKILL)
            elif number != signal.SIGINT:
                deliver(children[0], signal.SIGTERM)
            elif not terminal or early:
                deliver(children[0], signal.SIGINT)

    stdin = None if terminal or interactive else subprocess.DEVNULL
    with handled(forward):
        child = subprocess.Popen(
            command, cwd=ROOT, env=variables, stdin=stdin, stdout=output, start_new_session=not terminal
        )
        children.append(child)
        catch_up(early=True)  # a key press before it was there has not reached it
        code = child.wait()
    if received:
        raise signals.Ended(received[0], reported=True)
    return code if code >= 0 else 128 - code
