"""Runs `python -m lib …` in local mode: a process of this machine, in an environment made from the image's lock."""

import signal
import subprocess
import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import BinaryIO

from host.bootstrap import foreground
from host.machine import local


def run(
    arguments: list[str],
    output: BinaryIO | None = None,
    *,
    interactive: bool = False,
    variables: Mapping[str, str] = MappingProxyType({}),
) -> int:
    """Exit code of `python -m lib ARGUMENTS` in local mode.

    `output`: a file that takes what it prints. `interactive`: it reads this command's standard input, terminal or not.
    `variables`: more than local mode's.
    """

    def deliver(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
        child.send_signal(number)

    command = [str(local.python()), "-m", "lib", *arguments]
    terminal = output is None and sys.stdin.isatty() and sys.stdout.isatty()
    environment = local.environment() | dict(variables)
    return foreground.run(command, environment, terminal, deliver, output=output, interactive=interactive)
