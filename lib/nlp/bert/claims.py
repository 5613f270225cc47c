"""What the BERT lab measures for the lecture's sentences: functions of its trials' results.

A share counts as higher when it is so by one in a hundred: words guessed, sentences or meanings recognised.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lib.harness.contract.claim import Claim
from lib.harness.contract.results import Results
from lib.harness.contract.series import Series

SHARE = 0.01


def guessed(results: Results, kind: str, place: str = "middle", measure: str = "right") -> np.ndarray:
    """One of the measures of `lib.nlp.bert.words.guessed` of a small model on test sentences: (seeds,)."""
    return np.array([test[place][measure] for test in results.values(kind, "test")])


def more_guessed(better: str, than: str) -> Callable[[Results], Series]:
    """By how much the share of middle words that one small model guesses is above another's: (seeds,)."""

    def measure(results: Results) -> Series:
        first, second = (
            results.series(kind, "test").map(lambda test: test["middle"]["right"]) for kind in (better, than)
        )
        return first - second

    return measure


def sizes(results: Results) -> list[int]:
    """The numbers of labelled sentences with which a review was learned, the fewest first."""
    return sorted(int(variant.partition("/")[2]) for variant in results.variants("fine-tuned/"))


def more_reviews(better: str, than: str) -> Callable[[Results], Series]:
    """By how much one way of learning reviews is right more often than another, mean over the numbers of labels."""

    def measure(results: Results) -> Series:
        gains = [
            results.series(f"{better}/{size}", "accuracy") - results.series(f"{than}/{size}", "accuracy")
            for size in sizes(results)
        ]
        if not gains:
            raise LookupError("no finished trial of variant 'fine-tuned'")
        return sum(gains[1:], start=gains[0]) / len(gains)

    return measure


def mean_over_words(results: Results, variant: str, measurement: str) -> np.ndarray:
    """The share of meanings recognised, mean over the words: (seeds,)."""
    return np.array([np.mean(list(by_word.values())) for by_word in results.values(variant, measurement)])


def more_meanings(variant: str) -> Callable[[Results], np.ndarray]:
    """By how much a word's vector tells its meaning more often than the static vectors around it: (seeds,)."""
    return lambda results: mean_over_words(results, variant, "senses") - mean_over_words(results, variant, "around")


def better_features(better: str, than: str) -> Callable[[Results], Series]:
    """By how much reviews are told better from one small model's vectors than from another's: (seeds,)."""
    return lambda results: results.series(better, "review_accuracy") - results.series(than, "review_accuracy")


_WORDS = "same corpus, batches and steps, as many parameters; one learning rate; test read once"
_REVIEWS = "mean over the numbers of labelled sentences; settings chosen on validation; test read once"
CLAIMS = (
    Claim(
        "both-sides/masked-above-causal",
        statement="a masked language model guesses more hidden words in the middle of a sentence than a causal one",
        measure=more_guessed("masked", "causal"),
        unit="share of words",
        at_least=SHARE,
        note=_WORDS,
    ),
    Claim(
        "both-sides/masked-above-bilm",
        statement="a masked language model guesses more hidden words in the middle than two that read from either side",
        measure=more_guessed("masked", "bilm"),
        unit="share of words",
        at_least=SHARE,
        note=f"the biLM's two guesses are joined by Bayes' rule; {_WORDS}",
    ),
    Claim(
        "both-sides/bilm-above-causal",
        statement=(
            "two language models that read from either side guess more hidden words in the middle than a causal one"
        ),
        measure=more_guessed("bilm", "causal"),
        unit="share of words",
        at_least=SHARE,
        note=_WORDS,
    ),
    Claim(
        "both-sides/pretrained-above-scratch",
        statement=(
            "from few labelled reviews a pretrained BERT, fine-tuned, learns more than one that starts from chance"
        ),
        measure=more_reviews("fine-tuned", "scratch"),
        unit="share of sentences",
        at_least=SHARE,
        note=_REVIEWS,
    ),
    Claim(
        "both-sides/pretrained-above-tf-idf",
        statement=(
            "from few labelled reviews a pretrained BERT, fine-tuned, learns more than logistic regression on TF-IDF"
        ),
        measure=more_reviews("fine-tuned", "tf-idf"),
        unit="share of sentences",
        at_least=SHARE,
        note=_REVIEWS,
    ),
    Claim(
        "both-sides/fine-tuned-above-frozen",
        statement=(
            "fine-tuning the pretrained BERT gets more reviews right than logistic regression on its frozen vectors"
        ),
        measure=more_reviews("fine-tuned", "frozen"),
        unit="share of sentences",
        at_least=SHARE,
        note=_REVIEWS,
    ),
    Claim(
        "both-sides/meaning-in-context",
        statement=(
            "the pretrained BERT's vector of a word tells its meaning better than static vectors of the words around"
        ),
        measure=more_meanings("minilm"),
        unit="share of meanings",
        at_least=SHARE,
        note="eight words with two meanings, four sentences of each shown; the word's own static vector has 1/2",
    ),
    Claim(
        "both-sides/meaning-in-context-small",
        statement=(
            "the small masked model's vector of a word tells its meaning better than static vectors of the words around"
        ),
        measure=more_meanings("masked"),
        unit="share of meanings",
        at_least=SHARE,
        note="eight words with two meanings, four sentences of each shown; the word's own static vector has 1/2",
    ),
    Claim(
        "both-sides/frozen-features",
        statement=(
            "the small masked model's frozen vectors tell more good from bad reviews than the small causal model's"
        ),
        measure=better_features("masked", "causal"),
        unit="share of sentences",
        at_least=SHARE,
        note="mean of the last layer over the words, logistic regression; chosen on validation, test read once",
    ),
)
