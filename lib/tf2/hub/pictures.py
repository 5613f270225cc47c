"""What the hub lab's modules learn, and what they are reused for.

- **letters**: 274 printed letters of five alphabets, as many pictures as one likes; then the ten handwritten digits.
- **clothes**: five kinds of clothes, other ones for each seed; then the other five.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from lib.data import fashion_mnist, mnist_5k, printed_letters
from lib.data.pictures import Split
from lib.harness.contract.seeds import Seed

Pictures = tuple[np.ndarray, np.ndarray]
"""Pictures (n, 28, 28) in [0, 1] and the numbers of their kinds, from 0 on (n,)."""
Source = Literal["letters", "clothes"]
SOURCES: tuple[Source, ...] = ("letters", "clothes")
OLD, CLASSES = 5, 10
SHIFT = 2
"""Pixels by which few pictures are moved, so that more can be learned from each: as far as printed letters are."""


@dataclass(frozen=True)
class Task:
    """The pictures that a module learns from, and those that it is reused for.

    Attributes:
        seen: the pictures on which the module is trained.
        seen_validation: the pictures on which the module itself is judged.
        pool: pictures of the new kinds; the few to learn from are drawn from it.
        test: pictures of the new kinds, read once: nothing is chosen by them.
        names: names of the new kinds.
    """

    seen: Pictures
    seen_validation: Pictures
    pool: Pictures
    test: Pictures
    names: tuple[str, ...]


def task(source: Source, pictures: int, judged: int, tested: int, seed: Seed) -> Task:
    """The task of a source, the same for a seed: so many pictures for the module, to judge it by, and to test on."""
    if source == "letters":
        drawn = printed_letters.pictures(pictures, seed.rng("letters"))
        own = printed_letters.pictures(judged, seed.rng("letters", "validation"))
        return Task(
            all_kinds(drawn),
            all_kinds(own),
            all_kinds(mnist_5k.train()),
            first(all_kinds(mnist_5k.test()), tested),
            mnist_5k.CLASSES,
        )
    order = seed.rng("kinds").permutation(CLASSES)
    train, validation, test = fashion_mnist.train(), fashion_mnist.validation(), fashion_mnist.test()
    return Task(
        first(kinds(train, order[:OLD]), pictures),
        first(kinds(validation, order[:OLD]), judged),
        kinds(train, order[OLD:]),
        first(kinds(test, order[OLD:]), tested),
        tuple(fashion_mnist.CLASSES[kind] for kind in order[OLD:]),
    )


def few(pictures: Pictures, shots: int, seed: Seed) -> Pictures:
    """`shots` pictures of each kind, drawn at random: kind after kind. More shots go on from fewer."""
    images, labels = pictures
    drawn = seed.rng("few").permutation(len(labels))
    which = np.concatenate([drawn[labels[drawn] == kind][:shots] for kind in np.unique(labels)])
    return images[which], labels[which]


def moved(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A copy of pictures (n, 28, 28), each moved by up to `SHIFT` pixels; background comes in from the edge."""
    padded = np.pad(images, ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, images.shape[1:], axis=(1, 2))
    down, right = rng.integers(0, 2 * SHIFT + 1, (2, len(images)))
    return np.ascontiguousarray(windows[np.arange(len(images)), down, right])


def all_kinds(split: Split) -> Pictures:
    """All pictures of a split (n, 28, 28), and their labels (n,)."""
    return split.scaled(), split.labels.astype(np.int64)


def kinds(split: Split, which: Sequence[int] | np.ndarray) -> Pictures:
    """The pictures (n, 28, 28) of these kinds, and their place among them (n,)."""
    places = np.full(CLASSES, -1)
    places[which] = np.arange(len(which))
    labels = places[split.labels]
    return split.scaled(labels >= 0), labels[labels >= 0]


def first(pictures: Pictures, count: int) -> Pictures:
    """The first so many; they are in random order."""
    return pictures[0][:count], pictures[1][:count]
