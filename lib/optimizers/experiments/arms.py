"""The arms of the race on LeNet: an optimizer with a schedule of its learning rate.

- **constant**: the same rate at every step.
- **cosine**: from the rate to 0 along half a cosine (Loshchilov & Hutter 2017, arXiv:1608.03983, without restarts).
- **warm-up**: up to the rate in a straight line over the first tenth of the steps, then the cosine (Goyal et al. 2017,
  arXiv:1706.02677).

Muon is for matrices: it takes LeNet's three, and AdamW the rest. Its steps are scaled to the size of AdamW's (Liu et
al. 2025, arXiv:2502.16982, equation 4), so that one rate serves both.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lib.optimizers.base import Optimizer, State
from lib.optimizers.experiments.config import OptimizersConfig, Schedule, build

WARM_UP = 0.1
"""The share of the steps in which the rate rises; 5 to 10 % are usual."""
Arrays = Mapping[str, np.ndarray]


def schedule(kind: Schedule, rate: float, steps: int) -> Callable[[int], float]:
    """The learning rate by the number of steps taken before, of `steps` in all."""
    warm = math.ceil(WARM_UP * steps) if kind == "warm-up" else 0

    def of(step: int) -> float:
        if kind == "constant":
            return rate
        if step < warm:
            return rate * (step + 1) / warm
        return rate * (1 + math.cos(math.pi * (step - warm) / (steps - warm))) / 2

    return of


@dataclass(frozen=True)
class ByShape:
    """One optimizer for matrices, another one for all other arrays. Same calls as `Optimizer`."""

    matrices: Optimizer[Any]
    others: Optimizer[Any]

    def init(self, params: Arrays) -> tuple[State, State]:
        """The states of both before the first step."""
        matrices, others = split(params)
        return self.matrices.init(matrices), self.others.init(others)

    def update(
        self, grads: Arrays, state: tuple[State, State], params: Arrays
    ) -> tuple[dict[str, np.ndarray], tuple[State, State]]:
        """One step of both: the new params, in the order of `params`, and the new states."""
        (grad_matrices, grad_others), (matrices, others) = split(grads), split(params)
        matrices, first = self.matrices.update(grad_matrices, state[0], matrices)
        others, second = self.others.update(grad_others, state[1], others)
        moved = {**matrices, **others}
        return {name: moved[name] for name in params}, (first, second)


def split(arrays: Arrays) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The matrices among arrays, and the others."""
    matrices = {name: array for name, array in arrays.items() if array.ndim == 2}
    return matrices, {name: array for name, array in arrays.items() if name not in matrices}


def optimizer_of(config: OptimizersConfig, steps: int) -> Any:
    """The optimizer of a trial of LeNet with its rate and schedule over `steps` steps.

    Lion has Keras' convention whatever the framework, as torch has none.
    """
    rate = schedule(config.schedule, config.learning_rates["lenet"], steps)
    if config.optimizer == "Muon":
        muon = build("Muon", config.framework, learning_rate=rate, adjust_lr_fn="match_rms_adamw")
        return ByShape(muon, build("AdamW", config.framework, learning_rate=rate))
    return build(config.optimizer, "keras" if config.optimizer == "Lion" else config.framework, learning_rate=rate)


def arm(optimizer: str, schedule: str = "constant") -> str:
    """The name of an arm in the variants of trials: ``Adam``, ``Adam-cosine``."""
    return optimizer if schedule == "constant" else f"{optimizer}-{schedule}"


def arms(config: OptimizersConfig) -> dict[str, dict[str, Any]]:
    """All arms of a study by name, with the settings of each."""
    plain: list[tuple[str, Schedule]] = [(name, "constant") for name in (*config.lenet_optimizers, *config.lenet_newer)]
    kinds: tuple[Schedule, ...] = ("cosine", "warm-up")
    scheduled: list[tuple[str, Schedule]] = [(name, kind) for name in config.lenet_scheduled for kind in kinds]
    return {arm(name, kind): {"optimizer": name, "schedule": kind} for name, kind in (*plain, *scheduled)}
