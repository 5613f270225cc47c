"""./invoke itself: finds a Python that runs, makes .venv once, mends a broken one, works from anywhere."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.host.clone import command, copy_clone, share_venv
from tests.host.conftest import NO_ENGINE, Invoke, one_line


@pytest.fixture(scope="module")
def korean(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a terminal in EUC-KR, a locale made for the tests; empty where no sources of locales are."""
    folder = tmp_path_factory.mktemp("locales")
    make = ["localedef", "--no-archive", "-i", "ko_KR", "-f", "EUC-KR", str(folder / "ko_KR.EUC-KR")]
    made = shutil.which(make[0]) and subprocess.run(make, capture_output=True, check=False).returncode == 0
    return {"LOCPATH": str(folder), "LC_ALL": "ko_KR.EUC-KR"} if made else {}


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory, korean: dict[str, str]) -> Path:
    """A fresh copy in a folder with a space and Hangul in its name, its .venv made by two commands that start at once.

    They start in a Korean locale of old, in which Python by itself does not find what is in such a folder.
    """
    root = copy_clone(tmp_path_factory.mktemp("a b") / "the clone 실습")
    settings = {
        "env": os.environ | korean,
        "stdin": subprocess.DEVNULL,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "text": True,
    }
    starts = [subprocess.Popen(command(root, "--list"), **settings) for _ in range(2)]  # type: ignore[call-overload]
    lines: list[str] = []
    for start in starts:
        out, err = start.communicate(timeout=600)
        assert start.returncode == 0, err
        assert "claims" in out
        lines += err.splitlines()
    assert len(lines) < len(starts), lines  # the one that waits for more than 2 s says for whom
    assert all(line.startswith("Waiting for `./invoke --list` (") and "the lock venv" in line for line in lines), lines
    return root


def tools(folder: Path, **scripts: str) -> str:
    """A PATH with bash's needs and these scripts only."""
    folder.mkdir()
    (folder / "dirname").symlink_to("/usr/bin/dirname")
    (folder / "bash").symlink_to("/usr/bin/bash")
    for name, script in scripts.items():
        (folder / name.replace("_", ".")).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        (folder / name.replace("_", ".")).chmod(0o755)
    return str(folder)


def test_two_first_starts_make_it_once(clone: Path) -> None:
    assert (clone / ".venv" / "stamp").exists()


def test_from_another_folder(clone: Path, invoke: Invoke, tmp_path: Path) -> None:
    assert invoke("--list", root=clone, cwd=tmp_path).returncode == 0


def test_relative_paths_are_the_callers(clone: Path, invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "expected.json").write_text("[]", encoding="utf-8")
    found = invoke("claims", "--expect", "other.json", root=clone, cwd=tmp_path)
    assert "--expect other.json" in one_line(found)


@pytest.mark.slow
def test_an_emptied_environment_is_made_again(clone: Path, invoke: Invoke) -> None:
    shutil.rmtree(clone / ".venv" / "lib")
    outcome = invoke("--list", root=clone)
    assert (outcome.returncode, outcome.stderr) == (0, "")


@pytest.mark.parametrize("depth", [1, 2])
def test_through_a_link(clone: Path, tmp_path: Path, depth: int) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "first").symlink_to(command(clone)[0])
    (tmp_path / "bin" / "second").symlink_to("../first")
    link = (tmp_path / "first", tmp_path / "bin" / "second")[depth - 1]
    done = subprocess.run([str(link), "--version"], cwd="/", capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert {path.name for path in tmp_path.iterdir()} == {"bin", "first"}


def test_closed_standard_streams_are_no_traceback(clone: Path) -> None:
    script = f'"{clone}/invoke" down --volumes <&-; echo $?; "{clone}/invoke" --list >&-; echo $?'
    environment = os.environ | NO_ENGINE | {"LAB_INSTANCE": "fearless-test-streams"}
    done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["2", "0"]
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_lock_that_cannot_be_had_is_one_line_and_mended_by_one_that_can(clone: Path, invoke: Invoke) -> None:
    lock = clone / "docker" / "requirements" / "host.txt"
    locked = lock.read_text(encoding="utf-8")
    lock.write_text(f"invoke==0.0.1 --hash=sha256:{'0' * 64}\n", encoding="utf-8")
    line = one_line(invoke("--list", root=clone, env={"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull}))
    assert "docker/requirements/host.txt" in line
    assert "invoke==0.0.1" in line
    lock.write_text(locked, encoding="utf-8")
    (clone / ".venv" / "bin" / "python").unlink()
    assert invoke("--list", root=clone).returncode == 0


def test_pythons_that_do_not_run_are_passed_over(tmp_path: Path) -> None:
    root = copy_clone(tmp_path / "clone")
    (root / "host" / "__main__.py").write_text("import sys; print(sys.executable)\n", encoding="utf-8")
    python = getattr(sys, "_base_executable", sys.executable)
    path = tools(
        tmp_path / "tools",
        python3="echo 'pyenv: python3: command not found' >&2; exit 127",
        python3_14="exit 1",
        python3_12=f"exec '{python}' \"$@\"",
    )
    outcome = subprocess.run(command(root), env={"PATH": path}, capture_output=True, text=True, check=False)
    assert (outcome.returncode, outcome.stderr) == (0, "")
    assert outcome.stdout.strip() == os.path.realpath(python) or Path(outcome.stdout.strip()).exists()


def test_no_python_that_runs_is_one_line(tmp_path: Path) -> None:
    path = tools(tmp_path / "tools", python3="exit 127", python="exit 1")
    root = copy_clone(tmp_path / "clone")
    outcome = subprocess.run(command(root), env={"PATH": path}, capture_output=True, text=True, check=False)
    assert "Python 3.10 or newer" in one_line(outcome)


def test_an_old_korean_locale_and_names_in_hangul(invoke: Invoke, tmp_path: Path, korean: dict[str, str]) -> None:
    """Python did not find `host` in such a folder, and git's answer about such a file was no text."""
    if not korean:
        missing = pytest.fail if os.environ.get("CI") else pytest.skip
        missing("no sources of locales here (Debian: apt install locales)")
    root = share_venv(copy_clone(tmp_path / "실습", history=True))
    (root / "lib" / "실험.py").touch()
    outcome = invoke("labs", root=root, env=NO_ENGINE | korean)
    assert (outcome.returncode, outcome.stderr) == (0, "")
    assert "optimizers" in outcome.stdout
    code = "from host.machine import git; print(git.untracked())"
    python = [str(root / ".venv" / "bin" / "python"), "-X", "utf8", "-c", code]
    done = subprocess.run(python, cwd=root, env=os.environ | korean, capture_output=True, text=True, check=True)
    assert ast.literal_eval(done.stdout).count("lib/실험.py") == 1
