"""The claims of the activations lab."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from lib.harness.contract.claim import Claim, largest, require_trained, smallest
from lib.harness.contract.results import Results
from lib.harness.contract.series import Series
from lib.mlp.activations.gradients import USUAL, Activation
from lib.models.mlp import Scheme

CHANCE = 0.2
"""Twice what guessing among ten digits gives: at most this is not trained."""
LEARNED = 0.9
"""At least this is trained; one linear layer reaches about 0.95 on these digits."""
VANISHED = -2.0
"""log10: the first layer gets less than a hundredth of the last."""


def depths(results: Results) -> list[int]:
    """The numbers of hidden layers that were measured."""
    return list(results.of("gradient")[0].trial.config.depths)


def deep(results: Results) -> int:
    """Hidden layers of the networks that were trained."""
    return int(results.of("gradient")[0].trial.config.deep)


def log_ratios(results: Results, what: str, activation: Activation, scheme: Scheme, depth: int) -> np.ndarray:
    """log10 of first over last hidden layer, `what`: ``weight`` gradient or ``derivative``. Shape (seeds,)."""
    key = f"{activation}/{scheme}/{depth}"
    with np.errstate(divide="ignore"):
        return np.log10([result.measurements[what][key] for result in results.of("gradient")])


def farthest(values: list[np.ndarray], middle: float) -> np.ndarray:
    """Of values (seeds,) at several depths those whose mean is farthest from the middle of the range: the worst."""
    distances = [abs(float(np.mean(each)) - middle) for each in values]
    return values[int(np.argmax(distances))]  # NaN counts as the largest


def _worst_depth(activation: Activation, scheme: Scheme) -> Callable[[Results], np.ndarray]:
    return lambda results: farthest(
        [log_ratios(results, "weight", activation, scheme, depth) for depth in depths(results)], 0.0
    )


def _factor(results: Results) -> np.ndarray:
    factors = [
        10 ** (log_ratios(results, "weight", "sigmoid", "xavier", depth) / (depth - 1))
        for depth in depths(results)
        if depth > 1
    ]
    return farthest(factors, 0.235)


def _most_stubborn(scheme: Scheme | None) -> Callable[[Results], np.ndarray]:
    """The largest log ratio of derivatives of any activation in the deepest net; None: each in its usual start."""
    return lambda results: np.max(
        [
            log_ratios(results, "derivative", name, scheme or usual, max(depths(results)))
            for name, usual in USUAL.items()
        ],
        axis=0,
    )


def _accuracy(name: str) -> Callable[[Results], Series]:
    return lambda results: results.series(f"train/{name}", "test_accuracy")


def _untrainable(measure: Callable[[Results], Any]) -> Callable[[Results], Any]:
    """The accuracy of what is said not to learn; `InconclusiveError` if the shallow network has not learned either."""

    def guarded(results: Results) -> Any:
        shallow = _accuracy("sigmoid-shallow")(results)
        require_trained("the shallow network's test accuracy, at the same budget,", shallow, SHALLOW)
        return measure(results)

    return guarded


SHALLOW = 0.5
"""Test accuracy from which on the budget is enough for a network that can learn: five times chance."""


def _best_accuracy(results: Results) -> np.ndarray:
    names = [v for v in results.variants("train/") if v != "train/sigmoid-shallow"]
    if not names:
        raise LookupError("no finished trial of training")
    return np.asarray(np.max(np.stack([results.series(name, "test_accuracy") for name in names], axis=1), axis=1))


def _dead(results: Results) -> Series:
    dead: Series = results.series("train/relu", "dead")[:, -1].mean(axis=1)
    return dead


def _facts(results: Results) -> Any:
    return results.of("functions")[0].measurements


FACTOR = float(np.log10(5))
CLAIMS = (
    Claim(
        "sigmoid-gradient-vanishes/product",
        role="sentence",
        kind="exact",
        measure=lambda results: largest(result.measurements["product"] for result in results.of("gradient")),
        at_most=1e-10,
    ),
    Claim(
        "sigmoid-gradient-vanishes/quarter",
        role="identity",
        kind="exact",
        measure=lambda results: _facts(results)["sigmoid"]["largest"],
        at_most=0.25,
    ),
    Claim("sigmoid-gradient-vanishes/factor", role="identity", measure=_factor, at_least=0.2, at_most=0.27),
    Claim(
        "sigmoid-gradient-vanishes/ratio",
        role="sentence",
        measure=lambda results: log_ratios(results, "weight", "sigmoid", "xavier", deep(results)),
        at_most=-6.0,
    ),
    Claim(
        "sigmoid-gradient-vanishes/does-not-train",
        role="sentence",
        measure=_untrainable(_accuracy("sigmoid")),
        at_most=CHANCE,
    ),
    Claim(
        "sigmoid-gradient-vanishes/shallow-trains",
        role="control",
        measure=_accuracy("sigmoid-shallow"),
        at_least=LEARNED,
    ),
    Claim(
        "whatever-activation/most-regions",
        role="sentence",
        kind="exact",
        measure=lambda results: smallest(facts["flat"] for facts in _facts(results).values()),
        at_least=0.5,
    ),
    Claim("whatever-activation/every-activation", role="sentence", measure=_most_stubborn(None), at_most=VANISHED),
    Claim("whatever-activation/does-not-learn", role="sentence", measure=_untrainable(_best_accuracy), at_most=CHANCE),
    Claim(
        "whatever-activation/tanh-keeps",
        role="limit",
        measure=_worst_depth("tanh", "xavier"),
        at_least=-FACTOR,
        at_most=FACTOR,
    ),
    Claim("whatever-activation/small-start", role="condition", measure=_most_stubborn("uniform"), at_most=VANISHED),
    Claim(
        "relu-keeps-gradient/derivative",
        role="sentence",
        kind="exact",
        measure=lambda results: _facts(results)["relu"]["on"],
        at_most=0.0,
    ),
    Claim(
        "relu-keeps-gradient/unbounded",
        role="sentence",
        kind="exact",
        measure=lambda results: _facts(results)["relu"]["unbounded"],
        at_most=0.0,
    ),
    Claim(
        "relu-keeps-gradient/ratio",
        role="sentence",
        measure=_worst_depth("relu", "he"),
        at_least=-FACTOR,
        at_most=FACTOR,
    ),
    Claim("relu-keeps-gradient/trains", role="sentence", measure=_accuracy("relu"), at_least=LEARNED),
    Claim("relu-keeps-gradient/no-dead-units", role="limit", measure=_dead, at_most=0.01),
)
