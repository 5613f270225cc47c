"""The kernels for arrays of NumPy: float32 in, float32 out, whatever the shape, the strides and the alignment."""

from __future__ import annotations

import ctypes
import math
from typing import Literal

import numpy as np

from lib.harness.errors import UserError
from lib.harness.recording import operations
from lib.kernels import library

LANES = 16
Function = Literal["exp", "log", "sigmoid", "tanh"]


def elementwise(name: Function, x: np.ndarray, compiled: ctypes.CDLL | None = None) -> np.ndarray:
    """The function of each number of x, in its shape. Raises `UserError` where x is not float32."""
    x = plain(x)
    y = np.empty_like(x)
    getattr(_compiled(compiled), f"kernels_{name}")(x.size, x.ctypes.data, y.ctypes.data)
    operations.note(f"kernels.{name}", {"x": x}, {"y": y})
    return y


def product(a: np.ndarray, b: np.ndarray, compiled: ctypes.CDLL | None = None) -> np.ndarray:
    """The matrix product of a (rows, count) and b (count, columns). Each sum starts at 0 and runs in order.

    Raises:
        UserError: they are not float32, or their shapes do not fit.
    """
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[0]:
        raise UserError(f"a product of shapes {a.shape} and {b.shape}: (rows, count) and (count, columns) are needed")
    a, b = plain(a), plain(b)
    found = np.empty((len(a), b.shape[1]), np.float32)
    _compiled(compiled).kernels_product(*a.shape, b.shape[1], a.ctypes.data, b.ctypes.data, found.ctypes.data)
    operations.note("kernels.product", {"a": a, "b": b}, {"product": found})
    return found


def total(x: np.ndarray, compiled: ctypes.CDLL | None = None) -> np.float32:
    """The sum of x (n,) as of examples: number i goes to lane i mod 16, and the lanes meet in one tree."""
    x = plain(x)
    found = np.float32(_compiled(compiled).kernels_sum(x.size, x.ctypes.data))
    operations.note("kernels.sum", {"x": x}, {"sum": found})
    return found


def cross_entropy(logits: np.ndarray, labels: np.ndarray, compiled: ctypes.CDLL | None = None) -> np.ndarray:
    """The cross-entropy of each row of logits (n, classes), in nats: (n,).

    Raises:
        UserError: they are not float32, or a label is none of the classes.
    """
    logits = plain(logits)
    if not np.issubdtype(labels.dtype, np.integer):
        raise UserError(f"labels of {labels.dtype}: whole numbers are needed")
    if labels.shape != logits.shape[:1] or (labels.size and not 0 <= labels.min() <= labels.max() < logits.shape[1]):
        raise UserError(f"labels for logits of shape {logits.shape}: a class for each row is needed")
    labels, each = np.require(labels, np.int64, ("C", "A")), np.empty(len(labels), np.float32)
    _compiled(compiled).kernels_cross_entropy(*logits.shape, *(a.ctypes.data for a in (logits, labels, each)))
    operations.note("kernels.cross_entropy", {"logits": logits, "labels": labels}, {"each": each})
    return each


def mean_cross_entropy(logits: np.ndarray, labels: np.ndarray) -> float:
    """The mean of `cross_entropy`: of the exact sum, which has no order. NaN or inf stay such; of no rows it is NaN."""
    each = cross_entropy(logits, labels)
    if not len(each):
        return math.nan
    return math.fsum(each) / len(each) if np.isfinite(each).all() else float(each[~np.isfinite(each)].sum())


def mask(
    units: int,
    rate: float,
    *,
    key: int,
    step: int = 0,
    layer: int = 0,
    first: int = 0,
    compiled: ctypes.CDLL | None = None,
) -> np.ndarray:
    """The mask of dropout (units, 16) for sixteen examples from number `first`: 0 or 1 / (1 - rate)."""
    found = np.empty((units, LANES), np.float32)
    _compiled(compiled).kernels_mask(units, first, step, layer, key, rate, found.ctypes.data)
    where = {"key": key, "step": step, "layer": layer, "first": first, "rate": rate}
    operations.note("kernels.mask", where, {"mask": found})
    return found


def plain(array: np.ndarray) -> np.ndarray:
    """The array, or a copy of it, with its numbers side by side. Raises `UserError` where they are not float32."""
    if array.dtype != np.float32:
        raise UserError(f"an array of {array.dtype}: the kernels compute in float32")
    return np.require(array, requirements=("C", "A"))


def _compiled(given: ctypes.CDLL | None) -> ctypes.CDLL:
    compiled = given or library.load()
    if compiled is None:
        raise UserError("no kernels for this processor here: ./invoke build")
    return compiled
