r"""How simple is the function that an MLP with ReLU has learned? Measures in NumPy, from its weights alone.

- **effective rank** of the last hidden layer's activations H over n pictures (Roy & Vetterli 2007): $\exp(-\sum_i p_i
  \ln p_i)$ with $p_i = s_i / \sum_j s_j$, s the singular values of H less its mean: in how many directions the
  network's picture of the data extends. Between 1 and min(n - 1, units). Two more count the same directions with more
  weight on the large ones: the **stable rank** $\sum_i s_i^2 / s_1^2$ (Rudelson & Vershynin 2007) and the
  **participation ratio** $(\sum_i s_i^2)^2 / \sum_i s_i^4$ of the variances.
- **norm** of those activations: mean length of a row of H.
- **input gradient**: mean length of $\partial \log p(\hat y \mid x) / \partial x$, $\hat y$ the predicted class: how
  fast the answer changes with the picture (Novak et al. 2018, "Sensitivity and generalization in neural networks").
- **sensitivity**: mean total variation, $\tfrac12 \sum_k |p_k(x + e) - p_k(x)|$, between the answers to a picture and
  to the same picture with noise e.

Weights are named and shaped as those of `lib.models.mlp`: ``dense1.weight`` (hidden, inputs), ``dense1.bias``, …
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

Weights = Mapping[str, np.ndarray]


def layers(weights: Weights, X: np.ndarray) -> list[np.ndarray]:
    """X (n, inputs), the activations of every hidden layer (n, units), and the logits (n, classes); float64."""
    values = [X.astype(np.float64)]
    number = len(weights) // 2
    for i in range(1, number + 1):
        z = values[-1] @ weights[f"dense{i}.weight"].T.astype(np.float64) + weights[f"dense{i}.bias"]
        values.append(np.maximum(z, 0) if i < number else z)
    return values


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities (n, classes)."""
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(e / e.sum(axis=1, keepdims=True))


def spectrum(H: np.ndarray) -> np.ndarray:
    """Singular values of H (n, units) less its mean row, as shares of their sum, from the largest on."""
    s = np.linalg.svd(H - H.mean(axis=0), compute_uv=False)
    return np.asarray(s / s.sum())


def effective_rank(H: np.ndarray) -> float:
    """exp of the entropy of the spectrum."""
    return ranks(spectrum(H))["effective_rank"]


def ranks(p: np.ndarray) -> dict[str, float]:
    """The effective rank, the stable rank and the participation ratio of a spectrum p, from the largest on.

    All are 1 where nothing varies.
    """
    p = p[p > 0]
    variances = p**2 if len(p) else np.ones(1)
    return {
        "effective_rank": float(np.exp(-np.sum(p * np.log(p)))),
        "stable_rank": float(variances.sum() / variances[0]),
        "participation_ratio": float(variances.sum() ** 2 / np.sum(variances**2)),
    }


def input_gradients(weights: Weights, X: np.ndarray) -> np.ndarray:
    r"""$\partial \log p(\hat y \mid x) / \partial x$ of the predicted class: (n, inputs), by back-propagation."""
    values = layers(weights, X)
    p = softmax(values[-1])
    gradient = np.eye(p.shape[1])[p.argmax(axis=1)] - p
    for i in range(len(weights) // 2, 0, -1):
        gradient = gradient @ weights[f"dense{i}.weight"].astype(np.float64)
        if i > 1:
            gradient = gradient * (values[i - 1] > 0)
    return np.asarray(gradient)


def sensitivity(weights: Weights, X: np.ndarray, noise: np.ndarray) -> float:
    """Mean total variation between the answers with and without `noise`, which has the shape of X. In [0, 1]."""
    before, after = (softmax(layers(weights, inputs)[-1]) for inputs in (X, X + noise))
    return float(np.mean(np.abs(after - before).sum(axis=1)) / 2)
