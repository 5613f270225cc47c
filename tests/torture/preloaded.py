"""A program whose modules are loaded once; each run of it is a fork of this process.

    python preloaded.py lib|host

It runs in the root of a clone. A line of JSON on standard input is a run: its arguments, environment, folder, files for
its output, and whether it waits, stopped, until somebody continues it, as a tracer does. The answers are lines, too:
its process id once it is there, then its exit status. Names that are random elsewhere come from `names`, so that a file
has the same path in each run.

The standard library alone, until the modules of the program are loaded.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib
import itertools
import json
import os
import runpy
import secrets
import signal
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

MODULES = {
    "lib": (
        "lib.harness.commands.lab",
        "lib.harness.commands.sync",
        "lib.harness.commands.transfer",
        "lib.harness.recording.recorder",
        "lib.harness.searching.best",
        "loky",
        "mlflow",
        "mlflow.store.tracking.sqlalchemy_store",
        "mlflow.store.artifact.local_artifact_repo",
        "psutil",
    ),
    "host": (
        "host.command.program",
        "host.bundle.load",
        "host.bundle.write",
        "host.records.backup",
        "host.services.status",
        "invoke.program",
        "tasks",
    ),
}
PR_SET_PTRACER, ANYBODY = 0x59616D61, ctypes.c_ulong(-1)
TIME = "20260101-000000"
PART = 1 << 14
"""Bytes of an image in one part of a bundle: a small image has several."""


class Names:
    """The names of a run that would be random: the same for the same word."""

    def __init__(self, word: str):
        self._word, self._numbers = word, itertools.count()

    def token(self, size: int | None = None) -> str:
        """Hexadecimal digits, as `secrets.token_hex` has them."""
        digest = hashlib.sha256(f"{self._word} {next(self._numbers)}".encode()).hexdigest()
        return digest[: 2 * (32 if size is None else size)]

    def number(self) -> uuid.UUID:
        """A number, as `uuid.uuid4` has it."""
        return uuid.UUID(hex=self.token(16), version=4)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        return self.token(4)


def with_names(word: str) -> None:
    """Let this process make its names from `word`."""
    names = Names(word)
    formatted = time.strftime

    def strftime(form: str, *moment: Any) -> str:
        return TIME if form == "%Y%m%d-%H%M%S" else formatted(form, *moment)

    secrets.token_hex = names.token  # type: ignore[assignment]
    uuid.uuid4 = names.number
    time.strftime = strftime
    tempfile.tempdir, tempfile._name_sequence = os.environ["TMPDIR"], names  # type: ignore[attr-defined]


def lib(arguments: list[str]) -> NoReturn:
    """Run ``python -m lib ARGUMENTS``."""
    sys.argv = ["lib", *arguments]
    runpy.run_module("lib", run_name="__main__", alter_sys=True)
    raise SystemExit(0)


def host(arguments: list[str]) -> NoReturn:
    """Run ``./invoke ARGUMENTS``, but in the environment of this process, and with wheels that need no network."""
    from host import __main__ as program
    from host.bootstrap import ledger
    from host.bundle import clone, load, write
    from host.command.program import run as run_command

    contents = {name: name.encode() * 20_000 for name in ("one", "two")}

    def wheels(folder: Path) -> list[str]:
        folder.mkdir()
        for name, content in contents.items():
            (folder / f"{name}-1-py3-none-any.whl").write_bytes(content)
        return ["3.11"]

    def command(argv: list[str]) -> int:
        ledger.sweep()
        return run_command(argv)

    program._run = command
    clone.wheels = wheels
    load.locked = lambda: {hashlib.sha256(content).hexdigest() for content in contents.values()}
    write.PART = PART
    raise SystemExit(program.main(arguments))


def run(task: dict[str, Any], program: Callable[[list[str]], NoReturn]) -> NoReturn:
    """Become the program."""
    os.setsid()
    for number, name in ((0, os.devnull), (1, task["out"]), (2, task["err"])):
        opened = os.open(name, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin, sys.stdout, sys.stderr = (os.fdopen(n, "rw"[n > 0], buffering=1, closefd=False) for n in range(3))
    os.environ.clear()
    os.environ.update(task["environment"])
    with_names(task["names"])
    if task["waits"]:
        ctypes.CDLL(None).prctl(PR_SET_PTRACER, ANYBODY, 0, 0, 0)  # where only a parent may trace
        os.kill(os.getpid(), signal.SIGSTOP)
    program(task["arguments"])


def main(kind: str) -> None:
    """Load the modules, then run what is asked for, one after the other."""
    sys.path.insert(0, str(Path.cwd()))
    for module in MODULES[kind]:
        importlib.import_module(module)
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    print("ready", file=answers)
    for line in sys.stdin:
        task = json.loads(line)
        child = os.fork()
        if child == 0:
            answers.close()
            run(task, {"lib": lib, "host": host}[kind])
        if task["waits"]:
            os.waitpid(child, os.WUNTRACED)
        print(child, file=answers)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), file=answers)


if __name__ == "__main__":
    main(sys.argv[1])
