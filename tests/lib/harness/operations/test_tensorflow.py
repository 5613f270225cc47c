"""The first operation that differs, in a step of training in Keras on TensorFlow, compiled as the labs compile it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from lib.harness.running.watching import in_tensorflow
from lib.models.training import KerasClassifier
from tests.lib.harness.operations import support

EXAMPLES, BATCH = 24, 10
ORDER = np.arange(EXAMPLES)


class Training:
    """A small network that has been trained for an epoch. `change`: what is done to it then."""

    def __init__(self, change: Callable[[Training], object] = lambda training: None, activation: str = "tanh"):
        keras.backend.clear_session()
        keras.utils.set_random_seed(3)
        hidden, last = keras.layers.Dense(8, activation="tanh", name="hidden"), keras.layers.Dense(3, name="last")
        self.model = keras.Sequential([keras.Input((6,)), hidden, last])
        rng = np.random.default_rng(3)
        inputs, labels = rng.standard_normal((EXAMPLES, 6), dtype=np.float32), rng.integers(0, 3, EXAMPLES)
        self.classifier = KerasClassifier(self.model, keras.optimizers.SGD(0.1), inputs, labels, BATCH)
        self.order = ORDER
        self.classifier.epoch(self.order)
        hidden.activation = keras.activations.get(activation)
        change(self)

    def epoch(self) -> np.ndarray:
        """Train for another epoch. Returns the new weights, flat."""
        self.classifier.epoch(self.order)
        return np.concatenate([weight.ravel() for weight in self.classifier.weights().values()])


def nudge(training: Training) -> None:
    """Raise a weight of the hidden layer by a unit in the last place."""
    kernel = training.model.get_layer("hidden").kernel
    value = kernel.numpy()
    value[0, 0] = np.nextafter(value[0, 0], np.float32(np.inf))
    kernel.assign(value)


def turn_around(training: Training) -> None:
    """Take the examples in the opposite order."""
    training.order = ORDER[::-1].copy()


def slow_down(training: Training) -> None:
    """Halve the learning rate."""
    training.classifier.set_learning_rate(0.05)


def difference(folder: Path, *trainings: Any) -> Any:
    return support.difference(folder, in_tensorflow.watched, Training.epoch, *trainings)


def test_two_epochs_are_identical_and_the_network_is_compiled_again_afterwards(tmp_path: Path) -> None:
    assert difference(tmp_path, Training(), Training()) is None
    assert not tf.config.functions_run_eagerly()
    path = tmp_path / "0.jsonl"
    text = path.read_text()
    assert text.count('"name":"MatMul","scope":"hidden"') == 3, "one for each batch: the last one is smaller"
    assert '"name":"MatMul","scope":"backward"' in text
    assert '"scope":"SGD"' in text or '"scope":"sgd"' in text
    training = Training()
    training.epoch()
    size = path.stat().st_size
    training.epoch()
    assert path.stat().st_size == size


@pytest.mark.parametrize(
    ("change", "inputs", "scope"),
    [(nudge, ("variable",), "hidden"), (turn_around, None, ""), (slow_down, None, "sgd")],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_was_changed_outside_is_an_input_that_differs(
    change: Callable[[Training], object], inputs: tuple[str, ...] | None, scope: str, tmp_path: Path
) -> None:
    found = difference(tmp_path, Training(), Training(change))
    assert found.names[0] == found.names[1]
    assert found.inputs and not (inputs and found.inputs != inputs)
    assert scope in found.scope.lower()


def test_another_operation_of_a_layer_is_named(tmp_path: Path) -> None:
    found = difference(tmp_path, Training(), Training(activation="relu"))
    assert (found.names, found.scope) == (("Tanh", "Relu"), "hidden")
