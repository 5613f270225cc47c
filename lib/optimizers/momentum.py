r"""Momentum: a ball that rolls, velocity plus gradient.

Polyak 1964, "Some methods of speeding up the convergence of iteration methods", eq. 9; Sutskever et al. 2013.

$$\text{torch:}\quad b_t = \mu b_{t-1} + (1 - d)\, g_t, \qquad \theta_t = \theta_{t-1} - \eta\, b_t$$
$$\text{Keras:}\quad m_t = \mu m_{t-1} - \eta\,(1 - d)\, g_t, \qquad \theta_t = \theta_{t-1} + m_t$$

mu: momentum. d: dampening, torch's alone, 0 unless given; it spares the first step, b_1 = g_1. The learning rate is
outside the velocity in torch and inside it in Keras. While it is constant the two are one rule, m = -eta b. When it
changes they part: torch's velocity takes the new rate at once, in Keras' each gradient keeps the rate it came with.
"""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from lib.optimizers.base import Array, Optimizer
from lib.optimizers.settings import BY_CONVENTION


class Velocity(NamedTuple):
    """b in torch's form, m in Keras'; 0 at the start."""

    velocity: Array


@dataclass(frozen=True, kw_only=True)
class Momentum(Optimizer[Velocity]):
    """Gradient descent with momentum, 0.9 unless given (both frameworks leave it at 0, which is gradient descent).

    >>> import numpy as np
    >>> optimizer = Momentum(learning_rate=0.1, momentum=0.5)
    >>> theta = np.array([1.0])
    >>> state = optimizer.init(theta)
    >>> for _ in range(3):
    ...     theta, state = optimizer.update(np.ones(1), state, theta)
    >>> state.slots.velocity.tolist()  # 1, 1.5, 1.75 … 2
    [1.75]
    """

    DEFAULTS: ClassVar = {
        "torch": {"learning_rate": 1e-3, "momentum": 0.9, "dampening": 0.0},
        "keras": {"learning_rate": 1e-2, "momentum": 0.9, "dampening": 0.0},
    }

    momentum: float = BY_CONVENTION
    dampening: float = BY_CONVENTION

    def start(self, p: Array) -> Velocity:
        """At rest."""
        return Velocity(np.zeros_like(p))

    def step(self, g: Array, slots: Velocity, p: Array, t: int, lr: float) -> tuple[Array, Velocity]:
        """Accelerate, then move."""
        push = g if t == 1 else (1 - self.dampening) * g
        if self.convention == "torch":
            velocity = self.momentum * slots.velocity + push
            return p - lr * velocity, Velocity(velocity)
        velocity = self.momentum * slots.velocity - lr * push
        return p + velocity, Velocity(velocity)
