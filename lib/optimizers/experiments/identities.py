r"""What Adam is the sum of: three identities with their conditions, and two more for AdaMax and NAdam.

- **rmsprop**: Adam with beta1 = 0 and Keras' epsilon is RMSprop with the rate $\eta \sqrt{1 - \beta_2^t}$, which is the
  bias correction.
- **adagrad**: Adam with beta1 = 0, beta2 -> 1 and the rate $\eta / \sqrt t$ is Adagrad (Kingma & Ba 2015, section 5):
  the corrected v goes to G/t, and $\eta t^{-1/2} g / \sqrt{G/t} = \eta g / \sqrt G$.
- **momentum**: Adam with epsilon -> infinity and the rate $\eta\epsilon$ is momentum with the rate
  $\eta (1 - \beta_1) / (1 - \beta_1^t)$.
- **infinity-norm**: Adam with the p-norm, p -> infinity, is AdaMax: $u_t = \max_i \beta_2^{t-i} |g_i|$ (section 7.1).
- **nesterov**: NAdam with epsilon -> infinity and the rate $\eta\epsilon$, its start forgotten, is Nesterov momentum
  with the rate $\eta (1 - \beta_1)$.

Both sides take their gradients on Beale, each at its own point, for 100 steps.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from lib.harness.contract.claim import Claim
from lib.harness.contract.results import Results
from lib.harness.contract.seeds import Seed
from lib.harness.contract.trial import Log
from lib.optimizers import Adagrad, Adam, AdaMax, Momentum, NAdam, Nesterov, RMSprop
from lib.optimizers.base import Optimizer, State
from lib.optimizers.experiments.config import OptimizersConfig
from lib.optimizers.surfaces import beale

STEPS = 100
RATE = 0.01
BETA2 = 0.99
HUGE = 1e13
"""An epsilon next to which any root of squares here is nothing."""
FAST = 0.3
"""A rate at which the gradient changes within a hundred steps; for a picture."""
APART = 0.01
"""A difference in theta from which on two paths are not one, ten orders of magnitude above rounding."""


def trial(config: OptimizersConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """The worst deviation of every identity over random starts; both paths of each from the function's own start."""
    start = np.array(beale.start) + seed.rng("starts").uniform(-0.3, 0.3, (config.starts, 2))
    start[0] = beale.start
    measured: dict[str, Any] = {}
    paths: dict[str, Any] = {}
    for name, identity in IDENTITIES.items():
        pair = identity(start)
        measured[name] = difference(pair)
        paths[name] = [path[:, 0].round(4).tolist() for path in pair]
    log(STEPS, **{name.replace("-", "_"): deviation for name, deviation in measured.items()})
    return {**measured, "paths": paths, "divisors": divisors(start[0])}


Pair = tuple[np.ndarray, np.ndarray]
"""The points of two paths, (steps, starts, 2) each."""


def both(
    first: Optimizer[Any],
    second: Optimizer[Any],
    start: np.ndarray,
    begin: Callable[[Optimizer[Any]], State] | None = None,
) -> Pair:
    """The paths of two optimizers on Beale."""
    paths = []
    for optimizer in (first, second):
        p, state = start, begin(optimizer) if begin else optimizer.init(start)
        points = []
        for _ in range(STEPS):
            p, state = optimizer.update(beale.gradient(p), state, p)
            points.append(p)
        paths.append(np.array(points))
    return paths[0], paths[1]


def difference(pair: Pair) -> float:
    """The largest difference in theta between two paths."""
    return float(np.abs(pair[0] - pair[1]).max())


def rmsprop(start: np.ndarray) -> Pair:
    """Adam with beta1 = 0 against RMSprop whose rate is corrected for its start."""
    adam = Adam(RATE, convention="keras", betas=(0.0, BETA2), eps=1e-4)
    corrected = RMSprop(lambda step: RATE * np.sqrt(1 - BETA2 ** (step + 1)), alpha=BETA2, eps=1e-4)
    return both(adam, corrected, start)


def rmsprop_uncorrected(start: np.ndarray) -> Pair:
    """The same against RMSprop as it is: the condition is needed."""
    adam = Adam(RATE, convention="keras", betas=(0.0, BETA2), eps=1e-4)
    return both(adam, RMSprop(RATE, alpha=BETA2, eps=1e-4), start)


def adagrad(start: np.ndarray, gap: float = 1e-8) -> Pair:
    """Adam with beta1 = 0, beta2 = 1 - gap and the rate eta / sqrt(t) against Adagrad."""
    adam = Adam(lambda step: 0.1 / np.sqrt(step + 1), betas=(0.0, 1 - gap), eps=0.0)
    return both(adam, Adagrad(0.1, eps=0.0), start)


def momentum(start: np.ndarray) -> Pair:
    """Adam with a huge epsilon against momentum."""
    adam = Adam(1e-3 * HUGE, betas=(0.9, 0.999), eps=HUGE)
    corrected = Momentum(lambda step: 1e-3 * 0.1 / (1 - 0.9 ** (step + 1)), momentum=0.9)
    return both(adam, corrected, start)


def infinity_norm(start: np.ndarray) -> Pair:
    """AdaMax against its definition: the largest of all past gradients, each faded by beta2 per step since.

    The definition takes every step from AdaMax's own point.
    """
    optimizer = AdaMax(RATE, betas=(0.9, BETA2), eps=0.0)
    p, state = start, optimizer.init(start)
    gradients: list[np.ndarray] = []
    moved, defined = [], []
    for _ in range(STEPS):
        gradients.append(beale.gradient(p))
        after, state = optimizer.update(gradients[-1], state, p)
        t = len(gradients)
        ages = np.arange(t)[::-1, None, None]
        past = np.array(gradients)
        largest = np.max(BETA2**ages * np.abs(past), axis=0)
        mean = np.sum(0.9**ages * 0.1 * past, axis=0) / (1 - 0.9**t)
        defined.append(p - RATE * mean / largest)
        moved.append(after)
        p = after
    return np.array(moved), np.array(defined)


def nesterov(start: np.ndarray) -> Pair:
    """NAdam with a huge epsilon, its bias corrections and warm-up long over, against Nesterov momentum."""
    late = 100_000  # beta1^t, beta2^t and 0.96^(t psi) are 0 by then; the slots are empty

    def begin(optimizer: Optimizer[Any]) -> State:
        state = optimizer.init(start)
        return State(late, state.slots._replace(product=0.0)) if isinstance(optimizer, NAdam) else state

    nadam = NAdam(1e-3 * HUGE, betas=(0.9, 0.999), eps=HUGE, momentum_decay=1.0)
    return both(nadam, Nesterov(1e-3 * 0.1, momentum=0.9), start, begin)


def divisors(start: np.ndarray) -> dict[str, list[float]]:
    """|g| of x by step along AdaMax's path from `start` (2,), and what Adam and AdaMax would divide the mean by."""
    optimizer = AdaMax(FAST, betas=(0.9, BETA2))
    p, state = start, optimizer.init(start)
    sizes: dict[str, list[float]] = {"gradient": [], "Adam": [], "AdaMax": []}
    average = 0.0
    for step in range(1, STEPS + 1):
        g = beale.gradient(p)
        p, state = optimizer.update(g, state, p)
        average = BETA2 * average + (1 - BETA2) * float(g[0]) ** 2
        sizes["gradient"].append(abs(float(g[0])))
        sizes["Adam"].append(float(np.sqrt(average / (1 - BETA2**step))))
        sizes["AdaMax"].append(float(state.slots.u[0]))
    return sizes


IDENTITIES: dict[str, Callable[[np.ndarray], Pair]] = {
    "rmsprop": rmsprop,
    "rmsprop-uncorrected": rmsprop_uncorrected,
    "adagrad": adagrad,
    "momentum": momentum,
    "infinity-norm": infinity_norm,
    "nesterov": nesterov,
}


def _of(name: str) -> Callable[[Results], float]:
    return lambda results: float(results.of("identities")[0].measurements[name])


def _identity(claim: str, name: str, at_most: float) -> Claim:
    return Claim(claim, role="sentence", kind="exact", measure=_of(name), at_most=at_most)


CLAIMS = (
    _identity("adam-is-the-sum/rmsprop", "rmsprop", 1e-12),
    Claim(
        "adam-is-the-sum/correction",
        role="condition",
        kind="exact",
        measure=_of("rmsprop-uncorrected"),
        at_least=APART,
    ),
    _identity("adam-is-the-sum/adagrad", "adagrad", 1e-6),
    _identity("adam-is-the-sum/momentum", "momentum", 1e-9),
    _identity("adamax-nadam/infinity-norm", "infinity-norm", 1e-12),
    _identity("adamax-nadam/nesterov", "nesterov", 1e-9),
)
