"""How a learner's answer differs from the right one: by a sign, a factor, a shift, an axis.

A hint follows from such a property and not from how the mistake was written, so the same mistake gets the same hint.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

RELATIVE = 1e-6
"""Of float32 as of float64, after a few operations."""


class Relation(str):
    """The property by which an answer differs; it is its own kind, so that it can be a hint's key.

    Attributes:
        kind: ``sign``, ``factor``, ``shift``, ``transposed``, ``reversed``, ``constant`` or ``other``.
        value: the factor, the shift, or the constant; else NaN.
    """

    value: float

    def __new__(cls, kind: str, value: float = math.nan) -> Relation:
        """Make a relation of this kind."""
        relation = super().__new__(cls, kind)
        relation.value = value
        return relation

    @property
    def kind(self) -> str:
        """The kind as a plain text."""
        return str(self)


def same(found: Any, expected: Any, relative: float = RELATIVE, absolute: float | None = None) -> bool:
    """Return whether two answers have the same shape and the same numbers, none of them NaN.

    `absolute`: of the deviation; None: a thousandth of `relative` times the largest expected number, for those near 0.
    """
    try:
        left, right = as_floats(found), as_floats(expected)
    except (TypeError, ValueError):
        return False
    if left.shape != right.shape:
        return False
    if absolute is None:
        finite = np.abs(right[np.isfinite(right)])
        absolute = 1e-3 * relative * float(finite.max(initial=0.0))
    return bool(np.allclose(left, right, rtol=relative, atol=absolute))


def relation(found: Any, expected: Any, **tolerance: Any) -> Relation | None:
    """Return by what property an answer differs from the expected one; None when it is the same.

    A single number differs from every other one by some factor and by some shift. So for single numbers ``factor`` is
    said only where it or its inverse is a whole number, and ``shift`` never: give the answers to several questions as
    one array to know more.

    Args:
        found: of the learner: a number or an array, of any kind that NumPy, torch or TensorFlow has.
        expected: the right answer.
        tolerance: `relative` and `absolute`, as `same` takes them.
    """
    if same(found, expected, **tolerance):
        return None
    try:
        left, right = as_floats(found), as_floats(expected)
    except (TypeError, ValueError):
        return Relation("other")
    if left.shape != right.shape:
        swapped = left.ndim == 2 and left.shape == right.shape[::-1] and same(left.T, right, **tolerance)
        return Relation("transposed") if swapped else Relation("other")
    if not np.isfinite(left).all() or not np.isfinite(right).all() or left.size == 0:
        return Relation("other")
    return _of_numbers(left, right, tolerance) or _of_axes(left, right, tolerance) or Relation("other")


def as_floats(value: Any) -> np.ndarray:
    """An array of floats from whatever holds numbers. Raises `TypeError` or `ValueError` where it holds none."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
    if hasattr(value, "numpy") and callable(value.numpy):
        value = value.numpy()
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"an array of {array.dtype}")
    return array.astype(np.float64)


def _of_numbers(left: np.ndarray, right: np.ndarray, tolerance: dict[str, Any]) -> Relation | None:
    """The relation of the numbers one by one."""
    if right.any() and same(-left, right, **tolerance):
        return Relation("sign")
    varies = bool(np.ptp(right) > 0)
    if varies and same(left, np.full_like(left, left.flat[0]), **tolerance):
        return Relation("constant", float(left.flat[0]))
    square = float((right * right).sum())
    factor = float((left * right).sum()) / square if square else 0.0
    if factor and same(left, factor * right, **tolerance) and (varies or left.size > 1 or _is_plain(factor)):
        return Relation("factor", factor)
    shift = float((left - right).mean())
    if varies and same(left - shift, right, **tolerance):
        return Relation("shift", shift)
    return None


def _is_plain(factor: float) -> bool:
    """Return whether a factor, or its inverse, is a whole number."""
    size = abs(factor)
    return any(1.5 < each < 1001 and abs(each - round(each)) < 1e-6 * each for each in (size, 1 / size))


def _of_axes(left: np.ndarray, right: np.ndarray, tolerance: dict[str, Any]) -> Relation | None:
    """The relation of the places of the numbers."""
    if left.ndim == 2 and left.shape[0] == left.shape[1] and same(left.T, right, **tolerance):
        return Relation("transposed")
    turned = [np.flip(left, axis) for axis in range(left.ndim)]
    if left.ndim > 1:
        turned.append(np.flip(left))
    return Relation("reversed") if any(same(each, right, **tolerance) for each in turned) else None
