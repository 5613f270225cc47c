"""The four levels: against NumPy and torch, against each other, and how their code is counted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lib.data import fashion_mnist
from lib.harness.contract.seeds import Seed
from lib.models import lenet
from lib.tf2.tf2.agreement import (
    AFTER,
    BY_HAND,
    MODES,
    REFERENCE,
    Traces,
    agree,
    arms_of,
    part,
    spread,
    spread_by_mode,
)
from lib.tf2.tf2.levels import LEVELS, lines_of_code, network, source
from tests.lib.tf2.support import Timed

RATE = 0.05
START = lenet.initial_weights(Seed(0))
SPLIT = fashion_mnist.train().first(8)


def tensors(dtype: str, n: int = 8) -> tuple[Any, Any]:
    import tensorflow as tf

    return tf.constant(SPLIT.scaled()[:n, ..., None], dtype), tf.constant(SPLIT.labels[:n], tf.int32)


@pytest.mark.parametrize("level", LEVELS)
def test_logits_are_those_of_numpy(level: str, keras_float64: Any) -> None:
    net = network(level, lenet.keras_weights(START), RATE, False)
    images, _ = tensors("float64")
    wanted = [lenet.layers(START, image)["dense3"] for image in SPLIT.scaled().astype(np.float64)]
    np.testing.assert_allclose(np.asarray(net.logits(images)), wanted, atol=1e-12)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("level", LEVELS)
def test_a_step_is_that_of_torch(level: str, mode: str, keras_float64: Any) -> None:
    import torch

    parameters = {name: torch.tensor(array, requires_grad=True) for name, array in START.items()}
    x = torch.from_numpy(SPLIT.scaled().astype(np.float64))[:, None]
    for i in (1, 2):
        x = torch.conv2d(x, parameters[f"conv{i}.weight"], parameters[f"conv{i}.bias"], padding=2 if i == 1 else 0)
        x = torch.max_pool2d(torch.relu(x), 2)
    x = x.flatten(1)
    for i in (1, 2, 3):
        x = torch.nn.functional.linear(x, parameters[f"dense{i}.weight"], parameters[f"dense{i}.bias"])
        x = torch.relu(x) if i < 3 else x
    loss = torch.nn.functional.cross_entropy(x, torch.from_numpy(SPLIT.labels.astype(np.int64)))
    loss.backward()
    wanted = {name: (p - RATE * p.grad).detach().numpy() for name, p in parameters.items() if p.grad is not None}

    net = network(level, lenet.keras_weights(START), RATE, mode == "compiled")
    assert float(net.step(*tensors("float64"))) == pytest.approx(float(loss.detach()), abs=1e-12)
    for name, array in lenet.named_weights(net.weights()).items():
        np.testing.assert_allclose(array, wanted[name], atol=1e-12, err_msg=name)


def test_four_levels_agree_in_float64(keras_float64: Any) -> None:
    log = Timed()
    found = agree(Seed(1), log, steps=4, batch=8, rate=RATE, dtype="float64")
    assert max(found["apart"]) < 1e-12
    assert found["losses_apart"] < 1e-12 and found["answers_apart"] == 0
    assert found["moved"] > 1e-2 and len(log.values) == 4
    assert {name: array.shape for name, array in log.final.items()} == lenet.SHAPES


@pytest.mark.slow
def test_levels_with_the_same_operations_agree_in_float32_and_are_traced_once_per_size() -> None:
    log = Timed()
    found = agree(Seed(1), log, steps=7, batch=8, rate=RATE, dtype="float32")
    assert max(found["apart_own_kernels"]) < 1e-6
    assert max(found["from_reference"][REFERENCE]) == 0
    assert set(found["from_reference"]) == {f"{level}.{mode}" for level in LEVELS for mode in MODES}
    assert {level: found["traces"][f"{level}.compiled"] for level in LEVELS} == {
        "keras_model": [1, 2, 2],  # Keras lets the second trace take any size
        "subclass": [1, 2, 3],
        "variables": [1, 2, 3],
        "functions": [1, 2, 3],
    }
    assert {name.rpartition(".")[2] for name in log.timings} == {"first", "steps_per_second"}
    assert min(log.timings.values()) > 0


def test_two_levels_stay_together_in_float64_and_a_step_apart_is_named(keras_float64: Any) -> None:
    log = Timed()
    settings: dict[str, Any] = {"steps": 40, "batch": 32, "rate": RATE}
    same = part(Seed(3), log, dtype="float64", **settings)
    assert same["parted"] == np.inf and len(same["apart"]) == len(log.values) == 40
    assert max(same["apart"]) < 1e-12
    wide = {**settings, "rate": RATE * 1e9}
    blown = part(Seed(3), Timed(), dtype="float64", **wide)
    assert np.isfinite(blown["parted"]) and len(blown["apart"]) <= blown["parted"] + AFTER


def test_spread_by_mode_leaves_out_the_level_by_hand_and_compares_like_with_like() -> None:
    ones, twos, far = ([np.full(2, each)] for each in (1.0, 2.0, 9.0))
    arms = {"functions.eager": ones, "subclass.eager": ones, "functions.compiled": twos, "subclass.compiled": twos,
            "variables.eager": far, "variables.compiled": far}  # fmt: skip
    assert spread_by_mode(arms) == 0
    assert spread_by_mode({**arms, "subclass.compiled": ones}) == 1


def test_another_start_rate_or_order_is_noticed() -> None:
    """Broken on purpose: one arm that differs, and the levels do not agree."""
    start = [array.astype(np.float32) for array in lenet.keras_weights(START)]
    for weights, rate, count in (
        ([start[0] * 1.01, *start[1:]], RATE, 8),
        (start, RATE * 1.01, 8),
        (start, RATE, 7),
    ):
        first, second = network("functions", start, RATE, True), network("subclass", weights, rate, True)
        first.step(*tensors("float32"))
        second.step(*tensors("float32", count))
        assert spread([first.weights(), second.weights()]) > 1e-5


def test_a_loss_that_is_no_number_leaves_the_weights_of_the_level_by_hand() -> None:
    """Its data-dependent if: the same eagerly and in a graph."""
    start = [array.astype(np.float32) for array in lenet.keras_weights(START)]
    images, labels = tensors("float32")
    for compiled in (False, True):
        net = network(BY_HAND, start, RATE, compiled)
        assert not np.isfinite(float(net.step(images * np.nan, labels)))
        assert spread([net.weights(), start]) == 0


def test_eager_arms_have_no_traces() -> None:
    arms = arms_of([array.astype(np.float32) for array in lenet.keras_weights(START)], RATE)
    assert [Traces(arm).count() for arm in arms.values()] == [0] * 8


def test_lines_of_code() -> None:
    text = '"""What."""\n\nimport os  # why\n\n\ndef f(\n    x,\n):\n    """How."""\n    # a comment\n    return x\n'
    assert lines_of_code(text) == 5
    counts = {level: lines_of_code(source(level)) for level in LEVELS}
    assert min(counts, key=counts.__getitem__) in ("keras_model", "functions")
    assert counts["variables"] == max(counts.values())
