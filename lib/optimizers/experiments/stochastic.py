r"""Full batch against stochastic gradient: how noisy a mini-batch's gradient is, and what it saves.

The problem is the linear regression of the lecture's code site: x uniform in (-3, 4), y = 4x - 3 + noise with standard
deviation -(x + 3)(x - 4)/3 + 1.5, N = 200, start w = 1, b = 0. Loss: half the mean squared error.

- **noise**: the gradient of a batch of B examples drawn with replacement has the variance $\sigma^2 / B$.
- **cost**: examples looked at until a hundredth of the excess loss is left, on average over runs (a single noisy run
  passes the target by luck), each batch size at its own best learning rate, chosen on other draws.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lib.harness.contract.claim import Claim
from lib.harness.contract.results import Results
from lib.harness.contract.seeds import Seed
from lib.harness.contract.trial import Log
from lib.optimizers import GradientDescent
from lib.optimizers.experiments.config import OptimizersConfig

EXAMPLES = 200
NOISE_BATCHES = (1, 2, 5, 10, 20, 50, 100)
COST_BATCHES = (1, 10, EXAMPLES)
RATES = np.geomspace(0.001, 1.0, 19)
REPEATS = 30
BUDGET = 5_000
START = np.array([1.0, 0.0])


def regression_data(seed: Seed) -> tuple[np.ndarray, np.ndarray]:
    """The inputs with a column of ones, (200, 2), and the outputs, (200,)."""
    rng = seed.rng("regression")
    x = rng.uniform(-3, 4, EXAMPLES)
    noise = -(x + 3) * (x - 4) / 3 + 1.5
    return np.stack([x, np.ones_like(x)], axis=1), 4 * x - 3 + noise * rng.normal(size=EXAMPLES)


def trial(config: OptimizersConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """Noise by batch size, and cost to the target by batch size."""
    X, y = regression_data(seed)
    variances = [gradient_variance(X, y, size, seed) for size in NOISE_BATCHES]
    slope = float(np.polyfit(np.log(NOISE_BATCHES), np.log(variances), 1)[0])
    cost, rates, curves = {}, {}, {}
    for size in COST_BATCHES:
        grid, _ = examples_to_target(X, y, size, RATES, seed.child("grid"))
        rate = RATES[[int(np.argmin(grid))]]
        examples, curve = examples_to_target(X, y, size, rate, seed.child("final"))
        cost[str(size)], rates[str(size)], curves[str(size)] = float(examples[0]), float(rate[0]), curve
        log(size, examples_to_target=cost[str(size)])
    return {"variances": variances, "slope": slope, "cost": cost, "rates": rates, "curves": curves}


def gradient_variance(X: np.ndarray, y: np.ndarray, size: int, seed: Seed, draws: int = 4_000) -> float:
    """E|g_B - g|² at the start over random batches of `size`, drawn with replacement."""
    residual = X @ START - y
    each = X * residual[:, None]
    batches = seed.rng("noise", size).integers(0, len(y), (draws, size))
    return float(np.mean(np.sum((each[batches].mean(axis=1) - each.mean(axis=0)) ** 2, axis=1)))


def examples_to_target(
    X: np.ndarray, y: np.ndarray, size: int, rates: np.ndarray, seed: Seed
) -> tuple[np.ndarray, list[list[float]]]:
    """Examples looked at until 1 % of the excess loss is left on average, (rates,), `BUDGET` if that is not reached.

    And a curve: pairs of [examples, mean share of the excess loss] of the first rate. All learning rates run at once,
    on the same batches.
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
    reached = np.full(len(rates), float(BUDGET))
    curve = [[0.0, 1.0]]
    with np.errstate(all="ignore"):
        for step in range(1, min(BUDGET // size, 1_000) + 1):
            if full:
                g = (p @ X.T - y) @ X / size
            else:
                batch = rng.integers(0, len(y), (repeats, size))
                residual = np.einsum("rbi,lri->lrb", X[batch], p) - y[batch]
                g = np.einsum("lrb,rbi->lri", residual, X[batch]) / size
            p, slots = optimizer.step(g, slots, p, step, lr)
            share = excess(p).mean(axis=1) / first
            reached[(share <= 0.01) & (reached == BUDGET)] = step * size
            if step <= 50 or step % 10 == 0:
                curve.append([float(step * size), float(share[0])])
    return reached, curve


def _slope(results: Results) -> np.ndarray:
    return results.values("stochastic", "slope")


def _saving(results: Results) -> np.ndarray:
    costs = [r.measurements["cost"] for r in results.of("stochastic")]
    return np.array([c[str(EXAMPLES)] / c["10"] for c in costs])


CLAIMS = (
    Claim("gradient-descends/noise", role="identity", measure=_slope, at_least=-1.1, at_most=-0.9),
    Claim("gradient-descends/cost", role="control", measure=_saving, more_than=1.0, smallest=0.1, interval="log-mean"),
)
