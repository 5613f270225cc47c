"""torch and Keras from the same weights: the same outputs, gradients and training step; without dropout and with one
mask that is given by hand."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from lib.data.noisy_digits import noisy_digits
from lib.harness.contract.seeds import Seed
from lib.mlp.dropout import inverted_dropout
from lib.mlp.dropout.lab import EPSILON, DropoutConfig, classifier_of, named
from lib.mlp.dropout.simplicity import layers, softmax
from lib.models.mlp import initial_weights, keras_mlp, named_weights, torch_mlp

SEED = Seed(3)
N, UNITS = 40, (30, 20)
WEIGHTS = initial_weights(SEED, (64, *UNITS, 10))
ALL = noisy_digits(SEED, N, 0.3)
DATA = ALL.train
MASKS = [inverted_dropout.draw_mask((N, units), 0.5, SEED.rng("mask", units)) for units in UNITS]
NONE = [np.ones((N, units)) for units in UNITS]


@pytest.fixture(autouse=True)
def float64(keras_float64: Any) -> Iterator[None]:
    import torch

    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


def by_hand(masks: list[np.ndarray]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Logits and gradients of the mean cross-entropy, `lib.mlp.dropout.inverted_dropout` after each hidden layer."""
    values, inputs = [DATA.inputs.astype(np.float64)], []
    for i in (1, 2, 3):
        inputs.append(values[-1])
        z = values[-1] @ WEIGHTS[f"dense{i}.weight"].T + WEIGHTS[f"dense{i}.bias"]
        values.append(inverted_dropout.forward(np.maximum(z, 0), masks[i - 1]) if i < 3 else z)
    delta = (softmax(values[-1]) - np.eye(10)[DATA.labels]) / N
    gradients = {}
    for i in (3, 2, 1):
        gradients[f"dense{i}.weight"], gradients[f"dense{i}.bias"] = delta.T @ inputs[i - 1], delta.sum(axis=0)
        if i > 1:
            delta = inverted_dropout.backward(delta @ WEIGHTS[f"dense{i}.weight"], masks[i - 2]) * (values[i - 1] > 0)
    return values[-1], gradients


def by_torch(masks: list[np.ndarray]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    import torch

    class Masked(torch.nn.Module):
        def __init__(self, mask: np.ndarray):
            super().__init__()
            self.mask = torch.from_numpy(mask)

        def forward(self, h: torch.Tensor) -> torch.Tensor:
            return h * self.mask

    model = torch_mlp(WEIGHTS, dropout=0.5)
    model.dropout1, model.dropout2 = map(Masked, masks)
    logits = model(torch.from_numpy(DATA.inputs).double())
    torch.nn.functional.cross_entropy(logits, torch.from_numpy(DATA.labels)).backward()
    return logits.detach().numpy(), {name: np.asarray(p.grad) for name, p in model.named_parameters()}


def by_keras(masks: list[np.ndarray]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    import tensorflow as tf

    model = keras_mlp(WEIGHTS)
    h = tf.constant(DATA.inputs.astype(np.float64))
    with tf.GradientTape() as tape:
        for layer, mask in zip(model.layers, [*masks, 1.0], strict=True):
            h = layer(h) * mask
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(DATA.labels, h))
    gradients = tape.gradient(loss, model.trainable_variables)
    return h.numpy(), named_weights([g.numpy() for g in gradients])


@pytest.mark.parametrize("masks", [NONE, MASKS], ids=["dropout 0", "one mask by hand"])
def test_same_outputs_and_gradients(masks: list[np.ndarray]) -> None:
    logits, gradients = by_hand(masks)
    for framework in (by_torch, by_keras):
        theirs, their_gradients = framework(masks)
        np.testing.assert_allclose(theirs, logits, atol=1e-10)
        assert their_gradients.keys() == gradients.keys()
        for name, gradient in gradients.items():
            np.testing.assert_allclose(their_gradients[name], gradient, atol=1e-10, err_msg=name)


@pytest.mark.parametrize("masks", [NONE, MASKS], ids=["dropout 0", "one mask by hand"])
def test_same_step_of_adam(masks: list[np.ndarray]) -> None:
    """Each framework's Adam with its own gradients; its first step is lr g / (|g| + eps)."""
    import keras
    import torch

    _, gradients = by_torch(masks)
    parameters = {name: torch.nn.Parameter(torch.from_numpy(w.copy())) for name, w in WEIGHTS.items()}
    for name, parameter in parameters.items():
        parameter.grad = torch.from_numpy(gradients[name])
    torch.optim.Adam(parameters.values(), lr=1e-3, eps=EPSILON["torch"]).step()
    variables = [keras.Variable(w) for w in WEIGHTS.values()]
    theirs = by_keras(masks)[1]
    keras.optimizers.Adam(1e-3, epsilon=EPSILON["keras"]).apply(
        [keras.ops.convert_to_tensor(theirs[n]) for n in WEIGHTS], variables
    )
    for (name, parameter), variable in zip(parameters.items(), variables, strict=True):
        np.testing.assert_allclose(parameter.detach().numpy(), variable.numpy(), atol=1e-7, err_msg=name)


@pytest.mark.parametrize("decay", [0.0, 6.0])
def test_the_labs_classifiers_take_the_same_step(decay: float) -> None:
    after = {}
    for framework in ("torch", "keras"):
        config = DropoutConfig(framework=framework, rate=0.0, weight_decay=decay, examples_per_step=N)
        classifier = classifier_of(config, SEED, WEIGHTS, ALL)
        before = named(config, classifier.weights())
        np.testing.assert_allclose(classifier.logits(DATA.inputs), layers(before, DATA.inputs)[-1], atol=1e-10)
        losses = classifier.epoch(np.arange(N))
        after[framework] = named(config, classifier.weights())
        assert losses.shape == (1,)
        kept = 1 - config.learning_rate * decay
        moved = max(np.abs(after[framework][name] - kept * before[name]).max() for name in before)
        assert moved == pytest.approx(1e-3, rel=0.01)
    for name, ours in after["torch"].items():
        np.testing.assert_allclose(ours, after["keras"][name], atol=1e-7, err_msg=name)
