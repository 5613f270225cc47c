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


@dataclass(frozen=True)
class Task:
    """The pictures that a module learns from, and those that it is reused for.

    Attributes:
        seen: the pictures on which the module is trained.
        seen_validation: the pictures on which the module itself is judged.
        pool: pictures of the new kinds; the few to learn from are drawn from it.
        judged: pictures of the new kinds, by ``validation`` and ``test``.
        names: names of the new kinds.
    """

    seen: Pictures
    seen_validation: Pictures
    pool: Pictures
    judged: dict[str, Pictures]
    names: tuple[str, ...]


def task(source: Source, pictures: int, judged: int, tested: int, seed: Seed) -> Task:
    """The task of a source, the same for a seed: so many pictures for the module, to choose on, and to test on."""
    if source == "letters":
        drawn = printed_letters.pictures(pictures, seed.rng("letters"))
        own = printed_letters.pictures(judged, seed.rng("letters", "validation"))
        validation, test = all_kinds(mnist_5k.validation()), all_kinds(mnist_5k.test())
        return Task(
            all_kinds(drawn),
            all_kinds(own),
            all_kinds(mnist_5k.train()),
            {"validation": first(validation, judged), "test": first(test, tested)},
            mnist_5k.CLASSES,
        )
    order = seed.rng("kinds").permutation(CLASSES)
    splits = (fashion_mnist.train(), fashion_mnist.validation(), fashion_mnist.test())
    seen, seen_validation, _ = (kinds(split, order[:OLD]) for split in splits)
    pool, validation, test = (kinds(split, order[OLD:]) for split in splits)
    return Task(
        first(seen, pictures),
        seen_validation,
        pool,
        {"validation": first(validation, judged), "test": first(test, tested)},
        tuple(fashion_mnist.CLASSES[kind] for kind in order[OLD:]),
    )


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
