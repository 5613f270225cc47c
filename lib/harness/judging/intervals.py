"""95 % intervals of a mean and of a median."""

from __future__ import annotations

import math

import numpy as np

Interval = tuple[float, float, float]


def mean_interval(values: np.ndarray, confidence: float = 0.95) -> Interval:
    """Mean with its Student's t interval; (mean, low, high). Infinite where fewer than two values are given."""
    from scipy.stats import t

    n = len(values)
    with np.errstate(invalid="ignore"):  # between inf and -inf there is no mean: NaN
        center = float(np.mean(values))
    if n < 2 or not np.all(np.isfinite(values)):
        return center, -math.inf, math.inf
    half = float(t.ppf((1 + confidence) / 2, n - 1)) * float(np.std(values, ddof=1)) / math.sqrt(n)
    return center, center - half, center + half


def median_interval(values: np.ndarray, confidence: float = 0.95) -> Interval:
    """Median with its distribution-free interval between order statistics; (median, low, high).

    The interval [x_(k), x_(n+1-k)] covers the median with probability 1 - 2 P(Binomial(n, 1/2) < k); k is the largest
    with at least `confidence` (the sign test turned round). Under 6 values no such k exists: the interval is infinite.
    It is infinite, too, where a value is NaN, which is not a measurement.
    """
    from scipy.stats import binom

    ordered = np.sort(values)
    n = len(ordered)
    if np.isnan(ordered[-1]):
        return math.nan, -math.inf, math.inf
    k = int(binom.ppf((1 - confidence) / 2, n, 0.5))
    if k > 0 and 2 * binom.cdf(k - 1, n, 0.5) > 1 - confidence:
        k -= 1
    # the middle value, not numpy's mean of two, which is NaN between -inf and inf
    low_middle, high_middle = float(ordered[(n - 1) // 2]), float(ordered[n // 2])
    center = low_middle if low_middle == high_middle or math.isinf(low_middle) else (low_middle + high_middle) / 2
    if k < 1:
        return center, -math.inf, math.inf
    return center, float(ordered[k - 1]), float(ordered[n - k])
