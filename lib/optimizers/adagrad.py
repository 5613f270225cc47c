r"""Adagrad: a learning rate for each coordinate, smaller the more that coordinate has moved.

Duchi, Hazan & Singer 2011, "Adaptive subgradient methods for online learning and stochastic optimization", JMLR 12,
figure 1 with a diagonal matrix.

$$G_t = G_{t-1} + g_t^2$$
$$\text{torch:}\quad \theta_t = \theta_{t-1} - \frac{\eta}{1 + (t-1)\,\delta} \frac{g_t}{\sqrt{G_t} + \epsilon}
\qquad \text{Keras:}\quad \theta_t = \theta_{t-1} - \frac{\eta}{1 + (t-1)\,\delta} \frac{g_t}{\sqrt{G_t + \epsilon}}$$

G: sum of squared gradients, from initial_accumulator_value (torch 0, Keras 0.1); it never falls, so the effective rate
never rises. Epsilon is outside the root in torch, inside in Keras. delta: lr_decay, torch's alone, 0 unless given.
"""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from lib.optimizers.base import Array, Optimizer
from lib.optimizers.settings import BY_CONVENTION


class SquareSum(NamedTuple):
    """G, the sum of the squared gradients."""

    square_sum: Array


@dataclass(frozen=True, kw_only=True)
class Adagrad(Optimizer[SquareSum]):
    """Adagrad.

    >>> import numpy as np
    >>> optimizer = Adagrad(learning_rate=1.0)
    >>> theta = np.zeros(1)
    >>> state = optimizer.init(theta)
    >>> for _ in range(2):
    ...     theta, state = optimizer.update(np.ones(1), state, theta)
    >>> round(float(theta[0]), 6)  # -(1 + 1/√2)
    -1.707107
    """

    DEFAULTS: ClassVar = {
        "torch": {"learning_rate": 1e-2, "initial_accumulator_value": 0.0, "eps": 1e-10, "lr_decay": 0.0},
        "keras": {"learning_rate": 1e-3, "initial_accumulator_value": 0.1, "eps": 1e-7, "lr_decay": 0.0},
    }

    initial_accumulator_value: float = BY_CONVENTION
    eps: float = BY_CONVENTION
    lr_decay: float = BY_CONVENTION

    def start(self, p: Array) -> SquareSum:
        """The accumulator at its initial value."""
        return SquareSum(np.full_like(p, self.initial_accumulator_value))

    def step(self, g: Array, slots: SquareSum, p: Array, t: int, lr: float) -> tuple[Array, SquareSum]:
        """Collect the squared gradient, divide by its root."""
        lr = lr / (1 + (t - 1) * self.lr_decay)
        square_sum = slots.square_sum + g * g
        root = np.sqrt(square_sum) + self.eps if self.convention == "torch" else np.sqrt(square_sum + self.eps)
        return p - lr * g / root, SquareSum(square_sum)
