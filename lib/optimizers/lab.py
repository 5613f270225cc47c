"""The optimizers lab: the lecture's claims about optimizers, measured on functions, on identities and on LeNet-5.

The study first asks for all that needs no choice and for the grids of learning rates; then, with the best rate of every
optimizer, for fresh seeds. Each experiment is a file of `lib.optimizers.experiments`, with its trial and its claims.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from lib.harness.contract.lab import Lab
from lib.harness.contract.seeds import Seed
from lib.harness.contract.studies import batches, best, changed, gather
from lib.harness.contract.trial import Log, Result, Runtime, Study, Trial
from lib.optimizers import figures
from lib.optimizers.experiments import (
    descent,
    forms,
    frameworks,
    functions,
    identities,
    lenet,
    rates,
    stochastic,
)
from lib.optimizers.experiments.config import LECTURE, OptimizersConfig
from lib.optimizers.sentences import KOREAN, SENTENCES

NUMPY = Runtime("numpy", "float64")
EXPERIMENTS = {
    "descent": descent.trial,
    "stochastic": stochastic.trial,
    "forms": forms.trial,
    "rates": rates.trial,
    "identities": identities.trial,
    "frameworks": frameworks.trial,
    "functions": functions.trial,
    "lenet": lenet.trial,
}
ONCE = ("forms", "rates", "identities")
"""Exact experiments in NumPy: one trial each."""


def trial(config: OptimizersConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """One trial of the experiment that the config names."""
    return EXPERIMENTS[config.experiment](config, seed, log)


def study(config: OptimizersConfig) -> Study:
    """Exact experiments and grids, then fresh seeds at the best learning rates."""
    wanted = EXPERIMENTS if config.experiment == "all" else (config.experiment,)
    first = [trial for trial in first_stage(config) if _experiment(trial.variant) in wanted]
    results = yield from gather(batches(first, config.batch))
    yield from batches(second_stage(config, results), config.batch)


def _experiment(variant: str) -> str:
    return variant.partition("/")[0]


def _trial(config: OptimizersConfig, variant: str, runtime: Runtime, seed: int = 0, **changes: Any) -> Trial:
    return Trial(variant, changed(config, {"experiment": _experiment(variant), **changes}), seed, runtime)


def _optimizers(config: OptimizersConfig, names: Sequence[str] = LECTURE) -> list[str]:
    return [name for name in names if config.optimizer in ("all", name)]


def first_stage(config: OptimizersConfig) -> Iterator[Trial]:
    """The trials that need no choice. Those whose framework is slow to load come first, the short ones last."""
    network = Runtime(config.framework, "float32")
    yield _trial(config, "frameworks/keras", Runtime("keras", "float64"), framework="keras")
    for name in _optimizers(config, config.lenet_optimizers):
        for rate in lenet.learning_rates(config):
            changes: dict[str, Any] = {"stage": "grid", "optimizer": name, "learning_rates": {"lenet": float(rate)}}
            yield _trial(config, f"lenet/grid/{name}/{rate:.2g}", network, **changes)
    yield _trial(config, "frameworks/torch", Runtime("torch", "float64"), framework="torch")
    for name in _optimizers(config):
        yield _trial(config, f"functions/grid/{name}", NUMPY, stage="grid", optimizer=name)
    for seed in range(config.seeds):
        yield _trial(config, "descent", NUMPY, seed)
        yield _trial(config, "stochastic", NUMPY, seed)
    yield _trial(config, "functions/paths", NUMPY, stage="paths")
    for name in ONCE:
        yield _trial(config, name, NUMPY)


def second_stage(config: OptimizersConfig, results: Sequence[Result]) -> Iterator[Trial]:
    """Fresh seeds for every optimizer at the learning rates that the grids have chosen."""
    network = Runtime(config.framework, "float32")
    grids: dict[str, list[Result]] = {}
    for result in results:
        if result.trial.config.stage == "grid" and result.status == "FINISHED":  # type: ignore[attr-defined]
            grids.setdefault("/".join(result.trial.variant.split("/")[:3]), []).append(result)
    chosen = {}
    for name in _optimizers(config, config.lenet_optimizers):
        if f"lenet/grid/{name}" in grids:
            found = best(grids[f"lenet/grid/{name}"], lambda result: result.measurements["validation_loss"])
            chosen[name] = found.trial.config.learning_rates  # type: ignore[attr-defined]
    for seed in range(config.lenet_seeds):
        for name, rates_of_name in chosen.items():
            changes: dict[str, Any] = {"stage": "final", "optimizer": name, "learning_rates": rates_of_name}
            yield _trial(config, f"lenet/{name}", network, seed, **changes)
    learning_rates = {
        f"{name}/{function}": rate
        for name in _optimizers(config)
        for grid in grids.get(f"functions/grid/{name}", [])
        for function, rate in grid.measurements["best"].items()
    }
    # here and not in the first stage: the worker that has the framework in float64 is free again
    if config.experiment in ("all", "lenet"):
        yield _trial(config, "lenet/coincide", Runtime(config.framework, "float64"), stage="coincide")
    if learning_rates:
        for seed in range(config.seeds):
            yield _trial(config, "functions/final", NUMPY, seed, stage="final", learning_rates=learning_rates)


_ALL = [
    claim
    for module in (descent, stochastic, functions, lenet, forms, rates, identities, frameworks)
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

LAB = Lab(
    name="optimizers",
    summary="from gradient descent to NAdam: where each shines, where it fails, and that ours are the frameworks' own",
    chapter=16,
    minutes=8,
    config=OptimizersConfig,
    quick={
        "steps": 1_000,
        "lenet_optimizers": ("GradientDescent", "Momentum", "Adagrad", "RMSprop", "Adam"),
        "lenet_seeds": 2,
        "lenet_grid_points": 4,
        "lenet_subset": 2_000,
        "lenet_pictures": 4_000,
        "lenet_judged": 1_000,
        "lenet_coincide": 3,
    },
    study=study,
    trials=trial,
    claims=tuple(sorted(_ALL, key=lambda claim: ROWS.index(claim.row))),
    figures=figures.FIGURES,
    animations=figures.ANIMATIONS,
    frameworks=("torch", "keras"),
    data=("fashion_mnist",),
    portable={"numpy": ("amd", "intel")},
    search="the learning rate of each optimizer is all that it sets, and its study tries a grid of those itself",
    sentences=SENTENCES,
    korean=KOREAN,
)
