"""The networks of the mlp lab on its two tasks, and their training in torch or in Keras."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from pydantic import Field

from lib.data import mnist_5k
from lib.harness.contract.config import Config
from lib.harness.contract.seeds import Seed
from lib.harness.contract.series import packed
from lib.harness.contract.trial import Log
from lib.mlp.mlp import neuron
from lib.mlp.mlp.figures import grid_points
from lib.mlp.mlp.spirals import two_spirals
from lib.models import evaluation
from lib.models.mlp import Activation, initial_weights, keras_mlp, named_weights, torch_mlp
from lib.models.training import Classifier, DivergedError, KerasClassifier, TorchClassifier, check_data, train

Examples = tuple[np.ndarray, np.ndarray]
Task = Literal["spirals", "digits"]
Network = Literal["one-layer", "identity", "tanh", "relu"]
TASKS: dict[Task, tuple[Network, ...]] = {
    "spirals": ("one-layer", "identity", "tanh", "relu"),
    "digits": ("one-layer", "identity", "relu"),
}
"""The networks of each task: one linear layer, or hidden layers with this activation."""


class MlpConfig(Config):
    """Settings of the whole lab. `network` and `learning_rate` tell the trials apart."""

    seeds: int = Field(10, ge=1, le=1000, description="the digits' gain is two or three points: 5 do not settle it")
    batch: int = Field(256, ge=1, le=1024, description="trials asked for at a time: all, so that no core waits")
    network: Network = Field("relu", description="what a trial of spirals or digits trains; set by the study")
    grid_seeds: int = Field(3, ge=1, le=1000, description="one start is lucky at some rate: the mean over 3 chooses")
    learning_rate: float = Field(3e-3, gt=0, le=1, description="Adam's; the grid chooses, the study sets it")
    learning_rates: tuple[float, ...] = Field(
        (3e-4, 1e-3, 3e-3, 1e-2), min_length=1, description="the grid: half decades around Adam's usual 1e-3"
    )
    batch_size: int = Field(50, ge=1, le=10_000, description="small enough for many steps an epoch")

    spirals_points: int = Field(600, ge=20, le=100_000, description="dense enough that the arms are seen as lines")
    spirals_hidden: tuple[int, ...] = Field(
        (64, 64, 64), min_length=1, description="three layers, so that folding shows"
    )
    spirals_epochs: int = Field(120, ge=1, le=10_000, description="the slower activation, tanh, needs most of them")
    digits_pictures: int = Field(3_500, ge=50, le=3_500, description="MNIST-5k's training pictures: all")
    digits_hidden: tuple[int, ...] = Field(
        (128, 128, 128), min_length=1, description="three layers, as for the spirals"
    )
    digits_epochs: int = Field(
        12, ge=1, le=1_000, description="the training loss of all three networks is flat by then"
    )
    xor_starts: int = Field(100, ge=1, le=10_000, description="networks side by side, for a share of starts")
    xor_steps: int = Field(3_000, ge=1, le=1_000_000, description="who has not found XOR by then is stuck")
    xor_learning_rate: float = Field(1.0, gt=0, le=100, description="four rows, no noise: large steps are safe")


def examples(config: MlpConfig, task: Task, split: Literal["train", "validation", "test"], seed: Seed) -> Examples:
    """Inputs (n, d) float32 and labels (n,) of a split. Spirals are drawn anew for every seed and split."""
    if task == "spirals":
        return two_spirals(seed.rng("spirals", split), config.spirals_points if split == "train" else 1_000)
    pictures = getattr(mnist_5k, split)()
    if split == "train":
        pictures = pictures.first(config.digits_pictures)
    return pictures.scaled().reshape(len(pictures), -1), pictures.labels


def widths(config: MlpConfig, task: Task) -> tuple[int, ...]:
    """Inputs, hidden layers (none for one linear layer) and classes."""
    ends, hidden = ((2, 2), config.spirals_hidden) if task == "spirals" else ((784, 10), config.digits_hidden)
    return (ends[0], *(() if config.network == "one-layer" else hidden), ends[1])


def activation(config: MlpConfig) -> Activation:
    """The activation between the layers."""
    return "identity" if config.network == "one-layer" else config.network


def make_classifier(config: MlpConfig, task: Task, seed: Seed, inputs: np.ndarray, labels: np.ndarray) -> Classifier:
    """The network of the config with Adam, in its framework. He's initialisation for ReLU, Xavier's for the others."""
    sizes = widths(config, task)
    weights = initial_weights(seed, sizes, "he" if config.network == "relu" else "xavier")
    check_data(inputs, labels, (sizes[0],), sizes[-1])
    if config.framework == "torch":
        import torch

        model = torch_mlp(weights, activation(config))
        optimizer = torch.optim.Adam(model.parameters(), config.learning_rate, eps=1e-8)
        return TorchClassifier(model, optimizer, inputs, labels, config.batch_size)
    import keras

    return KerasClassifier(
        keras_mlp(weights, activation(config)),
        keras.optimizers.Adam(config.learning_rate, epsilon=1e-8),
        inputs,
        labels,
        config.batch_size,
    )


def weights_of(classifier: Classifier) -> dict[str, np.ndarray]:
    """The weights by the names and in the shapes of `lib.models.mlp`, whichever framework they come from."""
    weights = classifier.weights()
    return weights if "dense1.weight" in weights else named_weights(list(weights.values()))


def fit(task: Task, config: MlpConfig, seed: Seed, log: Log) -> tuple[Classifier, dict[str, Any]]:
    """Train one network. Returns it, its validation loss, its training accuracy and the training losses by epoch.

    Raises:
        DivergedError: the training diverged.
    """
    inputs, labels = examples(config, task, "train", seed)
    validation = examples(config, task, "validation", seed)
    classifier = make_classifier(config, task, seed, inputs, labels)
    epochs = config.spirals_epochs if task == "spirals" else config.digits_epochs
    losses = [float(each.mean()) for each in train(classifier, epochs, seed, log)]
    return classifier, {
        "validation_loss": evaluation.cross_entropy(classifier.logits(validation[0]), validation[1]),
        "train_accuracy": evaluation.accuracy(classifier.logits(inputs), labels),
        "losses": losses,
    }


def tune(task: Task, config: MlpConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """Train one network to choose a learning rate: infinite validation loss where it diverges; no test data."""
    try:
        return fit(task, config, seed, log)[1]
    except DivergedError:
        return {"validation_loss": np.inf}


def learn(task: Task, config: MlpConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """Train one network and measure test accuracy, folding, and what the figures need."""
    classifier, measured = fit(task, config, seed, log)
    inputs, labels = examples(config, task, "test", seed)
    logits = classifier.logits(inputs)
    measured["test_accuracy"] = evaluation.accuracy(logits, labels)
    if task == "digits":  # the same for all seeds
        measured["test_right"] = packed(evaluation.right(logits, labels))
    weights = weights_of(classifier)
    matrix, bias = neuron.fold(weights)
    folded = inputs.astype(np.float64) @ matrix.T + bias
    measured["folding"] = float(np.abs(folded - logits).max() / np.abs(logits).max())
    measured["logits"] = np.stack([logits[:60], folded[:60]])
    if task == "spirals":
        scores = classifier.logits(grid_points())
        measured["regions"] = (scores[:, 1] > scores[:, 0]).astype(np.uint8)
        measured["points"] = np.round(examples(config, task, "train", seed)[0], 3)
    log.parameters(weights)
    return measured
