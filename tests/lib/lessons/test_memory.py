"""The line on a kernel that ran out of memory, from files as Linux keeps them for a container."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lib.lessons import memory

GIB = 2**30


@pytest.fixture(params=[2, 1], ids=["version 2", "version 1"])
def cgroup(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """A container with 8 GiB, of which 1.5 are in use and 0.5 are a cache; the version of its control groups."""
    monkeypatch.setattr(memory, "CGROUP", tmp_path / "cgroup")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("JPY_SESSION_NAME", "/workspace/labs/mine/ko/04-dropout.ipynb")
    version = int(request.param)
    at = 2 - version
    (tmp_path / "cgroup" / memory.LIMITS[at]).parent.mkdir(parents=True)
    (tmp_path / "cgroup" / memory.LIMITS[at]).write_text(f"{8 * GIB}\n")
    total, statistics = memory.USES[at]
    (tmp_path / "cgroup" / total).write_text(f"{2 * GIB}\n")
    (tmp_path / "cgroup" / statistics).write_text(f"anon {GIB}\ninactive_file {GIB // 2}\n")
    ended(version, 0)
    return version


def ended(version: int, count: int) -> None:
    """Let Linux have ended so many processes for their memory."""
    more = "low 0\noom 9" if version == 2 else "oom_kill_disable 0\nunder_oom 0"
    (memory.CGROUP / memory.EVENTS[2 - version]).write_text(f"{more}\noom_kill {count}\n")


def of_another_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the note be one of a kernel that is no longer there."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    note = memory._note()
    content = json.loads(note.read_text(encoding="utf-8"))
    note.write_text(json.dumps({**content, "kernel": [gone.pid, 1]}), encoding="utf-8")


def test_one_that_was_ended_for_its_memory_is_said_once(cgroup: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert memory.last_kernel_died("ko") is None
    of_another_kernel(monkeypatch)
    ended(cgroup, 1)
    line = memory.last_kernel_died("ko")
    assert line is not None
    assert "메모리가 부족" in line and "LAB_MEMORY: 8 GiB" in line
    assert memory.last_kernel_died("ko") is None
    of_another_kernel(monkeypatch)
    ended(cgroup, 2)
    assert "ran out of memory (LAB_MEMORY: 8 GiB)" in str(memory.last_kernel_died("en"))


def test_one_that_ended_otherwise_is_not(cgroup: int, monkeypatch: pytest.MonkeyPatch) -> None:
    ended(cgroup, 3)
    assert memory.last_kernel_died("ko") is None, "before there was a note"
    of_another_kernel(monkeypatch)
    assert memory.last_kernel_died("ko") is None, "nothing more was ended for its memory"


def test_a_program_of_the_kernel_that_was_ended_is_not_the_kernel(cgroup: int) -> None:
    """A worker of a lab, say; the kernel lives, and the cell runs again."""
    assert memory.last_kernel_died("ko") is None
    ended(cgroup, 1)
    assert memory.last_kernel_died("ko") is None


def test_another_notebooks_kernel_is_another_one(cgroup: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert memory.last_kernel_died("ko") is None
    of_another_kernel(monkeypatch)
    ended(cgroup, 1)
    monkeypatch.setenv("JPY_SESSION_NAME", "/workspace/labs/mine/ko/17-bert.ipynb")
    assert memory.last_kernel_died("ko") is None


KILLED = "os.kill(os.getpid(), 9)"
FORKED = "pid = os.fork(); pid or sys.exit(); os.waitpid(pid, 0)"


@pytest.mark.parametrize(("how", "left"), [("pass", False), (KILLED, True), (f"{FORKED}; {KILLED}", True)])
def test_a_kernel_that_ends_in_good_order_leaves_no_note(cgroup: int, tmp_path: Path, how: str, left: bool) -> None:
    """The end of a process that it has forked is not its own."""
    lines = (
        "import os, pathlib, sys",
        "from lib.lessons import memory",
        f"memory.CGROUP = pathlib.Path('{memory.CGROUP}')",
        "memory.last_kernel_died('en')",
        how,
    )
    ended_with = subprocess.run(
        [sys.executable, "-c", "; ".join(lines)], env={**os.environ, "TMPDIR": str(tmp_path)}, check=False, timeout=60
    )
    assert ended_with.returncode == (-9 if left else 0)
    assert memory._note().exists() is left


def test_what_is_in_use_is_without_the_cache(cgroup: int) -> None:
    assert memory.in_use("en") == "Memory: 1.5 GiB of 8 GiB in use"
    assert memory.in_use("ko") == "메모리: 8 GiB 중 1.5 GiB 사용 중"


def test_without_a_container_nothing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "CGROUP", tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nothing is written here"))
    assert memory.last_kernel_died("ko") is None
    assert memory.in_use("ko") is None
    (tmp_path / "memory.max").write_text("max\n")
    assert memory.limit() is None


@pytest.mark.parametrize("content", ["", "[]", '{"kernel": 1, "count": 2}', '{"kernel": ["a", "b"], "count": 2}'])
def test_a_note_that_is_no_note_is_none(cgroup: int, content: str) -> None:
    memory._note().parent.mkdir()
    memory._note().write_text(content, encoding="utf-8")
    ended(cgroup, 1)
    assert memory.last_kernel_died("ko") is None
