"""Programs that the host starts: what they print, their time limit, and that nothing of them is left."""

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from host.bootstrap import process
from host.engine import docker
from lib.harness.errors import UserError

WAITS = "import os, signal, sys; print(os.getpid(), flush=True); signal.pause()"


def test_the_output_is_captured_and_standard_input_is_closed() -> None:
    done = process.output([sys.executable, "-c", "import sys; print(repr(input.__name__), len(sys.stdin.read()))"])
    assert (done.returncode, done.stdout, done.stderr) == (0, "'input' 0\n", "")
    assert process.output(["sh", "-c", "printf 'caf\\351' >&2; exit 3"]).stderr == "caf\ufffd"


def test_what_a_program_complains_of_last_is_the_reason() -> None:
    assert process.reason("one\n  two \n\n") == "two"
    assert process.reason("\n") == "it gave no reason"


def test_a_program_that_hangs_is_named_with_its_limit_and_ends_with_its_children(tmp_path: Path) -> None:
    """The limit is what ends it: the shell waits for its child, which waits for a signal."""
    note = tmp_path / "pids"
    note.touch()
    os.mkfifo(tmp_path / "never")
    command = ["sh", "-c", f"sh -c 'echo $$ >> {note}; exec cat {tmp_path}/never' & echo $$ >> {note}; wait"]
    with pytest.raises(process.TimeLimitError, match=r"^sh -c did not end within 0\.5 s"):
        process.output(command, limit=0.5)
    deadline = time.monotonic() + 60
    for stat in [Path(f"/proc/{pid}/stat") for pid in note.read_text(encoding="utf-8").split()]:
        while _lives(stat):  # killed, it needs a processor once more
            assert time.monotonic() < deadline, stat
            time.sleep(0.05)


def _lives(stat: Path) -> bool:
    try:
        return " Z " not in stat.read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_docker_that_hangs_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "never")
    program = tmp_path / "docker"
    program.write_text(f"#!/bin/sh\nexec cat {tmp_path}/never\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(UserError) as error:
        docker.call("version", limit=0.2)
    assert re.fullmatch(r"docker version did not end within 0\.2 s and was stopped: [^\n]+", str(error.value))


def test_a_log_has_all_that_a_program_prints(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert process.logged(["sh", "-c", "echo one; echo two >&2; exit 4"], log, limit=None) == 4
    assert process.logged(["echo", "three"], log, limit=None, append=True) == 0
    assert log.read_text(encoding="utf-8") == "one\ntwo\nthree\n"


def test_a_program_is_read_and_fed_block_by_block() -> None:
    with tempfile.TemporaryFile("w+") as printed:
        with process.feeding(["cat"], printed) as (child, stdin):
            for block in (b"a" * 100_000, b"end\n"):
                stdin.write(block)
        assert child.returncode == 0
        printed.seek(0)
        assert printed.read() == "a" * 100_000 + "end\n"
    with tempfile.TemporaryFile("w+") as errors:
        with process.reading(["sh", "-c", "echo read; echo wrong >&2; exit 5"], errors) as (child, stdout):
            assert stdout.read() == b"read\n"
        assert child.returncode == 5
        errors.seek(0)
        assert errors.read() == "wrong\n"


def test_a_program_that_is_read_ends_when_its_reader_fails() -> None:
    with (
        tempfile.TemporaryFile("w+") as errors,
        pytest.raises(KeyError),
        process.reading([sys.executable, "-c", WAITS], errors) as (child, stdout),
    ):
        stdout.readline()
        raise KeyError
    assert child.returncode == -2  # as Ctrl-C ends it: it removes what it has made


def test_a_program_goes_on_behind_the_command_and_says_so_in_its_log(tmp_path: Path) -> None:
    code = f"""
from pathlib import Path
from host.bootstrap import process
child = process.start(["sh", "-c", "read line < {tmp_path}/gate; echo $line"], Path("{tmp_path}/log"))
print(child.pid)
"""
    os.mkfifo(tmp_path / "gate")
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert Path(f"/proc/{int(done.stdout)}").exists()
    with (tmp_path / "gate").open("w", encoding="utf-8") as gate:
        gate.write("through\n")
    with (tmp_path / "log").open(encoding="utf-8") as log:
        while not (line := log.readline()):
            pass
    assert line == "through\n"
