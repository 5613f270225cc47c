"""The arms of the race on LeNet: an optimizer with a schedule of its learning rate.

- **constant**: the same rate at every step.
- **cosine**: from the rate to 0 along half a cosine (Loshchilov & Hutter 2017, arXiv:1608.03983, without restarts).
- **warm-up**: up to the rate in a straight line over the first tenth of the steps, then the cosine (Goyal et al. 2017,
  arXiv:1706.02677).

Muon is for the matrices of hidden layers: it takes LeNet's two, and AdamW the rest, as Jordan et al. 2024 advise. Its
steps are scaled to the size of AdamW's (Liu et al. 2025, arXiv:2502.16982, equation 4), so that one rate serves both.
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
HIDDEN = ("dense1.weight", "dense2.weight")
"""LeNet's matrices between hidden layers; the third one gives the logits."""
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
class Divided:
    """One optimizer for the arrays named in `HIDDEN`, another one for all others. Same calls as `Optimizer`."""

    hidden: Optimizer[Any]
    others: Optimizer[Any]

    def init(self, params: Arrays) -> tuple[State, State]:
        """The states of both before the first step."""
        hidden, others = split(params)
        return self.hidden.init(hidden), self.others.init(others)

    def update(
        self, grads: Arrays, state: tuple[State, State], params: Arrays
    ) -> tuple[dict[str, np.ndarray], tuple[State, State]]:
        """One step of both: the new params, in the order of `params`, and the new states."""
        (hidden_grads, other_grads), (hidden, others) = split(grads), split(params)
        hidden, first = self.hidden.update(hidden_grads, state[0], hidden)
        others, second = self.others.update(other_grads, state[1], others)
        moved = {**hidden, **others}
        return {name: moved[name] for name in params}, (first, second)


def split(arrays: Arrays) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The arrays named in `HIDDEN`, and the others."""
    hidden = {name: array for name, array in arrays.items() if name in HIDDEN}
    return hidden, {name: array for name, array in arrays.items() if name not in HIDDEN}


def optimizer_of(config: OptimizersConfig, steps: int) -> Any:
    """The optimizer of a trial of LeNet with its rate and schedule over `steps` steps.

    Lion has Keras' convention whatever the framework, as torch has none.
    """
    rate = schedule(config.schedule, config.learning_rates["lenet"], steps)
    if config.optimizer == "Muon":
        muon = build("Muon", config.framework, learning_rate=rate, adjust_lr_fn="match_rms_adamw")
        return Divided(muon, build("AdamW", config.framework, learning_rate=rate))
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
