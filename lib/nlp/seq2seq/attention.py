"""Attention: at each step of the answer, a weighted mean of what was read; the network learns how to weigh.

Bahdanau, Cho & Bengio 2015 (arXiv 1409.0473) and Luong, Pham & Manning 2015 (arXiv 1508.04025, equations 3, 7 and 8).
The state q_t of the decoder is compared with the state k_s of the encoder at every position s of the source:

    score_ts   = q_t · k_s                         dot       (Luong; no parameters)
               = q_t · W k_s                       general   (Luong)
               = v · tanh(W q_t + U k_s)           additive  (Bahdanau)
    weights_ts = exp(score_ts) / Σ_s' exp(score_ts')         softmax over the source: each row sums to 1
    context_t  = Σ_s weights_ts k_s

As in Luong's paper the query is the decoder's present state, where Bahdanau takes the one before and feeds the context
into the recurrence. So no step needs the context of another, and all steps of all examples are two matrix products.

Shapes: queries (n, T, H), keys (n, S, H), weights (n, T, S), contexts (n, T, H). W and U are (A, H), v (A,); general
has W (H, H).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def dot(queries: Tensor, keys: Tensor) -> Tensor:
    """q_t · k_s: (n, T, S)."""
    return queries @ keys.mT


def general(queries: Tensor, keys: Tensor, W: Tensor) -> Tensor:
    """q_t · W k_s: (n, T, S)."""
    return queries @ (keys @ W.mT).mT


def additive(queries: Tensor, keys: Tensor, W: Tensor, U: Tensor, v: Tensor) -> Tensor:
    """v · tanh(W q_t + U k_s): (n, T, S)."""
    sums = (queries @ W.mT).unsqueeze(2) + (keys @ U.mT).unsqueeze(1)
    return sums.tanh() @ v


def attend(scores: Tensor, keys: Tensor) -> tuple[Tensor, Tensor]:
    """From scores (n, T, S) and keys (n, S, H) to contexts (n, T, H) and the weights (n, T, S) that made them."""
    weights = scores.softmax(dim=2)
    return weights @ keys, weights
