"""Starts programs: each with a time limit, standard input closed, in a process group that ends whole.

`output` gives what a short program prints, `logged` writes it to a file, `shown` leaves it on the terminal, `reading`
and `feeding` stream bytes from and to a program, `start` lets it run behind this command. A program that takes keys and
signals is `host.bootstrap.foreground`. Without an `env` a program gets the honoured variables of the caller alone
(`host.bootstrap.environment`); with one, exactly that.
"""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from host.bootstrap import environment
from lib.harness.errors import UserError
from lib.harness.signals import deferred

ANSWER = 60.0
"""Seconds for a question to a program of this machine; a busy one answers in a few."""
INSTALL = 3600.0
"""Seconds for what downloads and installs packages over a slow link."""
GRACE = 5.0
"""Seconds between asking a program to end and killing it."""


class TimeLimitError(UserError):
    """A program that did not end in time and was stopped."""


def output(
    command: Sequence[str],
    *,
    limit: float | None = ANSWER,
    name: str = "",
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: int | IO[Any] = subprocess.DEVNULL,
    stderr: int | None = subprocess.PIPE,
) -> subprocess.CompletedProcess[str]:
    """Run `command` with its output captured. `name`: of the program in an error, by default its first two words.

    Raises:
        TimeLimitError: it ran for more than `limit` seconds.
        OSError: there is no such program, or it cannot be started.
    """
    with _started(
        command, env=env, cwd=cwd, stdin=stdin, stdout=subprocess.PIPE, stderr=stderr,
        encoding="utf-8", errors="replace",
    ) as child:  # fmt: skip
        try:
            printed, complaint = child.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            raise _late(command, name, limit) from None
    return subprocess.CompletedProcess(list(command), child.returncode, printed, complaint or "")


def logged(
    command: Sequence[str],
    log: Path,
    *,
    limit: float | None,
    append: bool = False,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> int:
    """Exit code of `command`, whose output goes to the file `log`. Raises as `output`."""
    with (
        log.open("a" if append else "w", encoding="utf-8") as stream,
        _started(command, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT) as child,
    ):
        try:
            return child.wait(timeout=limit)
        except subprocess.TimeoutExpired:
            raise _late(command, "", limit) from None


def shown(
    command: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: int | None = subprocess.DEVNULL,
    stdout: IO[str] | None = None,
) -> int:
    """Exit code of `command`, whose output is shown as it comes: no time limit, for the user sees it and has Ctrl-C."""
    with _started(command, env=env, cwd=cwd, stdin=stdin, stdout=stdout, start_new_session=False) as child:
        return child.wait()


@contextmanager
def reading(
    command: Sequence[str], errors: IO[Any], *, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
    """A program and its standard output; after the block it has ended. No time limit: bytes flow at a disk's speed.

    `errors`: the file that takes its standard error. It is stopped when the block raises.
    """
    with _started(command, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors) as child:
        assert child.stdout
        with child.stdout:
            yield child, child.stdout
        child.wait()


@contextmanager
def feeding(command: Sequence[str], output: IO[Any]) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
    """A program and its standard input, as `reading`; `output`: the file that takes all that it prints."""
    with _started(command, stdin=subprocess.PIPE, stdout=output, stderr=output) as child:
        assert child.stdin
        yield child, child.stdin
        with suppress(BrokenPipeError):
            child.stdin.close()
        child.wait()


def start(
    command: Sequence[str],
    log: Path,
    *,
    append: bool = False,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    pass_fds: Sequence[int] = (),
    owner: str = "",
) -> subprocess.Popen[bytes]:
    """A program that goes on behind this command, in a session of its own, its output in the file `log`.

    `owner`: who is to end it when this command is killed (`ledger.processes`); by default it outlives the command.
    """
    variables = environment.caller() if env is None else env
    prepared = {name: value for name, value in variables.items() if name != environment.OWNER}
    with log.open("a" if append else "w", encoding="utf-8") as stream:
        return subprocess.Popen(
            command,
            env=prepared | ({environment.OWNER: owner} if owner else {}),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            pass_fds=pass_fds,
            start_new_session=True,
        )


def reason(complaint: str) -> str:
    """The last line of what a program printed about its failure."""
    lines = [line.strip() for line in complaint.splitlines() if line.strip()]
    return lines[-1] if lines else "it gave no reason"


@contextmanager
def _started(
    command: Sequence[str], *, start_new_session: bool = True, **options: Any
) -> Iterator[subprocess.Popen[Any]]:
    """A program that is stopped with all that it has started when the block raises, which a signal does."""
    child: subprocess.Popen[Any] | None = None
    try:
        options["env"] = environment.caller() if options.get("env") is None else options["env"]
        with deferred():
            child = subprocess.Popen(command, start_new_session=start_new_session, **options)
        yield child
    except BaseException:
        if child is not None:
            with deferred():
                _stop(child, group=start_new_session)
        raise


def _stop(child: subprocess.Popen[Any], *, group: bool) -> None:
    """End a program, with `group` all that it has started: as Ctrl-C does, so that it removes what it has made."""

    def send(number: int) -> None:
        with suppress(ProcessLookupError):
            if group:
                os.killpg(child.pid, number)
            else:
                child.send_signal(number)

    for stream in (child.stdin, child.stdout, child.stderr):
        if stream is not None:
            with suppress(OSError):
                stream.close()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        send(number)
        with suppress(subprocess.TimeoutExpired):
            child.wait(timeout=GRACE)
            break
    limit = time.monotonic() + GRACE
    with suppress(ProcessLookupError):
        while group and time.monotonic() < limit:
            os.killpg(child.pid, signal.SIGKILL)  # until nobody is left
            time.sleep(0.01)


def _late(command: Sequence[str], name: str, limit: float | None) -> TimeLimitError:
    name = name or " ".join(command[:2])
    return TimeLimitError(
        f"{name} did not end within {limit:g} s and was stopped: run it by hand to see what it waits for"
    )
