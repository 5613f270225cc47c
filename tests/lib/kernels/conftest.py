"""The kernels to be tested: those of ``LAB_KERNELS``, as in an image, or compiled from docker/kernels."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from lib.kernels import library


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the libraries. Skips where there are none and no compiler, as local mode may have it."""
    given = os.environ.get(library.FOLDER)
    if given:
        return Path(given)
    if shutil.which("gcc") is None:
        pytest.skip("no kernels here, and no gcc")
    made = tmp_path_factory.mktemp("kernels")
    subprocess.run(["sh", str(library.SOURCE / "build.sh"), str(made)], check=True, timeout=300)
    return made


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
    own = str(library.own_level())
    monkeypatch.setattr(library, "path", lambda: folder / f"{own}.so")
    monkeypatch.setattr(library, "load", lambda: levels[own])
    return levels[own]
