"""Digits: 1,797 handwritten digits of 8 x 8 grey pictures, small enough to train on in a second.

Alpaydin & Kaynak 1998, "Optical recognition of handwritten digits", UCI; as they ship with scikit-learn (BSD licence).
The split is 1,000 to train, 297 to choose on, and 500 to test, which are read once, at the end.
"""

from __future__ import annotations

from functools import cache

from lib.data.pictures import Split, packaged_rows

SHA256 = {"digits.csv.gz": "09f66e6debdee2cd2b5ae59e0d6abbb73fc2b0e0185d2e1957e9ebb51e23aa22"}
"""The file and what it must be; also part of what a run records of itself."""

CLASSES = tuple("0123456789")
TRAIN, VALIDATION = 1_000, 297
WHITE = 16


def train() -> Split:
    """The 1,000 pictures to train on."""
    return _part(0, TRAIN)


def validation() -> Split:
    """The 297 pictures on which learning rates and the like are chosen."""
    return _part(TRAIN, TRAIN + VALIDATION)


def test() -> Split:
    """The 500 pictures that are read once, at the end."""
    return _part(TRAIN + VALIDATION, None)


def _part(first: int, last: int | None) -> Split:
    whole = _read()
    return Split(whole.images[first:last], whole.labels[first:last], WHITE)


@cache
def _read() -> Split:
    rows = packaged_rows("Digits", "sklearn", "datasets/data/digits.csv.gz", SHA256["digits.csv.gz"])
    return Split(rows[:, :-1].reshape(-1, 8, 8), rows[:, -1], WHITE)
