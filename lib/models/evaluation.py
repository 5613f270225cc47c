"""How good a classifier's logits are: pure functions of logits and labels, the same for every framework."""

from __future__ import annotations

import numpy as np

from lib.kernels import choice, functions


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> float:
    """Mean cross-entropy in nats of logits (n, classes) for labels (n,). NaN or inf stay such.

    In float64, or by the kernels where they are chosen: NumPy's exp and log may differ from processor to processor.
    """
    if choice.chosen() and logits.dtype == np.float32:
        return functions.mean_cross_entropy(logits, labels)
    z = logits.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        z = z - z.max(axis=1, keepdims=True)
        log_sum = np.log(np.exp(z).sum(axis=1))
    return float(np.mean(log_sum - z[np.arange(len(labels)), labels]))


def right(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Tell whether the largest logit is the label's, by picture (n,); logits that are not finite are wrong."""
    return np.asarray((logits.argmax(axis=1) == labels) & np.isfinite(logits).all(axis=1))


def accuracy(logits: np.ndarray, labels: np.ndarray) -> float:
    """Share of pictures whose largest logit is the label's; logits that are not finite count as wrong."""
    return float(np.mean(right(logits, labels)))
