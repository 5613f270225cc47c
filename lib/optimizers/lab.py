"""The optimizers lab: the lecture's claims about optimizers, measured on functions, on identities and on LeNet-5.

The study first asks for all that needs no choice and for the grids of learning rates; then, with the best rate of every
optimizer, for fresh seeds. Each experiment is a file of `lib.optimizers.experiments`, with its trial and its claims.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lib.harness.contract.lab import Lab
from lib.harness.contract.studies import batches, best, changed, gather, grid_seed
from lib.harness.contract.trial import Result, Runtime, Study, Trial
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
    "functions-paths": functions.paths,
    "lenet-grid": lenet.grid,
    "lenet-final": lenet.final,
    "lenet-coincide": lenet.coincide,
}
GRIDS = ("functions-grid", "lenet-grid")
ONCE = ("forms", "rates", "identities")
"""Exact experiments in NumPy: one trial each."""


def study(config: OptimizersConfig) -> Study:
    """Exact experiments and grids, then fresh seeds at the best learning rates."""
    results = yield from gather(batches(first_stage(config), config.batch))
    yield from batches(second_stage(config, results), config.batch)


def _optimizers(config: OptimizersConfig, names: Sequence[str] = LECTURE) -> list[str]:
    return [name for name in names if config.optimizer in ("all", name)]


def first_stage(config: OptimizersConfig) -> Iterator[Trial]:
    """The trials that need no choice. Those whose framework is slow to load come first, the short ones last."""
    network = Runtime(config.framework, "float32")
    keras, torch = (changed(config, {"framework": name}) for name in ("keras", "torch"))
    yield Trial("frameworks/keras", keras, 0, Runtime("keras", "float64"), "frameworks")
    for name in _optimizers(config, config.lenet_optimizers):
        for rate in lenet.learning_rates(config):
            one = changed(config, {"optimizer": name, "learning_rates": {"lenet": float(rate)}})
            yield Trial(f"lenet/grid/{name}/{rate:.2g}", one, grid_seed(), network, "lenet-grid")
    yield Trial("frameworks/torch", torch, 0, Runtime("torch", "float64"), "frameworks")
    for name in _optimizers(config):
        yield Trial(
            f"functions/grid/{name}", changed(config, {"optimizer": name}), grid_seed(), NUMPY, "functions-grid"
        )
    for seed in range(config.seeds):
        yield Trial("descent", config, seed, NUMPY, "descent")
        yield Trial("stochastic", config, seed, NUMPY, "stochastic")
    yield Trial("functions/paths", config, 0, NUMPY, "functions-paths")
    for name in ONCE:
        yield Trial(name, config, 0, NUMPY, name)


def second_stage(config: OptimizersConfig, results: Sequence[Result]) -> Iterator[Trial]:
    """Fresh seeds for every optimizer at the learning rates that the grids have chosen."""
    network = Runtime(config.framework, "float32")
    grids: dict[str, list[Result]] = {}
    for result in results:
        if result.trial.function in GRIDS and result.status == "FINISHED":
            grids.setdefault("/".join(result.trial.variant.split("/")[:3]), []).append(result)
    chosen = {}
    for name in _optimizers(config, config.lenet_optimizers):
        if f"lenet/grid/{name}" in grids:
            lowest = best(grids[f"lenet/grid/{name}"], lambda result: result.measurements["validation_loss"])
            chosen[name] = lowest.trial.config.learning_rates  # type: ignore[attr-defined]
    for seed in range(config.lenet_seeds):
        for name, rates_of_name in chosen.items():
            one = changed(config, {"optimizer": name, "learning_rates": rates_of_name})
            yield Trial(f"lenet/{name}", one, seed, network, "lenet-final")
    learning_rates = {
        f"{name}/{function}": rate
        for name in _optimizers(config)
        for grid in grids.get(f"functions/grid/{name}", [])
        for function, rate in grid.measurements["best"].items()
    }
    # here and not in the first stage: the worker that has the framework in float64 is free again
    yield Trial("lenet/coincide", config, 0, Runtime(config.framework, "float64"), "lenet-coincide")
    if learning_rates:
        for seed in range(config.seeds):
            chosen_config = changed(config, {"learning_rates": learning_rates})
            yield Trial("functions/final", chosen_config, seed, NUMPY, "functions-final")


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
    trials=TRIALS,
    claims=tuple(sorted(_ALL, key=lambda claim: ROWS.index(claim.row))),
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
