"""Code of TensorFlow 1 as old books and notes have it, and the Keras code that does the same today.

`PAIRS` are texts that are really executed, in a namespace with ``tf``, ``keras``, ``np``, ``images`` (n, 28, 28, 1),
``x`` (n, 784), ``labels`` (n,) and ``folder``. Each leaves what it computed in ``answer``.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lib.data import fashion_mnist
from lib.data.pictures import Split
from lib.harness.contract.claim import largest
from lib.models import evaluation
from lib.models.error_text import error_of
from lib.models.nearest_mean import nearest_mean

Names = Mapping[str, Any]
JUDGED = 1_000
"""New pictures that judge a classifier."""


@dataclass(frozen=True)
class Pair:
    """Old code and its replacement. `deviation`: of the replacement's answer from what it must be, given its names."""

    old: str
    new: str
    deviation: Callable[[Names], float]


def _dense(names: Names) -> float:
    kernel, bias = names["layer"].get_weights()
    return float(np.abs(names["answer"] - (names["x"] @ kernel + bias)).max())


def _convolution(names: Names) -> float:
    kernel, bias = names["layer"].get_weights()
    patches = np.lib.stride_tricks.sliding_window_view(names["images"][..., 0], (5, 5), axis=(1, 2))
    wanted = np.einsum("nrcij,ijo->nrco", patches, kernel[:, :, 0]) + bias
    return float(np.abs(names["answer"] - wanted).max())


def _accuracy(names: Names) -> float:
    answers = np.asarray(names["model"](names["x"])).argmax(axis=1)
    return abs(float(names["answer"]) - float(np.mean(answers == names["labels"])))


def _descent(names: Names) -> float:
    """The first loss is ln 10, as all logits are 0, and the loss after the step is lower."""
    first, second = names["answer"]
    return float(abs(first - np.log(10)) + largest((0.0, second - first)))


def _row_sums(names: Names) -> float:
    wanted = names["x"].sum(axis=1, dtype=np.float64)
    return float(np.abs(np.asarray(names["answer"]) / wanted - 1).max())


def _exported(names: Names) -> float:
    return float(np.abs(names["answer"] - np.asarray(names["model"](names["x"]))).max())


PAIRS: Mapping[str, Pair] = {
    "a dense layer": Pair(
        """\
answer = tf.layers.dense(x, 10)
""",
        """\
layer = keras.layers.Dense(10)
answer = layer(x)
""",
        _dense,
    ),
    "a convolution": Pair(
        """\
answer = tf.layers.conv2d(images, 6, 5)
""",
        """\
layer = keras.layers.Conv2D(6, 5)
answer = layer(images)
""",
        _convolution,
    ),
    "a dense layer, compat.v1": Pair(
        """\
answer = tf.compat.v1.layers.dense(x, 10)
""",
        """\
layer = keras.layers.Dense(10)
answer = layer(x)
""",
        _dense,
    ),
    "train and evaluate": Pair(
        """\
pixels = tf.feature_column.numeric_column("x", shape=[784])
model = tf.estimator.DNNClassifier([32], [pixels], n_classes=10)
data = lambda: tf.data.Dataset.from_tensors(({"x": x}, labels))
model.train(data, steps=100)
answer = model.evaluate(data)["accuracy"]
""",
        """\
model = keras.Sequential([
    keras.Input([784]),
    keras.layers.Dense(32, activation="relu"),
    keras.layers.Dense(10, activation="softmax"),
])
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, labels, epochs=20, verbose=0)
answer = model.evaluate(x, labels, verbose=0)[1]
""",
        _accuracy,
    ),
    "a model of one's own": Pair(
        """\
def model_fn(features, labels, mode):
    logits = tf.layers.dense(features, 10)
    loss = tf.losses.sparse_softmax_cross_entropy(labels, logits)
    step = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=step)
model = tf.estimator.Estimator(model_fn)
""",
        """\
layer = keras.layers.Dense(10, kernel_initializer="zeros")
loss_of = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
optimizer = keras.optimizers.SGD(0.1)
answer = []
for step in range(2):
    with tf.GradientTape() as tape:
        loss = loss_of(labels, layer(x))
    gradients = tape.gradient(loss, layer.trainable_variables)
    optimizer.apply(gradients, layer.trainable_variables)
    answer.append(float(loss))
""",
        _descent,
    ),
    "placeholder and session": Pair(
        """\
pixels = tf.placeholder(tf.float32, [None, 784])
total = tf.reduce_sum(pixels, axis=1)
with tf.Session() as session:
    answer = session.run(total, {pixels: x})
""",
        """\
@tf.function
def total(pixels):
    return tf.reduce_sum(pixels, axis=1)
answer = total(x)
""",
        _row_sums,
    ),
    "a model to serve": Pair(
        """\
model = keras.Sequential([keras.Input([784]), keras.layers.Dense(10)])
estimator = tf.keras.estimator.model_to_estimator(model)
estimator.export_saved_model(folder, lambda: x)
""",
        """\
model = keras.Sequential([keras.Input([784]), keras.layers.Dense(10)])
model.export(folder, verbose=False)
served = tf.saved_model.load(folder)
answer = served.signatures["serving_default"](tf.constant(x))["output_0"]
""",
        _exported,
    ),
}


def run(code: str, names: dict[str, Any]) -> str:
    """Execute code in a namespace; its error, or nothing."""
    return error_of(lambda: exec(compile(code, "<old code>", "exec"), names))


def both(pictures: int) -> dict[str, Any]:
    """Execute every pair: the errors of old and new code, and how far the new answers are from what they must be.

    `accuracy`: of the classifier that replaces an estimator, on new pictures; `nearest_mean`: of naming the class whose
    mean training picture is nearest, which needs no training.
    """
    import keras
    import tensorflow as tf

    split = fashion_mnist.train().first(pictures)
    images = split.scaled()[..., None]
    shared = {"tf": tf, "keras": keras, "np": np, "images": images, "x": images.reshape(-1, 784)}
    old, new, deviation, learned = {}, {}, {}, 0.0
    validation = fashion_mnist.validation().first(JUDGED)
    for name, pair in PAIRS.items():
        with tempfile.TemporaryDirectory() as folder:
            first = {**shared, "labels": split.labels.astype(np.int32), "folder": f"{folder}/old"}
            second = {**first, "folder": f"{folder}/new"}
            old[name], new[name] = run(pair.old, first), run(pair.new, second)
            deviation[name] = pair.deviation(second) if not new[name] else float("inf")
        if name == "train and evaluate" and not new[name]:
            learned = evaluation.accuracy(np.asarray(second["model"](_rows(validation))), validation.labels)
    return {
        "old_errors": old,
        "new_errors": new,
        "deviations": deviation,
        "accuracy": learned,
        "nearest_mean": float(np.mean(nearest_mean(split, validation) == validation.labels)),
    }


def _rows(pictures: Split) -> np.ndarray:
    return np.asarray(pictures.scaled().reshape(len(pictures), -1))
