"""Measures of the seq2seq lab's claims: functions of its trials' results.

An error rate counts as smaller when at least a tenth of it is gone, and a share of words as far larger when it is so by
ten words in a hundred.
"""

from __future__ import annotations

from collections.abc import Callable

from lib.harness.contract.claim import Claim, largest, require_trained, smallest
from lib.harness.contract.results import Results
from lib.harness.contract.series import Series

TENTH, FAR, SHARE = 0.1, 0.1, 0.01
FEW = 0.005
"""The smallest share of words or phonemes that counts where a search or a beginning is changed: five in a thousand."""
NATS = 0.01
"""The smallest gain in log-probability that counts: an answer that is one per cent more probable."""
BLEU = 1.0
"""The smallest gain in BLEU that counts: less than a point is below what readers notice."""
LEARNED, TRANSLATES = 0.5, 5.0
"""Phonemes right, as a share, and BLEU from which on a network has learned its task."""
SHORT, LONG = (4, 5, 6), (10, 11, 12)
"""Letters of the words that are called short and long; there are too few words of three to learn them."""
FIRST = 3  # letters of the shortest words learned: where `by_length` starts


def error_ratio(measurement: str) -> Callable[[Results], Series]:
    """An error rate on words with attention over that without: (seeds,). `InconclusiveError`: it has not learned."""

    def measure(results: Results) -> Series:
        require_words_learned(results)
        return results.series("words/with", measurement) / results.series("words/without", measurement)

    return measure


def require_words_learned(results: Results) -> None:
    """Raises `InconclusiveError` where the network with attention has hardly learned to pronounce."""
    require_trained("the share of phonemes that are right", 1 - results.series("words/with", "errors"), LEARNED)


def require_translates(results: Results) -> None:
    """Raises `InconclusiveError` where the network with attention has hardly learned to translate."""
    require_trained("BLEU with attention", results.series("sentences/with", "bleu"), TRANSLATES)


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
    wrong = smallest(results.values("words/memory", f"{way}_wrong")[0] for way in ("copied", "letterwise"))
    return wrong - results.series("words/with", "wrong")


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
    return largest(abs(ratio - 1) for ratio in ratios)


def lead_in_bleu(results: Results) -> Series:
    """BLEU with attention less that of the translation of the most similar known sentence: (seeds,)."""
    require_translates(results)
    return results.series("sentences/with", "bleu") - float(results.values("sentences/memory", "bleu")[0])


def bleu_gain(results: Results) -> Series:
    """The rise of BLEU through attention: (seeds,)."""
    require_translates(results)
    return results.series("sentences/with", "bleu") - results.series("sentences/without", "bleu")


def wrong_words_differ(results: Results) -> float:
    """The largest difference between the shares of wrong words with the right symbols given and without them."""
    return float(abs(forced(results, "wrong") - results.series("words/with", "wrong")).max())


CLAIMS = (
    Claim("encoder-decoder/learns", role="sentence", measure=lead_over_memory, more_than=0.0, smallest=FAR),
    Claim(
        "encoder-decoder/attention",
        role="control",
        measure=error_ratio("errors"),
        less_than=1.0,
        smallest=TENTH,
        interval="log-mean",
    ),
    Claim("encoder-decoder/attention-helps-long", role="control", measure=gain_on_long, more_than=0.0, smallest=SHARE),
    Claim(
        "encoder-decoder/beyond",
        role="control",
        measure=error_ratio("beyond"),
        less_than=1.0,
        smallest=TENTH,
        interval="log-mean",
    ),
    Claim(
        "encoder-decoder/looks-in-order",
        role="control",
        measure=lambda results: forced(results, "forward"),
        at_least=0.9,
    ),
    Claim("encoder-decoder/translation", role="control", measure=bleu_gain, more_than=0.0, smallest=BLEU),
    Claim("encoder-decoder/same-size", role="identity", measure=size_difference, kind="exact", at_most=0),
    Claim(
        "encoder-decoder/rows",
        role="identity",
        measure=lambda results: float(forced(results, "row_sum").max()),
        kind="exact",
        at_most=1e-5,
    ),
    Claim(
        "beam-search/probability",
        role="sentence",
        measure=beam_gain("log_probability", 1),
        more_than=0.0,
        smallest=NATS,
    ),
    Claim("beam-search/words", role="limit", measure=beam_gain("wrong", -1), more_than=0.0, smallest=FEW),
    Claim("teacher-forcing/same-words", role="identity", measure=wrong_words_differ, kind="exact", at_most=1e-3),
    Claim(
        "teacher-forcing/errors-spread",
        role="sentence",
        measure=lambda results: results.series("words/with", "errors") - forced(results, "errors"),
        more_than=0.0,
        smallest=FEW,
    ),
    Claim("translation-memory", role="sentence", measure=lead_in_bleu, more_than=0.0, smallest=BLEU),
)
