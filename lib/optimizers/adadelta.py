r"""Adadelta: RMSprop whose steps have the parameter's unit; the past steps stand where the learning rate was.

Zeiler 2012, "ADADELTA: an adaptive learning rate method", arXiv:1212.5701, algorithm 1.

$$v_t = \rho v_{t-1} + (1-\rho)\, g_t^2$$
$$\Delta_t = \frac{\sqrt{u_{t-1} + \epsilon}}{\sqrt{v_t + \epsilon}}\, g_t, \qquad
u_t = \rho u_{t-1} + (1-\rho)\, \Delta_t^2, \qquad \theta_t = \theta_{t-1} - \eta\, \Delta_t$$

v, u: moving averages of squared gradients and squared steps. Epsilon is inside both roots in torch and in Keras: one
form, other defaults (eta 1.0, the paper's, in torch and 0.001 in Keras). The first step is eta sqrt(eps / (1 - rho)).
"""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from lib.optimizers.base import Array, Optimizer
from lib.optimizers.settings import BY_CONVENTION


class AdadeltaSlots(NamedTuple):
    """v and u, 0 at the start."""

    square_average: Array
    step_average: Array


@dataclass(frozen=True, kw_only=True)
class Adadelta(Optimizer[AdadeltaSlots]):
    """Adadelta.

    >>> import numpy as np
    >>> theta = np.zeros(1)
    >>> optimizer = Adadelta()
    >>> theta, state = optimizer.update(np.ones(1), optimizer.init(theta), theta)
    >>> round(float(theta[0]), 5)  # √(1e-6 / 0.1)
    -0.00316
    """

    DEFAULTS: ClassVar = {
        "torch": {"learning_rate": 1.0, "rho": 0.9, "eps": 1e-6},
        "keras": {"learning_rate": 1e-3, "rho": 0.95, "eps": 1e-7},
    }

    rho: float = BY_CONVENTION
    eps: float = BY_CONVENTION

    def start(self, p: Array) -> AdadeltaSlots:
        """Both averages 0."""
        return AdadeltaSlots(np.zeros_like(p), np.zeros_like(p))

    def step(self, g: Array, slots: AdadeltaSlots, p: Array, t: int, lr: float) -> tuple[Array, AdadeltaSlots]:
        """A step as long as the past ones, in proportion to the gradient's size among the past ones."""
        v = self.rho * slots.square_average + (1 - self.rho) * (g * g)
        delta = np.sqrt(slots.step_average + self.eps) / np.sqrt(v + self.eps) * g
        u = self.rho * slots.step_average + (1 - self.rho) * (delta * delta)
        return p - lr * delta, AdadeltaSlots(v, u)
