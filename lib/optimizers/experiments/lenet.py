"""LeNet-5 on Fashion-MNIST, its parameters stepped by the NumPy optimizers, in torch or in Keras.

DeepOBS' protocol again: a grid of learning rates, judged by the loss on the validation pictures after training on a
fixed subset; then the best rate of every optimizer with fresh seeds (weights and order) on more pictures. Unlike there,
the grid has two seeds and its mean decides: a rate at which one of them diverges is out. The test pictures are read
once, when the training of a final trial is over.

- **grid**, **final**: the framework computes the gradients, ours take the steps, in float32.
- **coincide**: two equal networks in float64 see the same batches, one stepped by ours and one by the framework's own
  optimizer with the same settings. After every step the parameters are compared, at the end the predictions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lib.data import fashion_mnist
from lib.data.pictures import Split
from lib.harness.contract.claim import largest
from lib.harness.contract.seeds import Seed
from lib.harness.contract.series import packed
from lib.harness.contract.trial import Log
from lib.models import evaluation, lenet
from lib.optimizers.experiments.arms import optimizer_of
from lib.optimizers.experiments.config import LECTURE, OptimizersConfig, build
from lib.optimizers.experiments.frameworks import exact_casts, keras_optimizer, torch_optimizer

Weights = dict[str, np.ndarray]
COINCIDE_RATES = {"GradientDescent": 0.05, "Momentum": 0.01, "Nesterov": 0.01, "Adagrad": 0.01}
"""Learning rates beside the framework; 1e-3 for the others."""
COINCIDE_BATCH = 32
LOST = 10.0
"""A training whose loss exceeds this many nats (chance is 2.3) has diverged and is given up; its loss is infinite."""


@dataclass(frozen=True)
class Network:
    """A LeNet of one framework.

    gradient: loss and gradients, by name, on pictures (n, 28, 28) and labels (n,), at the present weights.
    weights: the present weights by name, in the framework's shapes. put: sets them. logits: of pictures, at inference.
    own_step: a step of the framework's own optimizer from the gradients of the last call of `gradient`.
    """

    gradient: Callable[[np.ndarray, np.ndarray], tuple[float, Weights]]
    weights: Callable[[], Weights]
    put: Callable[[Mapping[str, np.ndarray]], None]
    logits: Callable[[np.ndarray], np.ndarray]
    own_step: Callable[[], None]


def torch_network(seed: Seed, own: tuple[str, dict[str, Any]] | None = None) -> Network:
    """LeNet in torch; `own`: our name and the settings of torch's optimizer that `own_step` calls."""
    import torch

    model = lenet.torch_lenet(lenet.initial_weights(seed))
    parameters = dict(model.named_parameters())
    optimizer = torch_optimizer(own[0], own[1], model.parameters()) if own else None
    cross_entropy = torch.nn.functional.cross_entropy

    def gradient(images: np.ndarray, labels: np.ndarray) -> tuple[float, Weights]:
        model.zero_grad()
        inputs = torch.from_numpy(images).to(torch.get_default_dtype()).unsqueeze(1)
        loss = cross_entropy(model(inputs), torch.from_numpy(labels.astype(np.int64)))
        loss.backward()
        gradients = {name: p.grad.numpy() for name, p in parameters.items() if p.grad is not None}
        return float(loss.detach()), gradients

    def put(weights: Mapping[str, np.ndarray]) -> None:
        with torch.no_grad():
            for name, p in parameters.items():
                p.copy_(torch.from_numpy(weights[name]))

    return Network(
        gradient,
        lambda: {name: p.detach().numpy().copy() for name, p in parameters.items()},
        put,
        lambda images: lenet.torch_logits(model, images),
        lambda: optimizer.step() if optimizer else None,
    )


def keras_network(seed: Seed, own: tuple[str, dict[str, Any]] | None = None) -> Network:
    """LeNet in Keras; `own`: our name and the settings of Keras' optimizer that `own_step` calls."""
    import keras
    import tensorflow as tf

    model = lenet.keras_lenet(lenet.initial_weights(seed))
    variables = dict(zip(lenet.SHAPES, model.trainable_variables, strict=True))
    cross_entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    last: list[Any] = []

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def compiled(images: Any, labels: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = cross_entropy(labels, model(images, training=True))
        return loss, tape.gradient(loss, list(variables.values()))

    def gradient(images: np.ndarray, labels: np.ndarray) -> tuple[float, Weights]:
        inputs = tf.constant(images[..., None].astype(keras.config.floatx()))
        loss, last[:] = compiled(inputs, tf.constant(labels.astype(np.int64)))
        return float(loss), {name: g.numpy() for name, g in zip(variables, last, strict=True)}

    def put(weights: Mapping[str, np.ndarray]) -> None:
        for name, variable in variables.items():
            variable.assign(weights[name])

    def own_step() -> None:
        if optimizer:
            optimizer.apply(last, list(variables.values()))

    optimizer = keras_optimizer(*own) if own else None
    return Network(
        gradient,
        lambda: {name: variable.numpy().copy() for name, variable in variables.items()},
        put,
        lambda images: lenet.keras_logits(model, images),
        own_step,
    )


def network(framework: str, seed: Seed, own: tuple[str, dict[str, Any]] | None = None) -> Network:
    """LeNet of the framework, from the weights of this seed."""
    return (torch_network if framework == "torch" else keras_network)(seed, own)


def grid(config: OptimizersConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """Train on the fixed subset with one learning rate of the grid."""
    return train(config, seed, log, config.lenet_subset)


def final(config: OptimizersConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """Train on all pictures with the learning rate that the grid has chosen, and judge on the test pictures."""
    return train(config, seed, log, config.lenet_pictures, final=True)


def learning_rates(config: OptimizersConfig) -> np.ndarray:
    """The grid: half decades from 1e-4 to 1 by default."""
    return np.geomspace(1e-4, 1.0, config.lenet_grid_points)


def train(config: OptimizersConfig, seed: Seed, log: Log, pictures: int, final: bool = False) -> dict[str, Any]:
    """Train with one optimizer and learning rate. Validation loss and accuracy; those on the test pictures if final."""
    training = fashion_mnist.train().first(pictures)
    net = network(config.framework, seed)
    optimizer = optimizer_of(config, config.lenet_epochs * (len(training) // config.lenet_batch))
    weights = net.weights()
    state = optimizer.init(weights)
    losses: list[float] = []
    diverged = False
    for epoch in range(config.lenet_epochs):
        order = seed.rng("order", epoch).permutation(len(training))
        for first in range(0, len(order) - config.lenet_batch + 1, config.lenet_batch):
            batch = order[first : first + config.lenet_batch]
            loss, gradients = net.gradient(training.scaled(batch), training.labels[batch])
            log(len(losses), loss=loss)
            losses.append(loss)
            diverged = not loss < LOST
            if diverged:
                break
            weights, state = optimizer.update(gradients, state, weights)
            net.put(weights)
        if diverged:
            break
    measured: dict[str, Any] = {"train": averaged(losses), "diverged": diverged, "steps": len(losses)}
    measured |= measure("validation", net, fashion_mnist.validation().first(config.lenet_judged), diverged)
    if final:
        measured |= measure("test", net, fashion_mnist.test().first(config.lenet_judged), diverged)
        log.parameters(weights)
    return measured


def measure(split: str, net: Network, pictures: Split, diverged: bool) -> dict[str, Any]:
    """Loss, accuracy and correctness by picture on a split; infinity, 0 and all wrong for a training that diverged."""
    if diverged:
        right = np.zeros(len(pictures), dtype=bool)
        return {f"{split}_loss": math.inf, f"{split}_accuracy": 0.0, f"{split}_right": packed(right)}
    logits = net.logits(pictures.scaled())
    return {
        f"{split}_loss": evaluation.cross_entropy(logits, pictures.labels),
        f"{split}_accuracy": evaluation.accuracy(logits, pictures.labels),
        f"{split}_right": packed(evaluation.right(logits, pictures.labels)),
    }


def averaged(losses: list[float], parts: int = 60) -> list[list[float]]:
    """The training loss as pairs of [step, mean over the steps since the last pair]."""
    pieces = np.array_split(np.arange(len(losses)), min(parts, len(losses)))
    return [[float(piece[-1] + 1), float(np.mean([losses[i] for i in piece]))] for piece in pieces]


def coincide(config: OptimizersConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """Largest relative difference of LeNet's parameters from the framework's own steps, and predictions that differ."""
    steps = config.lenet_coincide
    training, validation = fashion_mnist.train().first(COINCIDE_BATCH * steps), fashion_mnist.validation().first(200)
    pictures = validation.scaled()
    measured: dict[str, Any] = {"deviation": {}, "predictions": {}}
    for name in LECTURE:
        settings = {"learning_rate": COINCIDE_RATES.get(name, 1e-3)}
        if name in ("RMSprop", "Adam", "AdaMax", "NAdam"):
            settings["eps"] = 1e-4
        ours, reference = network(config.framework, seed), network(config.framework, seed, (name, settings))
        optimizer = build(name, config.framework, **settings)
        weights = ours.weights()
        state = optimizer.init(weights)
        worst = 0.0
        with exact_casts(config.framework):
            for step in range(steps):
                batch = slice(step * COINCIDE_BATCH, (step + 1) * COINCIDE_BATCH)
                images, labels = training.scaled(batch), training.labels[batch]
                _, gradients = ours.gradient(images, labels)
                weights, state = optimizer.update(gradients, state, weights)
                ours.put(weights)
                reference.gradient(images, labels)
                reference.own_step()
                for key, other in reference.weights().items():
                    worst = largest((worst, np.abs(weights[key] - other) / np.maximum(1.0, np.abs(other))))
                log(step, **{name: worst})
        measured["deviation"][name] = worst
        differing = ours.logits(pictures).argmax(axis=1) != reference.logits(pictures).argmax(axis=1)
        measured["predictions"][name] = int(differing.sum())
    return measured
