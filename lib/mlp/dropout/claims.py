"""What the dropout lab measures for the lecture's sentences: functions of its trials' results.

A loss, a rank or a length counts as smaller when at least a tenth of it is gone, an accuracy as higher when it is so by
one picture in a hundred.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lib.harness.contract.claim import Claim
from lib.harness.contract.results import Results

SMALLER, SHARE = 0.9, 0.01


def gaps(results: Results, prefix: str = "") -> tuple[np.ndarray, np.ndarray]:
    """Test loss less training loss, both for noisy labels, without and with dropout: (seeds,) each."""
    test, train = (results.paired(f"{prefix}without", f"{prefix}with", f"{split}_loss") for split in ("test", "train"))
    return np.asarray(test[0] - train[0]), np.asarray(test[1] - train[1])


def gap_left(results: Results) -> np.ndarray:
    """The share of the gap that is left with dropout: (seeds,)."""
    without, with_dropout = gaps(results)
    return np.asarray(with_dropout / without)


def accuracy_gain(results: Results, prefix: str = "") -> np.ndarray:
    """By how much dropout raises the test accuracy, judged by the true digit: (seeds,)."""
    without, with_dropout = results.paired(f"{prefix}without", f"{prefix}with", "test_true_error")
    return np.asarray(without - with_dropout)


def gain_at_equal_fit(results: Results) -> np.ndarray:
    """By how much dropout raises the accuracy over the network without, stopped at the same training loss: (seeds,).

    On validation pictures, judged by the true digit; the stopped network's accuracy is interpolated between the looks.
    Where it never gets that low, its last accuracy counts.
    """
    without, with_dropout = results.paired("without", "with", "path")
    gains = []
    for plain, dropped in zip(without, with_dropout, strict=True):
        fit = np.minimum.accumulate(plain["train_loss"])[::-1]
        stopped = np.interp(dropped["train_loss"][-1], fit, plain["validation_true_error"][::-1])
        gains.append(stopped - dropped["validation_true_error"][-1])
    return np.array(gains)


def ratio(measurement: str) -> Callable[[Results], np.ndarray]:
    """A measurement with dropout over that without: (seeds,)."""

    def measure(results: Results) -> np.ndarray:
        without, with_dropout = results.paired("without", "with", measurement)
        return np.asarray(with_dropout / without)

    return measure


def largest(*measurements: str) -> Callable[[Results], float]:
    """The largest of these measurements over the seeds, with dropout."""
    return lambda results: float(max(results.values("with", name).max() for name in measurements))


_NOISE = "30 % random labels unless the config says otherwise; paired over seeds; test pictures read once, at the end"
CLAIMS = (
    Claim(
        "dropout-simplifies/rank",
        "with dropout the hidden activations extend in fewer directions: their effective rank is lower",
        "statistical",
        ratio("effective_rank"),
        "ratio with / without",
        at_most=SMALLER,
        note="last hidden layer on test pictures; exp of the entropy of its singular values (Roy & Vetterli 2007)",
    ),
    Claim(
        "dropout-simplifies/norm",
        "with dropout the hidden activations are smaller",
        "statistical",
        ratio("norm"),
        "ratio with / without",
        at_most=SMALLER,
        note="mean length of the last hidden layer's activations on test pictures",
    ),
    Claim(
        "dropout-simplifies/input-gradient",
        "with dropout the answer changes more slowly with the picture",
        "statistical",
        ratio("input_gradient"),
        "ratio with / without",
        at_most=SMALLER,
        note="mean length of the gradient of the predicted class's log-probability by a test picture",
    ),
    Claim(
        "dropout-simplifies/sensitivity",
        "with dropout noise on the picture moves the answer less",
        "statistical",
        ratio("sensitivity"),
        "ratio with / without",
        at_most=SMALLER,
        note="mean total variation between the answers to a test picture and to the same with noise",
    ),
    Claim(
        "dropout-narrows-gap/gap",
        "with dropout the gap between test and training loss is smaller",
        "statistical",
        gap_left,
        "ratio with / without",
        at_most=SMALLER,
        note=_NOISE,
    ),
    Claim(
        "dropout-narrows-gap/accuracy",
        "with dropout more of the new pictures are recognised",
        "statistical",
        accuracy_gain,
        "share of pictures",
        at_least=SHARE,
        note=f"judged by the true digit; {_NOISE}",
    ),
    Claim(
        "dropout-narrows-gap/expected-value",
        "over all masks of ten units the mean of what dropout lets through is h, its variance h² p / (1 - p)",
        "exact",
        largest("mean_deviation", "variance_deviation"),
        "largest deviation",
        at_most=1e-12,
        note="every mask weighed with its probability; inverted dropout written by hand",
    ),
    Claim(
        "dropout-narrows-gap/expected-value-framework",
        "the framework's dropout lets through the same in the mean",
        "statistical",
        lambda results: results.values("with", "mean_ratio"),
        "ratio to the input",
        at_least=0.99,
        at_most=1.01,
        note="200,000 activations a seed",
    ),
    Claim(
        "dropout-narrows-gap/identity-at-evaluation",
        "when the network is used dropout does nothing: the same logits as of a network without such layers",
        "exact",
        largest("evaluation_deviation"),
        "largest difference",
        at_most=0.0,
        note="same weights, test pictures, same framework: equal to the last bit",
    ),
    Claim(
        "more-than-slower-learning",
        "with dropout more is recognised than without when that is stopped at the same training loss",
        "statistical",
        gain_at_equal_fit,
        "share of pictures",
        at_least=SHARE,
        note="validation pictures, judged by the true digit; at equal epochs dropout has fitted less, here it has not",
    ),
    Claim(
        "clean-labels-hide-it",
        "with clean labels dropout gains less accuracy than with noisy ones",
        "statistical",
        lambda results: accuracy_gain(results) - accuracy_gain(results, "clean labels/"),
        "share of pictures",
        at_least=SHARE,
        note="clean digits are so easy that there is little to overfit",
    ),
)
