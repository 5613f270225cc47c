"""A model that only counts, for moving pictures that need one at once: which character follows others."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import cache

import numpy as np

READ = 400_000
"""Characters of a text that are counted."""


@cache
def text_in(language: str) -> tuple[str, tuple[str, ...]]:
    """A text in ``korean`` (an office program's help) or ``english`` (Jane Austen), and its characters in order."""
    from lib.data import austen, english_korean

    if language == "korean":
        text = "\n".join(korean for _, korean in english_korean.train() if korean.endswith("다."))[:READ]
    else:
        text = austen.train()[200_000 : 200_000 + READ].replace("\n", " ")
    return text, tuple(sorted(set(text)))


@cache
def counted(language: str, backward: bool = False) -> Counted:
    """The characters that follow in a text; or, read backward, those that come before."""
    text, characters = text_in(language)
    number = {character: place for place, character in enumerate(characters)}
    ids = [number[character] for character in text]
    return Counted(ids[::-1] if backward else ids, len(characters))


class Counted:
    """Counts of what follows one and two characters of a text.

    Attributes:
        overall: share of each character in the text, (kinds,).
    """

    def __init__(self, ids: Sequence[int], kinds: int):
        self.overall = np.bincount(ids, minlength=kinds) / len(ids)
        self._after: dict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
        for first, second, third in zip(ids, ids[1:], ids[2:], strict=False):
            self._after[first, second][third] += 1
            self._after[(second,)][third] += 1

    def chances(self, context: Sequence[int]) -> np.ndarray:
        """Probabilities of the next character (kinds,), by the last two of the context; shorter ones count little."""
        shares = 1e-3 * self.overall
        for length, weight in ((1, 0.05), (2, 1.0)):
            last = tuple(context[-length:])
            if len(last) == length and last in self._after:
                follows = self._after[last]
                shares[list(follows)] += weight * np.fromiter(follows.values(), float) / follows.total()
        return np.asarray(shares / shares.sum())
