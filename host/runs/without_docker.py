"""Runs `python -m lib …` in local mode: a process of this machine, in an environment made from the image's lock."""

import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import BinaryIO

from host.bootstrap import foreground
from host.machine import local
from host.machine.labs_named import Named
from host.runs import code


def run(
    arguments: list[str],
    output: BinaryIO | None = None,
    *,
    labs: Sequence[Named] = (),
    interactive: bool = False,
    variables: Mapping[str, str] = MappingProxyType({}),
) -> int:
    """Exit code of `python -m lib ARGUMENTS` in local mode.

    `output`: a file that takes what it prints. `interactive`: it reads this command's standard input, terminal or not.
    `labs`: those that it runs. `variables`: more than local mode's.
    """

    def deliver(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
        child.send_signal(number)

    python = str(local.python())
    terminal = output is None and sys.stdin.isatty() and sys.stdout.isatty()
    with code.of(labs) as taken:
        command = [python, "-m", "lib", *map(taken.here, arguments)]
        environment = local.environment() | taken.environment() | dict(variables)
        return foreground.run(command, environment, terminal, deliver, output=output, interactive=interactive)
