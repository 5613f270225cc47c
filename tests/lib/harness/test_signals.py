"""Signals that end a command reach the main thread, whatever it is waiting for."""

import subprocess
import sys

import pytest

from lib.harness.signals import ENDING
from tests.lib.harness.support import ROOT

BEGIN = """
import gc, signal, sys, threading, time, weakref
from lib.harness.signals import Interrupt, end_with

number = int(sys.argv[1])
end_with(lambda _: Interrupt())
"""
WAITING = """
# another thread receives it: like one that comes just before the wait, it does not interrupt it
threading.Timer(0.1, lambda: signal.pthread_kill(threading.get_ident(), number)).start()
try:
    threading.Event().wait(100)
except KeyboardInterrupt:
    print("interrupted")
"""
DROPPED = """
class Thing: pass
thing = Thing()
kept = weakref.ref(thing, lambda _: signal.raise_signal(number))
try:
    del thing  # the interpreter drops what its callback raises
    time.sleep(100)
except KeyboardInterrupt:
    print("interrupted")
"""


def run(code: str, number: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", BEGIN + code, str(int(number))]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=90, check=False)


@pytest.mark.parametrize("number", ENDING)
@pytest.mark.parametrize("code", [WAITING, DROPPED], ids=["not interrupting a wait", "in a callback"])
def test_a_signal_is_never_lost(code: str, number: int) -> None:
    ended = run(code, number)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "interrupted\n", "")
