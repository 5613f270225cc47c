"""Runs commands of clones as ``python -m lib`` does, each in a fork of one process that has loaded the libraries once.

    python runner.py   reads a case as JSON from each line of standard input and answers with a line of JSON

A case saves the seconds in which libraries load, and is still a process of its own that goes through the clone's
``lib/__main__.py``.
"""

import ctypes
import importlib
import json
import os
import runpy
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

LIBRARIES = ("numpy", "pydantic", "rich.console", "jinja2", "loky.process_executor", "optuna", "mlflow", "sqlalchemy")
SUBREAPER = 36
"""prctl's option that makes this process the parent of what a case has left."""
LIMIT = 900
"""Seconds for a case, on a busy machine: one that hangs is killed."""
PATIENCE = 120.0
"""Seconds for what a case has started to end after it."""


def outcome(case: dict[str, Any]) -> dict[str, Any]:
    """Exit code, standard output and standard error of a case, and the processes that it has left."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if child == 0:
            nothing = os.open(os.devnull, os.O_RDONLY)
            for target, descriptor in enumerate((nothing, out.fileno(), err.fileno())):
                os.dup2(descriptor, target)
            os._exit(_run(case))
        _, status = os.waitpid(child, 0)
        left = _left()
        out.seek(0)
        err.seek(0)
        texts = {"out": out.read().decode(errors="replace"), "err": err.read().decode(errors="replace")}
        return {"code": os.waitstatus_to_exitcode(status), "left": left, **texts}


def _run(case: dict[str, Any]) -> int:
    os.chdir(case["root"])
    sys.path[0] = case["root"]
    os.environ.clear()
    os.environ.update(case["env"])
    signal.alarm(LIMIT)
    tempfile.tempdir = None
    sys.argv = ["lib", *case["arguments"]]
    code = 70
    try:
        runpy.run_module("lib", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    return code


def _left() -> list[str]:
    """The commands of processes that a case has left and that do not end by themselves; they are killed."""
    limit = time.monotonic() + PATIENCE
    while children := _children():
        if time.monotonic() > limit:
            names = [Path(f"/proc/{child}/cmdline").read_bytes().replace(b"\0", b" ").decode() for child in children]
            for child in children:
                os.kill(child, signal.SIGKILL)
            return names
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            break
        time.sleep(0.01)
    return []


def _children() -> list[int]:
    return [int(child) for child in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]


def main() -> None:
    """Answer until standard input ends."""
    sys.dont_write_bytecode = True
    ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
    for name in LIBRARIES:
        importlib.import_module(name)
    for line in sys.stdin:
        print(json.dumps(outcome(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
