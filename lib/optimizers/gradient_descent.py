r"""Gradient descent: follow the slope down.

Cauchy 1847, "Méthode générale pour la résolution des systèmes d'équations simultanées".

$$\theta_t = \theta_{t-1} - \eta\, g_t$$

theta: parameter, g: gradient at theta, eta: learning rate. On a quadratic it converges for eta < 2/L, L the largest
curvature, and diverges beyond. torch and Keras write the same rule (`SGD`); their default learning rates differ.
"""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from lib.optimizers.base import Array, Optimizer


class NoSlots(NamedTuple):
    """Gradient descent remembers nothing."""


@dataclass(frozen=True, kw_only=True)
class GradientDescent(Optimizer[NoSlots]):
    """Plain gradient descent.

    >>> import numpy as np
    >>> optimizer = GradientDescent(learning_rate=0.25)
    >>> theta = np.array([4.0, -2.0])
    >>> state = optimizer.init(theta)
    >>> theta, state = optimizer.update(2 * theta, state, theta)  # f = x² + y²
    >>> theta.tolist(), state.step
    ([2.0, -1.0], 1)
    """

    DEFAULTS: ClassVar = {"torch": {"learning_rate": 1e-3}, "keras": {"learning_rate": 1e-2}}

    def start(self, p: Array) -> NoSlots:
        """Nothing to remember."""
        return NoSlots()

    def step(self, g: Array, slots: NoSlots, p: Array, t: int, lr: float) -> tuple[Array, NoSlots]:
        """One step against the gradient."""
        return p - lr * g, slots
