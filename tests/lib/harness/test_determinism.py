"""The process-wide state of trials: set before them, put back at each, and checked. Each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from lib.harness.contract.trial import Runtime
from lib.harness.machine import determinism
from tests.lib.harness.conftest import ROOT


def python(program: str) -> str:
    """Output of a program in the environment of a worker."""
    environment = {**os.environ, **determinism.environment()}
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


BEGIN = """
import random
import numpy as np
from lib.harness.contract.seeds import Seed
from lib.harness.contract.trial import Runtime
from lib.harness.machine import determinism
runtime = Runtime({0!r}, {1!r})
determinism.prepare(runtime)
seed = Seed(0).child("trial", 0)
"""

TORCH = (
    BEGIN.format("torch", "float64")
    + """
import torch
def draw():
    determinism.begin(runtime, seed)
    return random.random(), np.random.rand(), torch.randn(3).tolist(), torch.nn.Linear(2, 2).weight.tolist()
assert draw() == draw()
assert torch.get_num_threads() == torch.get_num_interop_threads() == 1
assert torch.randn(1).dtype == torch.float64
determinism.check_frameworks(runtime)

def refused(spoil, mend):
    spoil()
    try:
        determinism.begin(runtime, seed)
    except AssertionError as error:
        print(error)
    else:
        raise SystemExit("not noticed")
    mend()

refused(lambda: torch.use_deterministic_algorithms(False), lambda: torch.use_deterministic_algorithms(True))
refused(lambda: torch.set_default_dtype(torch.float32), lambda: torch.set_default_dtype(torch.float64))
refused(lambda: torch.set_num_threads(2), lambda: torch.set_num_threads(1))
refused(lambda: torch.set_grad_enabled(False), lambda: torch.set_grad_enabled(True))
draw()
"""
)

KERAS = (
    BEGIN.format("keras", "float64")
    + """
import keras
import tensorflow as tf
def draw():
    determinism.begin(runtime, seed)
    layer = keras.layers.Dense(2)
    out = layer(keras.ops.ones((1, 2)))
    drawn = random.random(), np.random.rand(), float(tf.random.normal(())), float(keras.random.normal(()))
    return drawn, out.numpy().tolist(), layer.name, str(out.dtype)
first = draw()
keras.layers.Dense(2)
assert draw() == first, "names of layers and all generators start again"
assert "float64" in first[-1]
determinism.check_frameworks(runtime)

def refused(spoil, mend):
    spoil()
    try:
        determinism.begin(runtime, seed)
    except AssertionError as error:
        print(error)
    else:
        raise SystemExit("not noticed")
    mend()

refused(lambda: keras.config.set_floatx("float32"), lambda: keras.config.set_floatx("float64"))
refused(lambda: tf.config.run_functions_eagerly(True), lambda: tf.config.run_functions_eagerly(False))
draw()
"""
)


def test_torch_starts_each_trial_from_its_seed_and_notices_what_was_changed() -> None:
    said = python(TORCH).splitlines()
    words = ["deterministic algorithms", "default dtype", "more than one thread", "gradients"]
    assert all(word in line for word, line in zip(words, said, strict=True)), said


def test_keras_starts_each_trial_from_its_seed_and_notices_what_was_changed() -> None:
    said = python(KERAS).splitlines()
    assert ["floatx" in said[0], "tf.function" in said[1]] == [True, True], said


def test_a_framework_that_nobody_named_is_noticed() -> None:
    program = (
        BEGIN.format("numpy", "float32")
        + """
determinism.begin(runtime, seed)
determinism.check_frameworks(runtime)
import torch
try:
    determinism.check_frameworks(runtime)
except RuntimeError as error:
    print(error)
"""
    )
    assert python(program) == "a trial with runtime 'numpy' has loaded torch\n"


def test_threads_and_hashes_are_fixed_before_anything_is_loaded() -> None:
    program = "import os, numpy; print(hash('x'), os.environ['OMP_NUM_THREADS'], os.environ['TF_NUM_INTRAOP_THREADS'])"
    assert len({python(program) for _ in range(3)}) == 1
    assert python(program).split()[1:] == ["1", "1"]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_runtimes_are_pooled_by_framework_and_dtype(dtype: str) -> None:
    assert Runtime("torch", dtype) == Runtime("torch", dtype)  # type: ignore[arg-type]
    assert len({Runtime(f, d) for f in ("numpy", "torch", "keras") for d in ("float32", "float64")}) == 6
