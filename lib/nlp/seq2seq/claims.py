"""Measures of the seq2seq lab's claims: functions of its trials' results.

An error rate counts as smaller when at least a tenth of it is gone, and a share of words as far larger when it is so by
ten words in a hundred.
"""

from __future__ import annotations

from collections.abc import Callable

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


def errors_by_length(results: Results, arm: str) -> Series:
    """The phoneme error rate of words of each length from 3 letters on: (seeds, lengths)."""
    return results.series(f"words/{arm}", "by_length").map(lambda rates: rates["errors"])


def gain_by_length(results: Results) -> Series:
    """The decrease of the phoneme error rate through attention, for words of each length: (seeds, lengths)."""
    return errors_by_length(results, "without") - errors_by_length(results, "with")


def gain_on_long(results: Results) -> Series:
    """The gain through attention on long words minus that on short ones: (seeds,)."""
    gains = gain_by_length(results)
    long: Series = gains[:, [letters - FIRST for letters in LONG]].mean(axis=1)
    short: Series = gains[:, [letters - FIRST for letters in SHORT]].mean(axis=1)
    return long - short


def lead_over_memory(results: Results) -> Series:
    """The share of words that the network with attention adds to the better of two ways without one: (seeds,)."""
    wrong = [results.values("words/memory", f"{way}_wrong")[0] for way in ("copied", "letterwise")]
    return float(min(wrong)) - results.series("words/with", "wrong")


def beam_gain(measurement: str, sign: int) -> Callable[[Results], Series]:
    """A measurement with the widest beam minus that with greedy search, with attention, times `sign`: (seeds,)."""
    return lambda results: results.series("words/with", "beam").map(
        lambda beam: sign * (beam[measurement][-1] - beam[measurement][0])
    )


def forced(results: Results, name: str) -> Series:
    """A measurement with the right symbols given, of words with attention: (seeds,)."""
    return results.series("words/with", "forced").map(lambda measured: measured[name])


def size_difference(results: Results) -> float:
    """The largest relative difference in parameters between the networks with and without attention, over the tasks."""
    ratios = [
        results.series(f"{task}/with", "parameters") / results.series(f"{task}/without", "parameters")
        for task in ("words", "sentences")
    ]
    return float(max(abs(ratio - 1).max() for ratio in ratios))


def lead_in_bleu(results: Results) -> Series:
    """BLEU with attention less that of the translation of the most similar known sentence: (seeds,)."""
    return results.series("sentences/with", "bleu") - float(results.values("sentences/memory", "bleu")[0])


def bleu_gain(results: Results) -> Series:
    """The rise of BLEU through attention: (seeds,)."""
    return results.series("sentences/with", "bleu") - results.series("sentences/without", "bleu")


def wrong_words_differ(results: Results) -> float:
    """The largest difference between the shares of wrong words with the right symbols given and without them."""
    return float(abs(forced(results, "wrong") - results.series("words/with", "wrong")).max())


CLAIMS = (
    Claim("encoder-decoder/learns", role="sentence", measure=lead_over_memory, at_least=FAR),
    Claim("encoder-decoder/attention", role="control", measure=error_ratio("errors"), at_most=SMALLER),
    Claim("encoder-decoder/attention-helps-long", role="control", measure=gain_on_long, at_least=SHARE),
    Claim("encoder-decoder/beyond", role="control", measure=error_ratio("beyond"), at_most=SMALLER),
    Claim(
        "encoder-decoder/looks-in-order",
        role="control",
        measure=lambda results: forced(results, "forward"),
        at_least=0.9,
    ),
    Claim("encoder-decoder/translation", role="control", measure=bleu_gain, at_least=0),
    Claim("encoder-decoder/same-size", role="identity", measure=size_difference, kind="exact", at_most=0),
    Claim(
        "encoder-decoder/rows",
        role="identity",
        measure=lambda results: float(forced(results, "row_sum").max()),
        kind="exact",
        at_most=1e-5,
    ),
    Claim("beam-search/probability", role="sentence", measure=beam_gain("log_probability", 1), at_least=0),
    Claim("beam-search/words", role="limit", measure=beam_gain("wrong", -1), at_least=0),
    Claim("teacher-forcing/same-words", role="identity", measure=wrong_words_differ, kind="exact", at_most=1e-3),
    Claim(
        "teacher-forcing/errors-spread",
        role="sentence",
        measure=lambda results: results.series("words/with", "errors") - forced(results, "errors"),
        at_least=0,
    ),
    Claim("translation-memory", role="sentence", measure=lead_in_bleu, at_least=0),
)
