"""Starts programs: each with a time limit, standard input closed, in a process group that ends whole.

`output` gives what a short program prints, `logged` writes it to a file, `shown` leaves it on the terminal, `reading`
and `feeding` stream bytes from and to a program, `start` lets it run behind this command. A program that takes keys and
signals is `host.bootstrap.foreground`. Without an `env` a program gets the honoured variables of the caller alone
(`host.bootstrap.environment`); with one, exactly that.
"""

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from host.bootstrap import environment
from lib.harness.errors import UserError

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
    with subprocess.Popen(
        command,
        env=environment.caller() if env is None else env,
        cwd=cwd,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=stderr,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    ) as child:
        try:
            printed, complaint = child.communicate(timeout=limit)
        except BaseException as error:
            _stop(child)
            _refuse_late(error, command, name)
            raise
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
    with log.open("a" if append else "w", encoding="utf-8") as stream:
        child = subprocess.Popen(
            command,
            env=environment.caller() if env is None else env,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            return child.wait(timeout=limit)
        except BaseException as error:
            _stop(child)
            _refuse_late(error, command, "")
            raise


def shown(
    command: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: int | None = subprocess.DEVNULL,
    stdout: IO[str] | None = None,
) -> int:
    """Exit code of `command`, whose output is shown as it comes: no time limit, for the user sees it and has Ctrl-C."""
    return subprocess.run(
        command,
        env=environment.caller() if env is None else env,
        cwd=cwd,
        stdin=stdin,
        stdout=stdout,
        check=False,
    ).returncode


@contextmanager
def reading(
    command: Sequence[str], errors: IO[Any], *, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
    """A program and its standard output; after the block it has ended. No time limit: bytes flow at a disk's speed.

    `errors`: the file that takes its standard error. It is stopped when the block raises.
    """
    child = subprocess.Popen(
        command,
        env=environment.caller() if env is None else env,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=errors,
        start_new_session=True,
    )
    assert child.stdout
    try:
        yield child, child.stdout
    except BaseException:
        _stop(child)
        raise
    finally:
        child.stdout.close()
        child.wait()


@contextmanager
def feeding(command: Sequence[str], output: IO[Any]) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
    """A program and its standard input, as `reading`; `output`: the file that takes all that it prints."""
    child = subprocess.Popen(
        command,
        env=environment.caller(),
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=output,
        start_new_session=True,
    )
    assert child.stdin
    try:
        yield child, child.stdin
    except BaseException:
        _stop(child)
        raise
    finally:
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
) -> subprocess.Popen[bytes]:
    """A program that goes on behind this command, in a session of its own, its output in the file `log`."""
    with log.open("a" if append else "w", encoding="utf-8") as stream:
        return subprocess.Popen(
            command,
            env=environment.caller() if env is None else env,
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


def _stop(child: subprocess.Popen[Any]) -> None:
    """End a program and all that it has started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(child.pid, number)
        with suppress(subprocess.TimeoutExpired):
            child.wait(timeout=GRACE)
            break
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)


def _refuse_late(error: BaseException, command: Sequence[str], name: str) -> None:
    """Raises `TimeLimitError` in the place of subprocess's own."""
    if isinstance(error, subprocess.TimeoutExpired):
        name = name or " ".join(command[:2])
        raise TimeLimitError(
            f"{name} did not end within {error.timeout:g} s and was stopped: run it by hand to see what it waits for"
        ) from None
