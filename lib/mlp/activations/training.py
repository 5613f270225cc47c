"""The settings of the activations lab and the training of its networks on digits, with Adam."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from pydantic import Field

from lib.data import digits
from lib.data.pictures import Split
from lib.harness.contract.config import Config
from lib.harness.contract.seeds import Seed
from lib.harness.contract.series import packed
from lib.harness.contract.trial import Log
from lib.mlp.activations import very_deep
from lib.mlp.activations.gradients import USUAL, Activation, dead_units, network
from lib.models import evaluation
from lib.models.training import DivergedError, TorchClassifier, train


class ActivationsConfig(Config):
    """Settings of the whole lab. `activation`, `start`, `arm`, `depth` and `learning_rate` tell trials apart."""

    framework: Literal["torch"] = Field("torch", description="what most readers of the lecture use today")
    seeds: int = Field(20, ge=1, le=1000, description="single starts scatter by a factor of 5: a mean needs 20")
    batch: int = Field(256, ge=1, le=1024, description="trials asked for at a time: all, so that no core waits")
    activation: Activation = Field("relu", description="what a trial of training has; set by the study")
    start: Literal["usual", "as-tanh"] = Field("usual", description="as-tanh: of sigmoids alone; set by the study")
    arm: Literal["plain", "norm", "skip", "both"] = Field("plain", description="of a very deep network; as above")
    depth: int = Field(20, ge=1, le=200, description="hidden layers of a trial of training; set by the study")
    learning_rate: float = Field(1e-3, gt=0, le=10, description="the grid chooses, the study sets it")

    depths: tuple[int, ...] = Field(
        (2, 5, 10, 20, 30), min_length=1, description="hidden layers: from what trains anyway to what never did"
    )
    examples: int = Field(256, ge=1, le=100_000, description="a large batch, so that the gradient is no noise")
    activations: tuple[Activation, ...] = Field(
        tuple(USUAL), min_length=1, description="that train 20 layers: all; fewer where time is short"
    )
    deep: int = Field(20, ge=2, le=200, description="hidden layers of the networks that train: the lecture's deep net")
    shallow: int = Field(2, ge=1, le=100, description="hidden layers of the sigmoid's control")
    training_seeds: int = Field(10, ge=1, le=1000, description="5 left the accuracy of ReLU undecided at 0.9")
    grid_seeds: int = Field(3, ge=1, le=1000, description="one start is lucky at some rate: the mean over 3 chooses")
    learning_rates: tuple[float, ...] = Field(
        (3e-4, 1e-3, 3e-3, 1e-2), min_length=1, description="half decades around Adam's usual 1e-3"
    )
    batch_size: int = Field(50, ge=1, le=1000, description="20 steps an epoch on 1,000 digits")
    epochs: int = Field(40, ge=1, le=10_000, description="four times what the networks need that learn at all")
    high_rate: float = Field(1e-2, gt=0, le=1, description="ten times Adam's default: the next rate that people try")

    very_deep: tuple[int, ...] = Field(
        (20, 50, 100), min_length=2, description="hidden layers with skips and normalisation: up to what needs them"
    )
    very_deep_seeds: int = Field(6, ge=1, le=1000, description="an interval; what learns differs by far from what not")
    very_deep_grid_seeds: int = Field(2, ge=1, le=1000, description="as grid_seeds; a run takes five times as long")
    very_deep_rates: tuple[float, ...] = Field(
        (3e-4, 1e-3, 3e-3), min_length=1, description="as above, without the one at which a hundred layers diverge"
    )
    very_deep_epochs: int = Field(12, ge=1, le=10_000, description="the networks that learn have settled by then")


def classifier_of(config: ActivationsConfig, seed: Seed) -> TorchClassifier:
    """The network of the config, ready to be trained on digits."""
    start = USUAL[config.activation] if config.start == "usual" else config.start
    return _ready(network(config.activation, start, config.depth, seed), config)


def very_deep_classifier(config: ActivationsConfig, seed: Seed) -> TorchClassifier:
    """The very deep network of the config, ready to be trained on digits."""
    return _ready(very_deep.network(very_deep.ARMS[config.arm], config.depth, seed), config)


def _ready(model: Any, config: ActivationsConfig) -> TorchClassifier:
    import torch

    training = digits.train()
    optimizer = torch.optim.Adam(model.parameters(), config.learning_rate, fused=True)
    return TorchClassifier(model, optimizer, _rows(training), training.labels, config.batch_size)


def tune(config: ActivationsConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """Train one network to choose its learning rate: the validation loss, infinite where it diverges."""
    return _validation_loss(classifier_of(config, seed), config.epochs, seed, log)


def tune_very_deep(config: ActivationsConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """Train one very deep network to choose its learning rate, as `tune`."""
    return _validation_loss(very_deep_classifier(config, seed), config.very_deep_epochs, seed, log)


def _validation_loss(classifier: TorchClassifier, epochs: int, seed: Seed, log: Log) -> dict[str, Any]:
    validation = digits.validation()
    try:
        for _ in train(classifier, epochs, seed, log):
            pass
    except DivergedError:
        return {"validation_loss": np.inf}
    return {"validation_loss": evaluation.cross_entropy(classifier.logits(_rows(validation)), validation.labels)}


def learn(config: ActivationsConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """Train one network on digits: what `_learned` says, dead units before and after, and how far layers moved.

    `moved`: of the first and the last hidden layer's weights, the size of the change over the size at the start.
    """
    classifier, inputs = classifier_of(config, seed), _rows(digits.train())
    before, dead = classifier.weights(), [dead_units(classifier.model, inputs)]
    learned = _learned(classifier, config.epochs, seed, log)
    after = classifier.weights()
    moved = [_change(before[name], after[name]) for name in ("dense2.weight", f"dense{config.depth + 1}.weight")]
    return {**learned, "dead": np.stack([*dead, dead_units(classifier.model, inputs)]), "moved": moved}


def learn_very_deep(config: ActivationsConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """Train one very deep network on digits: what `_learned` says, and its gradient and activations at the start."""
    classifier, training = very_deep_classifier(config, seed), digits.train()
    start = very_deep.start_of(classifier.model, _rows(training), training.labels)
    learned = _learned(classifier, config.very_deep_epochs, seed, log)
    return {**learned, "ratio": start.ratio, "likeness": start.likeness}


def _learned(classifier: TorchClassifier, epochs: int, seed: Seed, log: Log) -> dict[str, Any]:
    """Train: curves, and which test digits are right. A network that diverges learns no more."""
    validation, test = digits.validation(), digits.test()
    losses, accuracies = [], []
    diverged = False
    try:
        for each in train(classifier, epochs, seed, log):
            losses.append(float(each.mean()))
            accuracies.append(evaluation.accuracy(classifier.logits(_rows(validation)), validation.labels))
    except DivergedError:
        diverged = True
    missing = epochs - len(losses)
    log.parameters(classifier.weights())
    logits = classifier.logits(_rows(test))
    return {
        "losses": losses + [np.inf] * missing,
        "validation_accuracies": accuracies + [0.0] * missing,
        "test_accuracy": evaluation.accuracy(logits, test.labels),
        "test_right": packed(evaluation.right(logits, test.labels)),
        "diverged": diverged,
    }


def _change(before: np.ndarray, after: np.ndarray) -> float:
    return float(np.linalg.norm(after - before) / np.linalg.norm(before))


def _rows(pictures: Split) -> np.ndarray:
    """The pictures as rows of 64 numbers in [-1, 1], around 0 as inputs should be (LeCun et al. 1998)."""
    return np.asarray(2 * pictures.scaled().reshape(len(pictures), -1) - 1)
