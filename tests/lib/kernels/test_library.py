"""Which library a processor takes, and that none of another source runs."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from lib.harness.errors import UserError
from lib.harness.machine import scope
from lib.kernels import library

V3, V4 = scope.X86_64_V3, scope.X86_64_V3 | library.X86_64_V4


@pytest.mark.parametrize(
    ("flags", "machine", "expected"),
    [
        (V3, "x86_64", "x86-64-v3"),
        (V4, "x86_64", "x86-64-v4"),
        (V4 - {"avx512vl"}, "x86_64", "x86-64-v3"),
        (V4 - {"avx2"}, "x86_64", None),
        (set(), "x86_64", None),
        (set(), "aarch64", "armv8-a"),
        (V4, "riscv64", None),
    ],
)
def test_a_processor_takes_the_highest_level_that_it_can_run(
    flags: set[str], machine: str, expected: str | None
) -> None:
    assert library.level(flags, machine) == expected


@pytest.fixture
def place(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a copy of this processor's library, which `library.load` takes, anew at each call."""
    own = library.own_level()
    if own is None:
        pytest.skip("a processor that there are no kernels for")
    shutil.copy(folder / f"{own}.so", tmp_path)
    monkeypatch.setenv(library.FOLDER, str(tmp_path))
    monkeypatch.setattr(library, "path", library.path.__wrapped__)
    monkeypatch.setattr(library, "load", library.load.__wrapped__)
    return tmp_path / f"{own}.so"


def test_a_library_of_the_clones_source_is_loaded(place: Path) -> None:
    compiled = library.load()
    assert compiled is not None
    assert re.fullmatch("[0-9a-f]{64}", library.sha256(compiled))
    assert library.source_sha256() in {None, library.sha256(compiled)}


def test_a_library_of_another_source_is_refused_in_one_line(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "kernels"
    source.mkdir()
    (source / "kernels.c").write_text("int other;\n")
    other = library.source_sha256(source)
    assert other
    monkeypatch.setattr(library, "source_sha256", lambda: other)
    with pytest.raises(UserError, match=rf"compiled from other kernels .*{other[:12]}.*\./invoke build$"):
        library.load()


def test_a_damaged_library_is_refused_in_one_line(place: Path) -> None:
    place.write_bytes(place.read_bytes()[:100])
    with pytest.raises(UserError, match=r"the kernels cannot be loaded .*: \./invoke build$"):
        library.load()


def test_where_there_is_no_library_none_is_loaded(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place.unlink()
    assert library.load() is None
    monkeypatch.delenv(library.FOLDER)
    assert library.load() is None
    monkeypatch.setattr(library, "own_level", lambda: None)
    assert library.load() is None
