r"""Nesterov momentum: look where the velocity leads before correcting it.

Nesterov 1983, "A method for solving the convex programming problem with convergence rate O(1/k²)"; the form of both
frameworks is that of Bengio et al. 2013, "Advances in optimizing recurrent networks", eq. 6-7.

$$\text{torch:}\quad b_t = \mu b_{t-1} + g_t, \qquad \theta_t = \theta_{t-1} - \eta\,(g_t + \mu b_t)$$
$$\text{Keras:}\quad m_t = \mu m_{t-1} - \eta\, g_t, \qquad \theta_t = \theta_{t-1} + \mu m_t - \eta\, g_t$$

The look-ahead hides in a change of variable: theta is the point ahead, $\phi + \mu v$, of Nesterov's own rule

$$v_t = \mu v_{t-1} - \eta \nabla f(\phi_{t-1} + \mu v_{t-1}), \qquad \phi_t = \phi_{t-1} + v_t$$

so that the gradient is taken at the parameter itself. The place of the learning rate matters only when it changes, as
in plain momentum.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lib.optimizers.base import Array, Optimizer
from lib.optimizers.momentum import Velocity
from lib.optimizers.settings import BY_CONVENTION


@dataclass(frozen=True, kw_only=True)
class Nesterov(Optimizer[Velocity]):
    """Gradient descent with Nesterov's momentum, 0.9 unless given.

    >>> import numpy as np
    >>> optimizer = Nesterov(learning_rate=0.1, momentum=0.5)
    >>> theta = np.array([1.0])
    >>> theta, state = optimizer.update(np.ones(1), optimizer.init(theta), theta)
    >>> round(float(theta[0]), 12)  # 1 - 0.1 (1 + 0.5)
    0.85
    """

    DEFAULTS: ClassVar = {
        "torch": {"learning_rate": 1e-3, "momentum": 0.9},
        "keras": {"learning_rate": 1e-2, "momentum": 0.9},
    }

    momentum: float = BY_CONVENTION

    def start(self, p: Array) -> Velocity:
        """At rest."""
        return Velocity(np.zeros_like(p))

    def step(self, g: Array, slots: Velocity, p: Array, t: int, lr: float) -> tuple[Array, Velocity]:
        """Accelerate, then move by the gradient and the velocity to come."""
        if self.convention == "torch":
            velocity = self.momentum * slots.velocity + g
            return p - lr * (g + self.momentum * velocity), Velocity(velocity)
        velocity = self.momentum * slots.velocity - lr * g
        return p + (self.momentum * velocity - lr * g), Velocity(velocity)
