"""Measures of the FastText lab's claims: functions of its trials' results.

"Robust" means: the intended word is among the ten nearest for at least half of the misspellings. A share counts as
larger when it is so by two in a hundred, an accuracy by one. Spearman's correlation counts as equally good within 0.05:
less than its own standard error on WordSim-353, about 1 / sqrt(270 pairs) = 0.06. Where "as good" allows for such a
margin, the statement says how large it is.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lib.harness.contract.claim import Claim, InconclusiveError, require_trained
from lib.harness.contract.results import Results
from lib.harness.contract.series import Series, align

HALF, SHARE, ACCURACY, CORRELATION = 0.5, 0.02, 0.01, 0.05
BETTER = 0.55
"""Accuracy from which on a classifier of sentiment has learned: a coin has 0.5."""
LEARNED = 0.1
"""Correlation from which on the peer counts as having learned meaning; below, being as good as it says nothing."""


def of_spelling(results: Results, variant: str, measurement: str) -> Series:
    """A measurement of the nearest spelling, which is measured in a variant of whole words: (seeds,)."""
    return results.series(variant, "spelling").map(lambda measured: measured[measurement])


def gain(first: str, second: str, measurement: str) -> Callable[[Results], Series]:
    """A measurement of one variant minus that of another: (seeds,)."""

    def measure(results: Results) -> Series:
        one, other = align(results.series(first, measurement), results.series(second, measurement))
        if measurement == "wordsim" and not other.mean() >= LEARNED:
            raise InconclusiveError(
                f"{second} itself hardly agrees with human ratings ({other.mean():.2f}): train on more text"
            )
        return one - other

    return measure


def gain_over_spelling(variant: str, words: str, measurement: str = "top10") -> Callable[[Results], Series]:
    """A variant's recovery minus that of the nearest spelling: (seeds,)."""
    return lambda results: results.series(variant, measurement) - of_spelling(results, words, measurement)


def loss_at_half(accuracy: Series) -> Series:
    """Accuracy without typos minus that with a typo in half of the words; accuracies are (seeds, shares): (seeds,)."""
    return accuracy[:, 0] - accuracy[:, accuracy.values.shape[1] // 2]


def less_lost(peer: str) -> Callable[[Results], Series]:
    """The accuracy that word2vec loses to a typo in half of the words, minus FastText's loss: (seeds,).

    Args:
        peer: the measurement of word2vec, ``accuracy`` or ``spelling_accuracy``.

    Raises:
        InconclusiveError: one of them tells good from bad hardly better than a coin, so it has nothing to lose.
    """

    def measure(results: Results) -> Series:
        word2vec, fasttext = results.series("ours/words", peer), results.series("ours/subwords", "accuracy")
        require_trained("the accuracy of sentiment without typos", np.minimum(word2vec[:, 0], fasttext[:, 0]), BETTER)
        return loss_at_half(word2vec) - loss_at_half(fasttext)

    return measure


CLAIMS = (
    Claim(
        "robust-to-typos/word2vec-alone",
        role="control",
        measure=lambda results: float(results.values("ours/words", "answered").max()),
        kind="exact",
        at_most=0.0,
    ),
    Claim(
        "robust-to-typos/recovery",
        role="sentence",
        measure=lambda results: results.series("ours/subwords", "top10"),
        at_least=HALF,
    ),
    Claim(
        "robust-to-typos/recovery-nearest-spelling",
        role="control",
        measure=gain_over_spelling("ours/subwords", "ours/words"),
        at_least=-SHARE,
    ),
    Claim(
        "robust-to-typos/sentiment", role="sentence", measure=less_lost("accuracy"), more_than=0.0, smallest=ACCURACY
    ),
    Claim(
        "robust-to-typos/sentiment-nearest-spelling",
        role="control",
        measure=less_lost("spelling_accuracy"),
        at_least=-ACCURACY,
    ),
    Claim(
        "robust-to-typos/korean",
        role="sentence",
        measure=lambda results: results.series("korean/jamo", "top10"),
        at_least=HALF,
    ),
    Claim(
        "robust-to-typos/korean-nearest-spelling",
        role="control",
        measure=gain_over_spelling("korean/jamo", "korean/words"),
        at_least=-SHARE,
    ),
    Claim(
        "jamo-beat-syllables",
        role="sentence",
        measure=gain("korean/jamo", "korean/syllables", "top10"),
        more_than=0.0,
        smallest=SHARE,
    ),
    Claim(
        "subwords-keep-the-meaning",
        role="sentence",
        measure=gain("ours/subwords", "ours/words", "wordsim"),
        at_least=-CORRELATION,
    ),
    Claim(
        "as-good-as-gensim/words",
        role="sentence",
        measure=gain("ours/words", "gensim/words", "wordsim"),
        at_least=-CORRELATION,
    ),
    Claim(
        "as-good-as-gensim/subwords",
        role="sentence",
        measure=gain("ours/subwords", "gensim/subwords", "wordsim"),
        at_least=-CORRELATION,
    ),
    Claim(
        "as-good-as-gensim/recovery",
        role="sentence",
        measure=gain("ours/subwords", "gensim/subwords", "top10"),
        at_least=-SHARE,
    ),
)
