"""A program in the foreground: what it reads, prints and returns, and how signals end it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CODE = """
import os, sys
from host.bootstrap import foreground, signals
try:
    print(foreground.run(
        {command}, os.environ, False, lambda child, number: child.send_signal(number), interactive={interactive}
    ))
except signals.Ended as ended:
    print("ended with", signals.exit_code(ended))
"""


def started(command: list[str], *, interactive: bool) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CODE.format(command=command, interactive=interactive)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(("interactive", "printed"), [(True, "what is typed\n3\n"), (False, "3\n")])
def test_it_reads_what_is_typed_or_piped_only_if_it_is_interactive(interactive: bool, printed: str) -> None:
    process = started(["sh", "-c", "cat; exit 3"], interactive=interactive)
    assert process.communicate("what is typed\n")[0] == printed


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_and_is_its_exit_code(number: signal.Signals, code: int) -> None:
    ready = "import signal; print('ready', flush=True); signal.pause()"
    process = started([sys.executable, "-c", ready], interactive=False)
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    os.kill(process.pid, number)
    assert process.communicate()[0].endswith(f"ended with {code}\n")
