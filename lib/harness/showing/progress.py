"""Tells the program that has started this one how far it is: a JSON object a line, to a pipe that it has opened."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
import time
from typing import Any

PIPE = "LAB_PROGRESS_FD"
"""The environment variable with the pipe's file descriptor; without it nobody is told anything."""
PARENT_SECONDS = 1.0  # how often this program looks whether the one that has started it lives


def tell(**fields: Any) -> None:
    """Write one object: ``asked``, ``ended``, ``failed`` and ``trial`` of the trials, ``run``, ``url``, ``warning``."""
    pipe = os.environ.get(PIPE)
    if pipe is not None:
        with contextlib.suppress(OSError):  # the reader is gone
            os.write(int(pipe), json.dumps(fields).encode() + b"\n")


def end_with_reader() -> None:
    """Let SIGTERM end this program soon after the one that reads its progress is gone."""
    if PIPE in os.environ:
        threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(PARENT_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
