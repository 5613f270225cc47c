"""Why initial weights are random: units that start from equal weights stay equal, whatever they are trained on.

A hidden layer whose units all have the same weights gives all of them the same output, so back-propagation gives all of
them the same gradient. XOR with a hidden layer of `UNITS` sigmoid units, written by hand, from many starts at once:
from each of them all weights of an array are one number. Such a layer is one unit, and one unit cannot do XOR.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lib.harness.contract.claim import Claim, largest, smallest
from lib.harness.contract.results import Results
from lib.harness.contract.seeds import Seed
from lib.harness.contract.series import Series
from lib.mlp.mlp import neuron
from lib.mlp.mlp.threshold import ROWS, TARGETS
from lib.models.mlp import initial_weights

if TYPE_CHECKING:
    from lib.mlp.mlp.training import MlpConfig

UNITS = 4
"""With random weights nearly every start of so many units learns XOR."""
EQUAL = 1e-9
"""Weights that differ by rounding alone."""
HALF = 0.5
"""The smallest difference between shares of starts that counts: most starts."""
SHOWN = 60
"""Moments of the picture after the start; fewer where there are fewer steps."""


def equal_start(seed: Seed, width: int) -> dict[str, np.ndarray]:
    """Weights of a network 2 - width - 2 whose hidden units are all alike: one number for the weights of each input.

    The two outputs differ, as those of a random start do.
    """
    random = initial_weights(seed, (2, width, 2), "xavier")
    return {
        "dense1.weight": np.repeat(random["dense1.weight"][:1], width, axis=0),
        "dense1.bias": random["dense1.bias"],
        "dense2.weight": np.repeat(random["dense2.weight"][:, :1], width, axis=1),
        "dense2.bias": random["dense2.bias"],
    }


def measure(config: MlpConfig, seed: Seed) -> dict[str, Any]:
    """Train XOR from equal and from random starts.

    `apart`: the largest difference between the weights of two hidden units after training from an equal start;
    `moved`: the least that a start moved; `solved`: the share of starts with all four rows right; `paths`: the weights
    of the first start's hidden units on their first input, (moments, units).
    """
    seeds = [seed.child("equal", i) for i in range(config.xor_starts)]
    starts = [equal_start(each, UNITS) for each in seeds]
    starts += [initial_weights(each, (2, UNITS, 2), "xavier") for each in seeds]
    first = {key: np.stack([start[key] for start in starts]) for key in starts[0]}  # side by side, equal ones first
    rows, targets = ROWS.astype(float), TARGETS["XOR"]
    moments = np.unique(np.linspace(0, config.xor_steps, SHOWN + 1).round().astype(int))
    weights, paths = first, [first["dense1.weight"][:: len(seeds), :, 0]]
    for steps in np.diff(moments):
        weights, _ = neuron.descend(weights, "sigmoid", rows, targets, rate=config.xor_learning_rate, steps=steps)
        paths.append(weights["dense1.weight"][:: len(seeds), :, 0])
    right = (neuron.forward(weights, "sigmoid", rows).logits.argmax(axis=-1) == targets).all(axis=-1)
    equal = {key: array[: len(seeds)] for key, array in weights.items()}
    by_unit = (equal["dense1.weight"], equal["dense2.weight"].swapaxes(1, 2))
    change = np.abs(equal["dense1.weight"] - first["dense1.weight"][: len(seeds)])
    return {
        "apart": largest(np.ptp(array, axis=1) for array in by_unit),
        "moved": float(change.max(axis=(1, 2)).min()),
        "solved": {"equal": float(right[: len(seeds)].mean()), "random": float(right[len(seeds) :].mean())},
        "paths": dict(zip(("equal", "random"), np.round(np.stack(paths, axis=1), 4), strict=True)),
        "steps": moments.tolist(),
    }


def _equal(results: Results) -> Series:
    return results.series("neuron", "equal_starts")


def _gain(results: Results) -> Series:
    """The share of random starts that learn XOR, less the share of equal ones: (seeds,)."""
    return _equal(results).map(lambda each: each["solved"]["random"] - each["solved"]["equal"])


CLAIMS = (
    Claim(
        "equal-starts-stay-equal/apart",
        role="sentence",
        kind="exact",
        measure=lambda results: largest(each["apart"] for each in _equal(results)),
        at_most=EQUAL,
    ),
    Claim(
        "equal-starts-stay-equal/never-xor",
        role="sentence",
        kind="exact",
        measure=lambda results: largest(each["solved"]["equal"] for each in _equal(results)),
        at_most=0.0,
    ),
    Claim(
        "equal-starts-stay-equal/moved",
        role="identity",
        kind="exact",
        measure=lambda results: smallest(each["moved"] for each in _equal(results)),
        at_least=1000 * EQUAL,
    ),
    Claim(
        "equal-starts-stay-equal/random-starts",
        role="control",
        measure=_gain,
        more_than=0.0,
        smallest=HALF,
        interval="median",
    ),
)
