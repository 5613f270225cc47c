"""Optimizers in NumPy, in order of increasing complexity, each in the convention of torch or of Keras.

>>> import numpy as np
>>> from lib.optimizers import Adam
>>> from lib.optimizers.surfaces import beale
>>> optimizer = Adam(learning_rate=0.1, convention="torch")
>>> theta = np.array(beale.start)
>>> state = optimizer.init(theta)
>>> for _ in range(1000):
...     theta, state = optimizer.update(beale.gradient(theta), state, theta)
>>> theta.round(3).tolist(), beale.minima
([3.0, 0.5], ((3.0, 0.5),))
"""

from lib.optimizers.adadelta import Adadelta
from lib.optimizers.adagrad import Adagrad
from lib.optimizers.adam import Adam
from lib.optimizers.adamax import AdaMax
from lib.optimizers.adamw import AdamW
from lib.optimizers.base import Optimizer, State
from lib.optimizers.gradient_descent import GradientDescent
from lib.optimizers.lion import Lion
from lib.optimizers.momentum import Momentum
from lib.optimizers.muon import Muon
from lib.optimizers.nadam import NAdam
from lib.optimizers.nesterov import Nesterov
from lib.optimizers.rmsprop import RMSprop

__all__ = [  # noqa: RUF022 - in order of increasing complexity
    "Optimizer",
    "State",
    "GradientDescent",
    "Momentum",
    "Nesterov",
    "Adagrad",
    "RMSprop",
    "Adadelta",
    "Adam",
    "AdamW",
    "AdaMax",
    "NAdam",
    "Lion",
    "Muon",
]
