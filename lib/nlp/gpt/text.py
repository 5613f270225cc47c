"""A text as characters: the tokeniser of the small GPT, and the blocks of text that it learns from.

A character is a Unicode code point, taken as it is: a Hangul syllable is one, the same syllable written in jamo two or
three, an accent that combines with the letter before it is one of its own, an emoji one or several. Nothing is
normalised, so a text of known characters comes back exactly. A character that is not known becomes U+FFFD, the
replacement character, number 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import Literal

import numpy as np

from lib.data import austen
from lib.harness.errors import UserError

UNKNOWN = "\ufffd"


@dataclass(frozen=True)
class Characters:
    """The characters that a model knows: number 0 is `UNKNOWN`, the others are `known`, in order."""

    known: str

    @classmethod
    def of(cls, text: str) -> Characters:
        """All characters of a text."""
        return cls("".join(sorted(set(text) - {UNKNOWN})))

    def __len__(self) -> int:
        return len(self.known) + 1

    @cached_property
    def _points(self) -> np.ndarray:
        return _code_points(self.known)

    def encode(self, text: str) -> np.ndarray:
        """Numbers of the characters, int64 (length,)."""
        points = _code_points(text)
        if not len(self._points):
            return np.zeros(len(points), dtype=np.int64)
        places = np.searchsorted(self._points, points).clip(max=len(self._points) - 1)
        return np.where(self._points[places] == points, places + 1, 0)

    def decode(self, numbers: np.ndarray) -> str:
        """The text of these numbers."""
        table = UNKNOWN + self.known
        return "".join(table[number] for number in numbers)


def _code_points(text: str) -> np.ndarray:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.int64)


@cache
def characters() -> Characters:
    """Those of Jane Austen's novels, training part."""
    return Characters.of(austen.train())


@cache
def novels(part: Literal["train", "validation", "test"]) -> np.ndarray:
    """A part of the novels as numbers, int64 (length,)."""
    return characters().encode(getattr(austen, part)())


def draw_blocks(text: np.ndarray, size: int, context: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """`size` pieces of the text from anywhere, and the same one character on: (size, context) each."""
    starts = rng.integers(0, len(text) - context, size)
    blocks = text[starts[:, None] + np.arange(context + 1)]
    return blocks[:, :-1], blocks[:, 1:]


def all_blocks(text: np.ndarray, context: int) -> tuple[np.ndarray, np.ndarray]:
    """The text cut into pieces, and the same one character on: (pieces, context) each. A rest is left out."""
    pieces = (len(text) - 1) // context
    return text[: pieces * context].reshape(pieces, context), text[1 : pieces * context + 1].reshape(pieces, context)


def checked(text: str, context: int) -> np.ndarray:
    """A user's text as numbers.

    Raises:
        UserError: it is empty or longer than the context.
    """
    if not text:
        raise UserError("the text is empty: at least one character is needed")
    if len(text) > context:
        raise UserError(f"the text has {len(text)} characters: at most {context} fit in the context")
    return characters().encode(text)
