"""SGD with momentum and its other form: where the learning rate stands, and when that matters.

torch keeps the learning rate outside the velocity, Keras inside (`lib.optimizers.momentum`). At a constant rate the two
are one rule. When the rate drops to a tenth, torch's form slows down at once; Keras' velocity still carries the old
rate, so its ball rolls on. The same holds for Nesterov's momentum.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lib.harness.contract.claim import Claim, largest, smallest
from lib.harness.contract.results import Results
from lib.harness.contract.seeds import Seed
from lib.harness.contract.trial import Log
from lib.optimizers.experiments.config import OptimizersConfig, build
from lib.optimizers.surfaces import beale

RULES = ("Momentum", "Nesterov")
RATE = 0.01
STEPS = 20
DROP_AFTER = 10
SEEN = 0.05
"""The smallest difference in theta that counts: a hundredth of the landscape's width, as much as a picture shows."""


def falling(step: int) -> float:
    """The schedule: `RATE` for ten steps, then a tenth of it."""
    return RATE if step < DROP_AFTER else RATE / 10


def trial(config: OptimizersConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """The deviation between the forms on Beale over random starts.

    Constant rate: the largest over all starts and 20 steps. Schedule: at the end, of the median start.
    """
    start = np.array(beale.start) + seed.rng("starts").uniform(-0.05, 0.05, (config.starts, 2))
    start[0] = beale.start
    constant: dict[str, float] = {}
    scheduled: dict[str, float] = {}
    paths: dict[str, Any] = {}
    for rule in RULES:
        for name, rate, deviations in (("constant", RATE, constant), ("scheduled", falling, scheduled)):
            forms = {form: path(rule, form, rate, start) for form in ("torch", "keras")}
            gap = np.abs(forms["torch"] - forms["keras"]).max(axis=2)
            deviations[rule] = float(gap.max() if name == "constant" else np.median(gap[-1]))
            paths[f"{rule}/{name}"] = {form: points[:, 0].tolist() for form, points in forms.items()}
    log(STEPS, **{f"scheduled_{rule}": value for rule, value in scheduled.items()})
    return {"constant": constant, "scheduled": scheduled, "paths": paths}


def path(rule: str, form: str, rate: Any, start: np.ndarray) -> np.ndarray:
    """The points of a run on Beale: (steps + 1, starts, 2)."""
    optimizer = build(rule, form, learning_rate=rate)
    p, state = start, optimizer.init(start)
    points = [p]
    for _ in range(STEPS):
        p, state = optimizer.update(beale.gradient(p), state, p)
        points.append(p)
    return np.array(points)


def _constant(results: Results) -> float:
    return largest(results.of("forms")[0].measurements["constant"].values())


def _scheduled(results: Results) -> float:
    return smallest(results.of("forms")[0].measurements["scheduled"].values())


CLAIMS = (
    Claim("momentum-forms/constant", role="sentence", kind="exact", measure=_constant, at_most=1e-12),
    Claim("momentum-forms/schedule", role="limit", kind="exact", measure=_scheduled, at_least=SEEN),
)
