"""Compiles the kernels and the program that trains with them, here or for another processor, and runs it."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
from pathlib import Path

import pytest

from lib.kernels import library

HERE = Path(__file__).resolve().parent
GOLDEN = HERE.parents[1] / "digests" / "program.json"
FLAGS = ("-std=gnu11", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math", "-fopenmp-simd")
PACKAGES = {
    "gcc": "gcc libc6-dev",
    "objdump": "binutils",
    "qemu-x86_64-static": "qemu-user-static",
    "qemu-aarch64-static": "qemu-user-static",
    "aarch64-linux-gnu-gcc": "gcc-aarch64-linux-gnu libc6-dev-arm64-cross",
}
"""By program: Debian's packages. `.ci/run` installs them."""


def require(*tools: str) -> None:
    """Skip the test where one of these programs is missing; in CI that is a failure."""
    for tool in tools:
        if shutil.which(tool) is None:
            (pytest.fail if os.environ.get("CI") else pytest.skip)(f"no {tool} here (Debian: {PACKAGES[tool]})")


def own_level() -> str:
    """The level of this processor. Skips where there are no kernels for it."""
    own = library.own_level()
    if own is None:
        pytest.skip("a processor that there are no kernels for")
    return own


def require_x86_64() -> None:
    """Skip a test of what only x86-64 has."""
    if platform.machine() != "x86_64":
        pytest.skip("of x86-64")


def build(folder: Path, *flags: str, source: Path = library.SOURCE) -> Path:
    """Compile the libraries with more flags into `folder`, as an image's build does; return it.

    Raises:
        CalledProcessError: the compiler has failed.
    """
    require("gcc")
    variables = {**os.environ, "KERNELS_FLAGS": " ".join(flags)}
    subprocess.run(
        ["sh", str(source / "build.sh"), str(folder)], env=variables, check=True, capture_output=True, timeout=300
    )
    return folder


def program(folder: Path, compiler: str, *flags: str) -> Path:
    """Compile the program with these flags; return its file."""
    require(compiler)
    file = folder / "program"
    source = [f"-I{library.SOURCE}", str(HERE / "program.c"), "-lm", "-o", str(file)]
    subprocess.run([compiler, *FLAGS, *flags, *source], check=True, capture_output=True, timeout=300)
    return file


def hashes(file: Path, *run: str) -> dict[str, str]:
    """The hashes that the program prints, run by an emulator where one is named: by network."""
    require(*run[:1])
    ran = subprocess.run([*run, str(file)], check=False, capture_output=True, text=True, timeout=900)
    assert ran.returncode == 0, ran.stderr[-3000:]
    return dict(line.split() for line in ran.stdout.splitlines())


def golden() -> dict[str, str]:
    """The hashes by network, the same everywhere."""
    found: dict[str, str] = json.loads(GOLDEN.read_text(encoding="utf-8"))
    return found
