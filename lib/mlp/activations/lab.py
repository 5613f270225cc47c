"""Activations: with which activation and initial weights the gradient vanishes on its way back, and with which not.

Trial functions:

- **functions**: the activations themselves and their derivatives.
- **gradient**: networks of 2 to 30 hidden layers before training, on random inputs, with six activations and four
  initialisations, and sigmoids from the weights of a tanh network (`lib.mlp.activations.gradients`).
- **tune**, **train**: networks of 20 hidden layers on digits, with Adam. Its steps have the same size for large and
  small gradients, down to its epsilon of 1e-8: what is smaller moves nothing. A grid of learning rates is judged by the
  loss on validation images; then fresh seeds at the best; the test images are read once, when the training is over.
  ReLU and leaky ReLU also train at ten times Adam's usual rate, after which dead units are counted.
- **tune-very-deep**, **train-very-deep**: the same with 20, 50 and 100 layers, with skips and normalisation
  (`lib.mlp.activations.very_deep`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from lib.harness.contract.claim import largest
from lib.harness.contract.lab import Lab
from lib.harness.contract.search import Range, Search
from lib.harness.contract.seeds import Seed
from lib.harness.contract.studies import batches, best_mean, changed, gather, grid_seed, joins
from lib.harness.contract.trial import Log, Result, Runtime, Study, Trial
from lib.mlp.activations import gradients
from lib.mlp.activations.claims import CLAIMS
from lib.mlp.activations.figures import FIGURES, TEXTS
from lib.mlp.activations.gradients import CLASSES, SCHEMES, USUAL, WIDTH, Activation, Start
from lib.mlp.activations.training import ActivationsConfig, learn, learn_very_deep, tune, tune_very_deep
from lib.mlp.activations.very_deep import ARMS


def facts(config: ActivationsConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """Facts of each activation (`lib.mlp.activations.gradients.functions`)."""
    measured = gradients.functions()
    log(0, **{f"flat_{name}": each["flat"] for name, each in measured.items()})
    return measured


def gradient(config: ActivationsConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """First over last hidden layer, by activation, start and depth; all layers of the usual starts.

    `flat`, `sums`: of the deepest networks from their usual starts, what `gradients.sums_that_occur` returns.
    `same_outputs`: worst deviation of sigmoids in tanh's clothes from the tanh network.
    """
    inputs = seed.rng("inputs").normal(size=(config.examples, WIDTH))
    labels = seed.rng("labels").integers(0, CLASSES, config.examples)
    measured: dict[str, Any] = {"weight": {}, "derivative": {}, "layers": {}, "flat": {}, "sums": {}, "product": 0.0}
    for name, start, depth in _probed(config):
        model = network_of(name, start, depth, seed)
        probed = gradients.probe(model, inputs, labels)
        key = f"{name}/{start}/{depth}"
        measured["weight"][key] = probed.weights[0] / probed.weights[-1]
        measured["derivative"][key] = probed.derivatives[0] / probed.derivatives[-1]
        measured["product"] = largest((measured["product"], probed.product))
        log(depth, **{f"{name}_{start}": measured["weight"][key]})
        if start in (USUAL[name], "as-tanh"):
            measured["layers"][key] = probed.weights / probed.weights[-1]
        if start == USUAL[name] and depth == max(config.depths):
            measured["flat"][name], measured["sums"][name] = gradients.sums_that_occur(model, inputs)
    pairs = {d: [_outputs(network_of(*each, d, seed), inputs) for each in TWINS] for d in config.depths}
    measured["same_outputs"] = largest(np.abs(one - other) for one, other in pairs.values())
    return measured


TWINS: tuple[tuple[Activation, Start], ...] = (("sigmoid", "as-tanh"), ("tanh", USUAL["tanh"]))


def _probed(config: ActivationsConfig) -> Iterator[tuple[Activation, Start, int]]:
    """Activation, start and depth of the networks whose gradients are measured."""
    for name in USUAL:
        for start in (*SCHEMES, *(("as-tanh",) if name == "sigmoid" else ())):
            for depth in sorted({*config.depths, config.deep}):
                yield name, start, depth


def network_of(name: Activation, start: Start, depth: int, seed: Seed) -> Any:
    """The network of a gradient trial: all activations, and both twins, start from the same weights of a scheme."""
    scheme = USUAL["tanh"] if start == "as-tanh" else start
    return gradients.network(name, start, depth, seed.child(scheme, depth))


def _outputs(model: Any, inputs: np.ndarray) -> np.ndarray:
    import torch

    with torch.no_grad():
        return np.asarray(model(torch.from_numpy(inputs)).numpy())


def study(config: ActivationsConfig) -> Study:
    """Functions, gradients and the grid, then fresh seeds at the best learning rates."""
    results = yield from gather(batches(first_stage(config), config.batch))
    yield from batches(second_stage(config, results), config.batch)


Changes = Mapping[str, Any]


def _trained(config: ActivationsConfig) -> dict[str, Changes]:
    """The networks that are trained at their best rate: names and config changes."""
    return {
        **{name: {"activation": name, "depth": config.deep} for name in config.activations},
        "sigmoid-as-tanh": {"activation": "sigmoid", "start": "as-tanh", "depth": config.deep},
        "sigmoid-shallow": {"activation": "sigmoid", "depth": config.shallow},
    }


def _at_the_high_rate(config: ActivationsConfig) -> dict[str, Changes]:
    """The networks whose dead units are counted: names and config changes."""
    changes = {"depth": config.deep, "learning_rate": config.high_rate}
    return {name: {"activation": name, **changes} for name in ("relu", "leaky")}


def _very_deep(config: ActivationsConfig) -> dict[str, Changes]:
    """The very deep networks: names and config changes."""
    return {f"{arm}/{depth}": {"arm": arm, "depth": depth} for depth in config.very_deep for arm in ARMS}


def _grids(config: ActivationsConfig) -> Iterator[tuple[str, Changes, Mapping[float, str]]]:
    """All that chooses its rate: variant of its finals, changes, and by rate, from the lowest on, that of its grid."""
    for name, changes in _trained(config).items():
        yield f"train/{name}", changes, {rate: f"grid/{name}/{rate:.2g}" for rate in sorted(config.learning_rates)}
    for name, changes in _very_deep(config).items():
        rates = sorted(config.very_deep_rates)
        yield f"very-deep/{name}", changes, {rate: f"grid/very-deep/{name}/{rate:.2g}" for rate in rates}


def first_stage(config: ActivationsConfig) -> Iterator[Trial]:
    """The trials that need no choice."""
    for seed in range(config.seeds):
        yield Trial("gradient", config, seed, Runtime("torch", "float64"), "gradient")
    for final, changes, rates in _grids(config):
        deep = final.startswith("very-deep/")
        for rate, variant in rates.items() if len(rates) > 1 else ():
            grid = changed(config, {**changes, "learning_rate": rate})
            for seed in range(config.very_deep_grid_seeds if deep else config.grid_seeds):
                yield Trial(variant, grid, grid_seed(seed), Runtime("torch"), "tune-very-deep" if deep else "tune")
    for name, changes in _at_the_high_rate(config).items():
        for seed in range(config.training_seeds):
            yield Trial(f"high-rate/{name}", changed(config, changes), seed, Runtime("torch"), "train")
    yield Trial("functions", config, 0, Runtime("torch", "float64"), "functions")


def second_stage(config: ActivationsConfig, results: Sequence[Result]) -> Iterator[Trial]:
    """Fresh seeds at the learning rate with the lowest mean validation loss, for every network."""
    for variant, changes, rates in _grids(config):
        deep = variant.startswith("very-deep/")
        best = best_mean(results, rates, lambda result: result.measurements["validation_loss"])
        final = changed(config, {**changes, "learning_rate": best})
        for seed in range(config.very_deep_seeds if deep else config.training_seeds):
            yield Trial(variant, final, seed, Runtime("torch"), "train-very-deep" if deep else "train")


SEARCH = Search(
    space={"learning_rate": Range(1e-4, 1e-1, log=True), "batch_size": Range(10, 250, log=True)},
    trial=lambda config: Trial(
        "relu",
        changed(config, {"activation": "relu", "depth": config.deep}),
        0,
        Runtime("torch"),
        "tune",
    ),
    measure="validation_loss",
    goal="minimize",
    adopt=joins("learning_rate", "learning_rates"),
)
"""Of the deep network with ReLU."""

LAB = Lab(
    name="activations",
    summary="with which activation and initial weights the gradient vanishes layer by layer, and with which not",
    chapter=4,
    minutes=6,
    config=ActivationsConfig,
    quick={
        "seeds": 6,
        "depths": (2, 20, 30),
        "examples": 128,
        "activations": ("sigmoid", "relu"),
        "training_seeds": 3,
        "learning_rates": (1e-3,),
        "epochs": 25,
        "very_deep": (20, 50),
        "very_deep_seeds": 3,
        "very_deep_rates": (1e-3,),
        "very_deep_epochs": 6,
    },
    study=study,
    trials={
        "functions": facts,
        "gradient": gradient,
        "tune": tune,
        "train": learn,
        "tune-very-deep": tune_very_deep,
        "train-very-deep": learn_very_deep,
    },
    claims=CLAIMS,
    lecture=("sigmoid-gradient-vanishes", "whatever-activation", "relu-keeps-gradient"),
    figures=FIGURES,
    data=("digits",),
    search=SEARCH,
    texts=TEXTS,
)
