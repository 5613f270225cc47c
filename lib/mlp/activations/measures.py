"""The measures of the activations lab's claims, and the limits that they are compared with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from lib.harness.contract.claim import largest, require_trained, smallest
from lib.harness.contract.results import Results
from lib.harness.contract.series import Series
from lib.mlp.activations.gradients import USUAL, Activation, Start
from lib.mlp.activations.very_deep import ARMS

CHANCE = 0.2
"""Twice what guessing among ten digits gives: at most this is not trained."""
LEARNED = 0.9
"""At least this is trained; one linear layer reaches about 0.95 on these digits."""
SHALLOW = 0.5
"""Test accuracy from which on a network has learned more than a little: five times chance."""
MARGIN = 0.05
"""The smallest difference of accuracies that counts: about four standard errors of 500 test digits at 0.9."""
VANISHED = -2.0
"""log10: the first layer gets less than a hundredth of the last."""
FACTOR = float(np.log10(5))
"""log10: a gradient within a factor of 5 is kept; the geometric mean of 20 starts is known to about half of that."""
MILLIONTH = -6.0
"""log10 of the lecture's "near 0" after 20 layers: ten layers of a quarter each would do."""
UNITS = 0.05
"""The smallest share of units that counts as dying: three of a layer's 64."""
HARDLY = 0.01
"""At most this share of units is hardly any: less than one of a layer's 64."""
UNMOVED = 0.01
"""Weights that changed by less than a hundredth of their size stayed where they were."""
TWICE = 1.0
"""The smallest ratio that counts, less 1: twice as much."""
TURNED = 1e-9
"""Relative deviation of gradients that are the same but for rounding in float64, over 30 layers."""


def depths(results: Results) -> list[int]:
    """The numbers of hidden layers whose gradients were measured."""
    return list(results.of("gradient")[0].trial.config.depths)


def deep(results: Results) -> int:
    """Hidden layers of the networks that were trained."""
    return int(results.of("gradient")[0].trial.config.deep)


def log_ratios(results: Results, what: str, activation: Activation, start: Start, depth: int) -> np.ndarray:
    """log10 of first over last hidden layer, `what`: ``weight`` gradient or ``derivative``. Shape (seeds,)."""
    key = f"{activation}/{start}/{depth}"
    with np.errstate(divide="ignore"):
        return np.log10([result.measurements[what][key] for result in results.of("gradient")])


def farthest(values: list[np.ndarray], middle: float) -> np.ndarray:
    """Of values (seeds,) at several depths those whose mean is farthest from the middle of the range: the worst."""
    distances = [abs(float(np.mean(each)) - middle) for each in values]
    return values[int(np.argmax(distances))]  # NaN counts as the largest


def worst_depth(activation: Activation, start: Start) -> Callable[[Results], np.ndarray]:
    """The log ratio of weight gradients at the depth where it is farthest from 0: (seeds,)."""
    return lambda results: farthest(
        [log_ratios(results, "weight", activation, start, depth) for depth in depths(results)], 0.0
    )


def factor(results: Results) -> np.ndarray:
    """The factor per layer of the sigmoid, at the depth where it is farthest from the middle of its range: (seeds,)."""
    factors = [
        10 ** (log_ratios(results, "weight", "sigmoid", "xavier", depth) / (depth - 1))
        for depth in depths(results)
        if depth > 1
    ]
    return farthest(factors, 0.235)


def most_stubborn(scheme: Start | None) -> Callable[[Results], np.ndarray]:
    """The largest log ratio of derivatives of any activation in the deepest net; None: each in its usual start."""
    return lambda results: np.max(
        [
            log_ratios(results, "derivative", name, scheme or usual, max(depths(results)))
            for name, usual in USUAL.items()
        ],
        axis=0,
    )


def least_flat(results: Results) -> np.ndarray:
    """The share of weighted sums where the derivative is near 0, of the activation that has the fewest: (seeds,)."""
    return np.array([smallest(result.measurements["flat"].values()) for result in results.of("gradient")])


def as_tanh(results: Results) -> float:
    """Worst relative deviation of the sigmoids' derivatives in tanh's clothes, first over last, from tanh's own."""
    deviations = [
        log_ratios(results, "derivative", "sigmoid", "as-tanh", depth)
        - log_ratios(results, "derivative", "tanh", USUAL["tanh"], depth)
        for depth in depths(results)
    ]
    return largest(np.abs(10 ** np.array(deviations) - 1))


def right(variant: str) -> Callable[[Results], Series]:
    """Return which test digits a variant recognises: (seeds, items)."""
    return lambda results: results.items(variant, "test_right")


def untrainable(measure: Callable[[Results], Any]) -> Callable[[Results], Any]:
    """The accuracy of what is said not to learn; `InconclusiveError` if the shallow network has not learned either."""

    def guarded(results: Results) -> Any:
        shallow = results.series("train/sigmoid-shallow", "test_accuracy")
        require_trained("the shallow network's test accuracy, at the same budget,", shallow, SHALLOW)
        return measure(results)

    return guarded


def gain(better: str, other: str) -> Callable[[Results], Series]:
    """The test digits that one variant recognises, less those that another does: (seeds, items).

    Raises:
        InconclusiveError: neither has learned anything.
    """

    def measure(results: Results) -> Series:
        accuracies = [results.series(variant, "test_accuracy") for variant in (better, other)]
        require_trained("the better network's test accuracy", np.maximum(accuracies[0], accuracies[1]), SHALLOW)
        return right(better)(results) - right(other)(results)

    return measure


def best_activation(results: Results) -> Series:
    """Test digits of the activation that is best on validation images: (seeds, items)."""
    own = [v for v in results.variants("train/") if v.removeprefix("train/") in USUAL]
    if not own:
        raise LookupError("no finished trial of training")
    last = {variant: float(results.values(variant, "validation_accuracies")[:, -1].mean()) for variant in own}
    return right(max(last, key=last.__getitem__))(results)


def first_layer_moved(results: Results) -> Series:
    """The change of the sigmoid network's first hidden layer in training, over the size of its weights: (seeds,)."""
    moved: Series = results.series("train/sigmoid", "moved")[:, 0]
    return moved


def died(variant: str) -> Callable[[Results], Series]:
    """The share of units that are dead after training, less the share before: (seeds,)."""

    def measure(results: Results) -> Series:
        shares: Series = results.series(variant, "dead").mean(axis=2)
        return shares[:, 1] - shares[:, 0]

    return measure


def dead_at_start(results: Results) -> Series:
    """The share of ReLU units that are dead before training: (seeds,)."""
    share: Series = results.series("high-rate/relu", "dead").mean(axis=2)[:, 0]
    return share


def deepest(results: Results) -> int:
    """Hidden layers of the deepest network that was trained."""
    return max(int(variant.rpartition("/")[2]) for variant in results.variants("very-deep/"))


def very_deep(measure: Callable[[str], Callable[[Results], Any]], arm: str) -> Callable[[Results], Any]:
    """A measure of the deepest network of an arm."""
    return lambda results: measure(f"very-deep/{arm}/{deepest(results)}")(results)


def deepest_gain(better: str, other: str) -> Callable[[Results], Series]:
    """The test digits that one arm's deepest network recognises, less those that another's does: (seeds, items).

    Raises:
        InconclusiveError: none of the four arms has learned: the budget is too small for any.
    """

    def measure(results: Results) -> Series:
        depth = deepest(results)
        accuracies = [results.series(f"very-deep/{arm}/{depth}", "test_accuracy") for arm in ARMS]
        require_trained("the best network's test accuracy", np.max(np.stack(accuracies, axis=1), axis=1), SHALLOW)
        first, second = (very_deep(right, arm)(results) for arm in (better, other))
        difference: Series = first - second
        return difference

    return measure


def lost_by_depth(results: Results) -> Series:
    """Test digits of the plain network with the fewest layers, less those of the one with the most: (seeds, items)."""
    layers = sorted(int(variant.rpartition("/")[2]) for variant in results.variants("very-deep/plain/"))
    return gain(f"very-deep/plain/{layers[0]}", f"very-deep/plain/{layers[-1]}")(results)


def log_ratio(variant: str) -> Callable[[Results], Series]:
    """log10 of first over last hidden layer's weight gradient at the start of a very deep network: (seeds,)."""

    return lambda results: results.series(variant, "ratio").map(lambda ratio: float(np.log10(ratio)))


def unlikeness(results: Results) -> Series:
    """1 - cosine of two images in the last hidden layer at the start: with both cures over the plain network's."""
    both, plain = (
        1 - results.series(f"very-deep/{arm}/{deepest(results)}", "likeness")[:, -1] for arm in ("both", "plain")
    )
    return both / plain


def facts(results: Results) -> Any:
    """The facts of the activations (`lib.mlp.activations.gradients.functions`)."""
    return results.of("functions")[0].measurements
