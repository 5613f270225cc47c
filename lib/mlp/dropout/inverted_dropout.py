r"""Inverted dropout by hand: forward, backward, and its mean and variance.

Srivastava, Hinton, Krizhevsky, Sutskever & Salakhutdinov 2014, "Dropout: a simple way to prevent neural networks from
overfitting"; *inverted*: the scale is applied in training, so that nothing is left to do when the network is used, as
torch and Keras do it. In training each unit is cut with probability p, and the others are made larger:

$$h' = h \odot m, \qquad m_i = \frac{1}{1-p}\ \text{with probability}\ 1-p,\quad \text{else}\ 0$$

- mean: $E[h'] = h$, variance: $\mathrm{Var}[h'] = h^2\, p / (1-p)$
- backward: $\partial L/\partial h = \partial L/\partial h' \odot m$, with the mask of the forward pass
- when the network is used: h' = h

p is the probability of being cut (torch's and Keras' convention; the paper's p is the probability of being kept).
"""

from __future__ import annotations

from itertools import product

import numpy as np


def draw_mask(shape: tuple[int, ...], p: float, rng: np.random.Generator) -> np.ndarray:
    """A mask m of 0 and 1/(1-p), float64. p = 1 cuts every unit.

    Raises:
        ValueError: p is no probability.
    """
    if not 0 <= p <= 1:
        raise ValueError(f"p is the probability that a unit is cut, in [0, 1]; it is {p}")
    kept = rng.random(shape) >= p
    return kept / (1 - p) if p < 1 else np.zeros(shape)


def forward(h: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """h' = h m; the mask has the shape of h."""
    return np.asarray(h * mask)


def backward(gradient: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The gradient by h from that by h', with the mask of the forward pass."""
    return np.asarray(gradient * mask)


def moments_over_all_masks(h: np.ndarray, p: float) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of h' over all 2^n masks of h (n,), each weighed with its probability: no chance is left."""
    kept = np.array(list(product((0.0, 1.0), repeat=len(h))))
    probability = np.prod(np.where(kept == 1, 1 - p, p), axis=1)
    outputs = forward(h, kept / (1 - p))
    mean = probability @ outputs
    return mean, probability @ (outputs - mean) ** 2
