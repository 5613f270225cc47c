"""Local mode: said in one line, from the image's lock, with one line where it cannot be."""

import json
import os
import platform
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from host.bootstrap.paths import ROOT
from host.machine import local
from host.machine.uv import uv
from host.runs import without_docker
from lib.harness.errors import UserError
from tests import tiny
from tests.host.clone import PRINTED, addresses, copy_clone, share_venv
from tests.host.conftest import NO_ENGINE, Invoke
from tests.host.kernels.support import require


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    return share_venv(copy_clone(tmp_path / "clone"))


def test_no_engine_is_said_and_what_cannot_be_had_is_one_line(clone: Path, invoke: Invoke) -> None:
    nothing: dict[str, str | None] = {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull, "PIP_FIND_LINKS": None}
    nothing["XDG_CACHE_HOME"] = str(clone / ".local" / "cache")
    outcome = invoke("lab", "optimizers", "--quick", root=clone, env=NO_ENGINE | nothing)
    said = outcome.stderr.splitlines()
    assert outcome.returncode == 2
    assert outcome.stdout == ""
    assert "No Docker engine answers" in said[0]
    assert "local mode" in said[0]
    assert "Could not make .local/venv" in said[-1]
    assert len(said) == 3
    assert not (clone / ".local" / "venv" / "stamp").exists()


@pytest.mark.parametrize("here", [("Linux", "aarch64"), ("Darwin", "arm64"), ("Darwin", "x86_64")], ids=" ".join)
def test_another_machine_is_told_what_is_needed_before_anything_is_downloaded(
    here: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "system", lambda: here[0])
    monkeypatch.setattr(platform, "machine", lambda: here[1])
    monkeypatch.setattr(local, "VENV", tmp_path / "venv")
    with pytest.raises(UserError, match=f"needs Linux on x86-64, and this is {here[0]} on {here[1]}"):
        without_docker.run(["labs"])
    assert list(tmp_path.iterdir()) == []


def test_pythons_that_do_not_run_or_are_others_are_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken, other, right = tmp_path / "broken", tmp_path / "other", tmp_path / "right"
    broken.write_text("#!/bin/sh\necho 'pyenv: command not found' >&2\nexit 127\n", encoding="utf-8")
    other.write_text("#!/bin/sh\necho /usr/bin/python3.12\nexit 1\n", encoding="utf-8")
    right.write_text("#!/bin/sh\necho /opt/python3.11\n", encoding="utf-8")
    for script in (broken, other, right):
        script.chmod(0o755)
    monkeypatch.setattr(local, "CANDIDATES", ("nowhere/python", str(broken), str(other), str(right)))
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    assert local.python311() == "/opt/python3.11"
    monkeypatch.setattr(local, "CANDIDATES", (str(broken), str(other)))
    with pytest.raises(UserError, match=r"Python 3\.11"):
        local.python311()


OWN: dict[str, str | None] = {**NO_ENGINE, "LAB_INSTANCE": None}
"""An environment without an engine, in which the copy is an instance of its own."""


@pytest.mark.slow
def test_a_lab_runs_and_is_tracked_without_an_engine(clone: Path, invoke: Invoke) -> None:
    outcome = invoke("lab", "mlp", "--quick", root=clone, env=OWN, timeout=1200)
    assert outcome.returncode == 0, outcome.stderr
    with sqlite3.connect(clone / ".local" / "mlflow.db") as database:
        states = {status for (status,) in database.execute("select status from runs")}
        places = {uri for (uri,) in database.execute("select artifact_uri from runs")}
    assert states == {"FINISHED"}
    assert all(uri.startswith((clone / ".local" / "artifacts").as_uri()) for uri in places)
    tables = list((clone / ".local" / "artifacts").rglob("claims.json"))
    assert len(tables) == 1
    assert len(json.loads(tables[0].read_text(encoding="utf-8"))) >= 8

    beside = clone.parent / "by-path.py"
    for word, path in ((os.path.relpath(beside), beside), ("own", clone / "labs" / "mine" / "own.py")):
        tiny.put(path, path.stem)
        outcome = invoke("lab", word, "--quick", root=clone, env=OWN, timeout=1200)
        assert outcome.returncode == 0, outcome.stderr
        assert f"{path.stem}: 4 of 4 trials" in outcome.stdout


@pytest.mark.slow
def test_the_services_run_without_an_engine(clone: Path, invoke: Invoke) -> None:
    outcome = invoke("up", root=clone, env=OWN, timeout=600)
    assert outcome.returncode == 0, outcome.stderr
    assert list(addresses(outcome.stdout)) == PRINTED
    again = invoke("up", root=clone, env=OWN)
    assert again.stdout == outcome.stdout
    assert invoke("down", root=clone, env=OWN).returncode == 0
    assert invoke("down", root=clone, env=OWN).returncode == 2, "nothing is left to stop"
    deleted = invoke("down", "--volumes", root=clone, env=OWN, input=f"{outcome.stdout.split()[-1]}\n")
    assert deleted.returncode == 0, "a clone that was never on an engine needs none"


def test_an_environment_whose_python_is_gone_is_made_again(tmp_path: Path) -> None:
    """After an upgrade of the system the stamp alone was asked, and every command was a traceback."""
    python, stamp = tmp_path / "python", tmp_path / "stamp"
    stamp.write_text("lock\n", encoding="utf-8")
    python.symlink_to("/usr/bin/python3.99")
    assert not local._is_made(python, stamp, "lock\n")
    python.unlink()
    python.touch()
    assert local._is_made(python, stamp, "lock\n")
    assert not local._is_made(python, stamp, "other lock\n")


def test_a_uv_that_may_not_run_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a disk that is mounted noexec: uv is there, and was said not to be."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "uv").touch(mode=0o644)
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(UserError, match=r"bin/uv may not run: its disk is mounted noexec; clone to another one$"):
        uv()


@pytest.fixture
def kernels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of kernels to be compiled, in a clone of its own."""
    source = tmp_path / "docker" / "kernels"
    shutil.copytree(ROOT / "docker" / "kernels", source)
    monkeypatch.setattr(local, "ROOT", tmp_path)
    monkeypatch.setattr(local, "STATE", tmp_path / ".local")
    monkeypatch.setattr(local, "state_path", lambda *parts: tmp_path / parts[-1])
    monkeypatch.setattr(local, "held", lambda name: nullcontext())
    return source


def test_kernels_are_compiled_once_and_again_when_their_source_changes(kernels: Path, tmp_path: Path) -> None:
    require("gcc")
    folder = local._kernels()
    assert folder == tmp_path / ".local" / "kernels"
    times = {path: path.stat().st_mtime_ns for path in folder.glob("*.so")}
    assert times
    assert local._kernels() == folder
    assert {path: path.stat().st_mtime_ns for path in times} == times
    (kernels / "lanes.h").write_text((kernels / "lanes.h").read_text() + "// more\n")
    assert local._kernels() == folder
    assert all(path.stat().st_mtime_ns > time for path, time in times.items())


def test_without_a_compiler_there_are_no_kernels(
    kernels: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name, path=None: None)
    assert local._kernels() is None
    assert capsys.readouterr().err == "", "said where they are asked for"


def test_a_compiler_that_fails_is_one_line_and_torch_computes(
    kernels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    require("gcc")
    (kernels / "kernels.c").write_text("this is no C\n")
    assert local._kernels() is None
    log = tmp_path / "local-kernels.log"
    assert capsys.readouterr().err == f"The kernels could not be compiled, so torch computes (all of it: {log})\n"
    assert "error" in log.read_text()
    log.unlink()
    assert local._kernels() is None
    assert capsys.readouterr().err == "" and not log.exists(), "not tried again on the same source"
    shutil.copy(ROOT / "docker" / "kernels" / "kernels.c", kernels)
    assert local._kernels() == tmp_path / ".local" / "kernels"


def test_of_two_commands_one_compiles_the_kernels(
    kernels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second one waits for the lock and finds them compiled."""
    require("gcc")
    compiled: list[Path | None] = []

    @contextmanager
    def first_the_other(_: str) -> Iterator[None]:
        monkeypatch.setattr(local, "held", lambda name: nullcontext())
        compiled.append(local._kernels())
        times.update({path: path.stat().st_mtime_ns for path in (tmp_path / ".local" / "kernels").glob("*.so")})
        yield

    times: dict[Path, int] = {}
    monkeypatch.setattr(local, "held", first_the_other)
    assert local._kernels() == compiled[0] is not None
    assert times == {path: path.stat().st_mtime_ns for path in times} != {}
