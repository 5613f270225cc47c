r"""RMSprop: Adagrad that forgets, a moving average of the squared gradients in place of their sum.

Tieleman & Hinton 2012, "Lecture 6.5: rmsprop", Coursera; centered and with momentum: Graves 2013, "Generating sequences
with recurrent neural networks", eq. 38-45.

$$v_t = \alpha v_{t-1} + (1-\alpha)\, g_t^2, \qquad a_t = \alpha a_{t-1} + (1-\alpha)\, g_t$$
$$\text{torch:}\quad
b_t = \mu b_{t-1} + \frac{g_t}{\sqrt{v_t - a_t^2} + \epsilon}, \qquad \theta_t = \theta_{t-1} - \eta\, b_t$$
$$\text{Keras:}\quad
b_t = \mu b_{t-1} + \frac{\eta\, g_t}{\sqrt{v_t - a_t^2 + \epsilon}}, \qquad \theta_t = \theta_{t-1} - b_t$$

alpha: how much is remembered (`rho` in Keras). mu: momentum, 0 unless given. a: average gradient if centered, so that
v - a² is the gradient's variance; otherwise 0. Torch has epsilon outside the root and the learning rate outside the
velocity, Keras both inside. No correction for the start at 0: the first step is eta / sqrt(1 - alpha) long, 10 eta with
torch's default alpha and 3.16 eta with Keras'.
"""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from lib.optimizers.base import Array, Optimizer
from lib.optimizers.settings import BY_CONVENTION


class RMSpropSlots(NamedTuple):
    """v, a and b, all 0 at the start; a stays 0 unless centered."""

    square_average: Array
    gradient_average: Array
    velocity: Array


@dataclass(frozen=True, kw_only=True)
class RMSprop(Optimizer[RMSpropSlots]):
    """RMSprop, plain, centered or with momentum.

    >>> import numpy as np
    >>> theta = np.zeros(2)
    >>> optimizer = RMSprop(learning_rate=0.01)
    >>> theta, state = optimizer.update(np.array([5.0, -0.1]), optimizer.init(theta), theta)
    >>> theta.round(6).tolist()  # ten learning rates, whatever the gradient's size
    [-0.1, 0.1]
    """

    DEFAULTS: ClassVar = {
        "torch": {"learning_rate": 1e-2, "alpha": 0.99, "eps": 1e-8, "centered": False, "momentum": 0.0},
        "keras": {"learning_rate": 1e-3, "alpha": 0.9, "eps": 1e-7, "centered": False, "momentum": 0.0},
    }

    alpha: float = BY_CONVENTION
    eps: float = BY_CONVENTION
    centered: bool = BY_CONVENTION
    momentum: float = BY_CONVENTION

    def start(self, p: Array) -> RMSpropSlots:
        """Averages and velocity 0."""
        return RMSpropSlots(np.zeros_like(p), np.zeros_like(p), np.zeros_like(p))

    def step(self, g: Array, slots: RMSpropSlots, p: Array, t: int, lr: float) -> tuple[Array, RMSpropSlots]:
        """Average the squares, divide by their root, roll on."""
        v = self.alpha * slots.square_average + (1 - self.alpha) * (g * g)
        a, variance = slots.gradient_average, v
        if self.centered:
            a = self.alpha * a + (1 - self.alpha) * g
            variance = v - a * a
        if self.convention == "torch":
            b = self.momentum * slots.velocity + g / (np.sqrt(variance) + self.eps)
            return p - lr * b, RMSpropSlots(v, a, b)
        b = self.momentum * slots.velocity + lr * g / np.sqrt(variance + self.eps)
        return p - b, RMSpropSlots(v, a, b)
