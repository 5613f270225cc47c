"""Fashion-MNIST: 28 x 28 grey pictures of ten kinds of clothes, 60,000 to train and 10,000 to test.

Xiao, Rasul & Vollgraf 2017, "Fashion-MNIST: a novel image dataset for benchmarking machine learning algorithms",
arXiv:1708.07747 (MIT licence); the files are those of Debian's package dataset-fashion-mnist, in MNIST's IDX format.

Choices are made on a validation split: the last 5,000 of the training pictures. The test pictures are read once, at
the end.
"""

from __future__ import annotations

import gzip
from functools import cache
from pathlib import Path

import numpy as np

from lib.data.files import FETCHED, checked, folder
from lib.data.pictures import Split

SHA256 = {
    "train-images-idx3-ubyte.gz": "b0564c3eedabfbf835052cff8503ea422014ce006caf5b757f851416ee8300c7",
    "train-labels-idx1-ubyte.gz": "0ae29f65d86684f32d1b9c85147786c547b9c6aebcaf235f0400a0cce308b056",
    "t10k-images-idx3-ubyte.gz": "cc1d090a38ace84dfa1aa66e3ada7c336ef481a96936906477e6dd344da56eaa",
    "t10k-labels-idx1-ubyte.gz": "8d3605d196f4be44669e46906da9733c8131fef761fdbfec72c424d5222f1a05",
}
"""The files and what they must be; also part of what a run records of itself."""

CLASSES = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
VALIDATION = 5_000


def train() -> Split:
    """The 55,000 pictures to train on."""
    images, labels = _read("train-images-idx3-ubyte.gz"), _read("train-labels-idx1-ubyte.gz")
    return Split(images[:-VALIDATION], labels[:-VALIDATION])


def validation() -> Split:
    """The 5,000 pictures on which learning rates and the like are chosen."""
    images, labels = _read("train-images-idx3-ubyte.gz"), _read("train-labels-idx1-ubyte.gz")
    return Split(images[-VALIDATION:], labels[-VALIDATION:])


def test() -> Split:
    """The 10,000 pictures that are read once, at the end."""
    return Split(_read("t10k-images-idx3-ubyte.gz"), _read("t10k-labels-idx1-ubyte.gz"))


def _read(name: str) -> np.ndarray:
    return _read_checked(folder("fashion-mnist") / name, SHA256[name])


@cache
def _read_checked(path: Path, sha256: str) -> np.ndarray:
    """An IDX file as a read-only array, once its hash is found right; UserError otherwise."""
    data = gzip.decompress(checked("Fashion-MNIST", path, sha256, FETCHED))
    # IDX: two zero bytes, the type (8 = uint8), the number of dimensions, the dimensions as big-endian 32-bit integers
    dimensions = data[3]
    shape = np.frombuffer(data, ">i4", count=dimensions, offset=4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * dimensions).reshape(shape)
