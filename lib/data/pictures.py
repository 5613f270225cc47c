"""What data sets of pictures share: a split of pictures and labels, and rows of a table as pictures."""

from __future__ import annotations

import gzip
from dataclasses import dataclass

import numpy as np

from lib.data.files import PACKAGED, checked, in_package


@dataclass(frozen=True)
class Split:
    """Pictures and labels.

    images: (n, height, width) uint8, 0 background to `white`. labels: (n,) of unsigned whole numbers, an index of a
    class. Both read-only.
    """

    images: np.ndarray
    labels: np.ndarray
    white: int = 255

    def __len__(self) -> int:
        return len(self.labels)

    def first(self, n: int) -> Split:
        """The first n pictures: a fixed subset. The files are in random order, so it has all classes."""
        return Split(self.images[:n], self.labels[:n], self.white)

    def scaled(self, which: np.ndarray | slice = slice(None)) -> np.ndarray:
        """The pictures of these indices as float32 in [0, 1], shape (n, height, width)."""
        return self.images[which].astype(np.float32) / np.float32(self.white)


def packaged_rows(data_set: str, package: str, file: str, sha256: str) -> np.ndarray:
    """The rows of a gzipped CSV file of small whole numbers that ships with a package.

    The rows come in a random order that is always the same, as such files are often sorted by class. Read-only.

    Raises:
        UserError: the package or the file is missing, or it is another file.
    """
    text = gzip.decompress(checked(data_set, in_package(data_set, package, file), sha256, PACKAGED)).decode()
    rows = np.array([line.split(",") for line in text.split()], dtype=np.float32).astype(np.uint8)
    rows = rows[np.random.Generator(np.random.PCG64(0)).permutation(len(rows))]
    rows.setflags(write=False)
    return rows
