"""What the dropout lab measures for the lecture's sentences: functions of its trials' results.

A loss, a rank or a length counts as smaller when at least a tenth of it is gone, an accuracy as higher when it is so by
one picture in a hundred.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lib.harness.contract.claim import Claim
from lib.harness.contract.results import Results
from lib.harness.contract.series import Series, align

SMALLER, SHARE = 0.9, 0.01


def pair(results: Results, measurement: str, prefix: str = "") -> tuple[Series, Series]:
    """A measurement without and with dropout, over the seeds that both arms have: (seeds, …) each."""
    without, with_dropout = align(*(results.series(f"{prefix}{arm}", measurement) for arm in ("without", "with")))
    return without, with_dropout


def gaps(results: Results, prefix: str = "") -> tuple[Series, Series]:
    """Test loss less training loss, both for noisy labels, without and with dropout: (seeds,) each."""
    test, train = (pair(results, f"{split}_loss", prefix) for split in ("test", "train"))
    return test[0] - train[0], test[1] - train[1]


def gap_left(results: Results) -> Series:
    """The share of the gap that is left with dropout: (seeds,)."""
    without, with_dropout = gaps(results)
    return with_dropout / without


def accuracy_gain(results: Results, prefix: str = "") -> Series:
    """By how much dropout raises the test accuracy, judged by the true digit: (seeds,)."""
    without, with_dropout = pair(results, "test_true_error", prefix)
    return without - with_dropout


def gain_at_equal_fit(results: Results) -> np.ndarray:
    """By how much dropout raises the accuracy over the network without, stopped at the same training loss: (seeds,).

    On validation pictures, judged by the true digit; the stopped network's accuracy is interpolated between the looks.
    Where it never gets that low, its last accuracy counts.
    """
    without, with_dropout = pair(results, "path")
    gains = []
    for plain, dropped in zip(without, with_dropout, strict=True):
        fit = np.minimum.accumulate(plain["train_loss"])[::-1]
        stopped = np.interp(dropped["train_loss"][-1], fit, plain["validation_true_error"][::-1])
        gains.append(stopped - dropped["validation_true_error"][-1])
    return np.array(gains)


def ratio(measurement: str) -> Callable[[Results], Series]:
    """A measurement with dropout over that without: (seeds,)."""
    return lambda results: results.series("with", measurement) / results.series("without", measurement)


def largest(*measurements: str) -> Callable[[Results], float]:
    """The largest of these measurements over the seeds, with dropout."""
    return lambda results: float(max(results.values("with", name).max() for name in measurements))


_NOISE = "30 % random labels unless the config says otherwise; paired over seeds; test pictures read once, at the end"
CLAIMS = (
    Claim(
        "dropout-simplifies/rank",
        statement="with dropout the hidden activations extend in fewer directions: their effective rank is lower",
        measure=ratio("effective_rank"),
        unit="ratio with / without",
        at_most=SMALLER,
        note="last hidden layer on test pictures; exp of the entropy of its singular values (Roy & Vetterli 2007)",
    ),
    Claim(
        "dropout-simplifies/norm",
        statement="with dropout the hidden activations are smaller",
        measure=ratio("norm"),
        unit="ratio with / without",
        at_most=SMALLER,
        note="mean length of the last hidden layer's activations on test pictures",
    ),
    Claim(
        "dropout-simplifies/input-gradient",
        statement="with dropout the answer changes more slowly with the picture",
        measure=ratio("input_gradient"),
        unit="ratio with / without",
        at_most=SMALLER,
        note="mean length of the gradient of the predicted class's log-probability by a test picture",
    ),
    Claim(
        "dropout-simplifies/sensitivity",
        statement="with dropout noise on the picture moves the answer less",
        measure=ratio("sensitivity"),
        unit="ratio with / without",
        at_most=SMALLER,
        note="mean total variation between the answers to a test picture and to the same with noise",
    ),
    Claim(
        "dropout-narrows-gap/gap",
        statement="with dropout the gap between test and training loss is smaller",
        measure=gap_left,
        unit="ratio with / without",
        at_most=SMALLER,
        note=_NOISE,
    ),
    Claim(
        "dropout-narrows-gap/accuracy",
        statement="with dropout more of the new pictures are recognised",
        measure=accuracy_gain,
        unit="share of pictures",
        at_least=SHARE,
        note=f"judged by the true digit; {_NOISE}",
    ),
    Claim(
        "dropout-narrows-gap/expected-value",
        statement="over all masks of ten units the mean of what dropout lets through is h, its variance h² p / (1 - p)",
        kind="exact",
        measure=largest("mean_deviation", "variance_deviation"),
        unit="largest deviation",
        at_most=1e-12,
        note="every mask weighed with its probability; inverted dropout written by hand",
    ),
    Claim(
        "dropout-narrows-gap/expected-value-framework",
        statement="the framework's dropout lets through the same in the mean",
        measure=lambda results: results.values("with", "mean_ratio"),
        unit="ratio to the input",
        at_least=0.99,
        at_most=1.01,
        note="200,000 activations a seed",
    ),
    Claim(
        "dropout-narrows-gap/identity-at-evaluation",
        statement="when the network is used dropout does nothing: the same logits as of a network without such layers",
        kind="exact",
        measure=largest("evaluation_deviation"),
        unit="largest difference",
        at_most=0.0,
        note="same weights, test pictures, same framework: equal to the last bit",
    ),
    Claim(
        "more-than-slower-learning",
        statement="with dropout more is recognised than without when that is stopped at the same training loss",
        measure=gain_at_equal_fit,
        unit="share of pictures",
        at_least=SHARE,
        note="validation pictures, judged by the true digit; at equal epochs dropout has fitted less, here it has not",
    ),
    Claim(
        "clean-labels-hide-it",
        statement="with clean labels dropout gains less accuracy than with noisy ones",
        measure=lambda results: accuracy_gain(results) - accuracy_gain(results, "clean labels/"),
        unit="share of pictures",
        at_least=SHARE,
        note="clean digits are so easy that there is little to overfit",
    ),
)
