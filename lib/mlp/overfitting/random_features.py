r"""Random ReLU features with least squares of minimum norm: a network of which only the last layer is trained, exactly.

Belkin, Hsu, Ma & Mandal 2019, "Reconciling modern machine-learning practice and the classical bias-variance trade-off"
(double descent, with random Fourier features); Rahimi & Recht 2007 for random features. The hidden layer of N units is
drawn and stays as it is; the output weights have a closed form:

$$A = \max(0, X W) \sqrt{2 / N} \qquad B = \arg\min_B |A B - Y|^2 + \lambda |B|^2$$

X: (n, inputs). W: (inputs, N), normal of variance 1 / inputs. Y: (n, classes), one-hot. B: (N, classes). With
lambda -> 0 it is the solution of least norm, where gradient descent from zero also ends. From N = n on it fits every
label: N = n is the interpolation threshold.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def random_weights(inputs: int, features: int, rng: np.random.Generator) -> np.ndarray:
    """The hidden layer: W (inputs, features), float64."""
    return rng.normal(0.0, inputs**-0.5, (inputs, features))


def relu_features(X: np.ndarray, W: np.ndarray) -> np.ndarray:
    """A = max(0, X W) sqrt(2 / N): (n, N) float64; the length of a row does not depend on N in the mean."""
    A: np.ndarray = np.maximum(X.astype(np.float64) @ W, 0) * np.sqrt(2 / W.shape[1])
    return A


def ridge_solutions(A: np.ndarray, Y: np.ndarray, ridges: Sequence[float]) -> list[np.ndarray]:
    """B (N, classes) for each ridge lambda, from one singular value decomposition; 0 gives that of least norm.

    Singular values below 1e-13 of the largest count as 0: they are rounding, not data.
    """
    U, s, Vt = np.linalg.svd(A, full_matrices=False)
    kept = s > 1e-13 * s[0]
    U, s, Vt = U[:, kept], s[kept], Vt[kept]
    return [Vt.T @ ((s / (s**2 + ridge))[:, None] * (U.T @ Y)) for ridge in ridges]
