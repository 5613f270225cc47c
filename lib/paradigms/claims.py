"""The claims of the lab `paradigms`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lib.harness.contract.claim import Claim, largest, require_trained
from lib.harness.contract.results import Results
from lib.harness.contract.series import Series
from lib.paradigms import approximation


def widest_over_narrowest(results: Results) -> np.ndarray:
    """Error of the widest network over the narrowest one's, on the function where that is larger: (seeds,)."""
    errors = np.array([results.values("function", f"{name}/network") for name in approximation.TARGETS])
    return np.asarray(np.max(errors[..., -1] / errors[..., 0], axis=0))


def widest(results: Results) -> np.ndarray:
    """Error of the widest network on the function where it is larger: (seeds,)."""
    errors = [results.values("function", f"{name}/network")[:, -1] for name in approximation.TARGETS]
    return np.asarray(np.max(errors, axis=0))


def from_the_best_line(results: Results) -> float:
    """Worst relative deviation of a linear network's error from the best line's; all widths, functions and seeds."""
    deviations = []
    for name in approximation.TARGETS:
        line = results.values("function", f"{name}/best_line")[:, None]
        deviations.append(np.max(np.abs(results.values("function", f"{name}/linear") / line - 1)))
    return float(np.max(deviations))


def by_hand(results: Results) -> float:
    """Worst error over bound of the networks written by hand."""
    return largest(results.of("function")[0].measurements["by_hand"].values())


def auto_encoder_over_pca(results: Results) -> np.ndarray:
    """Test error of the auto-encoder over PCA's with as many numbers, at the size where that is largest: (seeds,)."""
    return np.asarray(np.max(results.values("pictures", "auto_encoder") / results.values("pictures", "pca"), axis=1))


SHARE, TENTH = 0.01, 0.1
"""The smallest differences that count: one digit in a hundred, about the error of 1,000 test digits; a tenth of an
error of reconstruction."""
TRAINED = 0.3
"""Test accuracy from which on the classifier has learned: three times chance."""


def labels_over_names(results: Results) -> Series:
    """Test accuracy of the classifier less that of clusters that are named after the fact: (seeds,).

    Raises:
        InconclusiveError: the classifier has learned nothing.
    """
    labelled = results.series("labels", "test_accuracy")
    require_trained("the classifier's test accuracy", labelled, TRAINED)
    return labelled - results.series("pictures", "named_accuracy")


def over_random(results: Results) -> Series:
    """Return of the trained policy, actions drawn, over the random policy's: (seeds,)."""
    return results.series("reward", "sampled_return") / results.series("reward", "random_return")


def noise_over_reward(results: Results) -> Series:
    """Return of the policy that was given noise over that of the one that was given the reward: (seeds,)."""
    return results.series("reward/noise", "sampled_return") / results.series("reward", "sampled_return")


def measured(variant: str, name: str) -> Callable[[Results], np.ndarray]:
    """A measurement of a variant: (seeds,)."""
    return lambda results: results.values(variant, name)


CLAIMS = (
    Claim(
        "a-network-is-a-function/width",
        role="sentence",
        measure=widest_over_narrowest,
        at_most=0.5,
        interval="log-mean",
    ),
    Claim("a-network-is-a-function/close", role="sentence", measure=widest, at_most=0.01),
    Claim("a-network-is-a-function/line", role="control", kind="exact", measure=from_the_best_line, at_most=1e-6),
    Claim("a-network-is-a-function/by-hand", role="identity", kind="exact", measure=by_hand, at_most=1.0),
    Claim(
        "three-kinds-of-learning/supervised", role="sentence", measure=measured("labels", "test_accuracy"), at_least=0.5
    ),
    Claim(
        "three-kinds-of-learning/supervised-by-its-labels",
        role="control",
        measure=measured("labels/swapped", "test_accuracy"),
        at_most=0.2,
    ),
    Claim(
        "three-kinds-of-learning/clusters", role="sentence", measure=measured("pictures", "adjusted_rand"), at_least=0.1
    ),
    Claim(
        "three-kinds-of-learning/labels-tell-more",
        role="control",
        measure=labels_over_names,
        more_than=0.0,
        smallest=SHARE,
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
        "three-kinds-of-learning/reinforcement", role="sentence", measure=over_random, at_least=2.0, interval="log-mean"
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
        at_most=0.5,
        interval="median",
    ),
)
