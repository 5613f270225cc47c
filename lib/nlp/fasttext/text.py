"""The texts of the FastText lab, cut into words once per process."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from itertools import chain

import numpy as np

from lib.data import brown, english_korean, korean_words, movie_reviews
from lib.nlp.fasttext.jamo import is_syllable, spelled

WORD = re.compile("[a-z]+(?:['-][a-z]+)*")
HANGUL = re.compile("[가-힣]+")

Sentences = tuple[list[str], ...]


@dataclass(frozen=True)
class Reviews:
    """Film sentences in words, with their labels (n,)."""

    train: Sentences
    train_labels: np.ndarray
    test: Sentences
    test_labels: np.ndarray


@cache
def english(share: float) -> Sentences:
    """Words of the Brown corpus' and the film reviews' training sentences; of every 100 in a row the first share.

    In lower case. The reviews' labels are not part of it: they bring the words that people judge films with.
    """
    brown_words = ([w for w in s if WORD.fullmatch(w)] for s in brown.words(brown.train()))
    texts = chain(brown_words, (WORD.findall(text.lower()) for text, _ in movie_reviews.train()))
    some = (words for i, words in enumerate(texts) if i % 100 < 100 * share)
    return tuple(words for words in some if words)


@cache
def reviews(share: float) -> Reviews:
    """The film sentences; that share of the training ones, and all of the test ones."""
    train, test = movie_reviews.train(), movie_reviews.test()
    train = train[: round(share * len(train))]
    cut = [tuple(WORD.findall(sentence.lower()) for sentence, _ in part) for part in (train, test)]
    labels = [np.array([label for _, label in part]) for part in (train, test)]
    return Reviews(cut[0], labels[0], cut[1], labels[1])


@cache
def korean() -> Sentences:
    """The Korean side of the help texts, runs of Hangul between spaces and marks."""
    words = (HANGUL.findall(korean_side) for _, korean_side in english_korean.train())
    return tuple(s for s in words if s)


@cache
def korean_in_letters() -> Sentences:
    """The same, each word in letters, three a syllable."""
    return tuple([spelled(word) for word in sentence] for sentence in korean())


@cache
def korean_dictionary() -> frozenset[str]:
    """The words of a spelling dictionary that are all Hangul."""
    return frozenset(word for word in korean_words.words() if all(map(is_syllable, word)))
