"""What the seq2seq lab measures for the lecture's sentences: functions of its trials' results.

An error rate counts as smaller when at least a tenth of it is gone, and what is called far better is so by ten words in
a hundred.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lib.harness.contract.claim import Claim
from lib.harness.contract.results import Results
from lib.harness.contract.series import Series

SMALLER, FAR, SHARE = 0.9, 0.1, 0.01
SHORT, LONG = (4, 5, 6), (10, 11, 12)
"""Letters of the words that are called short and long; there are too few words of three to learn them."""
FIRST = 3  # letters of the shortest words learned: where `by_length` starts


def error_ratio(measurement: str) -> Callable[[Results], Series]:
    """An error rate on words with attention over that without: (seeds,)."""
    return lambda results: results.series("words/with", measurement) / results.series("words/without", measurement)


def errors_by_length(results: Results, arm: str) -> np.ndarray:
    """The phoneme error rate of words of each length from 3 letters on: (seeds, lengths)."""
    return np.array([found["errors"] for found in results.values(f"words/{arm}", "by_length")])


def gain_by_length(results: Results) -> np.ndarray:
    """By how much attention lowers the phoneme error rate of words of each length: (seeds, lengths)."""
    arms = (results.series(f"words/{arm}", "by_length") for arm in ("with", "without"))
    with_attention, without = (arm.map(lambda found: found["errors"]) for arm in arms)
    return np.asarray(without - with_attention)


def gain_on_long(results: Results) -> np.ndarray:
    """What attention gains on long words less what it gains on short ones: (seeds,)."""
    gains = gain_by_length(results)
    long, short = (gains[:, [letters - FIRST for letters in some]].mean(axis=1) for some in (LONG, SHORT))
    return np.asarray(long - short)


def lead_over_memory(results: Results) -> np.ndarray:
    """The share of words that the network with attention adds to the better of two ways without one: (seeds,)."""
    wrong = [results.values("words/memory", f"{way}_wrong")[0] for way in ("copied", "letterwise")]
    return np.asarray(min(wrong) - results.values("words/with", "wrong"))


def beam_gain(measurement: str, sign: int) -> Callable[[Results], np.ndarray]:
    """What the widest beam adds to a measurement of greedy search, with attention, times `sign`: (seeds,)."""

    def measure(results: Results) -> np.ndarray:
        found = [beam[measurement] for beam in results.values("words/with", "beam")]
        return np.array([sign * (values[-1] - values[0]) for values in found])

    return measure


def forced(results: Results, name: str) -> np.ndarray:
    """A measurement with the right symbols given, of words with attention: (seeds,)."""
    return np.array([found[name] for found in results.values("words/with", "forced")])


def size_difference(results: Results) -> float:
    """By how many of its parameters the network with attention differs from that without, at most over the tasks."""
    ratios = [
        results.series(f"{task}/with", "parameters") / results.series(f"{task}/without", "parameters")
        for task in ("words", "sentences")
    ]
    return float(max(abs(ratio - 1).max() for ratio in ratios))


def lead_in_bleu(results: Results) -> np.ndarray:
    """BLEU with attention less that of the translation of the most similar known sentence: (seeds,)."""
    return np.asarray(results.values("sentences/with", "bleu") - results.values("sentences/memory", "bleu")[0])


def bleu_gain(results: Results) -> Series:
    """By how much attention raises BLEU: (seeds,)."""
    return results.series("sentences/with", "bleu") - results.series("sentences/without", "bleu")


_WORDS = "test words of 3 to 12 letters, never seen in training, read once; paired over seeds"
CLAIMS = (
    Claim(
        "encoder-decoder/learns",
        statement=(
            "of new words it pronounces far more rightly than a copy of the most "
            "similar word or a phoneme for each letter"
        ),
        measure=lead_over_memory,
        unit="share of words",
        at_least=FAR,
        note="all phonemes right; with attention, against the better of the two; similar by Levenshtein's distance",
    ),
    Claim(
        "encoder-decoder/attention",
        statement="with attention it makes fewer errors than with one vector for the whole word",
        measure=error_ratio("errors"),
        unit="phoneme error rate, ratio with / without",
        at_most=SMALLER,
        note=_WORDS,
    ),
    Claim(
        "encoder-decoder/attention-helps-long",
        statement="the longer the word the more attention helps",
        measure=gain_on_long,
        unit="errors per phoneme",
        at_least=SHARE,
        note="gain on words of 10 to 12 letters less gain on words of 4 to 6",
    ),
    Claim(
        "encoder-decoder/beyond",
        statement="on words longer than any that it has learned, too, it makes fewer errors with attention",
        measure=error_ratio("beyond"),
        unit="phoneme error rate, ratio with / without",
        at_most=SMALLER,
        note="test words of 13 and more letters; none was in training",
    ),
    Claim(
        "encoder-decoder/looks-in-order",
        statement="nobody has told it, but attention goes through the word from left to right as the answer is written",
        measure=lambda results: forced(results, "forward"),
        unit="share of steps",
        at_least=0.9,
        note="steps at which the centre of attention is further right than at the step before; a wanderer has 0.5",
    ),
    Claim(
        "encoder-decoder/translation",
        statement="translations of new sentences are better with attention",
        measure=bleu_gain,
        unit="BLEU",
        at_least=0,
        note="English to Korean, BLEU over characters, 0 to 100; test sentences, read once",
    ),
    Claim(
        "encoder-decoder/same-size",
        statement="it is not a matter of size: both networks have as many parameters",
        kind="exact",
        measure=size_difference,
        unit="relative difference",
        at_most=0,
        note="attention by the dot product has none of its own",
    ),
    Claim(
        "encoder-decoder/rows",
        statement="the attention of each step sums to 1",
        kind="exact",
        measure=lambda results: float(forced(results, "row_sum").max()),
        unit="largest deviation",
        at_most=1e-5,
        note="float32; all steps of all test words",
    ),
    Claim(
        "beam-search/probability",
        statement="a beam finds answers that the network holds more probable than what it writes greedily",
        measure=beam_gain("log_probability", 1),
        unit="nats per word",
        at_least=0,
        note="the widest beam, mean over test words; for a single word greedy search may still win",
    ),
    Claim(
        "beam-search/words",
        statement="and more of these answers are right",
        measure=beam_gain("wrong", -1),
        unit="share of words",
        at_least=0,
        note="the widest beam less greedy search",
    ),
    Claim(
        "teacher-forcing/same-words",
        statement="a word is right on its own exactly when every next phoneme is right with the right ones given",
        kind="exact",
        measure=lambda results: float(np.abs(forced(results, "wrong") - results.values("words/with", "wrong")).max()),
        unit="largest difference of the shares of wrong words",
        at_most=1e-3,
        note="up to rounding: as long as it is right, what it has written are the right ones",
    ),
    Claim(
        "teacher-forcing/errors-spread",
        statement="but left alone it makes more errors: after the first one it goes on from its own mistake",
        measure=lambda results: results.values("words/with", "errors") - forced(results, "errors"),
        unit="errors per phoneme",
        at_least=0,
        note="free: Levenshtein's distance; with the right phonemes given: position by position, which is stricter",
    ),
    Claim(
        "translation-memory",
        statement="a network that has read 6,000 sentences translates better than looking up the most similar sentence",
        measure=lead_in_bleu,
        unit="BLEU",
        at_least=0,
        note="with attention; the most similar English sentence of the training part, by words, and its translation",
    ),
)
