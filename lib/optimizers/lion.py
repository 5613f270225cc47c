r"""Lion: the sign of an average gradient, found by a search over programs.

Chen et al. 2023, "Symbolic discovery of optimization algorithms", arXiv:2302.06675, algorithm 2.

$$\theta_t = \theta_{t-1} - \eta\, \operatorname{sign}\!\left(\beta_1 m_{t-1} + (1-\beta_1)\, g_t\right), \qquad
m_t = \beta_2 m_{t-1} + (1-\beta_2)\, g_t$$

Every coordinate moves by exactly eta (or rests, where the average is 0), so the learning rate wants to be 3 to 10 times
smaller than Adam's. One slot, no epsilon, no root. Keras has it, torch has not: convention="torch" raises ValueError.
"""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from lib.optimizers.base import Array, Optimizer
from lib.optimizers.settings import BY_CONVENTION, Convention


class LionSlots(NamedTuple):
    """m, 0 at the start."""

    m: Array


@dataclass(frozen=True, kw_only=True)
class Lion(Optimizer[LionSlots]):
    """Lion.

    >>> import numpy as np
    >>> theta = np.zeros(2)
    >>> optimizer = Lion(learning_rate=0.01)
    >>> theta, state = optimizer.update(np.array([5.0, -0.1]), optimizer.init(theta), theta)
    >>> theta.tolist()
    [-0.01, 0.01]
    """

    DEFAULTS: ClassVar = {"keras": {"learning_rate": 1e-3, "betas": (0.9, 0.99)}}

    convention: Convention = "keras"
    betas: tuple[float, float] = BY_CONVENTION

    def start(self, p: Array) -> LionSlots:
        """The average 0."""
        return LionSlots(np.zeros_like(p))

    def step(self, g: Array, slots: LionSlots, p: Array, t: int, lr: float) -> tuple[Array, LionSlots]:
        """One learning rate in the direction of the average, then a slower average to remember."""
        beta1, beta2 = self.betas
        direction = np.sign(beta1 * slots.m + (1 - beta1) * g)
        return p - lr * direction, LionSlots(beta2 * slots.m + (1 - beta2) * g)
