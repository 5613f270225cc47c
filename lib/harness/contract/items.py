"""Correctness by item: which of the items that all seeds are judged on a trial got right, an eighth of a byte each.

A trial returns ``{"test_right": packed(right)}``; a claim with ``interval="items"`` reads it as
``results.items("wide", "test_right")``, a series of arrays of 0 and 1. Differences of two such series are paired by
seed and by item.
"""

from __future__ import annotations

import base64

import numpy as np


def packed(right: np.ndarray) -> str:
    """Correctness (n,) as a text: the number of items, a colon, and their bits in Base64, the first item first."""
    flat = np.asarray(right, dtype=bool)
    if flat.ndim != 1:
        raise ValueError(f"correctness by item has one axis, not the shape {flat.shape}")
    return f"{len(flat)}:{base64.b64encode(np.packbits(flat).tobytes()).decode('ascii')}"


def unpacked(text: str) -> np.ndarray:
    """The correctness that `packed` has packed, as 0 and 1: float, shape (n,). Raises `ValueError` for another text."""
    number, _, bits = text.partition(":")
    array = np.frombuffer(base64.b64decode(bits, validate=True), dtype=np.uint8)
    count = int(number)
    if len(array) != (count + 7) // 8:
        raise ValueError(f"correctness of {count} items has {len(array)} bytes")
    return np.unpackbits(array, count=count).astype(float)
