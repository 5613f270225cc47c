r"""Gradient descent: where the gradient leads, and how large a step may be.

- **step**: Taylor. A step of eta along -g lowers f by $\eta |g|^2 (1 - \eta\kappa/2 + \dots)$, kappa <= |H| the
  curvature on the way; with eta = 1e-3 / (1 + |H| + |g|) the measured decrease over eta |g|² is 1 up to 1e-3.
- **divergence**: on a quadratic each coordinate is multiplied by 1 - eta * curvature at each step, so descent
  converges for eta < 2/L and diverges beyond, L the largest curvature (Nesterov 2004, section 1.2.3). The limit is
  found by search.
- **minimum**: with eta = 1/L descent never climbs and comes to rest. On Rastrigin (L = 2 + 40 pi²) that is where the
  start's slope leads, which is one of a hundred dents and not the lowest.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lib.harness.contract.claim import Claim, largest, smallest
from lib.harness.contract.results import Results
from lib.harness.contract.seeds import Seed
from lib.harness.contract.series import Series
from lib.harness.contract.trial import Log
from lib.optimizers import GradientDescent
from lib.optimizers.experiments.config import OptimizersConfig
from lib.optimizers.surfaces import SURFACES, Surface, quadratic

CONDITIONS = (10, 30, 100)
FACTORS = (0.5, 1.0, 1.9, 2.0, 2.01, 2.1)
"""Learning rates in units of 1/L, for the picture."""


def trial(config: OptimizersConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """All measurements of this file, from random points of this seed."""
    deviations = {
        name: step_deviation(surface, _points(surface, config.starts, seed)) for name, surface in SURFACES.items()
    }
    limits = {str(kappa): largest_converging(kappa, seed) * kappa / 2 for kappa in CONDITIONS}
    rest = {name: come_to_rest(SURFACES[name], rate, seed) for name, rate in _safe_rates().items()}
    curves = {str(factor): ravine_curve(factor) for factor in FACTORS}
    log(0, **{f"limit_times_half_L_{kappa}": limit for kappa, limit in limits.items()})
    return {"step_deviation": deviations, "limit": limits, "rest": rest, "curves": curves}


def _points(surface: Surface, number: int, seed: Seed) -> np.ndarray:
    low, high = np.transpose(surface.bounds)
    return seed.rng("points", surface.name).uniform(low, high, (number, 2))


def _safe_rates() -> dict[str, float]:
    """1/L of the functions whose curvature is bounded."""
    return {"ravine": 1 / 100, "rastrigin": 1 / (2 + 40 * np.pi**2)}


def hessian(surface: Surface, points: np.ndarray, h: float = 1e-5) -> np.ndarray:
    """The second derivatives at points (n, 2) by central differences of the gradient: (n, 2, 2)."""
    columns = [(surface.gradient(points + e) - surface.gradient(points - e)) / (2 * h) for e in h * np.eye(2)]
    return np.stack(columns, axis=-1)


def step_deviation(surface: Surface, points: np.ndarray) -> float:
    """Worst relative deviation of a small step's decrease from eta |g|²."""
    worst = 0.0
    for point in points:
        g = surface.gradient(point)
        slope = float(g @ g)
        curvature = float(np.linalg.norm(hessian(surface, point[None])[0], 2))
        rate = 1e-3 / (1 + curvature + slope**0.5)
        optimizer = GradientDescent(learning_rate=rate)
        moved, _ = optimizer.update(g, optimizer.init(point), point)
        decrease = float(surface.value(point) - surface.value(moved))
        worst = largest((worst, abs(decrease / (rate * slope) - 1)))
    return worst


def largest_converging(condition: float, seed: Seed) -> float:
    """The largest learning rate with which descent on the ravine converges, to 1e-6 of itself.

    A rate converges if f falls in the second half of a run that is long enough for the flat coordinate to have died
    out. The search starts with [0, 8/L]; in each round 33 rates run at once, as `step` takes an array of them.
    """
    surface = quadratic(condition)
    optimizer = GradientDescent()
    half = int(20 * condition)
    low, high = 0.0, 8 / condition
    while high - low > 1e-6 * high:
        rates = np.linspace(low, high, 33)[1:]
        lr: Any = rates[:, None]
        p: Any = np.tile(seed.rng("divergence", str(condition)).normal(size=2), (len(rates), 1))
        slots = optimizer.init(p).slots
        values = []
        with np.errstate(all="ignore"):
            for part in range(2):
                for step in range(half):
                    p, slots = optimizer.step(surface.gradient(p), slots, p, part * half + step + 1, lr)
                values.append(np.asarray(surface.value(p)))
        converging = int(np.sum(np.isfinite(values[1]) & (values[1] < values[0])))
        low, high = float(rates[converging - 1]) if converging else low, float(rates[min(converging, len(rates) - 1)])
    return low


def come_to_rest(surface: Surface, rate: float, seed: Seed, steps: int = 2_000) -> dict[str, float]:
    """Shares of 1,000 random starts that end at rest in a minimum, and in the lowest one."""
    p = _points(surface, 1_000, seed)
    optimizer = GradientDescent(learning_rate=rate)
    state = optimizer.init(p)
    for _ in range(steps):
        p, state = optimizer.update(surface.gradient(p), state, p)
    flat = np.linalg.norm(surface.gradient(p), axis=1) < 1e-6
    valley = np.linalg.eigvalsh(hessian(surface, p)).min(axis=1) > 0
    return {"minimum": float(np.mean(flat & valley)), "lowest": float(np.mean(surface.value(p) < 1e-6))}


def ravine_curve(factor: float, steps: int = 100) -> list[float]:
    """f along descent on the ravine with the learning rate factor / L."""
    surface = quadratic(100)
    p: Any = np.array(surface.start)
    optimizer = GradientDescent(learning_rate=factor / 100)
    state = optimizer.init(p)
    values = [float(surface.value(p))]
    for _ in range(steps):
        p, state = optimizer.update(surface.gradient(p), state, p)
        values.append(float(surface.value(p)))
    return values


def _worst_step(results: Results) -> float:
    return largest(largest(r.measurements["step_deviation"].values()) for r in results.of("descent"))


def _worst_limit(results: Results) -> float:
    return largest(abs(limit - 1) for r in results.of("descent") for limit in r.measurements["limit"].values())


def _rest(results: Results) -> Series:
    return results.series("descent", "rest").map(lambda rest: smallest(share["minimum"] for share in rest.values()))


def _lowest(results: Results) -> Series:
    return results.series("descent", "rest").map(lambda rest: rest["rastrigin"]["lowest"])


NEARLY_ALL = 0.95
"""All but one start in twenty: next to a ridge of Rastrigin the slope is so small that 2,000 steps may not do."""
MOST = 0.5
CLAIMS = (
    Claim("gradient-descends/step", role="identity", kind="exact", measure=_worst_step, at_most=1e-3),
    Claim("gradient-descends/divergence", role="condition", kind="exact", measure=_worst_limit, at_most=1e-3),
    Claim("gradient-descends/minimum", role="sentence", measure=_rest, at_least=NEARLY_ALL, interval="median"),
    Claim("gradient-descends/not-the-lowest", role="limit", measure=_lowest, at_most=MOST),
)
