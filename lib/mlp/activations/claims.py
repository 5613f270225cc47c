"""The claims of the activations lab."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from lib.harness.contract.claim import Claim
from lib.harness.contract.results import Results
from lib.mlp.activations.gradients import FLAT, REGION, USUAL, Activation
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
    return max(values, key=lambda each: abs(float(np.mean(each)) - middle))


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


def _accuracy(name: str) -> Callable[[Results], np.ndarray]:
    return lambda results: results.values(f"train/{name}", "test_accuracy")


def _best_accuracy(results: Results) -> np.ndarray:
    names = [v for v in results.variants("train/") if v != "train/sigmoid-shallow"]
    if not names:
        raise LookupError("no finished trial of training")
    return np.asarray(np.max(np.stack([results.series(name, "test_accuracy") for name in names], axis=1), axis=1))


def _dead(results: Results) -> np.ndarray:
    return np.asarray(results.values("train/relu", "dead")[:, -1].mean(axis=1))


def _facts(results: Results) -> Any:
    return results.of("functions")[0].measurements


_RATIO = "log10 of first / last hidden layer"
_START = "at the start, random inputs, 64 wide; the depth that is farthest off"
_TRAINED = "digits; learning rate chosen on validation pictures; test pictures read once, after training"
CLAIMS = (
    Claim(
        "sigmoid-gradient-vanishes/product",
        statement="what a layer learns is the derivative that reaches it times the output of the layer before",
        kind="exact",
        measure=lambda results: max(result.measurements["product"] for result in results.of("gradient")),
        unit="relative deviation",
        at_most=1e-10,
        note="every hidden layer of every network of this lab, float64",
    ),
    Claim(
        "sigmoid-gradient-vanishes/quarter",
        statement="the derivative of the sigmoid is nowhere larger than 1/4",
        kind="exact",
        measure=lambda results: _facts(results)["sigmoid"]["largest"],
        unit="largest derivative",
        at_most=0.25,
    ),
    Claim(
        "sigmoid-gradient-vanishes/factor",
        statement="with sigmoid every layer on the way back leaves about a quarter of the gradient, at every depth",
        measure=_factor,
        unit="factor per layer",
        at_least=0.2,
        at_most=0.27,
        note=f"Xavier's start; (first / last)^(1 / (depth - 1)); {_START}",
    ),
    Claim(
        "sigmoid-gradient-vanishes/ratio",
        statement="in a deep net the first hidden layer gets less than a millionth of the last one's gradient",
        measure=lambda results: log_ratios(results, "weight", "sigmoid", "xavier", deep(results)),
        unit=_RATIO,
        at_most=-6.0,
        note="20 hidden layers by default, Xavier's start",
    ),
    Claim(
        "sigmoid-gradient-vanishes/does-not-train",
        statement="and the deep net does not learn: on new digits it is hardly better than guessing",
        measure=_accuracy("sigmoid"),
        unit="test accuracy",
        at_most=CHANCE,
        note=f"20 hidden layers by default; guessing gives 0.1; {_TRAINED}",
    ),
    Claim(
        "sigmoid-gradient-vanishes/shallow-trains",
        statement="it is the depth: with 2 hidden layers the sigmoid learns",
        measure=_accuracy("sigmoid-shallow"),
        unit="test accuracy",
        at_least=LEARNED,
        note=_TRAINED,
    ),
    Claim(
        "whatever-activation/most-regions",
        statement=(
            f"whatever the activation, its derivative is near 0 in most regions (below {FLAT}, between ±{REGION:.0f})"
        ),
        kind="exact",
        measure=lambda results: min(facts["flat"] for facts in _facts(results).values()),
        unit="least share of the region",
        at_least=0.5,
        note="true of sigmoid and tanh, whose share grows to 1; of ReLU and its kin it is at most a half",
    ),
    Claim(
        "whatever-activation/every-activation",
        statement=(
            "whatever the activation, in its usual start, less than a hundredth of "
            "the derivative reaches the first layer"
        ),
        measure=_most_stubborn(None),
        unit=_RATIO,
        at_most=VANISHED,
        note="the sentence as it stands; deepest net, the activation that keeps most; usual: Xavier, He, LeCun",
    ),
    Claim(
        "whatever-activation/does-not-learn",
        statement="whatever the activation, a deep net does not learn",
        measure=_best_accuracy,
        unit="test accuracy of the best activation",
        at_most=CHANCE,
        note=f"the sentence as it stands; {_TRAINED}",
    ),
    Claim(
        "whatever-activation/tanh-keeps",
        statement="tanh saturates too, but in Xavier's start its gradient stays within a factor of 5 at every depth",
        measure=_worst_depth("tanh", "xavier"),
        unit=_RATIO,
        at_least=-float(np.log10(5)),
        at_most=float(np.log10(5)),
        note=f"geometric mean over seeds; its derivative at 0 is 1, the sigmoid's 1/4; {_START}",
    ),
    Claim(
        "whatever-activation/small-start",
        statement="where it does hold for every activation: if the start is too small (uniform in ±1/√n)",
        measure=_most_stubborn("uniform"),
        unit=_RATIO,
        at_most=VANISHED,
        note="derivative that reaches the layer, deepest net, the activation that keeps most; the start of the 1990s",
    ),
    Claim(
        "relu-keeps-gradient/derivative",
        statement="the derivative of ReLU is exactly 1 where the unit is on",
        kind="exact",
        measure=lambda results: _facts(results)["relu"]["on"],
        unit="deviation from 1",
        at_most=0.0,
    ),
    Claim(
        "relu-keeps-gradient/unbounded",
        statement="the output of ReLU has no bound: it is the sum itself, up to 1e30",
        kind="exact",
        measure=lambda results: _facts(results)["relu"]["unbounded"],
        unit="relative deviation from the sum",
        at_most=0.0,
    ),
    Claim(
        "relu-keeps-gradient/ratio",
        statement="with ReLU and He's start the gradient stays within a factor of 5 at every depth",
        measure=_worst_depth("relu", "he"),
        unit=_RATIO,
        at_least=-float(np.log10(5)),
        at_most=float(np.log10(5)),
        note=f"geometric mean over seeds, single seeds fall outside; {_START}",
    ),
    Claim(
        "relu-keeps-gradient/trains",
        statement="and the deep net learns",
        measure=_accuracy("relu"),
        unit="test accuracy",
        at_least=LEARNED,
        note=f"20 hidden layers by default; {_TRAINED}",
    ),
    Claim(
        "relu-keeps-gradient/no-dead-units",
        statement=(
            "the problem is solved: hardly a unit is dead (derivative 0 on every picture) in the trained deep net"
        ),
        measure=_dead,
        unit="share of units",
        at_most=0.01,
        note="all hidden layers, 1,000 training pictures: a dead unit gets no gradient from any of them",
    ),
)
