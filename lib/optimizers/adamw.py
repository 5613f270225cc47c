r"""AdamW: Adam whose weight decay stays out of the moments.

Loshchilov & Hutter 2019, "Decoupled weight decay regularization", arXiv:1711.05101, algorithm 2.

$$\theta_t = (1 - \eta\lambda)\,\theta_{t-1} - \text{Adam's step}$$

An L2 term in the loss goes through Adam's division and so decays the weights with large gradients least; here all
weights decay alike. lambda: weight_decay, times the learning rate in torch and in Keras; 0.01 and 0.004 unless given.
Keras decouples the decay of every optimizer, so with its convention AdamW is Adam with another default.
"""

from dataclasses import dataclass, field
from typing import ClassVar

from lib.optimizers.adam import Adam


@dataclass(frozen=True, kw_only=True)
class AdamW(Adam):
    """Adam with decoupled weight decay.

    >>> import numpy as np
    >>> theta = np.array([1.0])
    >>> optimizer = AdamW(learning_rate=0.1, weight_decay=0.5)
    >>> theta, state = optimizer.update(np.zeros(1), optimizer.init(theta), theta)
    >>> theta.tolist()  # no gradient, decay alone: 1 - 0.1 · 0.5
    [0.95]
    """

    DEFAULTS: ClassVar = {
        "torch": {**Adam.DEFAULTS["torch"], "weight_decay": 0.01},
        "keras": {**Adam.DEFAULTS["keras"], "weight_decay": 0.004},
    }

    decoupled_weight_decay: bool = field(default=True, init=False)
