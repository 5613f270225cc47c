"""Steps to the target on test functions, each optimizer at its own best learning rate.

The protocol is DeepOBS' (Schneider, Balles & Hennig 2019, arXiv:1903.05499): the learning rate alone is tuned, on a log
grid with one seed; the best is run again with fresh seeds, here random starts; the sensitivity to the learning rate is
part of the result. What is counted is the step from which on f is within `target` of the minimum for `HOLD` steps in a
row, so that hopping over the minimum is no arrival; infinity where the cap of `steps` comes first. Best is the rate
with the smallest geometric mean of the steps over the starts, the cap counted where there is no arrival: that asks for
speed and for arriving at all, and no single start decides.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from lib.harness.contract.claim import Claim
from lib.harness.contract.results import Results
from lib.harness.contract.seeds import Seed
from lib.harness.contract.trial import Log
from lib.optimizers.base import Optimizer
from lib.optimizers.experiments.config import LECTURE, OptimizersConfig, build
from lib.optimizers.surfaces import SURFACES, Surface, beale, plateau, ravine, rosenbrock


def _turned(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return (x + y) / np.sqrt(2), (y - x) / np.sqrt(2)


def _turned_value(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return ravine.function(*_turned(x, y))


def _turned_derivative(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    u, v = ravine.derivative(*_turned(x, y))
    return (u - v) / np.sqrt(2), (u + v) / np.sqrt(2)


turned_ravine = Surface(
    "turned ravine",
    r"the ravine, turned by 45 degrees",
    _turned_value,
    _turned_derivative,
    minima=((0.0, 0.0),),
    start=(-11 / np.sqrt(2), -9 / np.sqrt(2)),
    bounds=((-10.0, 4.0), (-10.0, 4.0)),
    smoothness=100.0,
)
"""Descent and momentum do not see the turn; an optimizer with a rate for each coordinate does."""

TESTED = {surface.name: surface for surface in (ravine, turned_ravine, plateau, rosenbrock, beale)}
HOLD = 10
SPREAD = 0.1
"""Random starts lie within this share of the drawn part of the function around its start."""

PATH_SCALE = {"beale": 1.0, "rosenbrock": 1.0, "himmelblau": 1.0, "saddle": 1.0, "ravine": 4.0, "plateau": 4.0}
PATH_DESCENT = {"beale": 0.01, "rosenbrock": 1e-3, "himmelblau": 0.01, "saddle": 0.1, "ravine": 0.015, "plateau": 0.5}
PATH_RATES = {"Adagrad": 0.5, "RMSprop": 0.02, "Adam": 0.1, "AdaMax": 0.1, "NAdam": 0.1}
"""Learning rates of the pictures, where paths should stay in sight; the adaptive ones' times the function's scale."""


def learning_rates(config: OptimizersConfig) -> np.ndarray:
    """The grid: from 1e-5 to 1e2."""
    return np.geomspace(1e-5, 1e2, config.grid_points)


def random_starts(surface: Surface, number: int, seed: Seed) -> np.ndarray:
    """Starts around the function's own: (number, 2)."""
    low, high = np.transpose(surface.bounds)
    shift = seed.rng("starts", surface.name).uniform(-SPREAD, SPREAD, (number, 2))
    return np.asarray(np.array(surface.start) + shift * (high - low))


def steps_to_target(
    optimizer: Optimizer[Any], surface: Surface, starts: np.ndarray, rates: np.ndarray, *, cap: int, target: float
) -> tuple[np.ndarray, list[list[float]]]:
    """The step of arrival for all learning rates and starts at once, and the loss by step.

    A rule's `step` takes an array of learning rates as well as one, so the whole grid is one array of points
    (rates, starts, 2). Returns the steps (rates, starts), inf where the target is not reached up to `cap`, and the
    curve: pairs of [step, median f over the starts] of the first rate, up to the step at which all have arrived.
    """
    lr: Any = rates[:, None, None]
    p = np.tile(starts, (len(rates), 1, 1))
    slots = optimizer.init(p).slots
    reached = np.full(p.shape[:2], np.inf)
    held = np.zeros(p.shape[:2], dtype=int)
    curve = [[0.0, float(np.median(surface.value(p[0])))]]
    with np.errstate(all="ignore"):
        for step in range(1, cap + 1):
            p, slots = optimizer.step(surface.gradient(p), slots, p, step, lr)
            f = surface.value(p)
            held = np.where(f <= target, held + 1, 0)
            reached[(held == HOLD) & np.isinf(reached)] = step - HOLD + 1
            if step <= 20 or step % 10 == 0:
                curve.append([float(step), float(np.median(f[0]))])
                if not (np.isinf(reached) & np.isfinite(f)).any():
                    break
    return reached, curve


def grid(config: OptimizersConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """Steps to the target of one optimizer for every learning rate, on every function, and the best rate."""
    rates = learning_rates(config)
    optimizer = build(config.optimizer, config.framework)
    measured: dict[str, Any] = {"learning_rates": rates.tolist(), "steps": {}, "best": {}}
    for name, surface in TESTED.items():
        starts = random_starts(surface, config.starts, seed.child("grid"))
        reached, _ = steps_to_target(optimizer, surface, starts, rates, cap=config.steps, target=config.target)
        scores = geometric_mean(reached, config.steps)
        for number, score in enumerate(scores):
            log(number, **{metric("steps", name): float(score)})
        measured["steps"][name] = scores.tolist()
        measured["best"][name] = float(rates[int(np.argmin(scores))])
    return measured


def final(config: OptimizersConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """All optimizers from the same fresh starts, at the learning rates that the grid has chosen."""
    measured: dict[str, Any] = {"steps": {}, "curve": {}}
    for name in dict.fromkeys(key.split("/")[0] for key in config.learning_rates):
        optimizer = build(name, config.framework)
        measured["steps"][name], measured["curve"][name] = {}, {}
        for function, surface in TESTED.items():
            rate = np.array([config.learning_rates[f"{name}/{function}"]])
            starts = random_starts(surface, config.starts, seed.child("final"))
            reached, curve = steps_to_target(optimizer, surface, starts, rate, cap=config.steps, target=config.target)
            curve = thinned(curve)
            for step, loss in curve:
                log(int(step), **{metric(name, function): loss})
            measured["steps"][name][function] = reached[0].tolist()
            measured["curve"][name][function] = curve
    return measured


def geometric_mean(steps: np.ndarray, cap: int) -> np.ndarray:
    """Over the starts (the last axis), the cap counted where the target was not reached."""
    return np.asarray(np.exp(np.log(np.minimum(steps, cap)).mean(axis=-1)))


def metric(*words: str) -> str:
    """The name under which a value is logged."""
    return "_".join(words).replace(" ", "_")


def thinned(curve: list[list[float]], most: int = 80) -> list[list[float]]:
    """At most about `most` points of a curve, evenly in log step, with its first and last."""
    picks = np.unique(np.geomspace(1, len(curve), most).astype(int)) - 1
    return [curve[i] for i in picks]


def path_rate(optimizer: str, function: str) -> float:
    """The learning rate of a picture."""
    if optimizer in PATH_RATES:
        return PATH_RATES[optimizer] * PATH_SCALE[function]
    return PATH_DESCENT[function] * (1.0 if optimizer == "GradientDescent" else 0.5)


def paths(config: OptimizersConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """Every optimizer's path from each function's start, for the pictures: 120 steps, then every tenth up to 300."""
    measured: dict[str, Any] = {}
    for name in PATH_SCALE:
        surface = SURFACES[name]
        measured[name] = {}
        for label in LECTURE:
            optimizer = build(label, config.framework, learning_rate=path_rate(label, name))
            p = np.array(surface.start)
            state = optimizer.init(p)
            points = [p]
            for _ in range(300):
                p, state = optimizer.update(surface.gradient(p), state, p)
                points.append(p)
            path = np.array([*points[:121], *points[130::10]])
            measured[name][label] = path[np.isfinite(path).all(axis=1)].round(4).tolist()
            log(300, **{f"{label}_{name}": float(surface.value(p))})
    return measured


# Claims


def steps(results: Results, optimizer: str, function: str) -> np.ndarray:
    """Steps to the target: (seeds, starts)."""
    return np.array([r.measurements["steps"][optimizer][function] for r in results.of("functions/final")], dtype=float)


def times_the_steps(slower: str, faster: str, function: str) -> Callable[[Results], np.ndarray]:
    """The ratio of the steps of `slower` to those of `faster`, as a geometric mean over a seed's starts: (seeds,).

    NaN, which leaves the claim inconclusive, if neither arrives from most starts.
    """

    def measure(results: Results) -> np.ndarray:
        cap = results.of("functions/final")[0].trial.config.steps
        a, b = steps(results, slower, function), steps(results, faster, function)
        neither = (np.isinf(a) & np.isinf(b)).mean(axis=1)
        return np.where(neither > 0.5, np.nan, geometric_mean(a, cap) / geometric_mean(b, cap))

    return measure


def mean_rank(results: Results, optimizer: str = "Adam") -> np.ndarray:
    """An optimizer's rank by steps among all of them, 1 the fastest, averaged over functions and starts: (seeds,)."""
    ranks = []
    for function in TESTED:
        own = steps(results, optimizer, function)
        table = np.array([steps(results, name, function) for name in LECTURE])
        ties = (table == own).sum(axis=0) - 1
        ranks.append(1 + (table < own).sum(axis=0) + ties / 2)
    return np.asarray(np.mean(ranks, axis=(0, 2)))


TENTH = 0.1
"""The smallest saving that counts: a tenth of the steps. The grid of rates alone moves them by several per cent."""


def _faster(claim: str, slower: str, faster: str, function: str) -> Claim:
    return Claim(
        claim,
        role="sentence",
        measure=times_the_steps(slower, faster, function),
        more_than=1.0,
        smallest=TENTH,
        interval="log-mean",
    )


CLAIMS = (
    _faster("momentum-rescues/ravine", "GradientDescent", "Momentum", "ravine"),
    _faster("momentum-rescues/plateau", "GradientDescent", "Momentum", "plateau"),
    *(
        _faster(f"rmsprop-improves-adagrad/{function.replace(' ', '-')}", "Adagrad", "RMSprop", function)
        for function in TESTED
    ),
    Claim("adam-is-the-sum/functions", role="sentence", measure=mean_rank, at_most=4.5),
)
