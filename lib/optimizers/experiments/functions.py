"""A race on landscapes, each optimizer at its own best learning rate.

The protocol is DeepOBS' (Schneider, Balles & Hennig 2019, arXiv:1903.05499): the learning rate alone is tuned, on a log
grid with one seed; the best is run again with fresh seeds, here random starts; the sensitivity to the learning rate is
part of the result. Two rules keep accidents from winning:

- **No jump.** A run whose f ever rises above `JUMP` times its start's is out. A first step far over the landscape makes
  an adaptive optimizer's rates those of Newton's method, and the next step lands in the minimum by luck.
- **An arrival stays.** What counts is the step from which on f is within `target` of the minimum for `hold` steps in a
  row. An optimizer that hops over the minimum, or leaves it again, has not arrived.

A run that is out, or has not arrived after `steps` steps, counts as infinite. Best is the rate with the smallest
geometric mean of the steps over the starts, infinite ones counted as the cap: that asks for speed and for arriving at
all, and no single start decides. Momentum and the decay rates keep the frameworks' defaults, which are not tuned.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from lib.harness.contract.claim import Claim, Role
from lib.harness.contract.results import Results
from lib.harness.contract.seeds import Seed
from lib.harness.contract.series import Series
from lib.harness.contract.trial import Log
from lib.optimizers.base import Optimizer
from lib.optimizers.experiments.config import TENTH, OptimizersConfig, build
from lib.optimizers.experiments.landscapes import (
    RACED,
    Landscape,
    drawn_start,
    landscape,
    random_starts,
    seen_from_above,
)

JUMP = 10.0
"""How many times the height of its start a run may reach: a decade, far more than rolling up the other side takes."""
PATH = 300
"""Steps of the paths in the pictures."""


def learning_rates(config: OptimizersConfig) -> np.ndarray:
    """The grid: from 1e-5 to 1e2."""
    return np.geomspace(1e-5, 1e2, config.grid_points)


def race(
    optimizer: Optimizer[Any], place: Landscape, starts: np.ndarray, rates: np.ndarray, config: OptimizersConfig
) -> tuple[np.ndarray, list[list[float]]]:
    """The step of arrival for all learning rates and starts at once, and f by step.

    A rule's `step` takes an array of learning rates as well as one, so the whole grid is one array of points
    (rates, starts, n). Returns the steps (rates, starts), inf where a run is out or has not arrived up to
    `config.steps`, and the curve: pairs of [step, median f over the starts] of the first rate, up to the step at which
    nothing is open any more.
    """
    lr: Any = rates[:, None, None]
    p = np.tile(starts, (len(rates), 1, 1))
    slots = optimizer.init(p).slots
    highest = JUMP * place.value(starts)
    reached = np.full(p.shape[:2], np.inf)
    out = np.zeros(p.shape[:2], dtype=bool)
    held = np.zeros(p.shape[:2], dtype=int)
    curve = [[0.0, float(np.median(place.value(p[0])))]]
    with np.errstate(all="ignore"):
        for step in range(1, config.steps + config.hold):
            p, slots = optimizer.step(place.gradient(p), slots, p, step, lr)
            f = place.value(p)
            out |= ~(f <= highest)
            held = np.where(f <= config.target, held + 1, 0)
            reached[(held == config.hold) & np.isinf(reached) & ~out] = step - config.hold + 1
            if step <= 20 or step % 10 == 0:
                curve.append([float(step), float(np.median(f[0]))])
                if not (np.isinf(reached) & ~out).any():
                    break
    return reached, curve


def grid(config: OptimizersConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """Steps to the target of one optimizer for every learning rate, on every landscape; the best rate, and its path."""
    rates = learning_rates(config)
    measured: dict[str, Any] = {"learning_rates": rates.tolist(), "steps": {}, "best": {}, "path": {}}
    for name in RACED:
        place = landscape(name, seed)
        starts = random_starts(place, config.starts, seed.child("grid"))
        reached, _ = race(build(config.optimizer, config.framework), place, starts, rates, config)
        scores = geometric_mean(reached, config.steps)
        for number, score in enumerate(scores):
            log(number, **{metric("steps", name): float(score)})
        best = float(rates[int(np.argmin(scores))])
        measured["steps"][name] = scores.tolist()
        measured["best"][name] = best
        measured["path"][name] = path(build(config.optimizer, config.framework, learning_rate=best), place)
    return measured


def path(optimizer: Optimizer[Any], place: Landscape) -> list[list[float]]:
    """An optimizer's path as pictures draw it, up to where it leaves the numbers: 120 steps, then every tenth."""
    p = drawn_start(place)
    state = optimizer.init(p)
    points = [p]
    for _ in range(PATH):
        p, state = optimizer.update(place.gradient(p), state, p)
        points.append(p)
    drawn = seen_from_above(place, np.array([*points[:121], *points[130::10]]))
    finite = np.isfinite(drawn).all(axis=1)
    return [[float(x) for x in point] for point in drawn[finite].round(4)]


def final(config: OptimizersConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """All optimizers from the same fresh starts, at the learning rates that the grid has chosen."""
    measured: dict[str, Any] = {"steps": {}, "curve": {}}
    places = {name: landscape(name, seed) for name in RACED}
    for optimizer in dict.fromkeys(key.split("/")[0] for key in config.learning_rates):
        measured["steps"][optimizer], measured["curve"][optimizer] = {}, {}
        for name, place in places.items():
            rate = np.array([config.learning_rates[f"{optimizer}/{name}"]])
            starts = random_starts(place, config.starts, seed.child("final"))
            reached, curve = race(build(optimizer, config.framework), place, starts, rate, config)
            curve = thinned(curve)
            for step, loss in curve:
                log(int(step), **{metric(optimizer, name): loss})
            measured["steps"][optimizer][name] = reached[0].tolist()
            measured["curve"][optimizer][name] = curve
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


# Claims


def steps(results: Results, optimizer: str, name: str) -> Series:
    """Steps to the target: (seeds, starts). Raises `LookupError` where the optimizer has not raced."""
    finals = results.series("functions/final", "steps")
    if any(optimizer not in raced for raced in finals):
        raise LookupError(f"{optimizer} has not raced: its grid has failed")
    return finals.map(lambda raced: np.array(raced[optimizer][name], dtype=float))


def advantage(slower: np.ndarray, faster: np.ndarray) -> np.ndarray:
    """The logarithm of the steps of `slower` over those of `faster`, of the median start: (seeds, starts) to (seeds,).

    Where one of the two never arrives it is infinite. A start from which neither arrives says nothing; NaN where that
    is true of most, which leaves a claim inconclusive. Logarithms, so that the other way round only the sign differs.
    """
    with np.errstate(invalid="ignore"):
        logs = np.log(slower) - np.log(faster)  # inf - inf is NaN
        neither = np.isnan(logs).mean(axis=-1) > 0.5
        return np.where(neither, np.nan, np.nanmedian(np.where(neither[:, None], 0.0, logs), axis=-1))


def times_the_steps(slower: Sequence[str], faster: str, names: Sequence[str]) -> Callable[[Results], Series]:
    """Steps of `slower` (of several the middle one) over those of `faster` on the median landscape: (seeds,).

    Of six landscapes the median lies halfway between the two middle ones on a logarithmic scale.
    """

    def measure(results: Results) -> Series:
        logs = []
        for name in names:
            peers = np.stack([steps(results, peer, name) for peer in slower], axis=1)
            middle: Series = np.median(peers, axis=1)
            own = steps(results, faster, name).over(middle.seeds)
            logs.append(Series(middle.seeds, advantage(middle.values, own)))
        with np.errstate(invalid="ignore"):  # between inf and -inf there is no number
            typical: Series = np.median(np.stack(logs, axis=1), axis=1)
        return typical.map(np.exp)

    return measure


SUMMANDS = ("Adagrad", "RMSprop", "Momentum")
"""What Adam is the sum of."""


def _faster(claim: str, slower: Sequence[str], faster: str, names: Sequence[str], role: Role = "sentence") -> Claim:
    return Claim(
        claim,
        role=role,
        measure=times_the_steps(slower, faster, names),
        more_than=1.0,
        smallest=TENTH,
        interval="median",
    )


ROLES: Mapping[str, Role] = {"ravine": "sentence", "plateau": "sentence", "bowl": "control"}
"""Of the race of momentum with descent, by landscape: the sentence is about the first two."""

CLAIMS = (
    *(
        _faster(f"momentum-rescues/{name}", ("GradientDescent",), "Momentum", (name,), role)
        for name, role in ROLES.items()
    ),
    *(
        _faster(f"rmsprop-improves-adagrad/{name.replace(' ', '-')}", ("Adagrad",), "RMSprop", (name,))
        for name in RACED
    ),
    _faster("adam-is-the-sum/functions", SUMMANDS, "Adam", RACED),
)
