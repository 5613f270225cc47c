"""Signals that end a command reach the main thread, whatever it is waiting for."""

import subprocess
import sys

import pytest

from lib.harness.signals import ENDING
from tests.lib.harness.support import ROOT

WAITING = """
import signal, sys, threading
from lib.harness.signals import wake

def end(number, _):
    raise KeyboardInterrupt

number = int(sys.argv[1])
signal.signal(number, end)
wake()
# another thread receives it: like one that comes just before the wait, it does not interrupt it
sender = threading.Timer(0.1, lambda: signal.pthread_kill(threading.get_ident(), number))
sender.start()
try:
    threading.Event().wait(100)
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.mark.parametrize("number", ENDING)
def test_a_signal_that_does_not_interrupt_the_wait_of_the_main_thread_is_handled_at_once(number: int) -> None:
    command = [sys.executable, "-c", WAITING, str(int(number))]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=90, check=False)
    assert (ended.stdout, ended.stderr) == ("interrupted\n", "")
