"""What the FastText lab measures for the lecture's sentence: functions of its trials' results.

"Robust" is: the word that was meant is among the ten nearest for at least half of the misspellings. A share counts as
larger when it is so by two in a hundred, an accuracy by one. Spearman's correlation counts as equally good within 0.05:
less than its own standard error on WordSim-353, about 1 / sqrt(270 pairs) = 0.06.
"""

from __future__ import annotations

from collections.abc import Callable

from lib.harness.contract.claim import Claim, InconclusiveError
from lib.harness.contract.results import Results
from lib.harness.contract.series import Series, align

HALF, SHARE, ACCURACY, CORRELATION = 0.5, 0.02, 0.01, 0.05


LEARNED = 0.1
"""Correlation of the peer from which on meaning was learned at all; below, being as good says nothing."""


def of_spelling(results: Results, arm: str, measurement: str) -> Series:
    """A measurement of the nearest spelling, which is measured in an arm of whole words: (seeds,)."""
    return results.series(arm, "spelling").map(lambda found: found[measurement])


def gain(first: str, second: str, measurement: str) -> Callable[[Results], Series]:
    """By how much a measurement of one arm exceeds that of another: (seeds,)."""

    def measure(results: Results) -> Series:
        one, other = align(results.series(first, measurement), results.series(second, measurement))
        if measurement == "wordsim" and other.mean() < LEARNED:
            raise InconclusiveError(
                f"{second} is itself hardly like people's ratings ({other.mean():.2f}): train on more text"
            )
        return one - other

    return measure


def gain_over_spelling(arm: str, words: str, measurement: str = "top10") -> Callable[[Results], Series]:
    """By how much an arm's recovery exceeds that of the nearest spelling: (seeds,)."""
    return lambda results: results.series(arm, measurement) - of_spelling(results, words, measurement)


def loss_at_half(accuracy: Series) -> Series:
    """Accuracy without typos less that with a typo in half the words; accuracies are (seeds, shares): (seeds,)."""
    return accuracy[:, 0] - accuracy[:, accuracy.values.shape[1] // 2]


def less_lost(peer: str) -> Callable[[Results], Series]:
    """By how much less accuracy FastText loses than word2vec by a typo in half the words: (seeds,).

    `peer`: the measurement of word2vec, ``accuracy`` or ``spelling_accuracy``.
    """

    return lambda results: (
        loss_at_half(results.series("ours/words", peer)) - loss_at_half(results.series("ours/subwords", "accuracy"))
    )


_REAL = "misspellings that people made (codespell), of words that were learned; test split"
_FILMS = "film sentences, mean of word vectors, logistic regression; a typo in half of the words of 4 letters or more"
_KEYS = "keys swapped, left out, doubled or hit beside; trained on 130,000 words of an office program's help, so little"
_RATED = "WordSim-353, pairs whose words were learned; same text and settings"
CLAIMS = (
    Claim(
        "robust-to-typos/word2vec-alone",
        statement="word2vec alone has a vector for no misspelling: it finds none of the words that were meant",
        kind="exact",
        measure=lambda results: float(results.values("ours/words", "answered").max()),
        unit="share of misspellings",
        at_most=0.0,
        note=f"by construction; {_REAL}",
    ),
    Claim(
        "robust-to-typos/recovery",
        statement="FastText has the word that was meant among the ten nearest, for at least half of the misspellings",
        measure=lambda results: results.values("ours/subwords", "top10"),
        unit="share of misspellings",
        at_least=HALF,
        note=_REAL,
    ),
    Claim(
        "robust-to-typos/recovery-nearest-spelling",
        statement="FastText finds the word that was meant at least as often as the ten nearest spellings do",
        measure=gain_over_spelling("ours/subwords", "ours/words"),
        unit="share of misspellings",
        at_least=0.0,
        note=f"fewest edits, frequent words first; the fair peer; {_REAL}",
    ),
    Claim(
        "robust-to-typos/sentiment",
        statement="with typos a sentiment classifier loses less accuracy on FastText's vectors than on word2vec's",
        measure=less_lost("accuracy"),
        unit="share of sentences",
        at_least=ACCURACY,
        note=_FILMS,
    ),
    Claim(
        "robust-to-typos/sentiment-nearest-spelling",
        statement="it loses no more than on word2vec's with unknown words replaced by the nearest spelling",
        measure=less_lost("spelling_accuracy"),
        unit="share of sentences",
        at_least=-ACCURACY,
        note=f"the fair peer; {_FILMS}",
    ),
    Claim(
        "robust-to-typos/korean",
        statement=(
            "with jamo n-grams the Korean word that was meant is among the ten nearest for at least half of the typos"
        ),
        measure=lambda results: results.values("korean/jamo", "top10"),
        unit="share of typos",
        at_least=HALF,
        note=_KEYS,
    ),
    Claim(
        "robust-to-typos/korean-nearest-spelling",
        statement="with jamo n-grams it is found at least as often as by the ten nearest spellings",
        measure=gain_over_spelling("korean/jamo", "korean/words"),
        unit="share of typos",
        at_least=0.0,
        note=f"edits counted in jamo; the fair peer; {_KEYS}",
    ),
    Claim(
        "jamo-beat-syllables",
        statement="n-grams of jamo find the Korean word behind a typo more often than n-grams of syllables",
        measure=gain("korean/jamo", "korean/syllables", "top10"),
        unit="share of typos",
        at_least=SHARE,
        note=_KEYS,
    ),
    Claim(
        "subwords-keep-the-meaning",
        statement="subwords cost nothing at meaning: as like people's ratings as word2vec",
        measure=gain("ours/subwords", "ours/words", "wordsim"),
        unit="Spearman's correlation",
        at_least=-CORRELATION,
        note="WordSim-353, pairs whose words were learned, read once; the paper has 71 against 72 of 100 (Wikipedia)",
    ),
    Claim(
        "as-good-as-gensim/words",
        statement="our word2vec is as like people's ratings of similarity as gensim's",
        measure=gain("ours/words", "gensim/words", "wordsim"),
        unit="Spearman's correlation",
        at_least=-CORRELATION,
        note=_RATED,
    ),
    Claim(
        "as-good-as-gensim/subwords",
        statement="our FastText is as like people's ratings of similarity as gensim's",
        measure=gain("ours/subwords", "gensim/subwords", "wordsim"),
        unit="Spearman's correlation",
        at_least=-CORRELATION,
        note=_RATED,
    ),
    Claim(
        "as-good-as-gensim/recovery",
        statement="our FastText finds the word behind a misspelling as often as gensim's",
        measure=gain("ours/subwords", "gensim/subwords", "top10"),
        unit="share of misspellings",
        at_least=-SHARE,
        note=_REAL,
    ),
)
