"""A measurement of one variant, with one value per seed, labelled by the seed.

Two series of one study are paired by their seeds: ``wide - narrow`` is computed over the seeds that both have, in
ascending order, and is a `Series` again. So a trial that is missing never pairs values of different seeds.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

ELEMENTWISE = {np.where, np.clip, np.nan_to_num, np.round}
"""NumPy functions, besides its ufuncs, that give one value per seed."""
REDUCTIONS = {np.mean, np.median, np.min, np.max, np.sum, np.std, np.prod}
"""NumPy functions that give one value per seed for a series of vectors and ``axis=1`` and so on."""


class Series(NDArrayOperatorsMixin):
    """Values labelled by seed.

    Operators and NumPy's functions align series by the seeds that all of them have. They return a `Series` where the
    result has one value per seed, and a plain array or number otherwise (``np.mean(series)``). A list of series is
    aligned by ``np.stack`` alone: ``np.median(np.stack(several, axis=1), axis=1)``, not ``np.median(several, axis=0)``.

    Args:
        seeds: in ascending order, shape (seeds,).
        values: one per seed, shape (seeds, …).
    """

    __hash__ = None  # type: ignore[assignment]  # == compares seed by seed

    def __init__(self, seeds: Sequence[int], values: Any):
        self.seeds, self.values = tuple(seeds), np.asarray(values)
        if list(self.seeds) != sorted(set(self.seeds)) or self.values.shape[:1] != (len(self.seeds),):
            raise ValueError(f"seeds {self.seeds} do not label values of shape {self.values.shape}")

    def map(self, function: Callable[[Any], Any]) -> Series:
        """The series of ``function(value)``."""
        return Series(self.seeds, [function(value) for value in self.values])

    def over(self, seeds: Sequence[int]) -> np.ndarray:
        """The values of these seeds, in their order. Raises `LookupError` where a seed is missing."""
        missing = sorted(set(seeds) - set(self.seeds))
        if missing:
            _note_dropped(missing)
            raise LookupError(f"no value of seed {', '.join(map(str, missing))}")
        return self.values[[self.seeds.index(seed) for seed in seeds]]

    def __len__(self) -> int:
        return len(self.seeds)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.values)

    def __getitem__(self, index: Any) -> Series:
        """A part of every value, as in ``curve[:, -1]``. The first axis, that of the seeds, is always whole."""
        first = index[0] if isinstance(index, tuple) else index
        if not (first is Ellipsis or (isinstance(first, slice) and first == slice(None))):
            raise IndexError(
                "the seeds of a series are not indexed: write series[:, …], series.over([seed]) or .values"
            )
        return Series(self.seeds, self.values[index])

    def __bool__(self) -> bool:
        raise ValueError("a series has one value per seed: write np.all(series) or np.any(series)")

    def __repr__(self) -> str:
        return f"Series({dict(zip(self.seeds, self.values.tolist(), strict=True))})"

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.values, dtype=dtype, copy=copy)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **keywords: Any) -> Any:
        seeds = shared_seeds(inputs)
        result = getattr(ufunc, method)(*_plain(inputs, seeds), **keywords)
        if method != "__call__":
            return result
        return tuple(Series(seeds, one) for one in result) if isinstance(result, tuple) else Series(seeds, result)

    def __array_function__(self, function: Any, types: Any, args: Any, keywords: Any) -> Any:
        seeds = shared_seeds((args, keywords))
        result = function(*_plain(args, seeds), **_plain(keywords, seeds))
        inner = function in (REDUCTIONS | {np.stack}) and keywords.get("axis") not in (None, 0)
        return Series(seeds, result) if inner or function in ELEMENTWISE else result

    def mean(self, axis: int | None = None) -> Any:
        """The mean: one number, or with ``axis=1`` and so on a series."""
        return self._reduced(np.mean, axis)

    def min(self, axis: int | None = None) -> Any:
        """The smallest value: one number, or with ``axis=1`` and so on a series."""
        return self._reduced(np.min, axis)

    def max(self, axis: int | None = None) -> Any:
        """The largest value: one number, or with ``axis=1`` and so on a series."""
        return self._reduced(np.max, axis)

    def _reduced(self, function: Callable[..., Any], axis: int | None) -> Any:
        result = function(self.values, axis=axis)
        return result if axis in (None, 0) else Series(self.seeds, result)

    if TYPE_CHECKING:  # NDArrayOperatorsMixin has these, of type Any

        def __add__(self, other: object) -> Series: ...
        def __radd__(self, other: object) -> Series: ...
        def __sub__(self, other: object) -> Series: ...
        def __rsub__(self, other: object) -> Series: ...
        def __mul__(self, other: object) -> Series: ...
        def __rmul__(self, other: object) -> Series: ...
        def __truediv__(self, other: object) -> Series: ...
        def __rtruediv__(self, other: object) -> Series: ...
        def __pow__(self, other: object) -> Series: ...
        def __neg__(self) -> Series: ...
        def __abs__(self) -> Series: ...


def _series_in(value: Any) -> Iterator[Series]:
    """All series in nested arguments."""
    if isinstance(value, Series):
        yield value
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from _series_in(one)
    elif isinstance(value, dict):
        yield from _series_in(list(value.values()))


_dropped: ContextVar[set[int] | None] = ContextVar("dropped", default=None)


@contextmanager
def noting_dropped() -> Iterator[set[int]]:
    """Collect the seeds that are asked for inside and that one of the series lacks, as in alignments."""
    dropped: set[int] = set()
    token = _dropped.set(dropped)
    try:
        yield dropped
    finally:
        _dropped.reset(token)


def _note_dropped(seeds: Iterable[int]) -> None:
    if (dropped := _dropped.get()) is not None:
        dropped.update(seeds)


def shared_seeds(value: Any) -> list[int]:
    """The seeds that all series in nested arguments have, ascending. Raises `LookupError` when there are none."""
    series = list(_series_in(value))
    seeds = set(series[0].seeds).intersection(*(one.seeds for one in series[1:]))
    _note_dropped(set().union(*(one.seeds for one in series)) - seeds)
    if not seeds:
        raise LookupError("the series share no seed: " + "; ".join(str(list(one.seeds)) for one in series))
    return sorted(seeds)


def align(*series: Series) -> tuple[Series, ...]:
    """The same series over the seeds that all of them have. Raises `LookupError` when there are none."""
    seeds = shared_seeds(series)
    return tuple(Series(seeds, one.over(seeds)) for one in series)


def _plain(value: Any, seeds: Sequence[int]) -> Any:
    """Nested arguments with the values of these seeds in the place of every series."""
    if isinstance(value, Series):
        return value.over(seeds)
    if isinstance(value, (list, tuple)):
        return type(value)(_plain(one, seeds) for one in value)
    if isinstance(value, dict):
        return {key: _plain(one, seeds) for key, one in value.items()}
    return value


def packed(right: np.ndarray) -> str:
    """Correctness (n,) as a text: the number of items, a colon, and their bits in Base64, the first item first.

    A trial returns ``{"test_right": packed(right)}``; a claim with ``interval="items"`` reads it as
    ``results.items("wide", "test_right")``, a series of arrays of 0 and 1. Differences of two such series are paired
    by seed and by item.
    """
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
