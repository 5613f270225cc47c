"""The golden digests of trials that say ``portable:any``: whatever processor this runs on, they are these.

On the highest level torch and NumPy run on whatever code they choose for the processor: nothing of theirs may matter.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
from pathlib import Path

from lib.harness.contract.catalogue import find_labs
from lib.kernels import library
from tests.lib.kernels.portable_trials import TRIALS

ROOT = Path(__file__).resolve().parents[3]
GOLDEN = ROOT / "tests" / "digests" / "portable-any.json"
AGAIN = "python -m tests.lib.kernels.portable_trials > tests/digests/portable-any.json, and say why in the commit"


def measured(folder: Path, *words: str, **variables: str) -> dict[str, str]:
    """The digests as this machine computes them."""
    command = [sys.executable, "-m", "tests.lib.kernels.portable_trials", *words]
    env = {**os.environ, library.FOLDER: str(folder), **variables}
    ran = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=900)
    assert ran.returncode == 0, ran.stderr[-3000:]
    found: dict[str, str] = json.loads(ran.stdout)
    return found


def test_the_digests_are_the_golden_ones(folder: Path, levels: dict[str, ctypes.CDLL]) -> None:
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    for level in levels:
        words = ["--native"] if level == library.own_level() else []
        found = measured(folder, *words, LAB_KERNELS_LEVEL=level)
        different = {name: digest for name, digest in found.items() if golden.get(name) != digest}
        assert not different and found.keys() == golden.keys(), f"{different}; where the kernels have changed: {AGAIN}"


def test_each_function_that_says_any_has_a_golden_trial() -> None:
    import importlib

    said = set()
    for name, entry in find_labs(ROOT).items():
        portable = importlib.import_module(entry.module).LAB.portable
        said |= {(name, key.partition("/")[2]) for key, makers in portable.items() if "any" in makers}
    tested = {(lab, function) for lab, function, _ in TRIALS.values()}
    assert said == tested - {("overfitting", "network")} | {("overfitting", "")}, "all of overfitting's are network"
