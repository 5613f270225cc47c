"""95 % intervals of a mean and of a median, by SciPy."""

from __future__ import annotations

import math

import numpy as np

Interval = tuple[float, float, float]


def mean_interval(values: np.ndarray, confidence: float = 0.95) -> Interval:
    """The mean and its Student's t interval.

    Args:
        values: shape (n,).
        confidence: the probability with which the interval covers the mean.

    Returns:
        (mean, low, high). The interval is infinite where fewer than two values are given, or one is not finite.
    """
    from scipy.special import stdtrit

    with np.errstate(invalid="ignore"):  # between inf and -inf there is no mean: NaN
        center = float(np.mean(values))
    n = len(values)
    if n < 2 or not np.all(np.isfinite(values)):
        return center, -math.inf, math.inf
    half = float(stdtrit(n - 1, (1 + confidence) / 2) * np.std(values, ddof=1) / math.sqrt(n))
    return center, center - half, center + half


def median_interval(values: np.ndarray, confidence: float = 0.95) -> Interval:
    """The median and its distribution-free interval between order statistics: the sign test turned round.

    Args:
        values: shape (n,); censored ones may be infinite.
        confidence: the probability with which the interval covers the median, at least.

    Returns:
        (median, low, high). The interval is infinite where there are too few values (fewer than 6 for 95 %), or one is
        NaN, which is not a measurement.
    """
    from scipy.special import bdtr

    if np.any(np.isnan(values)):
        return math.nan, -math.inf, math.inf
    n = len(values)
    # below the k-th smallest value, and above the k-th largest, the median lies with this probability at most
    beyond = [k for k in range(1, n // 2 + 1) if bdtr(k - 1, n, 0.5) <= (1 - confidence) / 2]
    if not beyond:
        return _median(values), -math.inf, math.inf
    ordered, k = np.sort(values), beyond[-1]
    return _median(values), float(ordered[k - 1]), float(ordered[n - k])


def _median(values: np.ndarray) -> float:
    """The median; of two middle values that are -inf and inf the first, where NumPy's mean of the two is NaN."""
    ordered = np.sort(values)
    low, high = float(ordered[(len(ordered) - 1) // 2]), float(ordered[len(ordered) // 2])
    return low if low == high or math.isinf(low) else (low + high) / 2
