"""docker/service.py: a service that ends is started again; where that does not help, it is stopped and says why."""

import http.client
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.host.clone import ROOT
from tests.host.images.support import free_port
from tests.host.test_signals import is_alive, until

Keep = Callable[[str], subprocess.Popen[str]]


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def keep(port: int, tmp_path: Path) -> Iterator[Keep]:
    """Keep a service that is a Python program; `starts` has the process id of each start."""
    running: list[subprocess.Popen[str]] = []

    def start(code: str) -> subprocess.Popen[str]:
        note = f"import os, signal, sys, time\nopen({str(tmp_path / 'starts')!r}, 'a').write(f'{{os.getpid()}}\\n')\n"
        service = [sys.executable, "-c", note + code]
        command = [sys.executable, "-I", "-S", str(ROOT / "docker" / "service.py"), "Tea", str(port), "TEA_MEMORY"]
        running.append(subprocess.Popen([*command, *service], stdout=subprocess.PIPE, text=True))
        return running[-1]

    yield start
    for program in running:
        program.terminate()  # it ends its service
        program.communicate(timeout=120)


def starts(tmp_path: Path) -> list[int]:
    return [int(line) for line in (tmp_path / "starts").read_text(encoding="utf-8").splitlines()]


def line_of(program: subprocess.Popen[str], beginning: str) -> str:
    """The first line of the log that begins so."""
    assert program.stdout
    while not (line := program.stdout.readline()).startswith(beginning):
        assert line, "the log has ended"
    return line.strip()


def asked(port: int, method: str = "GET", body: bytes = b"") -> tuple[int, str, str | None]:
    """Status, text and mark of the answer on the service's port; it listens soon after its last line."""

    def ask() -> tuple[int, str, str | None] | None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            connection.request(method, "/api/2.0/mlflow/experiments/search", body)
            answer = connection.getresponse()
            return answer.status, answer.read().decode().strip(), answer.getheader("X-Service-Stopped")
        except ConnectionRefusedError:
            return None
        finally:
            connection.close()

    answered: tuple[int, str, str | None] = until(ask)
    return answered


def test_three_early_ends_stop_it_with_its_last_line(keep: Keep, port: int, tmp_path: Path) -> None:
    program = keep("print('boiling', flush=True); sys.exit('the kettle is empty')")
    line = "Tea was stopped, as it ended 3 times within a minute of its start: the kettle is empty"
    assert line_of(program, "Tea was stopped") == line
    assert len(starts(tmp_path)) == 3
    assert asked(port) == (503, line, "yes")
    assert asked(port, "POST", b"x" * 1_000_000) == (503, line, "yes")
    program.terminate()
    assert program.wait() == 0


@pytest.mark.parametrize(
    ("end", "line"),
    [
        ("sys.exit(0)", "Tea was shut down: ./invoke up starts it again"),
        ("print('a newer database: use another pot'); sys.exit(78)", "a newer database: use another pot"),
    ],
)
def test_an_end_that_is_meant_or_would_come_again_stops_it_at_once(
    keep: Keep, port: int, tmp_path: Path, end: str, line: str
) -> None:
    keep(end)
    assert asked(port) == (503, line, "yes")
    assert len(starts(tmp_path)) == 1


def test_one_that_is_killed_is_started_again(keep: Keep, tmp_path: Path) -> None:
    program = keep("print('ready', flush=True); signal.pause()")
    for number in range(2):
        line_of(program, "ready")
        os.kill(starts(tmp_path)[number], signal.SIGKILL)
        assert line_of(program, "Tea ended") == "Tea ended (exit code -9: ready) and is started again"
    line_of(program, "ready")
    assert len(starts(tmp_path)) == 3


def test_what_it_has_started_ends_with_it(keep: Keep, tmp_path: Path) -> None:
    """A kernel holds the log open and a port; it must not outlive its server."""
    waits = "[sys.executable, '-c', 'import signal; signal.pause()'], start_new_session=True"  # as Jupyter starts one
    kernel = f"import subprocess, sys; k = subprocess.Popen({waits}); "
    program = keep(f"{kernel}print('kernel', k.pid, flush=True); signal.pause()")
    pid = int(line_of(program, "kernel").split()[1])
    os.kill(starts(tmp_path)[0], signal.SIGKILL)
    line_of(program, "Tea ended")
    until(lambda: not is_alive(pid))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_container_stops_it_as_it_ends_itself(keep: Keep, tmp_path: Path, number: signal.Signals) -> None:
    cleans_up = f"signal.signal({number}, lambda *_: sys.exit(5)); print('ready', flush=True); signal.pause()"
    program = keep(cleans_up)
    line_of(program, "ready")
    program.send_signal(number)
    assert program.wait() == 5
    assert len(starts(tmp_path)) == 1
