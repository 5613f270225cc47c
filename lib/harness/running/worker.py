"""A worker process from its start to its end: it takes one runtime, runs trials in it, and ends with its parent."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lib.harness.machine import determinism

if TYPE_CHECKING:
    from lib.harness.contract.trial import Runtime


PARENT_SECONDS = 1.0  # how often a worker looks whether its parent lives


def start_worker(parent: int, shares: Any) -> None:
    """Begin a worker: load what every trial needs, whatever its framework.

    Args:
        parent: the process id of the lab; the worker ends soon after it.
        shares: a queue with one GPU per worker, from which this one takes its own; None on the CPU.
    """
    if shares is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = shares.get()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal reaches all: the parent ends its workers
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    import lib.harness.contract.trial
    import lib.harness.recording.recorder  # noqa: F401


def _end_with(parent: int) -> None:
    """End this process once its parent is gone: nobody would ever stop its trial."""
    while os.getppid() == parent:
        time.sleep(PARENT_SECONDS)
    os._exit(1)


_ready: list[Runtime] = []  # the runtime of this worker, once it has one
_logs: list[Path] = []  # where this worker prints to: the file of the lab that it works for now


def call_in_worker(runtime: Runtime, log: Path, function: Callable[..., Any], *arguments: Any) -> Any:
    """Call `function` in this worker, which becomes one of `runtime`; what is printed goes to the file `log`."""
    if _logs != [log]:
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        os.dup2(descriptor, 2)  # what frameworks and crashes print, Python or not, must not break the progress bar
        os.close(descriptor)
        _logs[:] = [log]
    become(runtime)
    try:
        return function(*arguments)
    except (SystemExit, KeyboardInterrupt) as error:  # of a lab's code: it is not to end the worker, or the lab
        raise RuntimeError(f"{error!r} was raised") from None


def become(runtime: Runtime) -> None:
    """Prepare this process for `runtime`, once: a worker never changes its framework, dtype or flags."""
    if not _ready:
        determinism.prepare(runtime)
        _ready.append(runtime)
    assert _ready == [runtime], "a worker keeps its runtime"
