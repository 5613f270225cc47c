"""Signals and the ledger: what a command has begun is undone when it ends, or by the next command when it is killed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lib.harness.signals import ENDING
from tests.host.clone import copy_clone, share_venv

BEGIN = """
import os, signal, sys, time
from pathlib import Path
from typing import Any
from host.bootstrap import ledger, process, signals
"""
PAUSE = "print('ready', flush=True); signal.pause()"


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return share_venv(copy_clone(tmp_path_factory.mktemp("signals") / "clone"))


def start(clone: Path, code: str, **environment: str) -> subprocess.Popen[str]:
    """Start a program in the copy that uses its host/."""
    return subprocess.Popen(
        [sys.executable, "-c", BEGIN + code],
        cwd=clone,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ready(program: subprocess.Popen[str]) -> None:
    assert program.stdout
    line = program.stdout.readline()
    assert line == "ready\n", program.communicate()


def sweep(clone: Path, **environment: str) -> str:
    """The words of the next command about what it sweeps."""
    done = start(clone, "ledger.sweep()", **environment)
    out, err = done.communicate()
    assert (done.returncode, out) == (0, ""), err
    return err


def rows(clone: Path) -> list[dict[str, str]]:
    files = (clone / ".local" / "ledger").glob("*")
    return [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]


def is_alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False


def until(condition: Callable[[], Any]) -> Any:
    """The first value that is true; a failure after two minutes."""
    limit = time.monotonic() + 120
    while not (value := condition()):
        assert time.monotonic() < limit
        time.sleep(0.01)
    return value


@pytest.mark.parametrize("number", ENDING)
def test_a_signal_raises_so_that_what_was_begun_is_undone(clone: Path, tmp_path: Path, number: signal.Signals) -> None:
    code = f"""
signals.install()
try:
    with ledger.folder("work-") as folder, ledger.folder("work-", Path({str(tmp_path)!r})):
        (folder / "file").touch()
        {PAUSE}
except KeyboardInterrupt as error:
    sys.exit(signals.exit_code(error))
"""
    program = start(clone, code)
    ready(program)
    assert len(rows(clone)) == 2
    program.send_signal(number)
    assert program.wait() == 128 + number, program.communicate()
    assert program.communicate() == ("", "")
    assert list((clone / ".local" / "ledger").iterdir()) == []
    assert not [*(clone / ".local").glob("work-*"), *tmp_path.glob("work-*")]


def test_a_signal_that_the_caller_ignores_stays_ignored(clone: Path) -> None:
    """As under nohup: the terminal closes, the command goes on; what it starts in the foreground as well."""
    code = """
from host.bootstrap import foreground
signal.signal(signal.SIGHUP, signal.SIG_IGN)
signals.install()
os.kill(os.getpid(), signal.SIGHUP)
hang_up = "import os, signal; os.kill(os.getppid(), signal.SIGHUP)"
print(foreground.run([sys.executable, "-c", hang_up], os.environ, False, lambda *_: print("delivered")))
"""
    program = start(clone, code)
    assert program.communicate() == ("0\n", "")


def test_a_second_hang_up_does_not_cut_the_clean_up_short_and_a_second_ctrl_c_does(clone: Path) -> None:
    code = """
signals.install()
for number in (signal.SIGHUP, signal.SIGINT):
    try:
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            signal.raise_signal(number)
            print("cleaned up")
    except KeyboardInterrupt as error:
        print(signals.exit_code(error))
    signals.install()
"""
    assert start(clone, code).communicate() == ("cleaned up\n143\n130\n", "")


@pytest.mark.parametrize(
    ("number", "call"),
    [
        (signal.SIGINT, "process.output(CHILD)"),
        (signal.SIGTERM, "process.shown(CHILD)"),
        (signal.SIGHUP, "process.logged(CHILD, Path(os.devnull), limit=None)"),
        (
            signal.SIGINT,
            "from host.bootstrap import foreground; "
            "foreground.run(CHILD, os.environ, False, lambda child, number: child.send_signal(number))",
        ),
    ],
    ids=["output", "shown", "logged", "foreground"],
)
def test_a_signal_while_a_program_is_started_leaves_no_program(
    clone: Path, tmp_path: Path, number: signal.Signals, call: str
) -> None:
    """The signal comes as soon as the program runs, before the command knows it."""
    note = tmp_path / "pid"
    child = f"import os, signal; open({str(note)!r}, 'w').write(str(os.getpid())); os.kill(os.getppid(), {number}); "
    code = f"""
signals.install()
import subprocess
begin = subprocess.Popen.__init__
def until_it_runs(self, *args, **options):
    begin(self, *args, **options)
    while not os.path.exists({str(note)!r}) or not os.path.getsize({str(note)!r}):
        time.sleep(0.01)
    signal.sigtimedwait([], 0)  # lets the handler run here
subprocess.Popen.__init__ = until_it_runs
try:
    CALL
except KeyboardInterrupt as error:
    sys.exit(signals.exit_code(error))
"""
    waiting = ["-c", f"{child}signal.pause()"]
    program = start(clone, code.replace("CALL", call.replace("CHILD", f"[sys.executable, *{waiting!r}]")))
    _, err = program.communicate()
    assert program.returncode == 128 + number, err
    assert not is_alive(int(note.read_text(encoding="utf-8")))


def test_what_a_killed_command_leaves_the_next_one_removes_and_no_other(clone: Path, tmp_path: Path) -> None:
    alive = start(clone, f"with ledger.folder('alive-'):\n    {PAUSE}")
    code = f"""
with ledger.folder("killed-") as folder, ledger.beside(Path({str(tmp_path / "page.html")!r})) as part:
    (folder / "read-only").mkdir(mode=0o500)
    part.write_text("half a page")
    {PAUSE}
"""
    killed = start(clone, code)
    for program in (alive, killed):
        ready(program)
    ours = tmp_path / ".page.html.mine.part"
    ours.touch()
    killed.kill()
    killed.communicate()
    assert len(list(tmp_path.glob(".page.html.*.part"))) == 2
    assert sweep(clone) == ""
    assert [path.name.split("-")[0] for path in (clone / ".local").glob("*-*")] == ["alive"]
    assert list(tmp_path.glob(".page.html*")) == [ours]
    alive.terminate()
    alive.communicate()
    sweep(clone)
    assert rows(clone) == []
    assert not list((clone / ".local").glob("*-*"))


def test_a_program_that_a_killed_command_has_started_ends_with_the_next_one(clone: Path, tmp_path: Path) -> None:
    """One in the foreground, and a service that was not yet noted; one that is meant to go on goes on."""
    note = tmp_path / "pid"
    note.touch()
    code = f"""
waits = [sys.executable, "-c", "import signal; signal.pause()"]
with ledger.folder("killed-"), ledger.processes() as owner:
    service = process.start(waits, Path({str(tmp_path / "log")!r}), owner=owner)
    behind = process.start(waits, Path({str(tmp_path / "log")!r}))
    print(service.pid, behind.pid, flush=True)
    child = "import os, signal; print(os.getpid(), file=open({str(note)!r}, 'w'), flush=True); signal.pause()"
    process.output([sys.executable, "-c", child])
"""
    killed = start(clone, code)
    assert killed.stdout
    service, behind = map(int, killed.stdout.readline().split())
    child = int(until(lambda: note.read_text(encoding="utf-8").strip()))
    killed.kill()
    killed.communicate()
    assert all(map(is_alive, (service, behind, child)))
    sweep(clone)
    until(lambda: not any(map(is_alive, (service, child))))
    assert is_alive(behind)
    os.kill(behind, signal.SIGKILL)


def test_a_copied_clone_removes_nothing_of_the_original(clone: Path, tmp_path: Path) -> None:
    """Its ledger is a copy of that of a command which is at work in the original."""
    alive = start(clone, f"with ledger.folder('alive-', Path({str(tmp_path)!r})):\n    {PAUSE}")
    ready(alive)
    (file,) = (clone / ".local" / "ledger").glob("*.jsonl")
    copy = file.with_name("copy.jsonl")
    shutil.copy(file, copy)
    assert sweep(clone) == ""
    assert len(list(tmp_path.glob("alive-*"))) == 1
    assert is_alive(alive.pid)
    assert not copy.exists()
    alive.terminate()
    alive.communicate()


def test_a_torn_row_names_nothing(clone: Path) -> None:
    folder = clone / ".local" / "ledger"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "0123.jsonl").write_text('{"row": "a", "kind": "later version"}\n{"row": "b", "ki', encoding="utf-8")
    sweep(clone)
    assert list(folder.iterdir()) == []


Docker = Callable[[str], dict[str, str]]


@pytest.fixture
def docker(tmp_path: Path) -> Docker:
    """A `docker` that writes down its calls and fails with a complaint."""

    def make(complaint: str) -> dict[str, str]:
        program = tmp_path / "bin" / "docker"
        program.parent.mkdir(exist_ok=True)
        note = f'echo "$DOCKER_HOST $DOCKER_CERT_PATH $*" >> {tmp_path}/calls'
        script = f'#!/bin/sh\n{note}\necho "{complaint}" >&2\nexit 1\n'
        program.write_text(script, encoding="utf-8")
        program.chmod(0o755)
        return {"PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"}

    return make


def test_a_container_is_asked_of_its_own_engine_until_that_answers(clone: Path, tmp_path: Path, docker: Docker) -> None:
    theirs = {"DOCKER_HOST": "tcp://theirs:2376", "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": "/certificates"}
    killed = start(clone, f"with ledger.container('lab-1'):\n    {PAUSE}", **theirs)
    ready(killed)
    killed.kill()
    killed.communicate()
    sweep(clone, **docker("Cannot connect to the Docker daemon"), DOCKER_HOST="tcp://other:2375")
    assert [row["name"] for row in rows(clone)] == ["lab-1"]
    sweep(clone, **docker("Error response from daemon: No such container: lab-1"))
    assert rows(clone) == []
    calls = (tmp_path / "calls").read_text(encoding="utf-8").splitlines()
    assert calls == ["tcp://theirs:2376 /certificates rm --force lab-1"] * 2
