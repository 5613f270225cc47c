"""The claims of the lab `paradigms`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lib.harness.contract.claim import Claim
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
    return float(max(results.of("function")[0].measurements["by_hand"].values()))


def auto_encoder_over_pca(results: Results) -> np.ndarray:
    """Test error of the auto-encoder over PCA's with as many numbers, at the size where that is largest: (seeds,)."""
    return np.asarray(np.max(results.values("pictures", "auto_encoder") / results.values("pictures", "pca"), axis=1))


def labels_over_names(results: Results) -> np.ndarray:
    """Test accuracy of the classifier less that of clusters that are named after the fact: (seeds,)."""
    accuracy = {r.trial.seed: r.measurements["test_accuracy"] for r in results.of("labels")}
    named = {r.trial.seed: r.measurements["named_accuracy"] for r in results.of("pictures")}
    return np.array([accuracy[seed] - named[seed] for seed in sorted(accuracy.keys() & named.keys())])


def over_random(results: Results) -> np.ndarray:
    """Return of the trained policy, actions drawn, over the random policy's: (seeds,)."""
    return np.asarray(results.values("reward", "sampled_return") / results.values("reward", "random_return"))


def noise_over_reward(results: Results) -> Series:
    """Return of the policy that was given noise over that of the one that was given the reward: (seeds,)."""
    return results.series("reward/noise", "sampled_return") / results.series("reward", "sampled_return")


def measured(variant: str, name: str) -> Callable[[Results], np.ndarray]:
    """A measurement of a variant: (seeds,)."""
    return lambda results: results.values(variant, name)


_FUNCTIONS = "error at points between the training points, as a share of the function's variance; the worse of two"
_DIGITS = "MNIST-5k: 3,500 training pictures, 1,000 test pictures that are read once, at the end"
_CARTPOLE = "CartPole-v1; 100 fresh episodes after training, actions drawn from the policy"
CLAIMS = (
    Claim(
        "a-network-is-a-function/width",
        statement="with non-linear functions inside, the widest network's error is less than half the narrowest one's",
        measure=widest_over_narrowest,
        unit="ratio of errors",
        at_most=0.5,
        note=_FUNCTIONS,
    ),
    Claim(
        "a-network-is-a-function/close",
        statement="wide enough, a trained network is the function to within 1 % of its variance",
        measure=widest,
        unit="share of the variance",
        at_most=0.01,
        note=_FUNCTIONS,
    ),
    Claim(
        "a-network-is-a-function/line",
        statement=(
            "without the non-linearity a network of any width, trained alike, has the error of the best straight line"
        ),
        kind="exact",
        measure=from_the_best_line,
        unit="relative deviation",
        at_most=1e-6,
        note="best line and plane in closed form (least squares); all widths, two functions, all seeds",
    ),
    Claim(
        "a-network-is-a-function/by-hand",
        statement="no training is needed: n ReLU units written down by hand are within h²/8 max|f''| of the function",
        kind="exact",
        measure=by_hand,
        unit="error over bound",
        at_most=1.0,
        note="2 to 256 units; knots h apart; worst of 10,001 points",
    ),
    Claim(
        "three-kinds-of-learning/supervised",
        statement="from labels: a network names most test digits, five times what chance names",
        measure=measured("labels", "test_accuracy"),
        unit="test accuracy",
        at_least=0.5,
        note=_DIGITS,
    ),
    Claim(
        "three-kinds-of-learning/supervised-by-its-labels",
        statement="with the labels of other pictures the same training stays near chance",
        measure=measured("labels/swapped", "test_accuracy"),
        unit="test accuracy",
        at_most=0.2,
        note=f"chance is 0.1; {_DIGITS}",
    ),
    Claim(
        "three-kinds-of-learning/clusters",
        statement="without labels: k-means finds groups that agree with the digits",
        measure=measured("pictures", "adjusted_rand"),
        unit="adjusted Rand index",
        at_least=0.1,
        note=f"0 by chance, 1 for the same groups; the labels are read after the fact; {_DIGITS}",
    ),
    Claim(
        "three-kinds-of-learning/labels-tell-more",
        statement=(
            "clusters that are named after the fact name fewer test digits than the network that was given labels"
        ),
        measure=labels_over_names,
        unit="difference in test accuracy",
        at_least=0.0,
        note=f"a cluster's name is its commonest digit among the training pictures; {_DIGITS}",
    ),
    Claim(
        "three-kinds-of-learning/auto-encoder",
        statement=(
            "without labels: an auto-encoder redraws test digits from k numbers with a lower error than PCA from k"
        ),
        measure=auto_encoder_over_pca,
        unit="ratio of squared errors",
        at_most=1.0,
        note=f"k = 2, 8, 32: the k with the largest ratio; {_DIGITS}",
    ),
    Claim(
        "three-kinds-of-learning/linear-auto-encoder",
        statement="and without non-linear functions it is PCA: the same error to within 2 %",
        measure=measured("pictures", "linear_over_pca"),
        unit="ratio of squared errors",
        at_least=0.98,
        at_most=1.02,
        note=f"k = 8; PCA is the only minimum (Baldi & Hornik 1989); {_DIGITS}",
    ),
    Claim(
        "three-kinds-of-learning/reinforcement",
        statement="from rewards: REINFORCE balances the pole for at least twice as long as random pushes",
        measure=over_random,
        unit="ratio of returns",
        at_least=2.0,
        note=_CARTPOLE,
    ),
    Claim(
        "three-kinds-of-learning/reinforcement-solves",
        statement="and solves the task within 2,000 episodes",
        measure=measured("reward", "episodes_until"),
        unit="episodes",
        at_most=2_000,
        interval="median",
        note="until the mean return of 100 episodes reaches 475 (195 in quick mode); infinite if it never does",
    ),
    Claim(
        "three-kinds-of-learning/reinforcement-by-its-reward",
        statement="with noise for a reward the same training balances it for less than half as long",
        measure=noise_over_reward,
        unit="ratio of returns",
        at_most=0.5,
        interval="median",
        note=_CARTPOLE,
    ),
)
