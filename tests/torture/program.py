"""Runs a program that is loaded already (preloaded.py), alone or under strace."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.torture.places import TRACED, Call, Fault, calls_of

LIMIT = 900.0
"""Seconds for a run, on a busy machine: what hangs is killed, and that is a finding."""
ATTACHING = 60.0
PROGRESS = re.compile(r": \d+ %$|…$|^Going on after ")
"""Lines on how far a command is."""


@dataclass(frozen=True)
class Ended:
    """A run that has ended. `code`: negative for the signal that killed it. `calls`: those that strace has seen."""

    code: int
    out: str
    err: str
    calls: Sequence[Call] = ()
    late: bool = False

    @property
    def was_hit(self) -> bool:
        """Return whether a call was made to fail, or its process was killed there."""
        return any(call.was_hit for call in self.calls)

    def wrong(self) -> list[str]:
        """What no fault may lead to: a traceback, a run that hangs, an error of more or fewer lines than one."""
        lines = [line for line in self.err.splitlines() if line.strip() and not PROGRESS.search(line)]
        if self.late:
            return [f"it did not end within {LIMIT:.0f} s"]
        if "Traceback" in self.out + self.err:
            return [f"a traceback: {lines[-1] if lines else self.out[-200:]}"]
        if self.code == 2 and len(lines) != 1:
            return [f"exit code 2 with {len(lines)} lines: {' / '.join(lines[:4])[:400]}"]
        if self.code not in (0, 1, 2, -signal.SIGKILL):
            return [f"exit code {self.code}: {' / '.join(lines[:2])[:300]}"]
        return []


class Program:
    """The program `kind` of the clone in `root`, loaded once.

    Args:
        kind: ``lib`` or ``host``.
        root: of the clone.
        folder: for what the runs print and for strace's logs.
    """

    def __init__(self, kind: str, root: Path, folder: Path):
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._log = (folder / "preloaded.log").open("w")
        self._server = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("preloaded.py")), kind],
            cwd=root,
            env=environment(root),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        if self._answer() != "ready":
            raise RuntimeError(f"{kind} cannot be loaded: {(folder / 'preloaded.log').read_text()[-2000:]}")

    @property
    def printed(self) -> Path:
        """The file with the standard output of the last run."""
        return self._folder / "out"

    def _answer(self) -> str:
        assert self._server.stdout is not None
        return self._server.stdout.readline().strip()

    def run(
        self, arguments: Sequence[str], variables: Mapping[str, str], names: str, *, fault: Fault | None = None,
        traced: bool = False,
    ) -> Ended:  # fmt: skip
        """Run it with these arguments. `names`: of what it names at random. `traced`: note its calls."""
        waits = traced or fault is not None
        out, err, log = (self._folder / name for name in ("out", "err", "strace"))
        task = {
            "arguments": list(arguments), "environment": dict(variables), "names": names, "waits": waits,
            "out": str(out), "err": str(err),
        }  # fmt: skip
        assert self._server.stdin is not None
        print(json.dumps(task), file=self._server.stdin, flush=True)
        pid = int(self._answer())
        tracer = self._trace(pid, log, fault) if waits else None
        late = False
        limit = Limit(pid)
        with limit:
            code = int(self._answer())
            if tracer is not None:
                try:
                    tracer.wait(LIMIT)  # until all that it has started has ended
                except subprocess.TimeoutExpired:
                    late = True
                    tracer.kill()
                    tracer.wait()
            else:
                _wait_for_group(pid)
        calls = calls_of(log) if waits else []
        shutil.rmtree(log, ignore_errors=True)
        return Ended(code, _text(out), _text(err), calls, late or limit.passed)

    def _trace(self, pid: int, log: Path, fault: Fault | None) -> subprocess.Popen[bytes]:
        log.mkdir()
        injected = fault.options() if fault else []
        command = ["strace", "-ff", "-qqq", "-y", "-s", "16", "-ttt", "-e", "signal=none"]
        command += ["-e", f"trace={','.join(TRACED)}", *injected, "-o", str(log / "calls"), "-p", str(pid)]
        tracer = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=self._log)
        deadline = time.monotonic() + ATTACHING
        while "\nTracerPid:\t0\n" in Path(f"/proc/{pid}/status").read_text():
            if tracer.poll() is not None or time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
                raise RuntimeError(f"strace cannot trace here: {(self._folder / 'preloaded.log').read_text()[-500:]}")
            time.sleep(0.01)
        os.kill(pid, signal.SIGCONT)
        return tracer

    def close(self) -> None:
        """End it."""
        self._server.kill()  # between two runs
        self._server.communicate()
        self._log.close()


class Limit:
    """Kills a run and what it has started when it takes too long. `passed`: whether it did."""

    def __init__(self, pid: int):
        self._pid, self.passed = pid, False
        self._timer = threading.Timer(LIMIT, self._kill)
        self._timer.daemon = True

    def _kill(self) -> None:
        self.passed = True
        with suppress(ProcessLookupError):
            os.killpg(self._pid, signal.SIGKILL)

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()


def environment(root: Path) -> dict[str, str]:
    """The environment in which a program is loaded."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LAB_", "MLFLOW_", "PYTHON"))}
    return kept | {"PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"} | THREADS | QUIET


THREADS = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "1",
    "GIT_PYTHON_REFRESH": "quiet",
    "MLFLOW_LOGGING_LEVEL": "CRITICAL",  # as the programs set it before MLflow is loaded
}


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def _wait_for_group(group: int) -> None:
    """Wait until no process of a group is left."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.02)
