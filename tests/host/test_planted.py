"""The planted bugs: thirty, each of which applies to the clone as it is and is a program that can run."""

import ast
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.host.clone import ROOT
from tests.torture import planted
from tests.torture.campaign import COMMANDS
from tests.torture.planted import Patch

PATCHES = planted.patches()


def touched(patch: Patch) -> list[str]:
    """The files that a patch changes."""
    return re.findall(r"^\+\+\+ b/(\S+)", patch.file.read_text(encoding="utf-8"), re.MULTILINE)


def test_there_are_thirty_and_half_of_them_are_the_reviews() -> None:
    assert [patch.name[:2] for patch in PATCHES] == [f"{number:02}" for number in range(1, 31)]
    reviewed = {entry for patch in PATCHES for entry in re.findall(r"\(review: (\w+ D?\d+)\)", patch.wrong)}
    assert len(reviewed) >= 15
    assert len({patch.kind for patch in PATCHES}) >= 10


@pytest.mark.parametrize("patch", PATCHES, ids=lambda patch: patch.name)
def test_a_patch_applies_and_what_it_makes_can_be_parsed(patch: Patch, tmp_path: Path) -> None:
    files = touched(patch)
    assert files
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    assert planted.apply(patch, tmp_path) == ""
    for name in files:
        changed = (tmp_path / name).read_bytes()
        assert changed != (ROOT / name).read_bytes()
        ast.parse(changed)
    assert planted.apply(patch, tmp_path) != "", "a patch that does not apply is an error"


@pytest.mark.parametrize("patch", PATCHES, ids=lambda patch: patch.name)
def test_a_patch_names_what_may_find_it(patch: Patch) -> None:
    for tried in patch.tried:
        word, *names = tried.split()
        if word == "faults":
            assert set(names) <= set(COMMANDS)
        else:
            assert word == "simulation" or (ROOT / word).is_file(), tried


@pytest.mark.parametrize("text", ["", "# a bug\n", "# sync missing: it is lost\n--- a/x\n", "diff --git a/x b/x\n"])
def test_a_patch_without_a_header_is_an_error(text: str, tmp_path: Path) -> None:
    (tmp_path / "01-x.patch").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"01-x\.patch"):
        planted.read(tmp_path / "01-x.patch")


@pytest.mark.parametrize(
    ("tried", "code", "printed", "by"),
    [
        ("simulation", 1, "LOST a point\n     again: ./invoke torture --replay simulation:7\n", "simulation:7"),
        ("simulation", 0, "9 schedules\n", ""),
        ("simulation", 1, "Traceback\n", ""),
        ("faults lab", 1, "     again: ./invoke torture --replay 'lab:write:a b:1:EIO'\n", "lab:write:a b:1:EIO"),
        ("tests/host/test_a.py", 1, "..F\nFAILED tests/host/test_a.py::test_b - x\n", "tests/host/test_a.py::test_b"),
        ("tests/host/test_out.py", 2, "ERROR: no such option\n", ""),
        ("tests/host/test_out.py", 0, "3 passed\n", ""),
    ],
)  # fmt: skip
def test_only_what_fails_has_found_a_bug(tried: str, code: int, printed: str, by: str) -> None:
    done = subprocess.CompletedProcess(["python"], code, printed, "")
    assert planted.finding(tried, done)[0] == by
