"""Back-propagation by hand (`lib.mlp.mlp.neuron`) compared with the framework's gradients and finite differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from lib.data import mnist_5k
from lib.harness.contract.claim import Claim, largest
from lib.harness.contract.results import Results
from lib.harness.contract.seeds import Seed
from lib.harness.contract.trial import Log
from lib.mlp.mlp import neuron
from lib.models.mlp import Activation, initial_weights, keras_mlp, named_weights, torch_mlp

if TYPE_CHECKING:
    from lib.mlp.mlp.training import MlpConfig


STEP = 1e-7
"""Of the central difference that the claim reads. The largest at which kinks of ReLU between the two ends are rare."""
STEPS = 10.0 ** -np.arange(1, 13)
"""Steps of the picture: the wide ones see the loss bend, the narrow ones see it rounded."""
SHOWN = 300
"""Gradients of single weights in the picture."""


def framework_gradients(
    framework: str, weights: dict[str, np.ndarray], activation: Activation, inputs: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Logits and the mean cross-entropy's gradients by every weight, named as they are, from torch or TensorFlow."""
    if framework == "torch":
        import torch

        model = torch_mlp(weights, activation)
        logits = model(torch.from_numpy(inputs).to(torch.get_default_dtype()))
        torch.nn.functional.cross_entropy(logits, torch.from_numpy(labels.astype(np.int64))).backward()
        gradients = {name: p.grad.numpy() for name, p in model.named_parameters() if p.grad is not None}
        return logits.detach().numpy(), gradients
    import keras
    import tensorflow as tf

    network = keras_mlp(weights, activation)
    with tf.GradientTape() as tape:
        logits = network(tf.constant(inputs.astype(keras.config.floatx())), training=True)
        each = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.constant(labels.astype(np.int32)), logits)
        loss = tf.reduce_mean(each)
    return logits.numpy(), named_weights([g.numpy() for g in tape.gradient(loss, network.trainable_variables)])


def trial(config: MlpConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """Worst relative deviations of our gradients from the framework's and from central differences, on real digits.

    `by_step`: the deviation from central differences by the size of the step; `single`: gradients of some weights of
    the network with ReLU, ours and the framework's, (2, SHOWN).
    """
    pictures = mnist_5k.train().first(50)
    inputs, labels = pictures.scaled().reshape(50, -1).astype(np.float64), pictures.labels
    measured: dict[str, Any] = {"framework": {}, "differences": {}, "by_step": {}}
    names: tuple[Activation, ...] = ("identity", "sigmoid", "tanh", "relu")
    for number, name in enumerate(names):
        weights = initial_weights(seed.child(name), (784, 32, 16, 10), "xavier")
        _, by_hand = neuron.loss_and_gradients(weights, name, inputs, labels)
        _, expected = framework_gradients(config.framework, weights, name, inputs, labels)
        measured["framework"][name] = largest(
            float(np.abs(by_hand[key] - expected[key]).max() / np.abs(expected[key]).max()) for key in weights
        )

        def loss(changed: dict[str, np.ndarray], name: Activation = name) -> float:
            return float(neuron.loss_and_gradients(changed, name, inputs, labels)[0])

        deviations = [
            difference_deviation(loss, weights, by_hand, seed.rng("directions", name), float(h)) for h in STEPS
        ]
        measured["by_step"][name] = deviations
        measured["differences"][name] = deviations[int(np.flatnonzero(np.isclose(STEPS, STEP))[0])]
        log(number, framework=measured["framework"][name], differences=measured["differences"][name])
    ours, theirs = (np.concatenate([each[key].ravel() for key in weights]) for each in (by_hand, expected))
    some = seed.rng("shown").choice(len(ours), SHOWN, replace=False)
    return {**measured, "single": np.stack([ours[some], theirs[some]])}


def difference_deviation(
    loss: Callable[[dict[str, np.ndarray]], float],
    weights: dict[str, np.ndarray],
    gradients: dict[str, np.ndarray],
    rng: np.random.Generator,
    h: float,
) -> float:
    """The slope along a random direction of each array: central difference against gradient, worst relative."""
    worst = 0.0
    for name, array in weights.items():
        # the gradient plus noise of its size, so that the slope along it is not near zero
        direction = gradients[name] + rng.normal(size=array.shape) * gradients[name].std()
        direction /= np.linalg.norm(direction)
        up, down = (loss({**weights, name: array + step * direction}) for step in (h, -h))
        worst = largest((worst, abs((up - down) / (2 * h) / float((gradients[name] * direction).sum()) - 1)))
    return worst


def _deviation(kind: str) -> Callable[[Results], float]:
    return lambda results: largest(results.of("hand")[0].measurements[kind].values())


CLAIMS = (
    Claim(
        "back-propagation-is-the-chain-rule/framework",
        role="sentence",
        kind="exact",
        measure=_deviation("framework"),
        at_most=1e-10,
    ),
    Claim(
        "back-propagation-is-the-chain-rule/differences",
        role="sentence",
        kind="exact",
        measure=_deviation("differences"),
        at_most=1e-5,
    ),
)
