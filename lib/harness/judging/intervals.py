"""95 % intervals of a mean and of a median, by SciPy."""

from __future__ import annotations

import math
import warnings

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
    from scipy.stats import ttest_1samp

    with np.errstate(invalid="ignore"):  # between inf and -inf there is no mean: NaN
        center = float(np.mean(values))
    if len(values) < 2 or not np.all(np.isfinite(values)):
        return center, -math.inf, math.inf
    with warnings.catch_warnings():  # equal values: the p-value is not exact, and is not used
        warnings.simplefilter("ignore", RuntimeWarning)
        interval = ttest_1samp(values, 0.0).confidence_interval(confidence)
    return center, float(interval.low), float(interval.high)


def median_interval(values: np.ndarray, confidence: float = 0.95) -> Interval:
    """The median and its distribution-free interval between order statistics: the sign test turned round.

    Args:
        values: shape (n,); censored ones may be infinite.
        confidence: the probability with which the interval covers the median, at least.

    Returns:
        (median, low, high). The interval is infinite where there are too few values (fewer than 6 for 95 %), or one is
        NaN, which is not a measurement.
    """
    from scipy.stats import quantile_test

    if np.any(np.isnan(values)):
        return math.nan, -math.inf, math.inf
    center = _median(values)
    interval = quantile_test(values, p=0.5).confidence_interval(confidence)
    if math.isnan(interval.low) or math.isnan(interval.high):
        return center, -math.inf, math.inf
    return center, float(interval.low), float(interval.high)


def _median(values: np.ndarray) -> float:
    """The median; of two middle values that are -inf and inf the first, where NumPy's mean of the two is NaN."""
    ordered = np.sort(values)
    low, high = float(ordered[(len(ordered) - 1) // 2]), float(ordered[len(ordered) // 2])
    return low if low == high or math.isinf(low) else (low + high) / 2
