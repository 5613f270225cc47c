"""The explorable on a misspelled word: which words of a dictionary share the most pieces with it, Hangul too.

Nothing is trained. The dictionary's pieces are numbered once: then a word's answer is a few look-ups.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np

from lib.data import korean_words, misspellings
from lib.harness.contract.drawing import PALETTE
from lib.lessons.explore import Choice, Explorable, Slider, Words
from lib.nlp.fasttext.jamo import spelled

Kind = Literal["letters", "jamo", "syllables"]
NEAREST = 6
"""Words in the picture."""
MOST = 20
"""Letters of a word that are looked at."""


@dataclass(frozen=True)
class Index:
    """The pieces of n letters of many words.

    Attributes:
        words: the words (W,).
        pieces: for each piece the words that have it.
        sizes: number of different pieces of each word (W,).
    """

    words: Sequence[str]
    pieces: dict[str, np.ndarray]
    sizes: np.ndarray

    def shares(self, wanted: set[str]) -> np.ndarray:
        """The share of pieces that each word has in common with the wanted ones: (W,)."""
        common = np.zeros(len(self.words))
        for piece in wanted:
            if piece in self.pieces:
                common[self.pieces[piece]] += 1
        return np.asarray(common / (self.sizes + len(wanted) - common))


def cut(word: str, kind: Kind, n: int) -> list[str]:
    """The pieces of n letters of a marked word, each once, from left to right."""
    marked = f"<{spelled(word) if kind == 'jamo' else word}>"
    return list(dict.fromkeys(marked[i : i + n] for i in range(len(marked) - n + 1)))


@cache
def dictionary(kind: Kind) -> tuple[str, ...]:
    """English words that people misspell, or the words of a Korean spelling dictionary."""
    if kind != "letters":
        return tuple(korean_words.words())
    parts = misspellings.train(), misspellings.validation(), misspellings.test()
    return tuple(sorted({meant.lower() for part in parts for _, meant in part}))


@cache
def index(kind: Kind, n: int) -> Index:
    """The dictionary's pieces of n letters: about a second of work."""
    words = dictionary(kind)
    owners: dict[str, list[int]] = {}
    sizes = np.zeros(len(words))
    for place, word in enumerate(words):
        pieces = cut(word, kind, n)
        sizes[place] = len(pieces)
        for piece in pieces:
            owners.setdefault(piece, []).append(place)
    return Index(words, {piece: np.array(places) for piece, places in owners.items()}, sizes)


def nearest(word: str, n: int, hangul: str) -> tuple[list[str], list[tuple[str, float]]]:
    """The pieces of a word, and the words that share the most of them: each with its share, most first."""
    kind: Kind = "letters"
    if re.search("[가-힣ㄱ-ㅣ]", word):
        kind = "jamo" if hangul == "jamo" else "syllables"
    pieces, known = cut(word, kind, n), index(kind, n)
    shares = known.shares({*pieces})
    best = np.argsort(-shares, kind="stable")[:NEAREST]
    return pieces, [(known.words[i], float(shares[i])) for i in best if shares[i] > 0]


def draw_misspelled(figure: Any, text: Callable[..., str], *, word: str, n: int, hangul: str) -> None:
    """Bars: the words that share the most pieces; and the word's pieces, dark where the nearest word has them."""
    axes = figure.subplots()
    word = word.strip().lower()[:MOST]
    if not word:
        axes.set_axis_off()
        axes.text(0.5, 0.5, text("empty"), ha="center", va="center")
        return
    pieces, near = nearest(word, n, hangul)
    names = [each for each, _ in near]
    axes.barh(range(len(near)), [100 * share for _, share in near], color=PALETTE[5])
    axes.set_yticks(range(len(near)), names)
    axes.set(xlim=(0, 100), ylim=(NEAREST - 0.5, -0.5), title=text("title", word=word), xlabel=text("xlabel"))
    if not near:
        axes.text(50, NEAREST / 2, text("none"), ha="center", va="center")
        return
    kind: Kind = "jamo" if hangul == "jamo" and re.search("[가-힣]", names[0]) else "letters"
    theirs = {*cut(names[0], kind, n)}
    dark = "  ".join(piece for piece in pieces if piece in theirs)
    light = "  ".join(piece for piece in pieces if piece not in theirs)
    for line, (shown, colour) in enumerate(((dark, PALETTE[0]), (light, PALETTE[7]))):
        axes.text(99, 3.2 + 0.9 * line, shown[:70], color=colour, ha="right", fontsize=9)
    axes.text(99, 5.2, text("pieces", count=len(pieces)), ha="right", fontsize=8, color="#444444")


EXPLORABLES = {
    "misspelled": Explorable(
        draw_misspelled,
        {
            "word": Words(start="컴퓨처"),
            "n": Slider(2, 5, 1, start=3, whole=True),
            "hangul": Choice(["jamo", "syllables"], start="jamo"),
        },
        size=(7, 3.2),
    )
}
