r"""AdaMax: Adam with the infinity norm, the largest recent gradient in place of the root mean square.

Kingma & Ba 2015, "Adam: a method for stochastic optimization", arXiv:1412.6980, section 7.1, algorithm 2.

$$m_t = \beta_1 m_{t-1} + (1-\beta_1)\, g_t$$
$$\text{torch:}\quad u_t = \max(\beta_2 u_{t-1},\, |g_t| + \epsilon), \qquad
\theta_t = \theta_{t-1} - \frac{\eta}{1-\beta_1^t} \frac{m_t}{u_t}$$
$$\text{Keras:}\quad u_t = \max(\beta_2 u_{t-1},\, |g_t|), \qquad
\theta_t = \theta_{t-1} - \frac{\eta}{1-\beta_1^t} \frac{m_t}{u_t + \epsilon}$$

u: the largest gradient, fading by beta2 a step; a maximum needs no correction for its start. Torch keeps epsilon inside
the maximum, Keras adds it afterwards; the paper has none.
"""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from lib.optimizers.base import Array, Optimizer
from lib.optimizers.settings import BY_CONVENTION


class AdaMaxSlots(NamedTuple):
    """m and u, 0 at the start."""

    m: Array
    u: Array


@dataclass(frozen=True, kw_only=True)
class AdaMax(Optimizer[AdaMaxSlots]):
    """AdaMax.

    >>> import numpy as np
    >>> theta = np.zeros(1)
    >>> optimizer = AdaMax(learning_rate=0.01)
    >>> theta, state = optimizer.update(np.array([-3.0]), optimizer.init(theta), theta)
    >>> round(float(theta[0]), 6), round(float(state.slots.u[0]), 6)
    (0.01, 3.0)
    """

    DEFAULTS: ClassVar = {
        "torch": {"learning_rate": 2e-3, "betas": (0.9, 0.999), "eps": 1e-8},
        "keras": {"learning_rate": 1e-3, "betas": (0.9, 0.999), "eps": 1e-7},
    }

    betas: tuple[float, float] = BY_CONVENTION
    eps: float = BY_CONVENTION

    def start(self, p: Array) -> AdaMaxSlots:
        """Average and maximum 0."""
        return AdaMaxSlots(np.zeros_like(p), np.zeros_like(p))

    def step(self, g: Array, slots: AdaMaxSlots, p: Array, t: int, lr: float) -> tuple[Array, AdaMaxSlots]:
        """Average gradient over the largest recent one."""
        beta1, beta2 = self.betas
        m = beta1 * slots.m + (1 - beta1) * g
        lr = lr / (1 - beta1**t)
        if self.convention == "torch":
            u = np.maximum(beta2 * slots.u, np.abs(g) + self.eps)
            return p - lr * m / u, AdaMaxSlots(m, u)
        u = np.maximum(beta2 * slots.u, np.abs(g))
        return p - lr * m / (u + self.eps), AdaMaxSlots(m, u)
