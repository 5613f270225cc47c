"""A recurrent network by hand, and its gradients by back-propagation through time.

Source: Elman, *Finding structure in time*, Cognitive Science 14 (1990); Werbos, *Backpropagation through time: what it
does and how to do it*, Proceedings of the IEEE 78 (1990).

The same weights serve at every step t = 1 … T, from the state h_0 = 0:

    a_t = x_t W_ihᵀ + b_ih + h_{t-1} W_hhᵀ + b_hh          h_t = tanh(a_t)

Backwards, each state hears of the loss by its own step and by the next state, the chain rule through time:

    dL/dh_t = ∂L/∂h_t + dL/da_{t+1} W_hh                    dL/da_t = dL/dh_t ⊙ (1 - h_t²)

so that from a loss k steps later there are k factors W_hh and k derivatives of tanh. The weights' gradient is the sum
of what each step says:

    dL/dW_hh = Σ_t dL/da_tᵀ h_{t-1}     dL/dW_ih = Σ_t dL/da_tᵀ x_t     dL/db = Σ_t dL/da_t     dL/dx_t = dL/da_t W_ih

Shapes: X (T, batch, inputs), states (T + 1, batch, units), the first of them h_0; names, shapes and the two biases are
those of ``torch.nn.RNN``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

Weights = Mapping[str, np.ndarray]
"""``weight_ih_l0`` (units, inputs), ``weight_hh_l0`` (units, units), ``bias_ih_l0`` and ``bias_hh_l0`` (units,)."""


@dataclass(frozen=True)
class Gradients:
    """Of one loss. `weights` as `Weights`; `inputs` (T, batch, inputs); `states` dL/dh_t for t = 1 … T;
    `steps` (T, units, units): what each step says about W_hh, of which the gradient is the sum."""

    weights: dict[str, np.ndarray]
    inputs: np.ndarray
    states: np.ndarray
    steps: np.ndarray


def forward(weights: Weights, X: np.ndarray) -> np.ndarray:
    """The states h_0 = 0, h_1, …, h_T of sequences X.

    Raises:
        ValueError: X has not the inputs that the weights are for.
    """
    W_ih, W_hh = weights["weight_ih_l0"], weights["weight_hh_l0"]
    if X.ndim != 3 or X.shape[2] != W_ih.shape[1]:
        raise ValueError(f"X has the shape {X.shape}: (steps, batch, {W_ih.shape[1]}) is needed")
    states = np.zeros((len(X) + 1, X.shape[1], len(W_hh)), dtype=X.dtype)
    for t, x in enumerate(X):
        states[t + 1] = np.tanh(x @ W_ih.T + weights["bias_ih_l0"] + states[t] @ W_hh.T + weights["bias_hh_l0"])
    return states


def backward(weights: Weights, X: np.ndarray, states: np.ndarray, direct: np.ndarray) -> Gradients:
    """The gradients of a loss whose direct dependence on the states, ∂L/∂h_t, is `direct` (T, batch, units)."""
    W_ih, W_hh = weights["weight_ih_l0"], weights["weight_hh_l0"]
    through_states, through_sums = np.empty_like(direct), np.empty_like(direct)
    later = np.zeros_like(direct[0])
    for t in reversed(range(len(X))):
        through_states[t] = direct[t] + later
        through_sums[t] = through_states[t] * (1 - states[t + 1] ** 2)
        later = through_sums[t] @ W_hh
    steps = through_sums.transpose(0, 2, 1) @ states[:-1]
    bias = through_sums.sum(axis=(0, 1))
    gradients = {
        "weight_ih_l0": (through_sums.transpose(0, 2, 1) @ X).sum(axis=0),
        "weight_hh_l0": steps.sum(axis=0),
        "bias_ih_l0": bias,
        "bias_hh_l0": bias,
    }
    return Gradients(gradients, through_sums @ W_ih, through_states, steps)
