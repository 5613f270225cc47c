"""A library says of which source it is: of all files that make its bits, the compiler's flags among them."""

import shutil
import subprocess
from pathlib import Path

import pytest

from lib.kernels import library
from tests.host.kernels.support import build, own_level


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A copy of the sources."""
    return Path(shutil.copytree(library.SOURCE, tmp_path / "source"))


def said(folder: Path) -> set[str]:
    """The hashes that the libraries of a folder hold, of those that this processor can load."""
    levels = {own_level(), own_level().replace("v4", "v3")}
    return {library.sha256(library.opened(folder / f"{level}.so")) for level in levels}


@pytest.mark.parametrize("name", ["lanes.h", "build.sh"])
def test_the_hash_is_that_of_the_sources(source: Path, tmp_path: Path, name: str) -> None:
    """One letter more makes another hash, in the library and in what the clone says of its sources."""
    with (source / name).open("a", encoding="utf-8") as file:
        file.write("\n")
    assert said(build(tmp_path / "out", source=source)) == {library.source_sha256(source)} != {library.source_sha256()}


def test_a_compiler_that_fails_leaves_no_library(source: Path, tmp_path: Path) -> None:
    (source / "kernels.c").write_text("this is no C\n", encoding="utf-8")
    with pytest.raises(subprocess.CalledProcessError):
        build(tmp_path / "out", source=source)
    assert not list((tmp_path / "out").glob("*.so"))
