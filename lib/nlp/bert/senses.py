"""One word, two meanings: sentences of the Brown corpus by what a word means in them, and how well vectors tell.

Eight words with two meanings each. Of four of them the sentences were read and sorted by hand; of the others the part
of speech tells the meanings apart. A vector of the word in its sentence knows the meaning if a sentence that was not
sorted lies nearer to the mean of those with its own meaning than to that of the others (nearest centroid).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from lib.data import brown
from lib.harness.contract.seeds import Seed

EACH = 12
"""Sentences of each meaning of each word."""

LONGEST = 40
"""In words; longer sentences are left out."""

Places = tuple[tuple[int, int], ...]
"""Number of the sentence in the corpus, place of the word in it, both from 0."""

BY_HAND: Mapping[str, Mapping[str, Places]] = {
    "bank": {
        "money": (
            (108, 35), (2661, 9), (2664, 7), (2823, 1), (2824, 1), (2828, 3),
            (2829, 8), (11668, 7), (11671, 20), (18929, 21), (23984, 7), (28067, 18),
        ),
        "river": (
            (13199, 10), (25033, 5), (35551, 15), (35701, 18), (39330, 3), (41163, 10),
            (41176, 12), (41205, 18), (41224, 14), (41295, 4), (48359, 13), (51395, 7),
        ),
    },
    "plant": {
        "factory": (
            (502, 11), (2583, 18), (2698, 12), (4472, 7), (5331, 9), (14548, 13),
            (14574, 5), (25282, 8), (30070, 7), (36874, 8), (56161, 24), (56202, 2),
        ),
        "grows": (
            (11227, 18), (11257, 22), (11258, 20), (11264, 11), (11274, 7), (13580, 3),
            (18818, 11), (25617, 24), (31342, 15), (31954, 14), (33725, 5), (36167, 21),
        ),
    },
    "spring": {
        "season": (
            (718, 3), (2361, 19), (3073, 7), (5884, 6), (11260, 19), (12264, 1),
            (18884, 2), (21677, 4), (25499, 2), (31340, 4), (36126, 15), (43320, 1),
        ),
        "water or coil": (
            (11788, 5), (12203, 1), (12206, 10), (13134, 7), (20651, 25), (21051, 14),
            (47232, 10), (47279, 19), (47362, 15), (47766, 6), (48626, 24), (48661, 14),
        ),
    },
    "interest": {
        "curiosity": (
            (3, 20), (1722, 6), (2523, 20), (5661, 11), (8298, 1), (15837, 12),
            (24252, 3), (24555, 3), (27054, 8), (35814, 17), (42474, 8), (55578, 1),
        ),
        "money": (
            (4419, 35), (4434, 22), (4458, 16), (4467, 13), (11670, 9), (11673, 4),
            (18183, 6), (27516, 7), (28629, 23), (28629, 29), (34170, 5), (34200, 5),
        ),
    },
}  # fmt: skip

BY_TAG: Mapping[str, Mapping[str, frozenset[str]]] = {
    "left": {"went away": frozenset({"vbd", "vbn"}), "not right": frozenset({"jj", "nr"})},
    "light": {"lets us see": frozenset({"nn"}), "not heavy or dark": frozenset({"jj"})},
    "second": {"after the first": frozenset({"od"}), "short time": frozenset({"nn"})},
    "like": {"similar to": frozenset({"cs", "in"}), "enjoy": frozenset({"vb"})},
}


@dataclass(frozen=True)
class Uses:
    """The chosen uses of a word.

    Attributes:
        meanings: the two, in words.
        sentences: as written, one for each use; the first meaning's first.
        places: of the word in its sentence, (n,), from 0.
        labels: 0 or 1, the meaning, (n,).
    """

    meanings: tuple[str, str]
    sentences: tuple[tuple[str, ...], ...]
    places: np.ndarray
    labels: np.ndarray


@cache
def uses() -> Mapping[str, Uses]:
    """The uses of the eight words, `EACH` of each meaning."""
    corpus = brown.whole()
    found = {word: _uses(corpus, meanings) for word, meanings in BY_HAND.items()}
    for word, tags in BY_TAG.items():
        at: dict[str, Places] = {meaning: _spread(corpus, word, wanted) for meaning, wanted in tags.items()}
        found[word] = _uses(corpus, at)
    return found


def _spread(corpus: Sequence[brown.Tagged], word: str, tags: frozenset[str]) -> Places:
    """`EACH` uses of a word with one of these tags, evenly spread over the corpus."""
    every = [
        (number, place)
        for number, sentence in enumerate(corpus)
        if len(sentence) <= LONGEST
        for place, (written, tag) in enumerate(sentence)
        if tag in tags and written.lower() == word
    ]
    return tuple(every[i] for i in np.linspace(0, len(every) - 1, EACH).round().astype(int))


def _uses(corpus: Sequence[brown.Tagged], at: Mapping[str, Places]) -> Uses:
    (first, places), (second, others) = at.items()
    together = (*places, *others)
    sentences = tuple(tuple(word for word, _ in corpus[number]) for number, _ in together)
    labels = np.repeat([0, 1], [len(places), len(others)])
    return Uses((first, second), sentences, np.array([place for _, place in together]), labels)


def recognised(vectors: np.ndarray, labels: np.ndarray, shown: int, draws: int, seed: Seed) -> float:
    """Share of meanings (two, as 0 and 1) that are recognised from vectors (n, d), labels (n,), by nearest centroid.

    `shown` uses of each meaning are drawn to take the centroids of; the others are judged. The mean over `draws` draws.
    A use as near to one as to the other is half right, so that vectors which are all the same get 1/2.
    """
    right = []
    for draw in range(draws):
        rng = seed.rng("shown", draw)
        known = np.concatenate([rng.permutation(np.flatnonzero(labels == meaning))[:shown] for meaning in (0, 1)])
        rest = np.setdiff1d(np.arange(len(labels)), known)
        centroids = np.stack([vectors[known[labels[known] == meaning]].mean(axis=0) for meaning in (0, 1)])
        distances = np.square(vectors[rest, None] - centroids).sum(axis=2)
        nearer = distances[np.arange(len(rest)), 1 - labels[rest]] - distances[np.arange(len(rest)), labels[rest]]
        right.append(np.mean(np.sign(nearer) / 2 + 0.5))
    return float(np.mean(right))


NEIGHBOURS = 5
"""Words on either side that the vector without a network is made of."""


def neighbours(vectors: np.ndarray, words: np.ndarray, place: int) -> np.ndarray:
    """The mean of static vectors (T, d) of the words around one: what a sentence's words tell without their order.

    `words` (T,) is the place in the sentence of the word that each vector belongs to, negative where it is none.
    """
    near = (words >= 0) & (words != place) & (np.abs(words - place) <= NEIGHBOURS)
    return np.asarray(vectors[near].mean(axis=0))


@cache
def minilm_vectors() -> tuple[Mapping[str, np.ndarray], Mapping[str, np.ndarray]]:
    """MiniLM's vectors of each word in its sentences, (uses, layers + 1, width), and those of the words around it.

    Where a word has several pieces its first one stands for it.
    """
    from lib.models import minilm

    encoder = minilm.pretrained()
    static = encoder.words.weight.detach().numpy()
    own: dict[str, np.ndarray] = {}
    around: dict[str, np.ndarray] = {}
    for word, found in uses().items():
        cut = [minilm.pieces_of_words(sentence) for sentence in found.sentences]
        at = list(zip(cut, found.places.tolist(), strict=True))
        own[word] = np.stack(
            [minilm.layer_by_layer(encoder, ids)[:, int(np.argmax(words == place))] for (ids, words), place in at]
        )
        around[word] = np.stack([neighbours(static[ids], words, place) for (ids, words), place in at])
    return own, around


def all_recognised(vectors: Mapping[str, np.ndarray], shown: int, draws: int, seed: Seed) -> dict[str, float]:
    """`recognised` for each word, its vectors (uses, d)."""
    return {
        word: recognised(vectors[word], found.labels, shown, draws, seed.child("senses", word))
        for word, found in uses().items()
    }
