"""The same bits from every build: without optimisation and with, for every level, under sanitizers."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lib.kernels import library
from tests.lib.kernels import support
from tests.lib.kernels.conftest import Build

ROOT = Path(__file__).resolve().parents[3]
TUNED = ("-mtune=haswell", "-mtune=znver3", "-ffp-contract=fast")


def digests(folder: Path, levels: dict[str, ctypes.CDLL]) -> dict[str, str]:
    """By network, the hash of its training, the same on all levels of this folder."""
    found = {}
    for name in support.NETWORKS:
        each = {support.trained(library.opened(folder / f"{level}.so"), name, n=23, epochs=1) for level in levels}
        assert len(each) == 1, name
        found[name] = each.pop()
    return found


@pytest.fixture(scope="module")
def usual(folder: Path, levels: dict[str, ctypes.CDLL]) -> dict[str, str]:
    return digests(folder, levels)


@pytest.mark.parametrize("level", ["-O0", "-O2"])
def test_optimisation_changes_no_bit(
    build: Build, levels: dict[str, ctypes.CDLL], usual: dict[str, str], level: str
) -> None:
    assert digests(build(level), levels) == usual


@pytest.mark.slow
@pytest.mark.parametrize("flag", ["-O1", *TUNED])
def test_no_other_flag_changes_a_bit(
    build: Build, levels: dict[str, ctypes.CDLL], usual: dict[str, str], flag: str
) -> None:
    if flag.startswith("-mtune") and os.uname().machine != "x86_64":
        pytest.skip("a flag of x86-64")
    assert digests(build(flag), levels) == usual


def test_a_build_that_may_reorder_sums_is_refused(build: Build) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        build("-Ofast")


def test_no_sum_runs_lane_by_lane(folder: Path) -> None:
    """Compilers keep the bits and may lose the vectors: fmas of single floats are few beside those of vectors."""
    if shutil.which("objdump") is None:
        pytest.skip("no objdump here")
    for path in folder.glob("x86-64-*.so"):
        lines = subprocess.run(["objdump", "-d", path], capture_output=True, text=True, check=True).stdout.splitlines()
        single, vectors = (sum("\tvfm" in line and kind in line for line in lines) for kind in ("ss ", "ps "))
        assert single < vectors / 4, (path.name, single, vectors)


TRAIN = """
import sys
from pathlib import Path
from lib.kernels import library
from tests.lib.kernels import support
for name in support.NETWORKS:
    for n, batch in ((1, 1), (23, 7), (40, 16)):
        support.trained(library.opened(Path(sys.argv[1])), name, n=n, batch=batch, epochs=1)
import numpy as np
from lib.kernels import functions
compiled = library.opened(Path(sys.argv[1]))
for n in (0, 1, 17):
    x = np.linspace(-200, 200, n, dtype=np.float32)
    for name in ("exp", "log", "sigmoid", "tanh"):
        functions.elementwise(name, x, compiled)
    functions.total(x, compiled)
    functions.product(np.ones((n, 3), np.float32), np.ones((3, n), np.float32), compiled)
    functions.cross_entropy(np.ones((n, 3), np.float32), np.zeros(n, int), compiled)
    functions.mask(n, 0.5, key=1, compiled=compiled)
print("whole")
"""


@pytest.mark.slow
def test_sanitizers_find_nothing(build: Build) -> None:
    """Reads and writes outside of arrays, and what C leaves undefined."""
    folder = build("-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    runtime = subprocess.run(["gcc", "-print-file-name=libasan.so"], capture_output=True, text=True, check=True)
    variables = {**os.environ, "LD_PRELOAD": runtime.stdout.strip(), "ASAN_OPTIONS": "detect_leaks=0"}
    for path in folder.glob("*.so"):
        if path.stem == "x86-64-v4" and library.own_level() != "x86-64-v4":
            continue
        command = [sys.executable, "-c", TRAIN, str(path)]
        ran = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False, timeout=900)
        assert (ran.returncode, ran.stdout) == (0, "whole\n"), ran.stderr[-3000:]
