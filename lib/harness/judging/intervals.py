"""95 % intervals of a mean, of a mean on a log scale, over seeds and items, and of a median, by SciPy.

Every interval has the one-sided p-value that belongs to it: the smallest share of error that would still decide.
Where nothing can be said (too few values, no spread at all, a value that is no number), the interval is infinite and
p is 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

import numpy as np

Ends = tuple[float, float]
Side = Literal["above", "below"]
TAIL = 0.025
"""The share of error on each side of a 95 % interval."""
SAME = "all seeds gave the same, and no spread is no certainty"
NO_NUMBER = "a value is no number (NaN)"
NOT_FINITE = "a value is not finite"
FEW = "fewer than 6 seeds, too few for a median"


class Interval(Protocol):
    """The interval of one claim's measurement."""

    @property
    def center(self) -> float:
        """The estimate."""

    @property
    def parts(self) -> Mapping[str, float]:
        """Half-widths of the 95 % intervals of its parts, where it has several."""

    @property
    def why(self) -> str:
        """The reason why it says nothing; empty where it says something."""

    def ends(self, tail: float = TAIL) -> Ends:
        """Both ends; each is beyond the truth with the probability `tail`."""

    def p(self, side: Side, limit: float, strict: bool = False) -> float:
        """The one-sided p-value of the truth being above or below `limit` (or at it, unless `strict`)."""


@dataclass(frozen=True)
class Student:
    """An estimate whose error follows Student's t, on the scale of the values or on that of their logarithms.

    Attributes:
        mean: the estimate on that scale.
        error: its standard error; 0: there was no spread, which is no certainty.
        df: degrees of freedom.
        log: the scale is that of the natural logarithm.
    """

    mean: float
    error: float
    df: float
    log: bool = False
    parts: Mapping[str, float] = field(default_factory=dict)

    @property
    def center(self) -> float:
        """The mean; on a log scale the geometric one."""
        return _exp(self.mean) if self.log else self.mean

    @property
    def why(self) -> str:
        """Nothing is said without a spread, or where a sum of squares is no finite number."""
        if not (math.isfinite(self.mean) and math.isfinite(self.error)):
            return NOT_FINITE
        return "" if self.error > 0 else SAME

    def ends(self, tail: float = TAIL) -> Ends:
        """The mean -+ t s."""
        from scipy.special import stdtrit

        if self.why:
            return -math.inf, math.inf
        half = -float(stdtrit(self.df, tail)) * self.error
        low, high = self.mean - half, self.mean + half
        return (_exp(low), _exp(high)) if self.log else (low, high)

    def p(self, side: Side, limit: float, strict: bool = False) -> float:
        """The tail of t beyond the limit."""
        from scipy.special import stdtr

        if self.why:
            return 1.0
        if self.log:
            limit = math.log(limit) if limit > 0 else -math.inf
        distance = self.mean - limit if side == "above" else limit - self.mean
        return float(stdtr(self.df, -distance / self.error))


def _exp(x: float) -> float:
    """The exponential; infinite where it is no float."""
    try:
        return math.exp(x)
    except OverflowError:
        return math.inf


@dataclass(frozen=True)
class Widest:
    """Several estimates of the error of one mean: the one that is the least certain counts, for each end and for p.

    Attributes:
        estimates: of the same mean.
    """

    estimates: tuple[Student, ...]
    parts: Mapping[str, float] = field(default_factory=dict)

    @property
    def center(self) -> float:
        """The mean."""
        return self.estimates[0].center

    @property
    def why(self) -> str:
        """One estimate that says nothing is enough."""
        return next((each.why for each in self.estimates if each.why), "")

    def ends(self, tail: float = TAIL) -> Ends:
        """The lowest and the highest end."""
        lows, highs = zip(*(each.ends(tail) for each in self.estimates), strict=True)
        return min(lows), max(highs)

    def p(self, side: Side, limit: float, strict: bool = False) -> float:
        """The largest p-value."""
        return max(each.p(side, limit, strict) for each in self.estimates)


@dataclass(frozen=True)
class Nothing:
    """The interval where nothing can be said, and why; `center` may be a number all the same."""

    center: float
    why: str
    parts: Mapping[str, float] = field(default_factory=dict)

    def ends(self, tail: float = TAIL) -> Ends:
        """Everything is possible."""
        return -math.inf, math.inf

    def p(self, side: Side, limit: float, strict: bool = False) -> float:
        """Nothing is decided."""
        return 1.0


@dataclass(frozen=True)
class OrderStatistics:
    """A median between two order statistics: the sign test turned round, interpolated as Hettmansperger & Sheather do.

    Hettmansperger & Sheather 1986, Statistics & Probability Letters 4, 75-79. Nothing is assumed of the distribution.
    Between a finite and an infinite value there is no interpolation: the outer one counts.

    Attributes:
        values: in ascending order; censored ones may be infinite.
    """

    values: np.ndarray
    parts: Mapping[str, float] = field(default_factory=dict)

    @property
    def center(self) -> float:
        """The median; of two middle values that are -inf and inf the first, where NumPy's mean of the two is NaN."""
        n = len(self.values)
        low, high = float(self.values[(n - 1) // 2]), float(self.values[n // 2])
        return low if low == high or math.isinf(low) else (low + high) / 2

    @property
    def why(self) -> str:
        """With few values the median lies beyond all of them too often: of 5 in one of 16 samples."""
        return FEW if 2.0 ** -len(self.values) > TAIL else ""

    def ends(self, tail: float = TAIL) -> Ends:
        """Both ends; infinite where there are too few values (fewer than 6 for 95 %)."""
        from scipy.special import bdtr

        n = len(self.values)
        # below the k-th smallest value, and above the k-th largest, the median lies with this probability at most
        beyond = [float(bdtr(k - 1, n, 0.5)) for k in range(1, n // 2 + 1)]
        fitting = [k for k, probability in enumerate(beyond, 1) if probability <= tail]
        if not fitting:
            return -math.inf, math.inf
        k = fitting[-1]
        inner = 0.0
        if k < len(beyond):
            share = (tail - beyond[k - 1]) / (beyond[k] - beyond[k - 1])
            inner = (n - k) * share / (k + (n - 2 * k) * share)
        low = _between(float(self.values[k - 1]), float(self.values[min(k, n - 1)]), inner)
        high = _between(float(self.values[n - k]), float(self.values[max(n - k - 1, 0)]), inner)
        return low, high

    def p(self, side: Side, limit: float, strict: bool = False) -> float:
        """The smallest tail at which the interval lies beyond the limit, by bisection of its logarithm."""

        def decides(tail: float) -> bool:
            low, high = self.ends(tail)
            end, other = (low, limit) if side == "above" else (limit, high)
            return end > other if strict else end >= other

        return _smallest(decides)


def _between(outer: float, inner: float, share: float) -> float:
    """The point at a share of the way from the outer to the inner value; the outer one where either is infinite."""
    if share == 0 or math.isinf(outer) or math.isinf(inner):
        return outer
    return outer + share * (inner - outer)


def _smallest(decides: Callable[[float], bool]) -> float:
    """The smallest tail, to three digits, at which `decides` is true, which it is for all larger ones; else 1."""
    low, high = math.log(1e-18), math.log(0.4999)
    if not decides(math.exp(high)):
        return 1.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if decides(math.exp(middle)) else (middle, high)
    return math.exp(high)


def mean_interval(values: np.ndarray, confidence: float = 0.95) -> tuple[float, float, float]:
    """The mean and its Student's t interval, as pictures draw them: values without any spread have one of width 0.

    Args:
        values: shape (n,).
        confidence: the probability with which the interval covers the mean.

    Returns:
        (mean, low, high). The interval is infinite where fewer than two values are given, or one is not finite.
    """
    interval = of_mean(values)
    if isinstance(interval, Nothing) and len(values) > 1 and np.all(np.isfinite(values)):
        return interval.center, interval.center, interval.center
    return interval.center, *interval.ends((1 - confidence) / 2)


def _silent(values: np.ndarray) -> str:
    """The reason why nothing can be said of values (n,) or (n, items); empty where something can."""
    if len(values) < 2:
        return "one seed has no spread"
    if np.any(np.isnan(values)):
        return NO_NUMBER
    if not np.all(np.isfinite(values)):
        return NOT_FINITE
    if np.ptp(values, axis=0).max() <= 1e-12 * np.abs(values).max():  # but for rounding
        return SAME
    return ""


def _mean(values: np.ndarray) -> float:
    """The mean of all values; NaN between inf and -inf."""
    with np.errstate(invalid="ignore"):
        return float(np.mean(values))


def of_mean(values: np.ndarray) -> Interval:
    """Student's interval of a mean. values: (n,)."""
    center = _mean(values)
    if why := _silent(values):
        return Nothing(center, why)
    return Student(center, float(np.std(values, ddof=1)) / math.sqrt(len(values)), len(values) - 1)


def of_log_mean(values: np.ndarray) -> Interval:
    """Student's interval of the mean logarithm, turned back: of a geometric mean. values: (n,), above 0.

    Meant for ratios, whose distribution is skewed: half and twice are as far from 1.
    """
    if np.any(values <= 0):
        return Nothing(
            math.nan if np.any(np.isnan(values)) else float(np.median(values)), "a logarithm needs values > 0"
        )
    logs = of_mean(np.log(values))
    if isinstance(logs, Student) and not _silent(values):
        return replace(logs, log=True)
    return Nothing(_exp(logs.center), logs.why or _silent(values))


def of_median(values: np.ndarray) -> Interval:
    """The interval of a median. values: (n,)."""
    return Nothing(math.nan, NO_NUMBER) if np.any(np.isnan(values)) else OrderStatistics(np.sort(values))


def of_items(values: np.ndarray) -> Interval:
    """The interval of a mean over seeds *and* items, where all seeds are judged on the same items.

    Two crossed random factors, a value for each pair: with the mean squares A of seeds, B of items and E of the rest,
    the mean's variance is (A + B - E) / (n m), and its degrees of freedom are Satterthwaite's (1946, Biometrics
    Bulletin 2, 110-114). A component that comes out negative counts as 0. With few seeds those degrees of freedom are
    estimated badly, and the interval is too narrow; it is never narrower than that of the seeds or the items alone.

    Args:
        values: shape (n seeds, m items); of a comparison the difference item by item, so items are paired.

    Returns:
        The interval; `parts` has the half-width that the seeds alone give (another start, the same data) and the one
        that the items alone give (other data, the same starts).
    """
    center = _mean(values)
    n, m = values.shape
    if why := "one item has no spread" if m < 2 else _silent(values):
        return Nothing(center, why)
    by_seed, by_item = values.mean(axis=1) - center, values.mean(axis=0) - center
    seeds = m * float(by_seed @ by_seed) / (n - 1)
    items = n * float(by_item @ by_item) / (m - 1)
    total = float(np.sum((values - center) ** 2))
    df = (n - 1) * (m - 1)
    rest = max(0.0, (total - m * float(by_seed @ by_seed) - n * float(by_item @ by_item)) / df)
    # each component with its mean squares, as coefficients of (seeds, items, rest)
    used = (seeds > rest, items > rest)
    variance = rest + used[0] * (seeds - rest) + used[1] * (items - rest)
    squares = used[0] * seeds**2 / (n - 1) + used[1] * items**2 / (m - 1) + (1 - sum(used)) ** 2 * rest**2 / df
    both = Student(center, math.sqrt(variance / (n * m)), variance**2 / squares)
    alone = {
        "seeds": Student(center, math.sqrt(seeds / (n * m)), n - 1),
        "items": Student(center, math.sqrt(items / (n * m)), m - 1),
    }
    parts = {name: 0.0 if each.why else each.ends()[1] - center for name, each in alone.items()}
    return Widest((both, *(each for each in alone.values() if not each.why)), parts=parts)


KINDS: Mapping[str, Callable[[np.ndarray], Interval]] = {
    "mean": of_mean,
    "log-mean": of_log_mean,
    "median": of_median,
    "items": of_items,
}
"""By `Claim.interval`: from the measured values, shape (seeds,) or (seeds, items), to their interval."""
