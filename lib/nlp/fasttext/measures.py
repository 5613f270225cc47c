"""How good word vectors are: at words that people find alike, at misspellings, and as input of a classifier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lib.data import wordsim353
from lib.harness.contract.seeds import Seed
from lib.nlp.fasttext.peers import nearest_spellings
from lib.nlp.fasttext.subwords import WordVectors, unit
from lib.nlp.fasttext.text import Reviews
from lib.nlp.fasttext.typos import SHORTEST, kind, with_typos

NEAREST = 10
FURTHEST, FURTHEST_IN_TEXT = 4, 2
"""Edits that the peer allows for: in a list of ten candidates, and where a word of a text is replaced."""


def similarity(vectors: WordVectors) -> dict[str, float]:
    """Spearman's correlation between cosines and people's ratings on WordSim-353, for pairs of known words."""
    from scipy.stats import spearmanr

    pairs = [pair for pair in wordsim353.pairs() if pair[0] in vectors and pair[1] in vectors]
    one = unit(vectors.of([first for first, _, _ in pairs]))
    other = unit(vectors.of([second for _, second, _ in pairs]))
    correlation = spearmanr((one * other).sum(axis=1), [rating for *_, rating in pairs])
    return {"wordsim": float(correlation.statistic), "wordsim_pairs": len(pairs)}


def unknown_misspellings(pairs: Sequence[tuple[str, str]], vectors: WordVectors, most: int) -> list[tuple[str, str]]:
    """The first of these misspellings whose word is in the vocabulary and that are not words of it themselves."""
    lower = ((written.lower(), meant.lower()) for written, meant in pairs)
    return [(written, meant) for written, meant in lower if meant in vectors and written not in vectors][:most]


def ranks(found: Sequence[Sequence[int]], meant: Sequence[int]) -> np.ndarray:
    """For each misspelling the place of the word that was meant among those found, from 0; NEAREST where it is not."""
    return np.array(
        [list(row).index(right) if right in row else NEAREST for row, right in zip(found, meant, strict=True)]
    )


def recovery(vectors: WordVectors, pairs: Sequence[tuple[str, str]], kinds: Sequence[str]) -> dict[str, Any]:
    """Measure how often the intended word is among the ten nearest to the misspelling, or is the nearest.

    Args:
        vectors: the vectors under test.
        pairs: each misspelling and the intended word. A misspelling without a vector counts as not recovered.
        kinds: the kind of each misspelling.

    Returns:
        Shares: ``answered`` (have a vector), ``top1``, ``top10``, and ``by_kind``: kind to top10.
    """
    index = {word: i for i, word in enumerate(vectors.words)}
    place = np.full(len(pairs), NEAREST)
    known = [i for i, (written, _) in enumerate(pairs) if vectors.has_vector(written)]
    if known:
        near = vectors.nearest(vectors.of([pairs[i][0] for i in known]), NEAREST)
        place[known] = ranks(near.tolist(), [index[pairs[i][1]] for i in known])
    return {"answered": len(known) / len(pairs), **_shares(place, kinds)}


def spelling_recovery(words: Sequence[str], pairs: Sequence[tuple[str, str]], kinds: Sequence[str]) -> dict[str, Any]:
    """The same for the ten words of a vocabulary that are spelled most alike, the frequent first among equals."""
    index = {word: i for i, word in enumerate(words)}
    nearest = nearest_spellings([written for written, _ in pairs], words, NEAREST, FURTHEST)
    return _shares(ranks(nearest, [index[meant] for _, meant in pairs]), kinds)


def _shares(place: np.ndarray, kinds: Sequence[str]) -> dict[str, Any]:
    of = np.array(kinds)
    return {
        "top1": float((place == 0).mean()),
        "top10": float((place < NEAREST).mean()),
        "by_kind": {name: float((place[of == name] < NEAREST).mean()) for name in dict.fromkeys(kinds)},
    }


def kinds_of(pairs: Sequence[tuple[str, str]]) -> list[str]:
    """The kind of each misspelling."""
    return [kind(written, meant) for written, meant in pairs]


def features(
    vectors: WordVectors, sentences: Sequence[Sequence[str]], replaced: Mapping[str, str] | None = None
) -> np.ndarray:
    """A vector per sentence (n, D): the mean of its words' vectors of length 1, zeros where no word has one.

    `replaced` gives for words that are not in the vocabulary another word to take.
    """
    other = replaced or {}
    texts = [[w if w in vectors else other.get(w, w) for w in sentence] for sentence in sentences]
    kinds = [w for w in dict.fromkeys(w for text in texts for w in text) if vectors.has_vector(w)]
    place = {word: i for i, word in enumerate(kinds)}
    zeros = np.zeros((1, vectors.vectors.shape[1]))
    units = np.vstack((unit(vectors.of(kinds)), zeros)) if kinds else zeros
    means = np.zeros((len(texts), units.shape[1]))
    for row, text in zip(means, texts, strict=True):
        places = [place[w] for w in text if w in place]
        row[:] = units[places or [-1]].mean(axis=0)
    return means


def corrections(vectors: WordVectors, sentences: Sequence[Sequence[str]]) -> dict[str, str]:
    """For the words of a text that are not in the vocabulary the one that is spelled most alike, if one is near."""
    unknown = dict.fromkeys(w for s in sentences for w in s if len(w) >= SHORTEST and w not in vectors)
    nearest = nearest_spellings(list(unknown), vectors.words, 1, FURTHEST_IN_TEXT)
    return {word: vectors.words[near[0]] for word, near in zip(unknown, nearest, strict=True) if near}


def sentiment(
    vectors: WordVectors, reviews: Reviews, shares: Sequence[float], seed: Seed, spelling: bool
) -> list[float]:
    """Accuracy on the test sentences as more of their words have typos, for each of `shares`.

    Logistic regression on standardised features, trained on sentences as they are. `spelling`: words that are not in
    the vocabulary are replaced by the nearest spelling, in training and in use.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    versions = with_typos(reviews.test, shares, seed.rng("typos"))
    replaced: dict[str, str] = {}
    if spelling:
        replaced = corrections(vectors, [*reviews.train, *(s for version in versions for s in version)])
    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    classifier.fit(features(vectors, reviews.train, replaced), reviews.train_labels)
    return [float(classifier.score(features(vectors, version, replaced), reviews.test_labels)) for version in versions]
