"""The claims of the lab `paradigms`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lib.harness.contract.claim import Claim, largest, require_trained, smallest
from lib.harness.contract.results import Results
from lib.harness.contract.series import Series
from lib.paradigms import approximation

HALF = 0.5
"""The smallest share of an error that counts: twice as close."""
CLOSE = 0.01
"""An error of a hundredth of the variance: the function and the network have a correlation of 0.995."""
STRAIGHT = 1e-9
"""Distance from a line, and what an error may be below the least: rounding of sums of 64 products in float64."""
SHARE, TENTH = 0.02, 0.1
"""The smallest differences that count: two standard errors of 1,000 test digits at 0.9; a tenth of an error of
reconstruction."""
TWENTIETH = 0.05
"""The smallest difference of adjusted Rand indices that counts: a twentieth of the way from chance to agreement."""
TWICE = 1.0
"""The smallest ratio that counts, less 1: twice as long."""
TRAINED = 0.3
"""Test accuracy from which on the classifier has learned: three times chance. Above twice chance it knows something."""
SETTLED = 0.997
"""PCA's error over the linear auto-encoder's from which on training has settled; 1 is the end of it."""
CHANCE = 0.2
"""Twice what guessing among ten digits gives."""


def _of_both(measure: Callable[[str], Series]) -> Series:
    """The larger value of a measurement of both known functions: (seeds,)."""
    worse: Series = np.max(np.stack([measure(name) for name in approximation.TARGETS], axis=1), axis=1)
    return worse


def widest_over_narrowest(results: Results) -> Series:
    """Error of the widest network over the narrowest one's, on the function where that is larger: (seeds,)."""
    errors = {name: results.series("function", f"{name}/network") for name in approximation.TARGETS}
    return _of_both(lambda name: errors[name][:, -1] / errors[name][:, 0])


def widest(results: Results) -> Series:
    """Error of the widest network on the function where it is larger: (seeds,)."""
    return _of_both(lambda name: results.series("function", f"{name}/network")[:, -1])


def off_a_line(results: Results) -> float:
    """Largest distance of a linear network's outputs from a line or plane; all widths, functions and seeds."""
    return largest(results.values("function", f"{name}/linear/off_a_line") for name in approximation.TARGETS)


def over_the_best_line(results: Results) -> float:
    """Least error of a linear network over the least that a line or plane has; all widths, functions and seeds."""
    return smallest(
        results.series("function", f"{name}/linear").values
        / results.values("function", f"{name}/least_error_of_a_line")[:, None]
        for name in approximation.TARGETS
    )


def by_hand(results: Results) -> float:
    """Worst error over bound of the networks written by hand."""
    return largest(results.of("function")[0].measurements["by_hand"].values())


def auto_encoder_over_pca(results: Results) -> Series:
    """Test error of the auto-encoder over PCA's with as many numbers, at the size where that is largest: (seeds,).

    Raises:
        InconclusiveError: the linear one, whose only minimum is PCA, has not reached it: neither has settled.
    """
    linear = results.series("pictures", "linear_over_pca")
    require_trained("PCA's error over that of the linear auto-encoder", 1 / linear, SETTLED)
    ratios: Series = np.max(results.series("pictures", "auto_encoder") / results.series("pictures", "pca"), axis=1)
    return ratios


def labels_over(peer: str, variant: str) -> Callable[[Results], Series]:
    """The test digits that the classifier recognises, less those that a peer does: (seeds, items).

    Raises:
        InconclusiveError: the classifier has learned nothing.
    """

    def measure(results: Results) -> Series:
        require_trained("the classifier's test accuracy", results.series("labels", "test_accuracy"), TRAINED)
        return results.items("labels", "test_right") - results.items(variant, peer)

    return measure


def clusters_over_unlearned(results: Results) -> Series:
    """Adjusted Rand index of the clusters, less that of groups around training pictures taken at random: (seeds,)."""
    return results.series("pictures", "adjusted_rand") - results.series("pictures", "unlearned_rand")


def over_leaning(results: Results) -> Series:
    """Return of the trained policy, actions drawn, over that of pushing where the pole leans: (seeds,)."""
    return results.series("reward", "sampled_return") / results.series("reward", "lean_return")


def noise_over_reward(results: Results) -> Series:
    """Return of the policy that was given noise over that of the one that was given the reward: (seeds,).

    Raises:
        InconclusiveError: the one that was given the reward plays as random pushes do.
    """
    rewarded = results.series("reward", "sampled_return")
    ratio = rewarded / results.series("reward", "random_return")
    require_trained("the return of the policy that was given the reward, over that of random pushes,", ratio, 2.0)
    return results.series("reward/noise", "sampled_return") / rewarded


def measured(variant: str, name: str) -> Callable[[Results], Series]:
    """A measurement of a variant: (seeds,)."""
    return lambda results: results.series(variant, name)


CLAIMS = (
    Claim(
        "a-network-is-a-function/width",
        role="sentence",
        measure=widest_over_narrowest,
        less_than=1.0,
        smallest=HALF,
        interval="log-mean",
    ),
    Claim("a-network-is-a-function/close", role="sentence", measure=widest, at_most=CLOSE),
    Claim("a-network-is-a-function/line", role="control", kind="exact", measure=off_a_line, at_most=STRAIGHT),
    Claim(
        "a-network-is-a-function/no-closer-than-a-line",
        role="control",
        kind="exact",
        measure=over_the_best_line,
        at_least=1 - STRAIGHT,
    ),
    Claim("a-network-is-a-function/by-hand", role="identity", kind="exact", measure=by_hand, at_most=1.0),
    Claim(
        "three-kinds-of-learning/supervised",
        role="sentence",
        measure=labels_over("means_right", "labels"),
        more_than=0.0,
        smallest=SHARE,
        interval="items",
    ),
    Claim(
        "three-kinds-of-learning/supervised-by-its-labels",
        role="control",
        measure=lambda results: results.items("labels/swapped", "test_right"),
        at_most=CHANCE,
        interval="items",
    ),
    Claim(
        "three-kinds-of-learning/clusters",
        role="sentence",
        measure=clusters_over_unlearned,
        more_than=0.0,
        smallest=TWENTIETH,
    ),
    Claim(
        "three-kinds-of-learning/labels-tell-more",
        role="control",
        measure=labels_over("named_right", "pictures"),
        more_than=0.0,
        smallest=SHARE,
        interval="items",
    ),
    Claim(
        "three-kinds-of-learning/auto-encoder",
        role="control",
        measure=auto_encoder_over_pca,
        less_than=1.0,
        smallest=TENTH,
        interval="log-mean",
    ),
    Claim(
        "three-kinds-of-learning/linear-auto-encoder",
        role="identity",
        measure=measured("pictures", "linear_over_pca"),
        at_least=0.98,
        at_most=1.02,
    ),
    Claim(
        "three-kinds-of-learning/reinforcement",
        role="sentence",
        measure=over_leaning,
        more_than=1.0,
        smallest=TWICE,
        interval="log-mean",
    ),
    Claim(
        "three-kinds-of-learning/reinforcement-solves",
        role="sentence",
        measure=measured("reward", "episodes_until"),
        at_most=2_000,
        interval="median",
    ),
    Claim(
        "three-kinds-of-learning/reinforcement-by-its-reward",
        role="control",
        measure=noise_over_reward,
        less_than=1.0,
        smallest=HALF,
        interval="median",
    ),
)
