"""Causal attention by hand: each place looks back at those before it and at itself, never ahead.

Vaswani et al. 2017, "Attention is all you need", equation 1, with the mask of section 3.2.3. For one head, with queries
q, keys k and values v of T places, (T, d) each:

    score_ts  = q_t · k_s / sqrt(d)       how much place t wants of place s
    score_ts  = -inf   for s > t          the future is hidden
    weight_ts = exp(score_ts) / Σ_s' exp(score_ts')
    out_t     = Σ_s weight_ts v_s

Each row of weights sums to 1; above the diagonal they are 0. Place 0 can only look at itself. The training loop uses
torch's own `scaled_dot_product_attention`, which computes the same without ever having all weights in memory.
"""

from __future__ import annotations

import math

import numpy as np


def causal_attention(q: np.ndarray, k: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Attention of queries, keys and values (…, T, d).

    Returns:
        What each place gets, (…, T, d), and the weights, (…, T, T).
    """
    scores = q @ k.swapaxes(-1, -2) / math.sqrt(q.shape[-1])
    scores = np.where(past(q.shape[-2]), scores, -np.inf)
    raised = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights = raised / raised.sum(axis=-1, keepdims=True)
    return weights @ v, weights


def past(length: int) -> np.ndarray:
    """The causal mask, bool (length, length): True where place t, the row, may look at place s, the column."""
    return np.tril(np.ones((length, length), dtype=bool))
