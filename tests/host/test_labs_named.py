"""A lab by its path on the host: found from where the caller is, mounted read-only, refused where that cannot be."""

import base64
import json
import os
import subprocess
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from host.bootstrap.paths import ROOT
from host.command.place import _on_this_machine
from host.engine import images
from host.machine import instance, labs_named, labs_owner
from host.records import reproduce
from host.records.recorded_image import Choice
from host.runs.code import Code
from host.runs.container import in_container
from lib.harness.errors import UserError
from lib.harness.recording import provenance
from tests.host.conftest import NO_ENGINE, Invoke

LAB = 'LAB = Lab(name="{}", summary="It shows something")\n'


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a lab in a file and one in a folder; the caller is in a folder beside it."""
    folder = tmp_path / "my work"
    (folder / "study").mkdir(parents=True)
    (folder / "mine.py").write_text(LAB.format("mine"))
    (folder / "study" / "lab.py").write_text(LAB.format("my-study"))
    (tmp_path / "caller").mkdir()
    monkeypatch.setenv("LAB_CALLER_DIR", str(tmp_path / "caller"))
    return folder


def test_a_name_needs_no_mount() -> None:
    named = labs_named.in_container("lenet")
    assert (named.word, named.mounts, named.variables) == ("lenet", {}, {})


def test_a_file_comes_with_what_is_beside_it(work: Path) -> None:
    named = labs_named.in_container("../my work/mine.py")
    assert named.word == "/workspace/outside/mine.py"
    assert named.mounts == {work: "/workspace/outside"}
    assert named.variables == {"LAB_CALLED": "../my work/mine.py"}
    assert _on_this_machine(named.word, named.mounts) == str(work / "mine.py")


@pytest.mark.parametrize("word", ["../my work/study", "../my work/study/", "../my work/study/lab.py"])
def test_a_folder_comes_alone(work: Path, word: str) -> None:
    named = labs_named.in_container(word)
    assert named.word == "/workspace/outside/study"
    assert named.mounts == {work / "study": "/workspace/outside/study"}
    assert _on_this_machine(named.word, named.mounts) == str(work / "study")


def test_words_that_name_nothing_of_the_caller_stay_as_they_are() -> None:
    mounts = {Path("/x"): "/workspace/outside"}
    assert _on_this_machine("/workspace/outsider", mounts) == "/workspace/outsider"
    assert _on_this_machine("--quick", mounts) == "--quick"


def test_what_cannot_be_mounted_is_one_line(work: Path) -> None:
    def refused(word: str) -> str:
        with pytest.raises(UserError) as error:
            labs_named.in_container(word)
        assert "\n" not in str(error.value)
        return str(error.value)

    odd = work.parent / "a:b"
    odd.mkdir()
    (odd / "mine.py").write_text(LAB.format("mine"))
    assert "':' in its path" in refused(str(odd / "mine.py"))
    (work / "link.py").symlink_to(odd / "mine.py")
    assert f"name {odd / 'mine.py'}" in refused(str(work / "link.py"))
    with pytest.raises(UserError, match="the whole of /"):
        labs_named._require_mountable("/x.py", Path("/"), Path("/x.py"))


def test_a_lab_in_a_folder_that_only_the_caller_reads_is_refused_for_a_container_alone(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(labs_named, "CONTAINERS_USER", os.getuid() + 1)
    closed = work / "closed"
    closed.mkdir()
    (closed / "mine.py").write_text(LAB.format("mine"))
    closed.chmod(0o700)
    named = labs_named.in_container(str(closed / "mine.py"))
    with pytest.raises(UserError, match=rf"chmod go\+rx {closed}$"):
        in_container(["lab"], labs=[named])
    closed.chmod(0o755)
    (closed / "mine.py").chmod(0o600)
    named.require_readable()


def test_a_broken_lab_costs_no_container(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "half.py").write_text("x = 1\nLAB = = Lab()\n")
    said = {
        "./half.py": "./half.py, line 2: ",
        "nowhere.py": "nowhere.py: there is no such file",
        "./": "./: the folder has no lab.py",
        "lenett": "There is no lab 'lenett'. Nearest: lenet.",
    }
    for word, line in said.items():
        for command in (["lab", word], ["sweep", word, "--trials", "3"]):
            ended = invoke(*command, env=NO_ENGINE, cwd=tmp_path)
            assert (ended.returncode, ended.stdout) == (2, "")
            (only,) = ended.stderr.splitlines()
            assert only.startswith(line)


def test_ones_own_folders_are_there_and_belong_to_the_owner_of_labs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labs = tmp_path / "labs"
    monkeypatch.setattr(labs_owner, "LABS", labs)
    labs_owner.make_folders()
    assert {path.name for path in labs.iterdir()} == {"en", "ko", "mine", "packages"}
    assert {path.stat().st_uid for path in labs.iterdir()} == {labs.stat().st_uid}
    (labs / "packages").rmdir()
    if os.getuid() == 0:
        os.chown(labs, 1000, 1000)
        labs_owner.make_folders()
        assert (labs / "packages").stat().st_uid == 1000


def test_git_leaves_ones_own_labs_alone() -> None:
    root = ROOT
    paths = ["labs/mine/mine.py", "labs/packages/theirs/lab.py"]
    ran = subprocess.run(["git", "check-ignore", *paths], cwd=root, capture_output=True, text=True, check=False)
    assert ran.stdout.split() == paths


def reproduced(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, files: Mapping[str, bytes]
) -> list[tuple[list[str], dict[str, list[str]]]]:
    """What the containers of a reproduction are told, and the files of the folders that are mounted, by their place."""
    called = []

    def in_container(words: list[str], code: AbstractContextManager[Code] | None = None, **_: Any) -> int:
        seen = {}
        with code or nullcontext() as taken:
            for name, place in taken.variables().items() if taken else ():
                if name in {"LAB_CODE_MINE", "LAB_CODE_PACKAGES"}:
                    folder = Path(place)
                    assert folder.stat().st_mode & 0o005 == 0o005
                    seen[name] = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
        called.append((words, seen))
        return 0

    tags = {"lab.name": "mine", "lab.seed": "3", "lab.code_sha256": "c" * 64}
    archives = {"code": base64.b64encode(provenance.archive(files)).decode()}
    record = {"key": "key", "tags": tags, "config": json.loads('{"epochs": 2}'), "archives": archives}
    monkeypatch.setattr(reproduce, "in_container", in_container)
    monkeypatch.setattr(instance, "STATE", tmp_path)
    monkeypatch.setattr(reproduce, "_record", lambda said: record)
    monkeypatch.setattr(reproduce, "choose", lambda *_: Choice(images.Built("sha256:i", "kind", 0, {})))
    assert reproduce.reproduce("key") == 0
    return called


@pytest.mark.usefixtures("without_rooms")
def test_a_recorded_lab_is_installed_where_its_record_is_unpacked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    points = "recorded.dist-info/entry_points.txt"
    files = {"lib/__init__.py": b"", "outside/mine.py": b"", "outside/parts/a.py": b"", f"outside/{points}": b""}
    (words, seen), _ = reproduced(monkeypatch, tmp_path, files)
    assert words[0] == "mine"
    assert seen == {
        "LAB_CODE_PACKAGES": ["mine.py", "parts/a.py", points],
        "LAB_CODE_MINE": [],  # nothing of this machine's
    }


@pytest.mark.usefixtures("without_rooms")
def test_a_lectures_lab_runs_again_without_the_labs_of_this_machine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (_, seen), _ = reproduced(monkeypatch, tmp_path, {"lib/__init__.py": b""})
    assert seen == {"LAB_CODE_PACKAGES": [], "LAB_CODE_MINE": []}


@pytest.mark.parametrize("name", ["outside/../../x.py", "/outside/x.py", "labs/mine/x.py", "outsider/x.py", "x.py"])
def test_files_that_a_record_cannot_have_are_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    with pytest.raises(UserError, match="strange file"):
        reproduced(monkeypatch, tmp_path, {"lib/__init__.py": b"", name: b""})
    assert not list(tmp_path.iterdir())
