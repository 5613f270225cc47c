r"""Full batch against stochastic gradient: how noisy a mini-batch's gradient is, and what it saves.

The problem is the linear regression of the lecture's code site: x uniform in (-3, 4), y = 4x - 3 + noise with standard
deviation -(x + 3)(x - 4)/3 + 1.5, N = 200, start w = 1, b = 0. Loss: half the mean squared error.

- **noise**: the gradient of a batch of B examples drawn with replacement has the variance $\sigma^2 / B$.
- **cost**: examples looked at until no more than a target's share of the excess loss is left, on average over runs (a
  single noisy run passes the target by luck) and for good, each batch size at the constant learning rate that is best
  for this target, chosen on other draws. Around the minimum a mini-batch's noise is left, in proportion to the rate:
  the lower the target, the lower the rate, and the smaller the saving (Bottou & Bousquet 2008).
- **noise under a schedule**: a rate that falls lets the noise fall with it (Robbins & Monro 1951): the excess loss that
  is left after the whole budget, the best constant rate against the best cosine.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from lib.harness.contract.claim import Claim
from lib.harness.contract.results import Results
from lib.harness.contract.seeds import Seed
from lib.harness.contract.series import Series
from lib.harness.contract.trial import Log
from lib.optimizers import GradientDescent
from lib.optimizers.experiments.arms import schedule
from lib.optimizers.experiments.config import TENTH, OptimizersConfig, Schedule

EXAMPLES = 200
NOISE_BATCHES = (1, 2, 5, 10, 20, 50, 100)
SMALL_BATCH = 10
COST_BATCHES = (SMALL_BATCH, 50, EXAMPLES)
KINDS: tuple[Schedule, ...] = ("constant", "cosine")
RATES = np.geomspace(0.001, 1.0, 19)
TARGETS = (0.1, 0.05, 0.02, 0.01, 0.005, 0.003)
"""Shares of the excess loss; claims read 5, 1 and 0.3 %."""
REPEATS = 30
BUDGET = 5_000
"""Examples a run looks at; the full batch needs 1,400 for the lowest target."""
START = np.array([1.0, 0.0])


def regression_data(seed: Seed) -> tuple[np.ndarray, np.ndarray]:
    """The inputs with a column of ones, (200, 2), and the outputs, (200,)."""
    rng = seed.rng("regression")
    x = rng.uniform(-3, 4, EXAMPLES)
    noise = -(x + 3) * (x - 4) / 3 + 1.5
    return np.stack([x, np.ones_like(x)], axis=1), 4 * x - 3 + noise * rng.normal(size=EXAMPLES)


def trial(config: OptimizersConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """Noise by batch size, and examples by batch size and target."""
    X, y = regression_data(seed)
    variances = [gradient_variance(X, y, size, seed) for size in NOISE_BATCHES]
    slope = float(np.polyfit(np.log(NOISE_BATCHES), np.log(variances), 1)[0])
    cost: dict[str, list[float]] = {}
    rates: dict[str, list[float]] = {}
    for size in COST_BATCHES:
        tuned = examples_to_targets(excess_left(X, y, size, RATES, seed=seed.child("grid")), size)
        best = np.argmin(tuned, axis=0)
        needed = examples_to_targets(excess_left(X, y, size, RATES[best], seed=seed.child("final")), size)
        cost[str(size)], rates[str(size)] = np.diag(needed).tolist(), RATES[best].tolist()
        log(size, **{f"examples_to_{target:g}": n for target, n in zip(TARGETS, cost[str(size)], strict=True)})
    left = {kind: left_at_the_end(X, y, kind, seed) for kind in KINDS}
    log(BUDGET, **left)
    return {"variances": variances, "slope": slope, "cost": cost, "rates": rates, "left": left}


def left_at_the_end(X: np.ndarray, y: np.ndarray, kind: Schedule, seed: Seed) -> float:
    """The share of the excess loss that batches of 10 leave after the whole budget, at this schedule's best rate."""
    tuned = excess_left(X, y, SMALL_BATCH, RATES, seed=seed.child("grid"), kind=kind)[-1]
    best = int(np.argmin(np.nan_to_num(tuned, nan=np.inf)))
    return float(excess_left(X, y, SMALL_BATCH, RATES[[best]], seed=seed.child("final"), kind=kind)[-1, 0])


def gradient_variance(X: np.ndarray, y: np.ndarray, size: int, seed: Seed, draws: int = 4_000) -> float:
    """E|g_B - g|² at the start over random batches of `size`, drawn with replacement."""
    residual = X @ START - y
    each = X * residual[:, None]
    batches = seed.rng("noise", size).integers(0, len(y), (draws, size))
    return float(np.mean(np.sum((each[batches].mean(axis=1) - each.mean(axis=0)) ** 2, axis=1)))


def excess_left(
    X: np.ndarray, y: np.ndarray, size: int, rates: np.ndarray, *, seed: Seed, kind: Schedule = "constant"
) -> np.ndarray:
    """The mean share of the excess loss that is left after every step: (steps, rates).

    All learning rates run at once, on the same batches, each the highest of its schedule.
    """
    full = size == len(y)
    repeats = 1 if full else REPEATS
    best = np.linalg.lstsq(X, y, rcond=None)[0]
    A = X.T @ X / len(y)  # the excess loss is half of (p - best)ᵀ A (p - best)

    def excess(p: np.ndarray) -> np.ndarray:
        return np.asarray(0.5 * np.einsum("lri,ij,lrj->lr", p - best, A, p - best))

    lr: Any = rates[:, None, None]
    p = np.tile(START, (len(rates), repeats, 1))
    first = float(excess(p)[0, 0])
    optimizer = GradientDescent()
    slots = optimizer.init(p).slots
    rng = seed.rng("batches", size)
    shares = []
    steps = BUDGET // size
    factor = schedule(kind, 1.0, steps)
    with np.errstate(all="ignore"):
        for step in range(1, steps + 1):
            if full:
                g = (p @ X.T - y) @ X / size
            else:
                batch = rng.integers(0, len(y), (repeats, size))
                residual = np.einsum("rbi,lri->lrb", X[batch], p) - y[batch]
                g = np.einsum("lrb,rbi->lri", residual, X[batch]) / size
            p, slots = optimizer.step(g, slots, p, step, factor(step - 1) * lr)
            shares.append(excess(p).mean(axis=1) / first)
    return np.array(shares)


def examples_to_targets(shares: np.ndarray, size: int) -> np.ndarray:
    """Examples looked at from which on each target is kept, from the shares (steps, rates): (rates, targets).

    Infinite where the budget ends before that.
    """
    above = ~(shares[:, :, None] <= np.array(TARGETS))
    last = len(shares) - np.argmax(above[::-1], axis=0)  # the last step above the target, where there is one
    last[~above.any(axis=0)] = 0
    return np.where(last == len(shares), np.inf, (last + 1.0) * size)


def _slope(results: Results) -> Series:
    return results.series("stochastic", "slope")


def saving(target: float) -> Callable[[Results], Series]:
    """Examples of the full batch over those of batches of 10, to this target: (seeds,)."""

    def measure(results: Results) -> Series:
        place = TARGETS.index(target)
        return results.series("stochastic", "cost").map(
            lambda cost: cost[str(EXAMPLES)][place] / cost[str(SMALL_BATCH)][place]
        )

    return measure


def _gain(results: Results) -> Series:
    return results.series("stochastic", "left").map(lambda left: left["constant"] / left["cosine"])


def _saves(claim: str, target: float) -> Claim:
    return Claim(claim, role="control", measure=saving(target), more_than=1.0, smallest=TENTH, interval="log-mean")


CLAIMS = (
    Claim("gradient-descends/noise", role="identity", measure=_slope, at_least=-1.1, at_most=-0.9),
    _saves("gradient-descends/cost-coarse", 0.05),
    _saves("gradient-descends/cost", 0.01),
    _saves("gradient-descends/cost-fine", 0.003),
    Claim("schedules/noise", role="sentence", measure=_gain, more_than=1.0, smallest=TENTH, interval="log-mean"),
)
