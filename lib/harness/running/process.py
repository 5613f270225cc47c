"""The life of a worker process: its start, its runtime, and its end with its parent."""

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


def start(parent: int, shares: Any) -> None:
    """Load what every trial needs; which framework will be known later. `shares`: a queue of GPUs, one per worker."""
    if shares is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = shares.get()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal reaches all: the parent ends its workers
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    import lib.harness.contract.trial
    import lib.harness.recording.recorder  # noqa: F401


def _end_with(parent: int) -> None:
    """End this process soon after its parent has been killed; a trial of it would go on for ever."""
    while os.getppid() == parent:
        time.sleep(PARENT_SECONDS)
    os._exit(1)


_ready: list[Runtime] = []  # the runtime of this worker, once it has one
_logs: list[Path] = []  # where this worker prints to: the file of the lab that it works for now


def call_in_worker(runtime: Runtime, log: Path, function: Callable[..., Any], *arguments: Any) -> Any:
    """Call `function` in this worker of this runtime."""
    if _logs != [log]:
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        os.dup2(descriptor, 2)  # what frameworks and crashes print, Python or not, must not break the progress bar
        os.close(descriptor)
        _logs[:] = [log]
    become(runtime)
    return function(*arguments)


def become(runtime: Runtime) -> None:
    """Make this process a worker of this runtime, which it stays."""
    if not _ready:
        determinism.prepare(runtime)
        _ready.append(runtime)
    assert _ready == [runtime], "a worker keeps its runtime"
