r"""The effective learning rate: what an adaptive optimizer multiplies the gradient by.

| optimizer | effective rate of a coordinate |
|---|---|
| Adagrad | $\eta / (\sqrt{G} + \epsilon)$, G the sum of its squared gradients |
| RMSprop | $\eta / (\sqrt{v} + \epsilon)$, v their moving average |
| Adam | the same with v corrected for its start |

- **monotone**: a sum of squares never falls, so Adagrad's rate never rises. Nor does a constant one.
- **valley**: on a slope that stays the same Adagrad's step is $\eta / \sqrt t$, so it keeps shrinking: ten times the
  way takes a hundred times the steps. At a constant rate it takes ten times the steps.
- **recovers**: the gradient is 1 for 200 steps, then 0.01: RMSprop forgets and its rate rises a hundredfold.
- **first step**: how far the first step goes when the gradient is tiny is up to epsilon, and so to the framework.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from lib.harness.contract.claim import Claim, largest
from lib.harness.contract.results import Results
from lib.harness.contract.seeds import Seed
from lib.harness.contract.trial import Log
from lib.optimizers.base import Optimizer, State
from lib.optimizers.experiments.config import OptimizersConfig, of_lecture
from lib.optimizers.surfaces import SURFACES

RATED = ("GradientDescent", "Adagrad", "RMSprop", "Adam")
CHANGE_AT = 200
SMALL = 0.01
TINY = np.geomspace(1e-12, 1.0, 61)


def effective_rate(optimizer: Optimizer[Any], state: State) -> np.ndarray:
    """The effective rate of every coordinate after the step that led to `state` (torch's convention)."""
    rate: Any = optimizer.learning_rate
    name = type(optimizer).__name__
    slots: Any = state.slots
    settings: Any = optimizer
    if name == "GradientDescent":
        return np.asarray(rate)
    if name == "Adagrad":
        return np.asarray(rate / (np.sqrt(slots.square_sum) + settings.eps))
    if name == "RMSprop":
        return np.asarray(rate / (np.sqrt(slots.square_average) + settings.eps))
    v = slots.v / (1 - settings.betas[1] ** state.step)
    return np.asarray(rate / (np.sqrt(v) + settings.eps))


def trial(config: OptimizersConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """All measurements of this file."""
    valley = {name: [steps_along(name, way) for way in (20.0, 200.0)] for name in RATED}
    change = {name: rates_after_change(name) for name in RATED}
    log(0, **{f"steps_200_{name}": float(steps[1]) for name, steps in valley.items()})
    return {
        "increase": {name: largest_increase(name, config, seed) for name in SURFACES},
        "valley": valley,
        "change": {name: series.tolist() for name, series in change.items()},
        "first_step": {
            f"{name}/{convention}": first_step(name, convention).tolist()
            for name in ("Adagrad", "RMSprop", "Adam")
            for convention in ("torch", "keras")
        },
    }


def largest_increase(surface_name: str, config: OptimizersConfig, seed: Seed) -> float:
    """The largest rise of Adagrad's effective rate from one step to the next, over random starts and 300 steps."""
    surface = SURFACES[surface_name]
    low, high = np.transpose(surface.bounds)
    p = seed.rng("adagrad", surface_name).uniform(low, high, (config.starts, 2))
    optimizer = of_lecture("Adagrad", "torch", learning_rate=0.5)
    p, state = optimizer.update(surface.gradient(p), optimizer.init(p), p)
    rates = [effective_rate(optimizer, state)]
    for _ in range(300):
        p, state = optimizer.update(surface.gradient(p), state, p)
        rates.append(effective_rate(optimizer, state))
    return largest(np.diff(rates, axis=0))


def steps_along(name: str, way: float, slope: float = 0.1) -> int:
    """Steps until an optimizer whose first step is 1 long has gone `way` down a valley of constant slope."""
    p = np.zeros(1)
    g = np.full(1, slope)
    probe = of_lecture(name, "torch", learning_rate=1.0)
    first, _ = probe.update(g, probe.init(p), p)
    optimizer = of_lecture(name, "torch", learning_rate=-1.0 / float(first[0]))
    state = optimizer.init(p)
    steps = 0
    while -p[0] < way:
        p, state = optimizer.update(g, state, p)
        steps += 1
    return steps


def rates_after_change(name: str) -> np.ndarray:
    """The effective rate at every step while the gradient is 1 for 200 steps and 0.01 for 2,000; learning rate 1."""
    optimizer = of_lecture(name, "torch", learning_rate=1.0)
    p = np.zeros(1)
    state = optimizer.init(p)
    rates = []
    for step in range(CHANGE_AT + 2_000):
        p, state = optimizer.update(np.full(1, 1.0 if step < CHANGE_AT else SMALL), state, p)
        rates.append(float(effective_rate(optimizer, state).reshape(-1)[0]))
    return np.array(rates)


def first_step(name: str, convention: str) -> np.ndarray:
    """Length of the first step in units of the learning rate, for each gradient of `TINY`."""
    optimizer = of_lecture(name, convention, learning_rate=1.0)
    p = np.zeros_like(TINY)
    moved, _ = optimizer.update(TINY, optimizer.init(p), p)
    return -moved


def _increase(results: Results) -> float:
    return largest(results.of("rates")[0].measurements["increase"].values())


def _exponent(name: str) -> Callable[[Results], float]:
    def measure(results: Results) -> float:
        short, long = results.of("rates")[0].measurements["valley"][name]
        return float(np.log10(long / short))

    return measure


def _recovery(results: Results) -> float:
    change = results.of("rates")[0].measurements["change"]
    rise = {name: change[name][-1] / change[name][CHANGE_AT - 1] for name in ("RMSprop", "Adagrad")}
    return float(rise["RMSprop"] / rise["Adagrad"])


HALFWAY = 1.5
"""Between the exponents of steps by distance: 1 at a constant rate, 2 where it falls as 1/sqrt(t)."""
RECOVERY = math.sqrt(1 - 0.99**CHANGE_AT) / SMALL
"""The rise of RMSprop's rate in theory, once it has forgotten; when the gradient falls its average is not yet 1."""
NEAR = 0.05
"""How near to the theory: what RMSprop still remembers, and what Adagrad's rate falls by in the meantime, is less."""

CLAIMS = (
    Claim("adagrad-decays/monotone", role="sentence", kind="exact", measure=_increase, at_most=0.0),
    Claim("adagrad-decays/valley", role="sentence", kind="exact", measure=_exponent("Adagrad"), at_least=HALFWAY),
    Claim(
        "adagrad-decays/constant-rate",
        role="control",
        kind="exact",
        measure=_exponent("GradientDescent"),
        at_most=HALFWAY,
    ),
    Claim(
        "rmsprop-improves-adagrad/recovers",
        role="sentence",
        kind="exact",
        measure=_recovery,
        at_least=(1 - NEAR) * RECOVERY,
        at_most=(1 + NEAR) * RECOVERY,
    ),
)
