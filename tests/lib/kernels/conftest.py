"""The kernels to be tested: those of ``LAB_KERNELS``, as in an image, or compiled from docker/kernels."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from lib.kernels import library

Build = Callable[..., Path]


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """A function that compiles the kernels with more flags and returns the folder. Skips where there is no compiler."""

    def compile_them(*flags: str, source: Path = library.SOURCE) -> Path:
        if shutil.which("gcc") is None or not source.is_dir():
            pytest.skip("no compiler here, or no docker/kernels")
        folder = tmp_path_factory.mktemp("kernels")
        variables = {**os.environ, "KERNELS_FLAGS": " ".join(flags)}
        subprocess.run(["sh", str(source / "build.sh"), str(folder)], env=variables, check=True, timeout=300)
        return folder

    return compile_them


@pytest.fixture(scope="session")
def folder(build: Build) -> Path:
    """The folder of the libraries."""
    given = os.environ.get(library.FOLDER)
    return Path(given) if given else build()


@pytest.fixture(scope="session")
def levels(folder: Path) -> dict[str, ctypes.CDLL]:
    """The libraries that this processor can run, by level."""
    own = library.own_level()
    if own is None:
        pytest.skip("a processor that there are no kernels for")
    names = ("x86-64-v3", "x86-64-v4") if own == "x86-64-v4" else (own,)
    return {name: library.opened(folder / f"{name}.so") for name in names}


@pytest.fixture
def chosen(folder: Path, levels: dict[str, ctypes.CDLL], monkeypatch: pytest.MonkeyPatch) -> ctypes.CDLL:
    """The library of this processor, chosen for what computes in this process."""
    monkeypatch.setenv(library.FOLDER, str(folder))
    monkeypatch.setenv("LAB_COMPUTE", "kernels")
    monkeypatch.setattr(library, "path", lambda: folder / f"{library.own_level()}.so")
    monkeypatch.setattr(library, "load", lambda: levels[str(library.own_level())])
    return levels[str(library.own_level())]
