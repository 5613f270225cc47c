"""Who guesses a hidden word best: biLM, causal or masked language model, and what else their vectors know.

The three networks of `lib.models.language_models` learn from the same sentences of the Brown corpus; then one word of a
new sentence is hidden from them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from lib.data import movie_reviews
from lib.models import language_models as lm
from lib.nlp.bert import senses as bert_senses

if TYPE_CHECKING:
    import torch

PLACES = {"first": 0.0, "quarter": 0.25, "middle": 0.5, "three quarters": 0.75, "last": 1.0}
"""Where a word is hidden: from the sentence's first word to the last before its full stop."""

SHORTEST = 8
"""Sentences with fewer words are left out: they have no middle."""


@cache
def hidden_words(
    part: lm.Part, shape: lm.Shape, place: str, sentences: int
) -> tuple[tuple[lm.Ids, ...], tuple[int, ...]]:
    """The first sentences of a part whose word at this place is one of the vocabulary, and where it is in them."""
    hidden, at = [], []
    for ids in lm.sentences(part, shape):
        words = len(ids) - 2
        where = 1 + round(PLACES[place] * (words - 2))
        if words >= SHORTEST and ids[where] != lm.UNKNOWN:
            hidden.append(ids)
            at.append(where)
    return tuple(hidden[:sentences]), tuple(at[:sentences])


def guessed(network: torch.nn.Module, part: lm.Part, shape: lm.Shape, place: str, sentences: int) -> dict[str, float]:
    """Measure how well the hidden words of a part are guessed, by the probabilities of the vocabulary's words alone.

    That a word is unknown is no guess: the masked and the causal model think it likely, the biLM's rule does not.

    `right`: share of them that are the most probable word; `ten`: among the ten most probable; `nats`: minus the mean
    logarithm of their probability.
    """
    texts, at = hidden_words(part, shape, place, sentences)
    table = lm.log_probabilities(network, texts, at)[:, len(lm.SPECIAL) :]
    table = table - np.logaddexp.reduce(table, axis=1, keepdims=True)
    words = np.array([text[where] for text, where in zip(texts, at, strict=True)]) - len(lm.SPECIAL)
    own = table[np.arange(len(words)), words]
    better = (table > own[:, None]).sum(axis=1)
    return {
        "right": float(np.mean(better == 0)),
        "ten": float(np.mean(better < 10)),
        "nats": float(-np.mean(own, dtype=np.float64)),
    }


BLANKS = (
    "he opened the ___ and went into the room .",
    "she looked at ___ in the mirror .",
    "the united ___ of america",
    "one of ___ most important things in life",
    "at the end of the ___ they went home .",
)
"""Sentences with a hidden word, for the picture."""


def filled(network: torch.nn.Module, sentence: str, shape: lm.Shape, words: int = 4) -> list[tuple[str, float]]:
    """The most probable words for the blank ``___`` of a sentence in lower case, with their probabilities.

    Raises:
        UserError: the sentence has no blank or more than one, is longer than the context, or says nothing else.
    """
    from lib.harness.errors import UserError

    given = sentence.split()
    if given.count("___") != 1 or len(given) < 2:
        raise UserError(f"'{sentence}': one blank ___ among other words is needed")
    ids, place = lm.encode_text(sentence, shape), 1 + given.index("___")
    probabilities = np.exp(lm.log_probabilities(network, [ids], [place])[0].astype(np.float64))
    probabilities[: len(lm.SPECIAL)] = 0
    order = np.argsort(-probabilities, kind="stable")[:words]
    known = lm.vocabulary(shape.vocabulary)
    return [(known.words[i], float(probabilities[i])) for i in order]


def words_of(text: str) -> list[str]:
    """The words and marks of a sentence as the Brown corpus divides it: ``it's`` is one word, a comma is one."""
    return re.findall(r"\w+(?:['-]\w+)*|[^\w\s]", text.lower())


def review_vectors(network: torch.nn.Module, reviews: Sequence[movie_reviews.Review], shape: lm.Shape) -> np.ndarray:
    """The mean of the last layer's vectors over each sentence's words: (n, features)."""
    known = lm.vocabulary(shape.vocabulary)
    ids = [known.encode(words_of(text), shape.context) for text, _ in reviews]
    return np.stack([layers[-1, 1:-1].mean(axis=0) for layers in lm.features(network, ids)])


def sense_vectors(network: torch.nn.Module, shape: lm.Shape) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The last layer's vectors of each ambiguous word in its sentences, and those of the words around: (uses, d) each.

    Those of the words around are the first layer's, which do not depend on the sentence.
    """
    known = lm.vocabulary(shape.vocabulary)
    own: dict[str, np.ndarray] = {}
    around: dict[str, np.ndarray] = {}
    for word, uses in bert_senses.uses().items():
        vectors = lm.features(network, [known.encode(sentence) for sentence in uses.sentences])
        at = list(zip(vectors, uses.places.tolist(), strict=True))
        own[word] = np.stack([layers[-1, 1 + place] for layers, place in at])
        around[word] = np.stack(
            [bert_senses.neighbours(layers[0, 1:-1], np.arange(layers.shape[1] - 2), place) for layers, place in at]
        )
    return own, around
