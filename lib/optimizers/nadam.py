r"""NAdam: Adam with Nesterov's momentum.

Dozat 2016, "Incorporating Nesterov momentum into Adam", ICLR workshop, algorithm 2, with its momentum schedule.

$$\mu_t = \beta_1 \left(1 - \tfrac12\, 0.96^{\,t\psi}\right), \qquad \Pi_t = \prod_{i \le t} \mu_i$$
$$\theta_t = \theta_{t-1} - \frac{\eta}{\sqrt{v_t / (1-\beta_2^t)} + \epsilon}
\left[ \frac{\mu_{t+1}\, m_t}{1 - \Pi_{t+1}} + \frac{(1-\mu_t)\, g_t}{1 - \Pi_t} \right]$$

m, v: Adam's moments (m with the constant beta1). mu: momentum that warms up from about beta1 / 2 to beta1. psi: how
fast, momentum_decay. Both frameworks compute this; the convention sets psi, 0.004 in torch and 1 in Keras, where it is
no argument: the warm-up takes thousands of steps with 0.004 and some tens with 1.
"""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from lib.optimizers.base import Array, Optimizer
from lib.optimizers.settings import BY_CONVENTION


class NAdamSlots(NamedTuple):
    """m and v, 0 at the start, and the product of the momenta so far, a plain number."""

    m: Array
    v: Array
    product: float


@dataclass(frozen=True, kw_only=True)
class NAdam(Optimizer[NAdamSlots]):
    """NAdam.

    >>> import numpy as np
    >>> theta = np.zeros(1)
    >>> optimizer = NAdam(learning_rate=1.0)
    >>> theta, state = optimizer.update(np.ones(1), optimizer.init(theta), theta)
    >>> round(float(theta[0]), 4)  # a little more than Adam's one learning rate
    -1.0565
    """

    DEFAULTS: ClassVar = {
        "torch": {"learning_rate": 2e-3, "betas": (0.9, 0.999), "eps": 1e-8, "momentum_decay": 0.004},
        "keras": {"learning_rate": 1e-3, "betas": (0.9, 0.999), "eps": 1e-7, "momentum_decay": 1.0},
    }

    betas: tuple[float, float] = BY_CONVENTION
    eps: float = BY_CONVENTION
    momentum_decay: float = BY_CONVENTION

    def momentum_at(self, t: int) -> float:
        """The momentum mu_t of step t."""
        warm_up: float = 1 - 0.5 * 0.96 ** (t * self.momentum_decay)
        return self.betas[0] * warm_up

    def start(self, p: Array) -> NAdamSlots:
        """Both averages 0, the empty product 1."""
        return NAdamSlots(np.zeros_like(p), np.zeros_like(p), 1.0)

    def step(self, g: Array, slots: NAdamSlots, p: Array, t: int, lr: float) -> tuple[Array, NAdamSlots]:
        """Adam's step with the next momentum on the average and the rest on the gradient."""
        beta1, beta2 = self.betas
        mu, next_mu = self.momentum_at(t), self.momentum_at(t + 1)
        product = slots.product * mu
        m = beta1 * slots.m + (1 - beta1) * g
        v = beta2 * slots.v + (1 - beta2) * (g * g)
        ahead = next_mu / (1 - product * next_mu) * m + (1 - mu) / (1 - product) * g
        return p - lr * ahead / (np.sqrt(v / (1 - beta2**t)) + self.eps), NAdamSlots(m, v, product)
