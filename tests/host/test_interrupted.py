"""Commands that a signal ends at any place: what is there before and after is the same.

Containers, networks, volumes, processes, temporary files and .local, but for rows of the ledger, which the next command
removes. The engine is a stand-in whose containers are files; test_interrupted_engine.py has a real one.
"""

import base64
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from host.engine import images
from lib.harness.signals import ENDING
from tests.host.clone import ROOT, copy_clone, new_project, share_venv
from tests.host.test_signals import is_alive, until

MOMENTS = 3
"""Of each command."""
COMMANDS = {
    "up": ("up",),
    "lab": ("lab", "mlp"),
    "build": ("build",),
    "reproduce": ("reproduce", "last:mlp"),
    "report": ("report", "--out", "page.html"),
}


class Room:
    """A copy of the clone with a stand-in engine and a folder for temporary files of its own."""

    def __init__(self, folder: Path):
        self.folder, self.clone, self.engine = folder, share_venv(copy_clone(folder / "clone")), folder / "engine"
        for name in ("labs", ".local"):
            (self.clone / name).mkdir(exist_ok=True)
        (self.clone / ".env").write_text("JUPYTER_TOKEN=0\n")
        (self.clone / ".env").chmod(0o600)
        for name in ("engine/images", "bin", "tmp"):
            (folder / name).mkdir(parents=True)
        docker = folder / "bin" / "docker"
        docker.write_text(f'#!/bin/sh\nexec {sys.executable} -I {ROOT}/tests/host/stand_in_docker.py "$@"\n')
        docker.chmod(0o755)
        for image in images.IMAGES:
            labels = {"org.fearless-labs.lock": image.lock_sha256, "org.fearless-labs.docker": images.docker_sha256()}
            number = f"sha256:{image.target:0>64}"
            facts = json.dumps([{"Id": number, "Size": 1, "Config": {"Labels": labels}, "RootFS": {}}])
            for name in (image.name, number):
                (self.engine / "images" / name.replace("/", "_")).write_text(facts)
        (self.engine / "record.json").write_text(json.dumps(record()))
        self.variables = os.environ | {
            "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "STAND_IN": str(self.engine),
            "TMPDIR": str(folder / "tmp"),
            "LAB_INSTANCE": new_project(),
            "LAB_CALLER_DIR": str(self.clone),
        }

    def run(self, *command: str, place: int = 0, number: int = signal.SIGTERM) -> tuple[str, str]:
        """Run a command, with a signal at that place. Returns kill_at's note and what was written to stderr."""
        note = self.folder / "note"
        note.write_text("")
        program = [str(self.clone / ".venv" / "bin" / "python"), str(ROOT / "tests" / "host" / "kill_at.py")]
        done = subprocess.run(
            [*program, str(place), str(number), str(note), *command],
            cwd=self.clone,
            env=self.variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        sent = note.read_text()
        if place and sent == "sent":
            assert done.returncode in (128 + number, -number, 2), done
            assert "Traceback" not in done.stderr, done.stderr
        return sent, done.stderr

    def state(self) -> set[str]:
        """All that is there. Logs, locks and the ledger itself are the clone's own."""
        mark = f"STAND_IN={self.engine}".encode()
        processes = [int(path.name) for path in Path("/proc").glob("[0-9]*")]
        processes = [pid for pid in processes if mark in environment(pid)]
        made = [path for path in self.engine.rglob("*") if path.is_file()]
        seen = [*made, *(self.folder / "tmp").rglob("*"), *self.clone.glob("*")]
        return {*local_state(self.clone), *map(str, seen), *(f"process {pid}" for pid in processes if is_alive(pid))}

    def rows(self) -> str:
        """The ledger."""
        return "".join(file.read_text() for file in (self.clone / ".local" / "ledger").glob("*"))


def local_state(clone: Path) -> set[str]:
    """The content of .local but for what a command keeps for the next one: logs, locks, ledger, ports, snapshots."""
    kept = ("locks", "logs", "ledger", "instances", "code", "ports.json", "engine")
    folders = (clone / ".local", *(clone / ".local" / "instances").glob("*"))
    return {str(path) for folder in folders for path in folder.glob("*") if path.name not in kept}


def environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []


def record() -> dict[str, object]:
    """The record of a run that `reproduce` runs again."""
    code = io.BytesIO()
    with tarfile.open(fileobj=code, mode="w:gz") as archive:
        member = tarfile.TarInfo("lib/__init__.py")
        archive.addfile(member, io.BytesIO())
    tags = {
        "lab.name": "mlp",
        "lab.seed": "1",
        "lab.image": f"sha256:{images.LAB.target:0>64}",
        "lab.lock_sha256": images.LAB.lock_sha256,
        "lab.code_sha256": "0" * 64,
        "lab.framework": "numpy",
    }
    archives = {"code": base64.b64encode(code.getvalue()).decode()}
    return {"key": "20260101-000000-mlp-abcdef", "tags": tags, "config": {}, "archives": archives}


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Room:
    return Room(tmp_path_factory.mktemp("interrupted"))


def until_processes_end(room: Room, before: set[str]) -> None:
    """Wait for what goes on behind a command: processes that were not there before it."""
    until(lambda: not {one for one in room.state() - before if one.startswith("process")})


def assert_nothing_is_left(room: Room, command: tuple[str, ...], place: int, number: int) -> None:
    before = room.state()
    sent, _ = room.run(*command, place=place, number=number)
    assert sent == "sent", "the command does not reach this place"
    until_processes_end(room, before)
    left, rows = room.state() - before, room.rows()
    assert not [
        one for one in left if Path(one).name not in rows and not any(p.name in rows for p in Path(one).parents)
    ]
    room.run("--list")
    ended = {one for one in before if one.startswith("process")}  # of the command before, after its end
    assert room.state() ^ before <= ended
    assert room.rows() == ""


@pytest.mark.parametrize("name", COMMANDS)
def test_nothing_is_left_of_a_command_that_a_signal_ends(room: Room, name: str) -> None:
    before = room.state()
    places = int(room.run(*COMMANDS[name])[0])
    assert places > 200
    until_processes_end(room, before)  # a lab does not wait for the one that starts MLflow
    for path in room.state() - before:  # a whole command leaves what it was called for
        shutil.rmtree(path) if Path(path).is_dir() else Path(path).unlink(missing_ok=True)
    choose = random.Random(name)
    # the last ones are the end of the command, when `up` keeps what does not answer for a look at its log
    for index, place in enumerate(choose.sample(range(40, places * 9 // 10), MOMENTS)):
        assert_nothing_is_left(room, COMMANDS[name], place, ENDING[index % len(ENDING)])
