r"""Adam: momentum over RMSprop, both corrected for their start at zero.

Kingma & Ba 2015, "Adam: a method for stochastic optimization", arXiv:1412.6980, algorithm 1.

$$m_t = \beta_1 m_{t-1} + (1-\beta_1)\, g_t, \qquad v_t = \beta_2 v_{t-1} + (1-\beta_2)\, g_t^2$$
$$\text{torch:}\quad \theta_t = \theta_{t-1} - \eta\, \frac{m_t / (1-\beta_1^t)}{\sqrt{v_t / (1-\beta_2^t)} + \epsilon}
\qquad \text{Keras:}\quad
\theta_t = \theta_{t-1} - \eta\, \frac{\sqrt{1-\beta_2^t}}{1-\beta_1^t}\, \frac{m_t}{\sqrt{v_t} + \epsilon}$$

m, v: moving averages of gradient and squared gradient; the powers correct them for their start at 0. Torch adds epsilon
to the corrected root (algorithm 1), Keras to the bare one (the paper's "epsilon hat", before section 2.1). The forms
agree for eps_keras = eps_torch sqrt(1 - beta2^t), so at t = 1 Keras' epsilon weighs 31.6 times as much. The code is the
second form, with that factor on torch's epsilon.
"""

from dataclasses import dataclass
from math import sqrt
from typing import ClassVar, NamedTuple

import numpy as np

from lib.optimizers.base import Array, Optimizer
from lib.optimizers.settings import BY_CONVENTION


class Moments(NamedTuple):
    """m and v, before the correction; 0 at the start."""

    m: Array
    v: Array


@dataclass(frozen=True, kw_only=True)
class Adam(Optimizer[Moments]):
    """Adam.

    >>> import numpy as np
    >>> theta = np.zeros(2)
    >>> optimizer = Adam(learning_rate=0.01)
    >>> theta, state = optimizer.update(np.array([5.0, -0.1]), optimizer.init(theta), theta)
    >>> theta.round(6).tolist()  # the first step is one learning rate long, whatever the gradient's size
    [-0.01, 0.01]
    """

    DEFAULTS: ClassVar = {
        "torch": {"learning_rate": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8},
        "keras": {"learning_rate": 1e-3, "betas": (0.9, 0.999), "eps": 1e-7},
    }

    betas: tuple[float, float] = BY_CONVENTION
    eps: float = BY_CONVENTION

    def start(self, p: Array) -> Moments:
        """Both averages 0."""
        return Moments(np.zeros_like(p), np.zeros_like(p))

    def step(self, g: Array, slots: Moments, p: Array, t: int, lr: float) -> tuple[Array, Moments]:
        """Average gradient over root of the average square."""
        beta1, beta2 = self.betas
        m = beta1 * slots.m + (1 - beta1) * g
        v = beta2 * slots.v + (1 - beta2) * (g * g)
        correction = sqrt(1 - beta2**t)
        eps_hat = self.eps * correction if self.convention == "torch" else self.eps
        return p - lr * correction / (1 - beta1**t) * m / (np.sqrt(v) + eps_hat), Moments(m, v)
