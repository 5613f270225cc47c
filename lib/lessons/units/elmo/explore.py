"""The explorable on *her*: how similar its vector in a sentence of one's own is to those in six others.

At first vectors that come from counting neighbours; after the notebook has lent it, the learner's own biLM.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from lib.harness.contract.drawing import PALETTE
from lib.lessons.explore import Choice, Explorable, Slider, Words

WORD, VOCABULARY, WIDTH = "her", 1000, 24
OBJECT = ("i saw her .", "they told her .", "he gave her the book .")
POSSESSIVE = ("her house is new .", "he was in her room .", "it was her father .")

VectorsOf = Callable[[str], np.ndarray]
"""From a text, its words divided by spaces, to the vectors (layers, words + 2, features): begin and end have some."""

_lent: list[VectorsOf] = []


def lend(vectors_of: VectorsOf) -> None:
    """Let the picture use the learner's model; layer 0 knows the word alone."""
    found = np.shape(vectors_of("i saw her ."))
    if len(found) != 3 or found[1] != 6:
        raise ValueError(f"vectors_of: for a text of 4 words the shape (layers, 6, features) is expected, got {found}")
    _lent[:] = [vectors_of]


@cache
def static() -> np.ndarray:
    """A vector for each word of the vocabulary, (VOCABULARY, WIDTH), from the words that stand before and after it.

    The main directions of the positive pointwise mutual information of neighbours (Levy & Goldberg 2014).
    """
    from lib.models import language_models as lm

    left = np.concatenate(lm.sentences("train", lm.Shape(vocabulary=VOCABULARY)))
    counts = np.zeros((VOCABULARY, VOCABULARY))
    np.add.at(counts, (left[:-1], left[1:]), 1)
    before, after = counts.sum(axis=1, keepdims=True), counts.sum(axis=0, keepdims=True)
    expected = before * after / counts.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        information = np.nan_to_num(np.log(counts / expected), nan=0.0, neginf=0.0).clip(0)
    table = np.concatenate([information, information.T], axis=1)
    values, directions = np.linalg.eigh(table @ table.T)
    vectors = directions[:, -WIDTH:] * np.sqrt(values[-WIDTH:].clip(0))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True).clip(1e-9))


def by_counting(text: str) -> np.ndarray:
    """Layer 0: the word itself. Layers 1 and 2: the mean of so many words before it, and of so many after it."""
    from lib.models import language_models as lm

    ids = lm.encode_text(text, lm.Shape(vocabulary=VOCABULARY))
    vectors = static()[ids]
    layers = [np.concatenate([vectors, vectors], axis=1)]
    for reach in (1, 2):
        sides = []
        for shifts in (range(1, reach + 1), range(-reach, 0)):
            near = [_shifted(vectors, shift) for shift in shifts]
            sides.append(np.mean(near, axis=0))
        layers.append(np.concatenate(sides, axis=1))
    return np.stack(layers)


def _shifted(vectors: np.ndarray, by: int) -> np.ndarray:
    """At each place the vector `by` places before it; 0 where there is none."""
    moved = np.zeros_like(vectors)
    if by > 0:
        moved[by:] = vectors[:-by]
    else:
        moved[:by] = vectors[-by:]
    return moved


def likenesses(vectors_of: VectorsOf, sentence: str, layer: int) -> np.ndarray:
    """Cosines of *her* in a sentence and in each of the six, (6,), after what the six have in common is subtracted.

    Where all vectors are the same, as in layer 0, nothing is left, and the cosines are 1.
    """
    texts = (sentence, *OBJECT, *POSSESSIVE)
    vectors = np.array([np.asarray(vectors_of(text))[layer, 1 + text.split().index(WORD)] for text in texts], float)
    if np.ptp(vectors, axis=0).max() < 1e-9:
        return np.ones(len(texts) - 1)
    vectors = vectors - vectors[1:].mean(axis=0)
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True).clip(1e-12)
    return np.asarray(vectors[1:] @ vectors[0])


def draw_her(figure: Any, text: Callable[..., str], *, sentence: str, layer: int, model: str) -> None:
    """A bar for each of the six sentences."""
    sentence = " ".join(sentence.lower().split())
    if WORD not in sentence.split():
        raise ValueError(text("no_her"))
    mine = model == "mine" and bool(_lent)
    values = likenesses(_lent[0] if mine else by_counting, sentence, layer)

    figure.set_layout_engine("none")
    axes = figure.add_axes((0.3, 0.2, 0.66, 0.66))
    names, half = (*OBJECT, *POSSESSIVE), len(OBJECT)
    for places, colour, label in ((range(half), 1, "object"), (range(half, len(names)), 0, "possessive")):
        axes.barh(list(places), values[list(places)], color=PALETTE[colour], label=text(label))
    axes.set_yticks(range(len(names)), names)
    axes.set(xlim=(-1, 1), ylim=(len(names) - 0.5, -0.5), title=text("title", sentence=sentence))
    axes.axvline(0, color=PALETTE[6], linewidth=0.8)
    axes.grid(axis="y", visible=False)
    axes.legend(loc="upper left", bbox_to_anchor=(-0.45, -0.06), ncols=2, fontsize=9)
    note = text("by_mine") if mine else text("by_nobody") if model == "mine" else text("by_counting")
    figure.text(0.98, 0.03, note, ha="right", fontsize=9, color="#555555")


EXPLORABLES = {
    "her": Explorable(
        draw_her,
        {
            "sentence": Words("he saw her house ."),
            "layer": Slider(0, 2, 1, start=1, whole=True),
            "model": Choice(["counting", "mine"], start="counting"),
        },
        size=(8, 3.2),
    )
}
