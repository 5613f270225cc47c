"""The code of a run: a copy of what it imports, wherever that lies, which no later edit changes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from host.bootstrap.paths import ROOT
from host.command import claims
from host.machine import instance, labs_named
from host.runs import code
from lib.harness.contract.catalogue import MINE, PACKAGES
from lib.harness.errors import UserError
from tests.host.clone import copy_clone
from tests.host.options import given

LAB = '{}\nLAB = Lab(name="{}", summary="It shows something")\n'


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the clone whose labs are found and whose code is taken."""
    root = copy_clone(tmp_path / "work" / "clone")
    for folder in (MINE, PACKAGES):
        (root / folder).mkdir(parents=True)
    monkeypatch.setattr(code, "ROOT", root)
    monkeypatch.setattr(labs_named, "ROOT", root)
    monkeypatch.setattr(instance, "STATE", root / ".local")
    monkeypatch.setenv("LAB_CALLER_DIR", str(tmp_path / "work"))
    labs_named._found.cache_clear()
    return root


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_copy_has_all_of_lib_and_stays_as_it_was(clone: Path) -> None:
    file = clone / "lib" / "mlp" / "dropout" / "lab.py"
    before = file.read_bytes()
    (clone / "lib" / ".#editing.py").symlink_to("somebody@a-machine.1")
    with code.of([labs_named.in_container("dropout")]) as taken:
        file.write_bytes(b"raise SystemExit('this is not the code that began')")
        (clone / "lib" / "mlp" / "later.py").write_bytes(b"")
        assert (taken.root / "lib/mlp/dropout/lab.py").read_bytes() == before
        kept = {name for name in files(ROOT / "lib") if "__pycache__" not in name}
        assert files(taken.root / "lib") == kept
        assert taken.mounts == {}
        assert taken.variables()["LAB_CODE_LIB"] == str(taken.root / "lib")
        assert taken.variables()["LAB_CODE_MINE"] == str(clone / MINE)
        first = taken.root
    with code.of() as taken:
        assert taken.root != first
        assert (taken.root / "lib/mlp/later.py").is_file()


def test_a_lab_by_its_path_comes_with_what_it_imports_and_sees_what_lies_beside_it(clone: Path) -> None:
    work = clone.parent
    (work / "mine.py").write_text(LAB.format("import helper\nfrom parts import deep\n", "by-path"))
    (work / "helper.py").write_text("x = 1\n")
    (work / "unused.py").write_text("x = 1\n")
    (work / "parts").mkdir()
    (work / "parts" / "deep.py").write_text("match x = 2\n")  # of a Python that the host does not have
    (work / "parts" / "data.csv").write_text("1")
    (work / "data.csv").write_text("1")
    with code.of([labs_named.in_container("./mine.py")]) as taken:
        for name in ("mine.py", "helper.py", "parts/deep.py"):
            copied = taken.root / "outside" / name
            assert not copied.is_symlink()
            before = copied.read_bytes()
            (work / name).write_text("raise SystemExit('edited')")
            assert copied.read_bytes() == before
        for name in ("data.csv", "parts/data.csv"):
            (work / name).write_text("2")
            assert (taken.root / "outside" / name).read_text() == "2"  # data are not copied
        assert (taken.root / "outside/unused.py").is_symlink()
        inside = {place: folder for folder, place in taken.mounts.items()}
        assert inside == {"/workspace/outside": taken.root / "outside", "/workspace/live/outside": work}
        link = (taken.root / "outside/parts/data.csv").readlink()
        assert os.path.normpath(f"/workspace/outside/parts/{link}") == "/workspace/live/outside/parts/data.csv"
        assert taken.here("/workspace/outside/mine.py") == str(taken.root / "outside/mine.py")
        assert taken.here("--quick") == "--quick"
        assert taken.here("/workspace/outsider") == "/workspace/outsider"


def test_a_lab_in_a_folder_comes_with_that_folder_alone(clone: Path) -> None:
    study = clone.parent / "study"
    study.mkdir()
    (study / "lab.py").write_text(LAB.format("from .model import x", "in-a-folder"))
    (study / "model.py").write_text("x = 1\n")
    with code.of([labs_named.in_container("./study")]) as taken:
        assert files(taken.root / "outside") == {"study/lab.py", "study/model.py"}
        assert taken.mounts[study] == "/workspace/live/outside/study"


def test_ones_own_labs_and_packages_are_copied_when_they_run(clone: Path) -> None:
    (clone / MINE / "own.py").write_text(LAB.format("import theirs.lab", "own"))
    (clone / MINE / "other.py").write_text(LAB.format("", "other"))
    (clone / PACKAGES / "theirs").mkdir()
    (clone / PACKAGES / "theirs" / "__init__.py").write_text("")
    (clone / PACKAGES / "theirs" / "lab.py").write_text("x = 1\n")
    (clone / PACKAGES / "theirs" / "fast.so").write_bytes(b"machine code")
    with code.of([labs_named.in_container("own")]) as taken:
        assert not (taken.root / MINE / "own.py").is_symlink()
        assert (taken.root / MINE / "other.py").is_symlink()
        assert not (taken.root / PACKAGES / "theirs/lab.py").is_symlink()
        assert (taken.root / PACKAGES / "theirs/fast.so").read_bytes() == b"machine code"
        assert taken.variables()["LAB_CODE_MINE"] == str(taken.root / MINE)
        assert set(taken.mounts.values()) == {"/workspace/live/labs/mine", "/workspace/live/labs/packages"}


def test_a_python_of_this_machine_runs_the_copy_wherever_it_starts(clone: Path) -> None:
    """As in local mode: the program starts in the clone, whose lib may have been edited."""
    with code.of() as taken:
        (clone / "lib" / "__init__.py").write_text("raise SystemExit('edited')")
        shown = subprocess.run(
            [sys.executable, "-c", "import fearless_labs, lib; print(lib.__file__)"],
            cwd=clone,
            env={**os.environ, **taken.environment()},
            capture_output=True,
            text=True,
            check=True,
        )
        assert shown.stdout.strip() == str(taken.root / "lib/__init__.py")


def test_a_file_that_cannot_be_read_is_one_line(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(UserError, match=r"lib/.*\.py cannot be read \(Permission denied\): chmod") as error, code.of():
        pass
    assert "\n" not in str(error.value)


def test_an_expected_file_is_copied_for_the_containers_user(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With whatever mode: the caller reads it, and the container's user need not be allowed to."""
    seen = []

    def run_lib(arguments: list[str], _local: bool, mounts: dict[Path, str], **_: object) -> int:
        ((copy, place),) = mounts.items()
        seen.append((copy.read_text(), copy.stat().st_mode & 0o444, arguments[-2:], place))
        return 0

    monkeypatch.setattr(claims, "run_lib", run_lib)
    text = '[{"id": "a", "verdict": "holds"}]'
    (clone.parent / "expected.json").write_text(text)
    (clone.parent / "expected.json").chmod(0o600)
    assert claims.run_claims(given("claims", "", expect="expected.json")) == 0
    assert seen == [(text, 0o444, ["--expect", claims.EXPECTED], claims.EXPECTED)]


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'[{"id": "a"}]', b"\xff", b"[" * 100_000, b'{"a": 1}'])
def test_what_claims_has_not_written_is_refused_by_the_name_that_was_typed(clone: Path, content: bytes) -> None:
    (clone.parent / "expected.json").write_bytes(content)
    with pytest.raises(UserError, match=r"^--expect expected\.json: it must be a file that"):
        claims.run_claims(given("claims", "", expect="expected.json"))
