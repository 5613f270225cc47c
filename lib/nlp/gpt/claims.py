"""What the GPT lab measures for the lecture's sentences: functions of its trials' results."""

from __future__ import annotations

import numpy as np

from lib.harness.contract.claim import Claim, InconclusiveError
from lib.harness.contract.results import Results

FEWEST, MORE, HALF = 4, 16, 0.5
"""Characters of context that are compared with the second half of it: up to so many, and from there up to so many."""


def untrained(results: Results) -> float:
    """How far the loss before training is from the logarithm of the number of characters, the worst seed."""
    first = results.values("gpt", "watched")[:, 0]
    return float(np.abs(first - np.log(results.values("gpt", "vocabulary"))).max())


def below_counting(results: Results, order: int) -> np.ndarray:
    """Test loss of the n-gram of this order less that of the model: (seeds,)."""
    return np.asarray(results.values("counting", "losses")[0, order - 1] - results.values("gpt", "test_loss"))


def context_buys(results: Results) -> np.ndarray:
    """Loss after 1 to 4 characters less that in the second half of the context: (seeds,)."""
    by_place = results.values("gpt", "by_place")
    return np.asarray(by_place[:, :FEWEST].mean(axis=1) - by_place[:, by_place.shape[1] // 2 :].mean(axis=1))


def still_buys(results: Results) -> np.ndarray:
    """Loss after 5 to 16 characters less that in the second half of the context: (seeds,).

    Raises:
        InconclusiveError: the model has not learned what counting three characters gives, let alone a word's length.
    """
    order = min(3, results.values("counting", "losses").shape[1])
    if below_counting(results, order).mean() <= 0:
        raise InconclusiveError(f"it predicts no better than counting {order} characters: train it longer")
    by_place = results.values("gpt", "by_place")
    half = by_place.shape[1] // 2
    return np.asarray(by_place[:, FEWEST : min(MORE, half)].mean(axis=1) - by_place[:, half:].mean(axis=1))


_TEST = "test part of the novels, read once, at the end"
_SAME = f"the same characters at both places, of other stretches for each seed; {_TEST}"
CLAIMS = (
    Claim(
        "left-to-right/untrained",
        statement="before it has learned, its loss is the logarithm of the number of characters: it guesses",
        kind="exact",
        measure=untrained,
        unit="nats, worst seed",
        at_most=0.1,
        note="ln 81 = 4.394; its starting weights are small but not 0, so not to the last digit",
    ),
    Claim(
        "left-to-right/causal",
        statement="a later character never changes an earlier output",
        kind="exact",
        measure=lambda results: float(results.values("gpt", "later_changes_earlier").max()),
        unit="largest change",
        at_most=0.0,
        note="all that follows a place drawn anew, for every place; equal to the last bit; trained model",
    ),
    Claim(
        "left-to-right/learns",
        statement="it learns more than how frequent each character is: its loss is at least half a nat below",
        measure=lambda results: below_counting(results, 1),
        unit="nats a character",
        at_least=HALF,
        note=f"{_TEST}; against the frequencies of the training text",
    ),
    Claim(
        "left-to-right/context",
        statement="the more it has read, the better it predicts: after 32 characters better than after four",
        measure=context_buys,
        unit="nats a character",
        at_least=0.1,
        note=f"second half of the context against its places 1 to 4; {_SAME}",
    ),
    Claim(
        "looks-further-than-a-pair",
        statement="it predicts better than counting which character follows which",
        measure=lambda results: below_counting(results, 2),
        unit="nats a character",
        at_least=0.0,
        note=f"2-grams of all 3.6 million characters, Kneser-Ney smoothed; {_TEST}",
    ),
    Claim(
        "context-beyond-the-word",
        statement="what lies further back than a word still helps a little",
        measure=still_buys,
        unit="nats a character",
        at_least=0.0,
        note=f"second half of the context against its places 5 to 16; {_SAME}",
    ),
)
