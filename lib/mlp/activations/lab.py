"""Activations: with which activation and initialisation the gradient vanishes on its way back, and that ReLU keeps it.

Trial functions:

- **functions**: the activations themselves and their derivatives.
- **gradient**: networks of 2 to 30 hidden layers before training, on random inputs, with six activations and four
  initialisations (`lib.mlp.activations.gradients`).
- **tune**, **train**: networks of 20 hidden layers on digits, with Adam, which evens out gradients of different sizes
  and so gives the deep networks every chance. A grid of learning rates is judged by the loss on validation images; then
  fresh seeds at the best; the test images are read once, when the training is over.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np
from pydantic import Field

from lib.data import digits
from lib.data.pictures import Split
from lib.harness.contract.config import Config
from lib.harness.contract.lab import Lab
from lib.harness.contract.results import Results
from lib.harness.contract.search import Range, Search
from lib.harness.contract.seeds import Seed
from lib.harness.contract.studies import batches, changed, gather, grid_seed, joins
from lib.harness.contract.trial import Log, Result, Runtime, Study, Trial
from lib.mlp.activations.claims import CLAIMS
from lib.mlp.activations.figures import FIGURES, TEXTS
from lib.mlp.activations.gradients import (
    CLASSES,
    SCHEMES,
    USUAL,
    WIDTH,
    Activation,
    dead_units,
    functions,
    network,
    probe,
)
from lib.models import evaluation
from lib.models.training import DivergedError, TorchClassifier, train


class ActivationsConfig(Config):
    """Settings of the whole lab. `activation`, `depth` and `learning_rate` tell trials apart."""

    framework: Literal["torch"] = Field("torch", description="what most readers of the lecture use today")
    seeds: int = Field(20, ge=1, le=1000, description="single starts scatter by a factor of 5: a mean needs 20")
    batch: int = Field(256, ge=1, le=1024, description="trials asked for at a time: all, so that no core waits")
    activation: Activation = Field("relu", description="what a trial of training has; set by the study")
    depth: int = Field(20, ge=1, le=100, description="hidden layers of a trial of training; set by the study")
    learning_rate: float = Field(1e-3, gt=0, le=10, description="the grid chooses, the study sets it")

    depths: tuple[int, ...] = Field(
        (2, 5, 10, 20, 30), min_length=1, description="hidden layers: from what trains anyway to what never did"
    )
    examples: int = Field(256, ge=1, le=100_000, description="a large batch, so that the gradient is no noise")
    activations: tuple[Activation, ...] = Field(
        tuple(USUAL), min_length=1, description="that train 20 layers: all; fewer where time is short"
    )
    deep: int = Field(20, ge=2, le=100, description="hidden layers of the networks that train: the lecture's deep net")
    shallow: int = Field(2, ge=1, le=100, description="hidden layers of the sigmoid's control")
    training_seeds: int = Field(5, ge=1, le=1000, description="5 give an interval; learned or not is no close call")
    grid_seeds: int = Field(3, ge=1, le=1000, description="one start is lucky at some rate: the mean over 3 chooses")
    learning_rates: tuple[float, ...] = Field(
        (3e-4, 1e-3, 3e-3, 1e-2), min_length=1, description="half decades around Adam's usual 1e-3"
    )
    batch_size: int = Field(50, ge=1, le=1000, description="20 steps an epoch on 1,000 digits")
    epochs: int = Field(40, ge=1, le=10_000, description="four times what the networks need that learn at all")


def facts(config: ActivationsConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """Facts of each activation (`lib.mlp.activations.gradients.functions`)."""
    measured = functions()
    log(0, **{f"flat_{name}": each["flat"] for name, each in measured.items()})
    return measured


def gradient(config: ActivationsConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """First over last hidden layer, by activation, start and depth; all layers of the usual starts."""
    inputs = seed.rng("inputs").normal(size=(config.examples, WIDTH))
    labels = seed.rng("labels").integers(0, CLASSES, config.examples)
    measured: dict[str, Any] = {"weight": {}, "derivative": {}, "layers": {}, "product": 0.0}
    for name, usual in USUAL.items():
        for scheme in SCHEMES:
            for depth in config.depths:
                start = seed.child(scheme, depth)
                probed = probe(network(name, scheme, depth, start), inputs, labels)
                key = f"{name}/{scheme}/{depth}"
                measured["weight"][key] = probed.weights[0] / probed.weights[-1]
                measured["derivative"][key] = probed.derivatives[0] / probed.derivatives[-1]
                measured["product"] = max(measured["product"], probed.product)
                log(depth, **{f"{name}_{scheme}": measured["weight"][key]})
                if scheme == usual:
                    measured["layers"][f"{name}/{depth}"] = probed.weights / probed.weights[-1]
    return measured


def _classifier(config: ActivationsConfig, seed: Seed) -> TorchClassifier:
    """The network of the config, ready to be trained on digits with Adam."""
    import torch

    training = digits.train()
    model = network(config.activation, USUAL[config.activation], config.depth, seed)
    optimizer = torch.optim.Adam(model.parameters(), config.learning_rate)
    return TorchClassifier(model, optimizer, _rows(training), training.labels, config.batch_size)


def tune(config: ActivationsConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """Train one network to choose its learning rate: the validation loss, infinite where it diverges."""
    classifier, validation = _classifier(config, seed), digits.validation()
    try:
        for _ in train(classifier, config.epochs, seed, log):
            pass
    except DivergedError:
        return {"validation_loss": np.inf}
    return {"validation_loss": evaluation.cross_entropy(classifier.logits(_rows(validation)), validation.labels)}


def learn(config: ActivationsConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """Train one network on digits: validation loss, curves, test accuracy, and dead units before and after."""
    classifier, validation, inputs = _classifier(config, seed), digits.validation(), _rows(digits.train())
    dead = [dead_units(classifier.model, inputs)]
    losses, accuracies = [], []
    for each in train(classifier, config.epochs, seed, log):
        losses.append(float(each.mean()))
        accuracies.append(evaluation.accuracy(classifier.logits(_rows(validation)), validation.labels))
    loss = evaluation.cross_entropy(classifier.logits(_rows(validation)), validation.labels)
    test = digits.test()
    log.parameters(classifier.weights())
    return {
        "validation_loss": loss,
        "losses": losses,
        "validation_accuracies": accuracies,
        "test_accuracy": evaluation.accuracy(classifier.logits(_rows(test)), test.labels),
        "dead": np.stack([*dead, dead_units(classifier.model, inputs)]),
    }


def _rows(pictures: Split) -> np.ndarray:
    """The pictures as rows of 64 numbers in [-1, 1], around 0 as inputs should be (LeCun et al. 1998)."""
    return np.asarray(2 * pictures.scaled().reshape(len(pictures), -1) - 1)


def study(config: ActivationsConfig) -> Study:
    """Functions, gradients and the grid, then fresh seeds at the best learning rates."""
    results = yield from gather(batches(first_stage(config), config.batch))
    yield from batches(second_stage(config, results), config.batch)


def _trained(config: ActivationsConfig) -> dict[str, dict[str, Any]]:
    """The networks that are trained: names and config changes."""
    return {
        **{name: {"activation": name, "depth": config.deep} for name in config.activations},
        "sigmoid-shallow": {"activation": "sigmoid", "depth": config.shallow},
    }


def first_stage(config: ActivationsConfig) -> Iterator[Trial]:
    """The trials that need no choice."""
    for seed in range(config.seeds):
        yield Trial("gradient", config, seed, Runtime("torch", "float64"), "gradient")
    for name, changes in _trained(config).items():
        for rate in config.learning_rates if len(config.learning_rates) > 1 else ():
            grid = changed(config, {**changes, "learning_rate": rate})
            for seed in range(config.grid_seeds):
                yield Trial(f"grid/{name}/{rate:.2g}", grid, grid_seed(seed), Runtime("torch"), "tune")
    yield Trial("functions", config, 0, Runtime("torch", "float64"), "functions")


def second_stage(config: ActivationsConfig, results: Sequence[Result]) -> Iterator[Trial]:
    """Fresh seeds at the learning rate with the lowest mean validation loss, for every network."""
    networks = _trained(config)
    grid = Results(results)
    chosen: dict[str, float] = {}
    for name in networks:
        losses = {
            rate: float(np.mean(grid.values(f"grid/{name}/{rate:.2g}", "validation_loss")))
            for rate in config.learning_rates
            if len(config.learning_rates) > 1
        }
        chosen[name] = min(losses, key=losses.__getitem__, default=config.learning_rates[0])
    for seed in range(config.training_seeds):
        for name, changes in networks.items():
            final = changed(config, {**changes, "learning_rate": chosen[name]})
            yield Trial(f"train/{name}", final, seed, Runtime("torch"), "train")


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
    minutes=4,
    config=ActivationsConfig,
    quick={
        "seeds": 6,
        "depths": (2, 5, 20, 30),
        "activations": ("sigmoid", "relu"),
        "training_seeds": 3,
        "grid_seeds": 2,
        "learning_rates": (1e-3, 1e-2),
        "epochs": 25,
    },
    study=study,
    trials={"functions": facts, "gradient": gradient, "tune": tune, "train": learn},
    claims=CLAIMS,
    lecture=("sigmoid-gradient-vanishes", "whatever-activation", "relu-keeps-gradient"),
    figures=FIGURES,
    data=("digits",),
    search=SEARCH,
    texts=TEXTS,
)
