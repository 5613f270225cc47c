"""Fashion-MNIST: 28 x 28 grey pictures of ten kinds of clothes, 60,000 to train and 10,000 to test.

Xiao, Rasul & Vollgraf 2017, "Fashion-MNIST: a novel image dataset for benchmarking machine learning algorithms",
arXiv:1708.07747 (MIT licence); the files are those of Debian's package dataset-fashion-mnist, in MNIST's IDX format.

Choices are made on a validation split: the last 5,000 of the training pictures. The test pictures are read once, at
the end.
"""

from __future__ import annotations

import gzip
import hashlib
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from lib.harness.errors import UserError

SHA256 = {
    "train-images-idx3-ubyte.gz": "b0564c3eedabfbf835052cff8503ea422014ce006caf5b757f851416ee8300c7",
    "train-labels-idx1-ubyte.gz": "0ae29f65d86684f32d1b9c85147786c547b9c6aebcaf235f0400a0cce308b056",
    "t10k-images-idx3-ubyte.gz": "cc1d090a38ace84dfa1aa66e3ada7c336ef481a96936906477e6dd344da56eaa",
    "t10k-labels-idx1-ubyte.gz": "8d3605d196f4be44669e46906da9733c8131fef761fdbfec72c424d5222f1a05",
}
"""The files and what they must be; also part of what a run records of itself."""

CLASSES = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
VALIDATION = 5_000


@dataclass(frozen=True)
class Split:
    """Pictures and labels.

    images: (n, 28, 28) uint8, 0 background to 255. labels: (n,) uint8, an index into `CLASSES`. Both read-only.
    """

    images: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def first(self, n: int) -> Split:
        """The first n pictures: a fixed subset. The files are in random order, so it has all classes."""
        return Split(self.images[:n], self.labels[:n])

    def scaled(self, which: np.ndarray | slice = slice(None)) -> np.ndarray:
        """The pictures of these indices as float32 in [0, 1], shape (n, 28, 28)."""
        return self.images[which].astype(np.float32) / np.float32(255)


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


def folder() -> Path:
    """Where the files are: ``fashion-mnist`` below $LAB_DATA, /opt/data unless set."""
    return Path(os.environ.get("LAB_DATA", "/opt/data")) / "fashion-mnist"


def _read(name: str) -> np.ndarray:
    return _read_checked(folder() / name, SHA256[name])


@cache
def _read_checked(path: Path, sha256: str) -> np.ndarray:
    """An IDX file as a read-only array, once its hash is found right; UserError otherwise."""
    remedy = "build the image again (./invoke build), or without an engine run docker/fetch-data with LAB_DATA's folder"
    try:
        compressed = path.read_bytes()
    except OSError as error:
        raise UserError(f"Fashion-MNIST: {path} cannot be read ({error.strerror}): {remedy}") from None
    if hashlib.sha256(compressed).hexdigest() != sha256:
        raise UserError(f"Fashion-MNIST: {path} is not the file that the labs were made with (wrong SHA-256): {remedy}")
    data = gzip.decompress(compressed)
    # IDX: two zero bytes, the type (8 = uint8), the number of dimensions, the dimensions as big-endian 32-bit integers
    dimensions = data[3]
    shape = np.frombuffer(data, ">i4", count=dimensions, offset=4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * dimensions).reshape(shape)
