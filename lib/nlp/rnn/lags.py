"""How much a loss hears of what was k steps ago: the gradient by time lag, measured and by theory.

The gradient's size at lag k is ‖dL/dx_{T-k}‖ for a loss at the last step T only. It is measured by the inputs and not
by the states, as these are not the same thing in each kind of cell. What counts is its size relative to lag 0, and the
factor per step, by which it goes on.

For the vanilla network with W_hh of n² independent values of variance g²/n, or g times an orthogonal matrix, theory has
the factor for n → ∞ (Sompolinsky et al. 1988; Poole et al. 2016; Pennington et al. 2017): with z standard normal,

    q = g² E[tanh²(√q z)] + σ_x²          factor = g √E[(1 - tanh²(√q z))²]

where σ_x² is the variance of what the inputs and biases add to a unit's sum. So it is at most g; and for a g not far
above 1, tanh's derivative makes it less than 1 still.
"""

from __future__ import annotations

from typing import Any

import numpy as np

NEAR, FAR = 5, 25


def gradient_by_lag(module: Any, X: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """‖dL/dx_{T-k}‖ for k = 0 … T-1, relative to that for k = 0: (T,).

    Args:
        module: a recurrent module of torch.
        X: sequences (T, batch, inputs).
        direction: (batch, units): the loss is its product with the last states, so ∂L/∂h_T is this.
    """
    import torch

    inputs = torch.from_numpy(X).requires_grad_()
    (module(inputs)[0][-1] * torch.from_numpy(direction)).sum().backward()
    return relative_norms(np.asarray(inputs.grad))


def relative_norms(gradient: np.ndarray) -> np.ndarray:
    """The size of a gradient by lag, relative to lag 0: from (T, batch, inputs) in the order of time to (T,)."""
    norms = np.linalg.norm(gradient[::-1].reshape(len(gradient), -1), axis=1)
    return np.asarray(norms / norms[0])


def factor(norms: np.ndarray) -> float:
    """Return the factor per step back, the geometric mean from lag 5 to lag 25; 0 if nothing is left."""
    return float((norms[FAR] / norms[NEAR]) ** (1 / (FAR - NEAR)))


def theory(gain: float, input_variance: float) -> float:
    """The factor per step of the vanilla network with many units; see above."""
    z, weights = np.polynomial.hermite_e.hermegauss(101)
    weights = weights / weights.sum()
    q = input_variance
    for _ in range(1000):
        q = gain**2 * float(weights @ np.tanh(np.sqrt(q) * z) ** 2) + input_variance
    return gain * float(np.sqrt(weights @ (1 - np.tanh(np.sqrt(q) * z) ** 2) ** 2))


def torch_input_variance(inputs: int, units: int) -> float:
    """σ_x² for standard normal inputs with torch's start: weights and the two biases uniform in ±1/sqrt(units)."""
    return (inputs + 2) / (3 * units)
