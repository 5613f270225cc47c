"""The optimizers lab: the lecture's claims about optimizers, measured on functions, on identities and on LeNet-5.

The study first asks for all that needs no choice and for the grids of learning rates; then, with the best rate of every
optimizer, for fresh seeds. Each experiment is a file of `lib.optimizers.experiments`, with its trial and its claims.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from lib.harness.contract.lab import Lab
from lib.harness.contract.studies import batches, best_mean, changed, gather, grid_seed
from lib.harness.contract.trial import Result, Runtime, Study, Trial
from lib.optimizers import figures
from lib.optimizers.experiments import (
    descent,
    forms,
    frameworks,
    functions,
    identities,
    lenet,
    lenet_claims,
    rates,
    stochastic,
)
from lib.optimizers.experiments.arms import arms
from lib.optimizers.experiments.config import LECTURE, OptimizersConfig
from lib.optimizers.figures.common import TEXTS

NUMPY = Runtime("numpy", "float64")
TRIALS = {
    "descent": descent.trial,
    "stochastic": stochastic.trial,
    "forms": forms.trial,
    "rates": rates.trial,
    "identities": identities.trial,
    "frameworks": frameworks.trial,
    "functions-grid": functions.grid,
    "functions-final": functions.final,
    "lenet-grid": lenet.grid,
    "lenet-final": lenet.final,
    "lenet-coincide": lenet.coincide,
}
ONCE = ("forms", "rates", "identities")
"""Exact experiments in NumPy: one trial each."""


def study(config: OptimizersConfig) -> Study:
    """Exact experiments and grids, then fresh seeds at the best learning rates."""
    results = yield from gather(batches(first_stage(config), config.batch))
    yield from batches(second_stage(config, results), config.batch)


def _lecture(config: OptimizersConfig) -> list[str]:
    """The lecture's optimizers that this study is about."""
    return [name for name in LECTURE if config.optimizer in ("all", name)]


def _arms(config: OptimizersConfig) -> dict[str, dict[str, Any]]:
    """The arms on LeNet that this study is about, with the settings of each."""
    return {name: one for name, one in arms(config).items() if config.optimizer in ("all", one["optimizer"])}


def _grid(config: OptimizersConfig, name: str) -> dict[float, str]:
    """The learning rates that an arm on LeNet chooses from, from the lowest on, and the variants of their trials."""
    return {float(rate): f"lenet/grid/{name}/{rate:.2g}" for rate in lenet.learning_rates(config)}


def first_stage(config: OptimizersConfig) -> Iterator[Trial]:
    """The trials that need no choice. Those whose framework is slow to load come first, the short ones last."""
    network = Runtime(config.framework, "float32")
    keras, torch = (changed(config, {"framework": name}) for name in ("keras", "torch"))
    yield Trial("frameworks/keras", keras, 0, Runtime("keras", "float64"), "frameworks")
    for name, settings in _arms(config).items():
        for rate, variant in _grid(config, name).items():
            one = changed(config, {**settings, "learning_rates": {"lenet": rate}})
            for seed in range(config.lenet_grid_seeds):
                yield Trial(variant, one, grid_seed(seed), network, "lenet-grid")
    yield Trial("frameworks/torch", torch, 0, Runtime("torch", "float64"), "frameworks")
    for name in _lecture(config):
        yield Trial(
            f"functions/grid/{name}", changed(config, {"optimizer": name}), grid_seed(), NUMPY, "functions-grid"
        )
    for seed in range(config.seeds):
        yield Trial("descent", config, seed, NUMPY, "descent")
        yield Trial("stochastic", config, seed, NUMPY, "stochastic")
    for name in ONCE:
        yield Trial(name, config, 0, NUMPY, name)


def second_stage(config: OptimizersConfig, results: Sequence[Result]) -> Iterator[Trial]:
    """Fresh seeds for every optimizer at the learning rates that the grids have chosen."""
    network = Runtime(config.framework, "float32")
    chosen = {}
    for name, settings in _arms(config).items():
        rate = best_mean(results, _grid(config, name), lambda result: result.measurements["validation_loss"])
        chosen[name] = changed(config, {**settings, "learning_rates": {"lenet": rate}})
    for seed in range(config.lenet_seeds):
        for name, one in chosen.items():
            yield Trial(f"lenet/{name}", one, seed, network, "lenet-final")
    learning_rates = {
        f"{result.trial.variant.removeprefix('functions/grid/')}/{landscape}": rate
        for result in results
        if result.trial.function == "functions-grid" and result.status == "FINISHED"
        for landscape, rate in result.measurements["best"].items()
    }
    # here and not in the first stage: the worker that has the framework in float64 is free again
    yield Trial("lenet/coincide", config, 0, Runtime(config.framework, "float64"), "lenet-coincide")
    if learning_rates:
        for seed in range(config.seeds):
            chosen_config = changed(config, {"learning_rates": learning_rates})
            yield Trial("functions/final", chosen_config, seed, NUMPY, "functions-final")


_ALL = [
    claim
    for module in (descent, stochastic, functions, lenet_claims, forms, rates, identities, frameworks)
    for claim in module.CLAIMS
]
ROWS = (
    "gradient-descends",
    "momentum-rescues",
    "momentum-forms",
    "adagrad-decays",
    "rmsprop-improves-adagrad",
    "adam-is-the-sum",
    "adamax-nadam",
    "nobody-writes-them",
)
"""The lecture's claims, in its order."""
BEYOND = ("schedules", "warm-up", "after-adam")
"""Questions that go on from it."""

LAB = Lab(
    name="optimizers",
    summary="from gradient descent to NAdam: where each shines, where it fails, whether ours are the frameworks'",
    chapter=16,
    minutes=8,
    config=OptimizersConfig,
    quick={
        "steps": 1_000,
        "hold": 500,
        "lenet_optimizers": ("GradientDescent", "Momentum", "Adagrad", "RMSprop", "Adam"),
        "lenet_scheduled": (),
        "lenet_newer": (),
        "lenet_seeds": 2,
        "lenet_grid_points": 5,
        "lenet_subset": 2_000,
        "lenet_pictures": 4_000,
        "lenet_judged": 1_000,
        "lenet_coincide": 3,
    },
    study=study,
    trials=TRIALS,
    claims=tuple(sorted(_ALL, key=lambda claim: (*ROWS, *BEYOND).index(claim.row))),
    lecture=ROWS,
    figures=figures.FIGURES,
    animations=figures.ANIMATIONS,
    frameworks=("torch", "keras"),
    data=("fashion_mnist",),
    portable={"numpy": ("amd", "intel")},
    search="the learning rate of each optimizer is all that it sets, and its study tries a grid of those itself",
    replaceable=LECTURE,
    texts=TEXTS,
)
