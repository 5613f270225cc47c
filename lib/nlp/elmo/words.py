"""Words that are several parts of speech, in the tagged Brown corpus: what a static vector cannot tell apart.

A tag is taken without what the corpus adds to it for headlines, titles and contractions ("nn-tl" is "nn"). A word is
ambiguous when each of its two most frequent tags has a fair share of its occurrences in the training part.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cache

import numpy as np

from lib.data import brown
from lib.models.language_models import Part, Shape, vocabulary

SHARE, TIMES = 0.2, 40
"""An ambiguous word's second tag has this share of its occurrences and comes so many times, at least."""


@cache
def plain_tag(tag: str) -> str:
    """A tag without its additions: "vb-hl" is "vb", "nn+bez" is "nn", "hvz*" is "hvz"; punctuation stays."""
    cut = re.split(r"[-+]", tag, maxsplit=1)[0].rstrip("*")
    return cut or tag


@cache
def ambiguous(size: int) -> dict[str, tuple[str, ...]]:
    """The ambiguous words of a vocabulary of this size, each with its frequent tags, the most frequent first."""
    counted: dict[str, Counter[str]] = {}
    known = vocabulary(size).index
    for sentence in brown.train():
        for word, tag in sentence:
            if (lower := word.lower()) in known:
                counted.setdefault(lower, Counter())[plain_tag(tag)] += 1
    found = {}
    for word, tags in sorted(counted.items()):
        frequent = [tag for tag, n in tags.most_common() if n >= max(TIMES, SHARE * tags.total())]
        if len(frequent) >= 2 and word.isalpha():
            found[word] = tuple(frequent)
    return found


def labels(size: int) -> tuple[str, ...]:
    """All frequent tags of ambiguous words, in alphabetical order."""
    return tuple(sorted({tag for tags in ambiguous(size).values() for tag in tags}))


@dataclass(frozen=True)
class Places:
    """Occurrences of ambiguous words: (n,) each.

    Attributes:
        sentence: number of the sentence in its part.
        place: of the word in the sentence's ids.
        word: its id.
        label: number of its tag among `labels`.
    """

    sentence: np.ndarray
    place: np.ndarray
    word: np.ndarray
    label: np.ndarray

    def __len__(self) -> int:
        return len(self.word)

    def of(self, chosen: np.ndarray) -> Places:
        """Those at these indices, or where this mask is true."""
        return Places(self.sentence[chosen], self.place[chosen], self.word[chosen], self.label[chosen])

    def some(self, number: int, rng: np.random.Generator) -> Places:
        """At most so many of them, drawn without replacement, in order."""
        return self if number >= len(self) else self.of(np.sort(rng.choice(len(self), number, replace=False)))


@cache
def occurrences(part: Part, shape: Shape) -> Places:
    """Find the places of ambiguous words with one of their frequent tags, within the context's length."""
    words, index = ambiguous(shape.vocabulary), vocabulary(shape.vocabulary).index
    number = {tag: i for i, tag in enumerate(labels(shape.vocabulary))}
    rows = [
        (row, place, index[word.lower()], number[plain_tag(tag)])
        for row, sentence in enumerate(getattr(brown, part)())
        for place, (word, tag) in enumerate(sentence[: shape.context - 2], 1)
        if plain_tag(tag) in words.get(word.lower(), ())
    ]
    sentence, place, word, label = np.array(rows, dtype=np.int64).reshape(-1, 4).T
    return Places(sentence, place, word, label)


def most_frequent_tag(train: Places, size: int) -> np.ndarray:
    """For each id of the vocabulary the label it has most often in `train`, the best that a static vector can do."""
    counts = np.zeros((size, len(labels(size))), dtype=np.int64)
    np.add.at(counts, (train.word, train.label), 1)
    return np.asarray(counts.argmax(axis=1))
