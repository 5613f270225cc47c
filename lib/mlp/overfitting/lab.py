"""Overfitting: what a network too complex for its data does, and what happens when it is made more complex still.

Three parts, all on digits with noisy labels:

- **width**: 200 digits, one hidden layer of ReLU, by width, by number of examples and by weight decay, all trained
  equally long.
- **descent**: 1,000 digits, through the interpolation threshold, where a network has as many weights as numbers to fit,
  examples x classes (Belkin et al. 2019); with 75 weights a unit it is at 133 units. With fewer digits the widths below
  it are too few for ten classes, and there is no valley to rise from.
- **features**: random ReLU features with least squares of minimum norm, the exact case of double descent.

Trial functions: **network** trains one network, of the first or of the second part; **features** are all sizes of the
third.

Choices (the epoch to stop at, the simple network, the valley, the weight decay, the ridge) are made on the validation
images; the test images are read once, at the end of a training.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import numpy as np
from pydantic import Field, field_validator

from lib.data.noisy_digits import CLASSES, INPUTS, NoisyDigits, noisy_digits, right_digits
from lib.harness.contract.config import Config
from lib.harness.contract.lab import Lab
from lib.harness.contract.search import Range, Search
from lib.harness.contract.seeds import Seed
from lib.harness.contract.studies import batches, changed
from lib.harness.contract.trial import Log, Runtime, Study, Trial
from lib.mlp.overfitting import figures
from lib.mlp.overfitting.claims import CLAIMS, threshold_width
from lib.mlp.overfitting.random_features import random_weights, relu_features, ridge_solutions
from lib.models.mlp import initial_weights, torch_mlp
from lib.models.training import TorchClassifier
from lib.models.watched import tested, watched

Width = Annotated[int, Field(ge=1, le=8192)]
Number = Annotated[int, Field(ge=10, le=1000)]
Ratio = Annotated[float, Field(gt=0, le=200)]
Decay = Annotated[float, Field(gt=0, le=500)]


class OverfittingConfig(Config):
    """Settings of the whole lab; `width` and what belongs to a part tell the trials apart."""

    seeds: int = Field(
        10, ge=1, le=1000, description="twice the 5 that an interval needs: a network's error varies by a few per cent"
    )
    batch: int = Field(256, ge=1, le=1024, description="trials asked for at a time: all, so that no core waits")
    label_noise: float = Field(
        0.3, ge=0, le=1, description="share of labels drawn at random: clean digits are too easy to overfit visibly"
    )
    examples: int = Field(200, ge=10, le=1000, description="few, so that a small network already has enough weights")

    widths: tuple[Width, ...] = Field(
        (4, 8, 16, 24, 32, 128, 512, 1024),
        min_length=1,
        description="from too small to fit to 40 weights a number; the simple network is chosen from those below 27",
    )
    large: Width = Field(512, description="the complex one: 38,410 weights for 200 examples of ten classes")
    width: int = Field(0, ge=0, le=8192, description="of a trial's network; set by the study")
    more_examples: tuple[Number, ...] = Field(
        (100, 500, 1000), min_length=1, description="for the large network; 1,000 are all there are to train on"
    )
    decays: tuple[Decay, ...] = Field(
        (1, 3, 6, 12),
        min_length=1,
        description="of the large network's weights, doubling; times the learning rate they are lost in each step",
    )
    weight_decay: float = Field(0, ge=0, le=500, description="of a trial's weights; set by the study")
    epochs: int = Field(
        300,
        ge=1,
        le=100_000,
        description="until networks of 27 units and more know 97 % of their labels; the same for all",
    )
    steps_per_epoch: int = Field(
        5, ge=1, le=100, description="the same with more examples: as many epochs and as many steps; 40 of 200 a step"
    )
    learning_rate: float = Field(2e-3, gt=0, le=1, description="twice Adam's default, which halves the epochs")

    descent_widths: tuple[Width, ...] = Field(
        (8, 16, 32, 64, 256, 1024),
        min_length=1,
        description="both sides of the threshold 133, which is always among them",
    )
    descent_examples: Number = Field(1000, description="all there are: the threshold lies far above ten units")
    descent_epochs: int = Field(
        200, ge=1, le=100_000, description="until a network at the threshold knows 99 % of its labels; the same for all"
    )
    descent_steps_per_epoch: int = Field(10, ge=1, le=100, description="a hundred examples a step")
    descent_learning_rate: float = Field(4e-3, gt=0, le=1, description="four times Adam's default: fits in 2,000 steps")

    ratios: tuple[Ratio, ...] = Field(
        (0.05, 0.1, 0.15, 0.25, 0.5, 0.75, 0.9, 1, 1.1, 1.25, 1.5, 2, 4, 10, 50),
        min_length=1,
        description="random features per example, densest at the threshold 1, which is always among them",
    )
    ridge: float = Field(0, ge=0, le=1e6, description="0: the solution of least norm, where the peak is sharpest")

    @field_validator("ratios")
    @classmethod
    def _threshold_has_two_sides(cls, ratios: tuple[float, ...]) -> tuple[float, ...]:
        if not min(ratios) < 1 < max(ratios):
            raise ValueError("some must lie below 1 and some above, as the threshold is between them")
        return ratios


LOOKS = 40
"""At the losses and errors on the way, denser at the beginning."""


def network(config: OverfittingConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """Train one network; losses and errors along the way, at the end, and where the validation loss was lowest."""
    data = noisy_digits(seed, config.examples, config.label_noise)
    classifier = classifier_of(config, initial_weights(seed, (INPUTS, config.width, CLASSES)), data)
    training = watched(classifier, data, seed, log, epochs=config.epochs, looks=LOOKS)
    log.parameters(classifier.weights())
    stopped = classifier_of(config, training.weights, data)
    return {
        **training.measured(),
        **tested("test", classifier.logits(data.test.inputs), data.test),
        **tested("stopped", stopped.logits(data.test.inputs), data.test),
    }


def classifier_of(config: OverfittingConfig, weights: dict[str, np.ndarray], data: NoisyDigits) -> TorchClassifier:
    """The network with these weights, ready to be trained; Adam without a weight decay is AdamW with one of 0."""
    import torch

    model = torch_mlp(weights)
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    size = -(-config.examples // config.steps_per_epoch)
    return TorchClassifier(model, optimizer, data.train.inputs, data.train.labels, size)


RIDGES = tuple(np.logspace(-6, 2, 17))


def features(config: OverfittingConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """Least squares on random features of all sizes, with clean and with noisy labels.

    Lists by size: `test_error`, `validation_error`, `train_error` (shares; the first two of the true digits),
    `residual` (largest |A B - Y|), `norm` of B, and `tuned_error`: on test, with the ridge of least validation error;
    `test_right`, `tuned_right`: the same by image.
    """
    ratios = sorted({*config.ratios, 1.0})
    numbers = [max(1, round(ratio * config.examples)) for ratio in ratios]
    measured: dict[str, Any] = {"ratios": ratios, "features": numbers}
    for name, noise in (("clean", 0.0), ("noisy", config.label_noise)):
        data = noisy_digits(seed, config.examples, noise)
        rows = [_least_squares(data, number, config.ridge, seed.rng("features", number)) for number in numbers]
        measured[name] = {key: [row[key] for row in rows] for key in rows[0]}
        for number, row in zip(numbers, rows, strict=True):
            log(number, **{f"{name}_{key}": value for key, value in row.items() if isinstance(value, float)})
    return measured


def _least_squares(data: NoisyDigits, number: int, ridge: float, rng: np.random.Generator) -> dict[str, Any]:
    W = random_weights(INPUTS, number, rng)
    center = data.train.inputs.mean(axis=0)
    A, V, T = (relu_features(part.inputs - center, W) for part in (data.train, data.validation, data.test))
    Y = np.eye(CLASSES)[data.train.labels]
    B, *tuned = ridge_solutions(A, Y, (ridge, *RIDGES))
    chosen = min(tuned, key=lambda solution: _error(V @ solution, data.validation.labels))
    return {
        "test_error": _error(T @ B, data.test.digits),
        "validation_error": _error(V @ B, data.validation.digits),
        "train_error": _error(A @ B, data.train.labels),
        "residual": float(np.abs(A @ B - Y).max()),
        "norm": float(np.linalg.norm(B)),
        "tuned_error": _error(T @ chosen, data.test.digits),
        "test_right": right_digits(T @ B, data.test),
        "tuned_right": right_digits(T @ chosen, data.test),
    }


def _error(outputs: np.ndarray, labels: np.ndarray) -> float:
    return float(np.mean(outputs.argmax(axis=1) != labels))


def study(config: OverfittingConfig) -> Study:
    """Every trial with every seed."""
    yield from batches(_trials(config), config.batch)


def _trials(config: OverfittingConfig) -> Iterator[Trial]:
    for variants in (_width_variants(config), _descent_variants(config)):
        for seed in range(config.seeds):
            for variant, changes in variants.items():
                yield Trial(variant, changed(config, changes), seed, Runtime("torch"), "network")
    for seed in range(config.seeds):
        yield Trial("features", config, seed, Runtime("numpy", "float64"), "features")


def _width_variants(config: OverfittingConfig) -> dict[str, dict[str, Any]]:
    widths = sorted({*config.widths, config.large})
    return {
        **{f"width/{width}": {"width": width} for width in widths},
        **{f"decay/{decay:g}": {"width": config.large, "weight_decay": decay} for decay in config.decays},
        **{f"examples/{n}": {"width": config.large, "examples": n} for n in config.more_examples},
        "random labels": {"width": config.large, "label_noise": 1.0},
    }


def _descent_variants(config: OverfittingConfig) -> dict[str, dict[str, Any]]:
    settings = {
        "examples": config.descent_examples,
        "epochs": config.descent_epochs,
        "steps_per_epoch": config.descent_steps_per_epoch,
        "learning_rate": config.descent_learning_rate,
    }
    widths = sorted({*config.descent_widths, threshold_width(config.descent_examples)})
    return {f"descent/{width}": {"width": width, **settings} for width in widths}


SEARCH = Search(
    space={
        "large": Range(8, 1024, log=True),
        "epochs": Range(10, 300, log=True),
        "learning_rate": Range(2e-4, 2e-2, log=True),
    },
    trial=lambda config: Trial("large", changed(config, {"width": config.large}), 0, Runtime("torch"), "network"),
    measure="validation_true_error",
    goal="minimize",
)
"""How large and how long trained a network may be that learns noisy labels, for the true ones."""

LAB = Lab(
    name="overfitting",
    summary="models more complex than their data need: the noise learned by heart, and the error beyond that point",
    chapter=2,
    minutes=4,
    config=OverfittingConfig,
    quick={
        "seeds": 3,
        "widths": (8, 16, 512),
        "decays": (6,),
        "more_examples": (1000,),
        "descent_widths": (16, 1024),
        "ratios": (0.1, 0.25, 0.5, 1, 2, 10),
    },
    study=study,
    trials={"network": network, "features": features},
    claims=CLAIMS,
    lecture=("complexity-overfits", "double-descent"),
    figures={
        "complexity": figures.complexity,
        "training-length": figures.training_length,
        "random-labels": figures.random_labels,
        "double-descent": figures.double_descent,
        "ridge": figures.ridge,
    },
    data=("digits",),
    portable={"numpy": ("amd", "intel"), "torch": ("any", "intel")},
    search=SEARCH,
    texts=figures.TEXTS,
)
