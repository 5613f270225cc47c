r"""Muon: momentum whose step is made orthogonal, for the weight matrices of hidden layers.

Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks"; the scale of Keras and of
adjust_lr_fn="match_rms_adamw" is that of Liu et al. 2025, "Muon is scalable for LLM training", arXiv:2502.16982, eq. 4.

$$\text{torch:}\quad B_t = \mu B_{t-1} + (1-\mu)\, G_t, \quad U_t = (1-\mu)\, G_t + \mu B_t; \qquad
\text{Keras:}\quad B_t = \mu B_{t-1} + G_t, \quad U_t = G_t + \mu B_t$$
$$\Theta_t = (1 - \eta\lambda)\,\Theta_{t-1} - \eta\, s\, \operatorname{NS}(U_t)$$

NS: five steps (ns_steps) of the Newton-Schulz iteration X <- aX + (bA + cA²)X, A = XXᵀ, from X = U over its Frobenius
norm. U = P S Qᵀ becomes nearly P Qᵀ, with all singular values near 1, so rare directions count as much as common ones.
Without nesterov, U = B. The two momenta differ by the factor 1 - mu, which the norm takes out. s, by adjust_lr_fn:
"original" sqrt(max(1, rows / columns)), torch's default; "match_rms_adamw" 0.2 sqrt(max(rows, columns)), Keras' form.
eps: the least norm to divide by in torch, added to the norm in Keras (1e-7, fixed there). Torch computes NS in
bfloat16, this file in the parameter's dtype. Weight decay is decoupled in both, 0.1 in torch and 0.004 in Keras.
"""

from dataclasses import dataclass, field
from math import isfinite, sqrt
from typing import ClassVar, NamedTuple

import numpy as np

from lib.optimizers.base import Array, Optimizer
from lib.optimizers.settings import BY_CONVENTION

SHARED = {"momentum": 0.95, "nesterov": True, "eps": 1e-7, "ns_steps": 5, "ns_coefficients": (3.4445, -4.7750, 2.0315)}


class MuonSlots(NamedTuple):
    """B, 0 at the start."""

    velocity: Array


@dataclass(frozen=True, kw_only=True)
class Muon(Optimizer[MuonSlots]):
    """Muon, for matrices only: init raises ValueError for anything else (use AdamW there).

    >>> import numpy as np
    >>> theta = np.zeros((2, 2))
    >>> optimizer = Muon(learning_rate=1.0, weight_decay=0.0)
    >>> theta, state = optimizer.update(np.diag([100.0, 1.0]), optimizer.init(theta), theta)
    >>> theta.round(2).tolist()  # a hundredth of the gradient, yet no smaller step
    [[-0.7, 0.0], [0.0, -0.7]]
    """

    MATRICES_ONLY: ClassVar = True
    DEFAULTS: ClassVar = {
        "torch": {"learning_rate": 1e-3, "weight_decay": 0.1, "adjust_lr_fn": "original", **SHARED},
        "keras": {"learning_rate": 1e-3, "weight_decay": 0.004, "adjust_lr_fn": "match_rms_adamw", **SHARED},
    }

    momentum: float = BY_CONVENTION
    nesterov: bool = BY_CONVENTION
    eps: float = BY_CONVENTION
    ns_steps: int = BY_CONVENTION
    ns_coefficients: tuple[float, float, float] = BY_CONVENTION
    adjust_lr_fn: str = BY_CONVENTION
    decoupled_weight_decay: bool = field(default=True, init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (type(self.ns_steps) is int and 1 <= self.ns_steps < 100):
            raise ValueError(f"Muon: ns_steps must be a whole number from 1 to 99, got {self.ns_steps!r}")
        abc = self.ns_coefficients
        if not (isinstance(abc, tuple) and len(abc) == 3 and all(type(x) is float and isfinite(x) for x in abc)):
            raise ValueError(f"Muon: ns_coefficients must be a tuple of three finite floats, got {abc!r}")
        if self.adjust_lr_fn not in ("original", "match_rms_adamw"):
            raise ValueError(f"Muon: adjust_lr_fn must be 'original' or 'match_rms_adamw', got {self.adjust_lr_fn!r}")

    def start(self, p: Array) -> MuonSlots:
        """At rest."""
        return MuonSlots(np.zeros_like(p))

    def step(self, g: Array, slots: MuonSlots, p: Array, t: int, lr: float) -> tuple[Array, MuonSlots]:
        """Accelerate, then move by the orthogonal part of the velocity."""
        push = (1 - self.momentum) * g if self.convention == "torch" else g
        velocity = self.momentum * slots.velocity + push
        ahead = push + self.momentum * velocity if self.nesterov else velocity
        return p - lr * self.scale(p) * self.orthogonal(ahead), MuonSlots(velocity)

    def scale(self, p: Array) -> float:
        """The factor s for a matrix of p's shape."""
        rows, columns = p.shape
        if self.adjust_lr_fn == "original":
            return sqrt(max(1, rows / columns))
        return 0.2 * sqrt(max(rows, columns))

    def orthogonal(self, u: Array) -> Array:
        """NS(u): nearly P Qᵀ, where u = P S Qᵀ is the singular value decomposition."""
        a, b, c = self.ns_coefficients
        wide = u.shape[0] <= u.shape[1]
        x: Array = u if wide else u.T
        norm = np.sqrt(np.sum(x * x))
        x = x / (np.maximum(norm, self.eps) if self.convention == "torch" else norm + self.eps)
        for _ in range(self.ns_steps):
            gram = x @ x.T
            x = a * x + (b * gram + c * gram @ gram) @ x
        return x if wide else x.T
