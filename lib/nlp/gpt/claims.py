"""Measures of the GPT lab's claims: functions of its trials' results."""

from __future__ import annotations

import numpy as np

from lib.harness.contract.claim import Claim, InconclusiveError
from lib.harness.contract.results import Results
from lib.harness.contract.series import Series

NATS = 0.01
"""The smallest difference in loss that counts: a hundredth of a nat is one per cent of a character's probability."""
FEWEST, MORE, HALF = 4, 16, 0.5
"""Characters of context that are compared with the second half of it: up to so many, and from there up to so many."""


def untrained(results: Results) -> float:
    """The distance of the loss before training from the logarithm of the number of characters, for the worst seed."""
    first = results.values("gpt", "watched")[:, 0]
    return float(np.abs(first - np.log(results.values("gpt", "vocabulary"))).max())


def below_counting(results: Results, order: int) -> Series:
    """Test loss of the n-gram of this order less that of the model: (seeds,)."""
    gain: Series = results.values("counting", "losses")[0, order - 1] - results.series("gpt", "test_loss")
    return gain


def context_buys(results: Results) -> Series:
    """Loss after 1 to 4 characters less that in the second half of the context: (seeds,).

    Raises:
        InconclusiveError: the model has not even learned how frequent the characters are.
    """
    if not below_counting(results, 1).mean() > 0:
        raise InconclusiveError("it predicts no better than the characters' frequencies: train it longer")
    by_place = results.series("gpt", "by_place")
    gain: Series = by_place[:, :FEWEST].mean(axis=1) - by_place[:, by_place.values.shape[1] // 2 :].mean(axis=1)
    return gain


def still_buys(results: Results) -> Series:
    """Loss after 5 to 16 characters less that in the second half of the context: (seeds,).

    Raises:
        InconclusiveError: the model has not learned what counting three characters gives, let alone a word's length.
    """
    order = min(3, results.values("counting", "losses").shape[1])
    if not below_counting(results, order).mean() > 0:
        raise InconclusiveError(f"it predicts no better than counting {order} characters: train it longer")
    by_place = results.series("gpt", "by_place")
    half = by_place.values.shape[1] // 2
    gain: Series = by_place[:, FEWEST : min(MORE, half)].mean(axis=1) - by_place[:, half:].mean(axis=1)
    return gain


CLAIMS = (
    Claim("left-to-right/untrained", role="identity", measure=untrained, kind="exact", at_most=0.1),
    Claim(
        "left-to-right/causal",
        role="sentence",
        measure=lambda results: float(results.values("gpt", "later_changes_earlier").max()),
        kind="exact",
        at_most=0.0,
    ),
    Claim(
        "left-to-right/learns",
        role="sentence",
        measure=lambda results: below_counting(results, 1),
        more_than=0.0,
        smallest=HALF,
    ),
    Claim("left-to-right/context", role="sentence", measure=context_buys, more_than=0.0, smallest=0.1),
    Claim(
        "looks-further-than-a-pair",
        role="sentence",
        measure=lambda results: below_counting(results, 2),
        more_than=0.0,
        smallest=NATS,
    ),
    Claim("context-beyond-the-word", role="sentence", measure=still_buys, more_than=0.0, smallest=NATS),
)
