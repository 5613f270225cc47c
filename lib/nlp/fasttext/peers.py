"""What our skip-gram is compared with: gensim's word2vec and FastText, and a dictionary of spellings."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np

from lib.harness.contract.seeds import Seed
from lib.nlp.fasttext.subwords import NGrams, Settings, WordVectors


def stable_hash(word: str) -> int:
    """A hash that, unlike Python's own, is the same in every process."""
    return zlib.crc32(word.encode())


def gensim_vectors(
    sentences: Sequence[Sequence[str]], at_least: int, ngrams: NGrams, settings: Settings, seed: Seed
) -> WordVectors:
    """Word vectors by gensim on the same text with the same settings.

    gensim's FastText has a row per word, its own and its n-grams' mean, as ours; so its numbers go into `WordVectors`.
    """
    from gensim.models import FastText, Word2Vec

    same = {
        "sentences": sentences,
        "vector_size": settings.dimensions,
        "window": settings.window,
        "negative": settings.negatives,
        "sample": settings.frequent,
        "epochs": settings.epochs,
        "alpha": settings.learning_rate,
        "min_count": at_least,
        "sg": 1,
        "workers": 1,
        "seed": seed.integer("gensim"),
        "hashfxn": stable_hash,
    }
    if not ngrams.buckets:
        words = Word2Vec(**same).wv
        return WordVectors(words.index_to_key, words.vectors)
    model = FastText(**same, min_n=ngrams.shortest, max_n=ngrams.longest, bucket=ngrams.buckets)
    return WordVectors(model.wv.index_to_key, model.wv.vectors, ngrams, model.wv.vectors_ngrams)


def nearest_spellings(written: Sequence[str], words: Sequence[str], count: int, furthest: int) -> list[list[int]]:
    """For each misspelling the words that need the fewest edits: indices into `words`, at most `count`.

    An edit is a letter more, less or another, or two neighbours swapped (optimal string alignment). Words that need
    more than `furthest` are left out; among equals the first comes first, so give the frequent words first.
    """
    from rapidfuzz.distance import OSA
    from rapidfuzz.process import cdist

    found: list[list[int]] = []
    for start in range(0, len(written), 500):
        part = written[start : start + 500]
        for edits in cdist(part, words, scorer=OSA.distance, score_cutoff=furthest, dtype=np.uint8):
            near = np.flatnonzero(edits <= furthest)
            found.append(near[np.argsort(edits[near], kind="stable")][:count].tolist())
    return found
