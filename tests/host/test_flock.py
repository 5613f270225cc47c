"""Locks: one holder at a time, who holds one is said, and a lock that cannot be had is one line."""

import errno
import fcntl
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from host.bootstrap import flock, paths
from lib.harness.errors import UserError

HOLDER = """
import sys
from host.bootstrap import flock, paths
from pathlib import Path
paths.STATE = Path(sys.argv[1])
sys.argv = ["host", "build", "--gpu"]
with flock.held("build"):
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(paths, "STATE", tmp_path / ".local")
    return tmp_path / ".local"


def test_a_command_that_waits_says_for_whom_and_goes_on(
    state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(flock, "PATIENCE", 0.1)
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", HOLDER, str(state)]
    with subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout
        assert holder.stdin
        assert holder.stdout.readline() == "held\n"
        said = threading.Event()

        def say(line: str) -> None:
            print(line, file=sys.stderr)
            said.set()

        monkeypatch.setattr(flock, "_say", say)

        def let_go() -> None:
            said.wait(60)  # one that never says a word gets the lock as well, and fails below
            assert holder.stdin
            holder.stdin.write("\n")
            holder.stdin.flush()

        waiting = threading.Thread(target=let_go)
        waiting.start()
        with flock.held("build"):
            pass
        waiting.join()
    line = capsys.readouterr().err
    assert line.startswith(f"Waiting for `./invoke build --gpu` (process {holder.pid}, since ")
    assert line.endswith("which holds the lock build …\n")


def test_a_lock_that_is_free_is_taken_without_a_word(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with flock.held("build") as opened:
        assert Path(opened.name if isinstance(opened.name, str) else state / "locks" / "build").exists()
    assert capsys.readouterr().err == ""
    assert (state / "locks" / "build").read_text(encoding="utf-8").splitlines()[1] == str(os.getpid())


def test_a_holder_that_left_no_note_is_named_by_the_lock(
    state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(flock, "PATIENCE", 0.0)
    file = paths.state_path("locks", "services")
    with file.open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)

        def say(line: str) -> None:
            print(line, file=sys.stderr)
            other.close()

        monkeypatch.setattr(flock, "_say", say)
        with flock.held("services"):
            pass
    assert capsys.readouterr().err == "Waiting for another command that holds the lock services …\n"


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_disk_without_locks_is_one_line(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Lustre without its option flock, and some disks of virtual machines."""

    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with (
        pytest.raises(UserError, match=r"on a disk without file locks \(.*\): clone to a disk"),
        flock.held("build"),
    ):
        pass


@pytest.mark.parametrize("name", [".local", ".local/locks", ".local/locks/build/"])
def test_a_lock_that_cannot_be_made_is_named(name: str, tmp_path: Path) -> None:
    place = tmp_path / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.mkdir() if name.endswith("/") else place.touch()
    with (
        pytest.raises(UserError, match=r"\.local.*: (Not a|File ex|Is a) ?\w+; mend that"),
        flock.held("build"),
    ):
        pass
