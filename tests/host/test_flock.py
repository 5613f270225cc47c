"""Locks: one holder at a time, who holds one is said, and a lock that cannot be had is one line."""

import errno
import fcntl
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from host.bootstrap import flock, paths
from host.machine import instance
from lib.harness.errors import UserError
from tests.host.clone import new_project

OF_ANOTHER_CLONE = """
import sys
from pathlib import Path
from host.bootstrap import environment, paths
from host.machine import instance
instance.STATE = paths.STATE = Path(sys.argv[1])
environment.add("LAB_INSTANCE", sys.argv[2])
with instance.turn("services"):
    print("held", flush=True)
    sys.stdin.readline()
"""
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


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of an instance that clones share on purpose."""
    name = new_project()
    monkeypatch.setenv("LAB_INSTANCE", name)
    monkeypatch.setattr(flock, "PATIENCE", 0.1)
    return name


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has such a lock")
def test_clones_that_share_an_instance_take_turns(
    shared: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each has locks of its own in its .local, so `up` in one and `down` in another ran at the same time."""
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", OF_ANOTHER_CLONE, str(tmp_path / "other"), shared]
    with subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdin
        assert other.stdout
        assert other.stdout.readline() == "held\n"
        lines = []

        def say(line: str) -> None:
            lines.append(line)
            assert other.stdin
            other.stdin.close()

        monkeypatch.setattr(flock, "_say", say)
        with instance.turn("services"):
            assert other.wait() == 0, "it ended before this one had its turn"
    assert lines == [f"Waiting for a command of another clone or user, which holds the lock {shared}/services …"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has such a lock")
def test_a_child_carries_the_lock_on(shared: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with instance.turn("services") as carriers:
        child = subprocess.Popen(["sleep", "600"], pass_fds=carriers)

    def say(line: str) -> None:
        child.kill()

    monkeypatch.setattr(flock, "_say", say)
    with instance.turn("services"):
        assert child.wait() == -signal.SIGKILL


def test_instances_of_their_own_do_not_wait(shared: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with instance.turn("services"):
        monkeypatch.setenv("LAB_INSTANCE", new_project())
        with instance.turn("services"):
            pass
