"""Counting instead of learning: character n-grams with interpolated Kneser-Ney smoothing.

Kneser & Ney 1995; Chen & Goodman 1999, "An empirical study of smoothing techniques for language modeling", section 2.7.
The probability of character c after the n - 1 characters h is

    p_n(c | h) = max(count(h c) - D, 0) / count(h)  +  D kinds(h) / count(h) · p_{n-1}(c | h without its first)

where kinds(h) is the number of different characters seen after h, and an unseen history leaves all to the shorter one.
Below the highest order, counts are not of occurrences but of the different characters seen before: how many contexts a
piece fits. p_0 is uniform. D = n1 / (n1 + 2 n2), of the pieces that occur once and twice (Ney, Essen & Kneser 1994).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class _Order:
    """Counts of the pieces of one length: of each piece, and of its history in all and by kinds."""

    pieces: np.ndarray
    counts: np.ndarray
    histories: np.ndarray
    totals: np.ndarray
    kinds: np.ndarray
    discount: float


class KneserNey:
    """The n-gram models of orders 1 to `order` of a text of numbers below `vocabulary`."""

    def __init__(self, text: np.ndarray, order: int, vocabulary: int):
        if vocabulary ** (order + 1) >= 2**63:
            raise ValueError(f"pieces of {order} characters of {vocabulary} kinds are too many to be numbered")
        self._vocabulary = vocabulary
        self._highest = [_order(*_counted(_pieces(text, n, vocabulary)), vocabulary) for n in range(1, order + 1)]
        self._lower = [self._continuations(_pieces(text, n + 1, vocabulary), n) for n in range(1, order)]

    def _continuations(self, longer: np.ndarray, length: int) -> _Order:
        """The order of this length with each piece counted once for every different character before it."""
        kinds = np.unique(longer)
        return _order(*_counted(kinds % self._vocabulary**length), self._vocabulary)

    def losses(self, text: np.ndarray, order: int) -> np.ndarray:
        """-log p of each character of the text from the `order` - 1 before it, in nats: (length - order + 1,)."""
        probability = np.full(len(text), 1 / self._vocabulary)
        for n in range(1, order + 1):
            counts = self._highest[n - 1] if n == order else self._lower[n - 1]
            pieces = _pieces(text, n, self._vocabulary)
            there = _look_up(counts.pieces, counts.counts, pieces)
            history = pieces // self._vocabulary
            total = _look_up(counts.histories, counts.totals, history)
            kinds = _look_up(counts.histories, counts.kinds, history)
            shorter = probability[len(probability) - len(pieces) :]
            seen = total > 0
            safe = np.where(seen, total, 1)
            kept = np.maximum(there - counts.discount, 0) / safe
            probability = np.where(seen, kept + counts.discount * kinds / safe * shorter, shorter)
        return np.asarray(-np.log(probability))


def _pieces(text: np.ndarray, length: int, vocabulary: int) -> np.ndarray:
    """Each piece of this length as one number, int64 (len(text) - length + 1,)."""
    pieces = np.zeros(len(text) - length + 1, dtype=np.int64)
    for place in range(length):
        pieces = pieces * vocabulary + text[place : len(text) - length + 1 + place]
    return pieces


def _counted(pieces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.unique(pieces, return_counts=True)


def _order(pieces: np.ndarray, counts: np.ndarray, vocabulary: int) -> _Order:
    histories, starts = np.unique(pieces // vocabulary, return_index=True)
    totals = np.add.reduceat(counts, starts)
    kinds = np.diff([*starts, len(pieces)])
    once, twice = int((counts == 1).sum()), int((counts == 2).sum())
    discount = once / (once + 2 * twice) if once else 0.5
    return _Order(pieces, counts, histories, totals, kinds, min(discount, 0.9))


def _look_up(keys: np.ndarray, values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Values of the wanted keys, 0 where there is none; keys are sorted."""
    places = np.searchsorted(keys, wanted).clip(max=len(keys) - 1)
    return np.where(keys[places] == wanted, values[places], 0)
