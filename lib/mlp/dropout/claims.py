"""What the dropout lab measures for the lecture's sentences: functions of its trials' results.

A loss, a rank or a length counts as smaller when at least a tenth of it is gone, an accuracy as higher when it is so by
one picture in a hundred.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lib.harness.contract.claim import Claim, require_trained
from lib.harness.contract.claim import largest as largest_of
from lib.harness.contract.results import Results
from lib.harness.contract.series import Series, align

TENTH, SHARE = 0.1, 0.01
GAP = 0.1
"""Nats between test and training loss from which on there is a gap: what the lab overfitting counts as a difference."""
TRAINED = 0.3
"""Test accuracy from which on a network has learned: three times chance."""


def pair(results: Results, measurement: str, prefix: str = "") -> tuple[Series, Series]:
    """A measurement without and with dropout, over the seeds that both arms have: (seeds, …) each."""
    without, with_dropout = align(*(results.series(f"{prefix}{arm}", measurement) for arm in ("without", "with")))
    return without, with_dropout


def gaps(results: Results, prefix: str = "") -> tuple[Series, Series]:
    """Test loss less training loss, both for noisy labels, without and with dropout: (seeds,) each."""
    test, train = (pair(results, f"{split}_loss", prefix) for split in ("test", "train"))
    return test[0] - train[0], test[1] - train[1]


def gap_left(results: Results) -> Series:
    """The share of the gap that is left with dropout: (seeds,). It may be negative, so it has no logarithm.

    Raises:
        InconclusiveError: without dropout there is no gap to narrow.
    """
    without, with_dropout = gaps(results)
    require_trained("the gap without dropout", without, GAP)
    return with_dropout / without


def accuracy_gain(results: Results, prefix: str = "") -> Series:
    """Test digits that dropout adds, picture by picture, judged by the true digit: (seeds, pictures).

    Raises:
        InconclusiveError: the network without dropout has not learned anything.
    """
    without, with_dropout = (results.items(f"{prefix}{arm}", "test_true_right") for arm in ("without", "with"))
    require_trained("the test accuracy without dropout", without.mean(axis=1), TRAINED)
    return with_dropout - without


def gain_at_equal_fit(results: Results) -> np.ndarray:
    """The rise in accuracy through dropout over the network without, stopped at the same training loss: (seeds,).

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
    return lambda results: largest_of(results.values("with", name) for name in measurements)


CLAIMS = (
    Claim(
        "dropout-simplifies/rank",
        role="sentence",
        measure=ratio("effective_rank"),
        less_than=1.0,
        smallest=TENTH,
        interval="log-mean",
    ),
    Claim(
        "dropout-simplifies/norm",
        role="sentence",
        measure=ratio("norm"),
        less_than=1.0,
        smallest=TENTH,
        interval="log-mean",
    ),
    Claim(
        "dropout-simplifies/input-gradient",
        role="sentence",
        measure=ratio("input_gradient"),
        less_than=1.0,
        smallest=TENTH,
        interval="log-mean",
    ),
    Claim(
        "dropout-simplifies/sensitivity",
        role="sentence",
        measure=ratio("sensitivity"),
        less_than=1.0,
        smallest=TENTH,
        interval="log-mean",
    ),
    Claim("dropout-narrows-gap/gap", role="sentence", measure=gap_left, less_than=1.0, smallest=TENTH),
    Claim(
        "dropout-narrows-gap/accuracy",
        role="sentence",
        measure=accuracy_gain,
        more_than=0.0,
        smallest=SHARE,
        interval="items",
    ),
    Claim(
        "dropout-narrows-gap/expected-value",
        role="identity",
        kind="exact",
        measure=largest("mean_deviation", "variance_deviation"),
        at_most=1e-12,
    ),
    Claim(
        "dropout-narrows-gap/expected-value-framework",
        role="identity",
        measure=lambda results: results.values("with", "mean_ratio"),
        at_least=0.99,
        at_most=1.01,
    ),
    Claim(
        "dropout-narrows-gap/identity-at-evaluation",
        role="identity",
        kind="exact",
        measure=largest("evaluation_deviation"),
        at_most=0.0,
    ),
    Claim("more-than-slower-learning", role="sentence", measure=gain_at_equal_fit, more_than=0.0, smallest=SHARE),
    Claim(
        "clean-labels-hide-it",
        role="sentence",
        measure=lambda results: accuracy_gain(results) - accuracy_gain(results, "clean labels/"),
        more_than=0.0,
        smallest=SHARE,
        interval="items",
    ),
)
