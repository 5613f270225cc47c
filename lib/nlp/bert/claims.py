"""Measures of the BERT lab's claims: functions of its trials' results.

A share counts as higher when it is so by one in a hundred: words guessed, sentences or meanings recognised.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lib.harness.contract.claim import Claim, require_trained
from lib.harness.contract.results import Results
from lib.harness.contract.series import Series

SHARE = 0.01
LEARNED = 0.08
"""Share of hidden words from which on a model has learned: "the" is about 6 % of the words of the Brown corpus."""


def guessed(results: Results, kind: str, place: str = "middle") -> Series:
    """The share of hidden words of test sentences that a small model guesses: (seeds,)."""
    return results.series(kind, "test").map(lambda by_place: by_place[place]["right"])


def more_guessed(better: str, than: str) -> Callable[[Results], Series]:
    """The share of middle words that one small model guesses minus that of another: (seeds,).

    Raises:
        InconclusiveError: neither does better than always naming the most frequent word.
    """

    def measure(results: Results) -> Series:
        first, second = guessed(results, better), guessed(results, than)
        require_trained("the better one's share of hidden words", np.maximum(first, second), LEARNED)
        return first - second

    return measure


def sizes(results: Results) -> list[int]:
    """The numbers of labelled sentences with which a review was learned, the fewest first."""
    return sorted(int(variant.partition("/")[2]) for variant in results.variants("fine-tuned/"))


def more_reviews(better: str, than: str) -> Callable[[Results], Series]:
    """The accuracy on reviews of one way of learning minus that of another, mean over the numbers of labels."""

    def measure(results: Results) -> Series:
        gains = [
            results.series(f"{better}/{size}", "accuracy") - results.series(f"{than}/{size}", "accuracy")
            for size in sizes(results)
        ]
        if not gains:
            raise LookupError("no finished trial of variant 'fine-tuned'")
        return sum(gains[1:], start=gains[0]) / len(gains)

    return measure


def mean_over_words(results: Results, variant: str, measurement: str) -> Series:
    """The share of meanings recognised, mean over the words: (seeds,)."""
    return results.series(variant, measurement).map(lambda by_word: np.mean(list(by_word.values())))


def more_meanings(variant: str) -> Callable[[Results], Series]:
    """The accuracy of meanings told by a word's own vector minus that by the static vectors around it: (seeds,)."""
    return lambda results: mean_over_words(results, variant, "senses") - mean_over_words(results, variant, "around")


def better_features(better: str, than: str) -> Callable[[Results], Series]:
    """The accuracy on reviews with one small model's vectors minus that with another's: (seeds,)."""
    return lambda results: results.series(better, "review_accuracy") - results.series(than, "review_accuracy")


CLAIMS = (
    Claim(
        "both-sides/masked-above-causal",
        role="sentence",
        measure=more_guessed("masked", "causal"),
        more_than=0.0,
        smallest=SHARE,
    ),
    Claim(
        "both-sides/masked-above-bilm",
        role="sentence",
        measure=more_guessed("masked", "bilm"),
        more_than=0.0,
        smallest=SHARE,
    ),
    Claim(
        "both-sides/bilm-above-causal",
        role="control",
        measure=more_guessed("bilm", "causal"),
        more_than=0.0,
        smallest=SHARE,
    ),
    Claim(
        "both-sides/pretrained-above-scratch",
        role="control",
        measure=more_reviews("fine-tuned", "scratch"),
        more_than=0.0,
        smallest=SHARE,
    ),
    Claim(
        "both-sides/pretrained-above-tf-idf",
        role="control",
        measure=more_reviews("fine-tuned", "tf-idf"),
        more_than=0.0,
        smallest=SHARE,
    ),
    Claim(
        "both-sides/fine-tuned-above-frozen",
        role="control",
        measure=more_reviews("fine-tuned", "frozen"),
        more_than=0.0,
        smallest=SHARE,
    ),
    Claim(
        "both-sides/meaning-in-context", role="control", measure=more_meanings("minilm"), more_than=0.0, smallest=SHARE
    ),
    Claim(
        "both-sides/meaning-in-context-small",
        role="control",
        measure=more_meanings("masked"),
        more_than=0.0,
        smallest=SHARE,
    ),
    Claim(
        "both-sides/frozen-features",
        role="control",
        measure=better_features("masked", "causal"),
        more_than=0.0,
        smallest=SHARE,
    ),
)
