"""Exercises of the lesson on modules, judged on small modules that are exported for the purpose."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

from lib.lessons.checks import Hint, Learner, relation, same

FEATURES = 4
LABELS = np.array([2, 0, 1, 2, 2, 0, 1, 1, 0, 2, 1, 0])


@cache
def small_module() -> tuple[str, np.ndarray]:
    """A folder with a linear module from pictures (n, 28, 28, 1) to features (n, 4), and its matrix (784, 4)."""
    import keras
    import tensorflow as tf

    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    matrix = np.random.default_rng(0).normal(size=(784, FEATURES)).astype(np.float32) / 28
    model = keras.Sequential(
        [keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(FEATURES, use_bias=False)]
    )
    model.set_weights([matrix])
    logger = tf.get_logger()
    level = logger.level
    logger.setLevel("ERROR")  # it would say where it writes
    try:
        model.export(folder, verbose=False)
    finally:
        logger.setLevel(level)
    return folder, matrix


def _pictures(count: int) -> np.ndarray:
    return np.random.default_rng(1).random((count, 28, 28)).astype(np.float32)


def features_of(learner: Learner) -> Hint | None:
    """The features of a small module, whose matrix is known."""
    folder, matrix = small_module()
    pictures = _pictures(3)
    answer = learner(folder, pictures)
    if isinstance(answer, Mapping):
        return Hint("mapping")
    if isinstance(answer, list | tuple) and len(answer) == 1:
        return Hint("still_a_list")
    features = learner.as_array(answer, (len(pictures), FEATURES))
    expected = pictures.reshape(-1, 784) @ matrix
    if same(features, expected, relative=1e-4):
        return None
    for key, wrong in {
        "turned": pictures.transpose(0, 2, 1).reshape(-1, 784) @ matrix,
        "inverted": (1 - pictures).reshape(-1, 784) @ matrix,
        "rounded": np.round(pictures).reshape(-1, 784) @ matrix,
        "rounded_down": np.floor(pictures).reshape(-1, 784) @ matrix,
    }.items():
        if same(features, wrong, relative=1e-4):
            return Hint("rounded" if key == "rounded_down" else key)
    difference = relation(features, expected, relative=1e-4)
    if difference is not None and difference.kind == "factor":
        return Hint("scaled", ratio=difference.value)
    return Hint("other")


def few(learner: Learner) -> Hint | None:
    """Two of each of three classes, then one: any order will do."""
    for shots in (2, 1):
        answer = np.asarray(learner(LABELS, shots))
        if answer.dtype == bool:
            return Hint("mask")
        places = [int(place) for place in learner.as_array(answer).reshape(-1)]
        hint = _few_hint(places, shots, answer.ndim)
        if hint is not None:
            return hint
    return None


def _few_hint(places: list[int], shots: int, dimensions: int) -> Hint | None:
    expected = [int(place) for kind in range(3) for place in np.flatnonzero(kind == LABELS)[:shots]]
    if sorted(places) == sorted(expected):
        return None if dimensions == 1 else Hint("nested")
    if places == LABELS[expected].tolist():
        return Hint("labels")
    if places == list(range(len(places))):
        return Hint("in_all", count=len(places), wanted=len(expected))
    if any(not 0 <= place < len(LABELS) for place in places) or len({*places}) < len(places):
        return Hint("twice")
    return _counts_hint(places, shots)


def _counts_hint(places: list[int], shots: int) -> Hint:
    """The places are of other classes than wanted, or others of the right classes."""
    counts = [int(np.sum(LABELS[places] == kind)) for kind in range(3)]
    if sum(counts) == len(LABELS):
        return Hint("everything")
    if counts != [shots] * 3:
        kind = next(kind for kind in range(3) if counts[kind] != shots)
        return Hint("uneven", kind=kind, count=counts[kind], shots=shots)
    last = sorted(int(place) for kind in range(3) for place in np.flatnonzero(kind == LABELS)[-shots:])
    return Hint("last" if sorted(places) == last else "not_first")


def nearest_mean(learner: Learner) -> Hint | None:
    """Three classes whose numbers are not their places, of different sizes."""
    rng = np.random.default_rng(0)
    kinds = np.array([1, 3, 4])
    labels = np.repeat(kinds, [4, 7, 11])
    centres = np.array([[2.0, 0, 1, 0], [0, 1, 0, 3], [1, 1, 2, 1]])
    features = centres[np.searchsorted(kinds, labels)] + rng.normal(size=(len(labels), 4))
    new = centres[rng.integers(3, size=60)] + 1.5 * rng.normal(size=(60, 4))
    answer = learner.array(features, labels, new, shape=(len(new),))
    means = np.stack([features[labels == kind].mean(axis=0) for kind in kinds])
    distances = np.linalg.norm(new[:, None] - means, axis=2)
    if same(answer, kinds[distances.argmin(axis=1)]):
        return None
    for key, wrong in _predictions_of_mistakes(features, labels, new, means, distances).items():
        if same(answer, wrong):
            return Hint(key.removesuffix("_too"))
    return Hint("other", share=100 * float(np.mean(answer == kinds[distances.argmin(axis=1)])))


def _predictions_of_mistakes(
    features: np.ndarray, labels: np.ndarray, new: np.ndarray, means: np.ndarray, distances: np.ndarray
) -> dict[str, np.ndarray]:
    """The predictions of each of the usual mistakes."""
    kinds = np.unique(labels)
    sums = np.stack([features[labels == kind].sum(axis=0) for kind in kinds])
    every = np.linalg.norm(new[:, None] - features, axis=2)
    differences = new[:, None] - means
    return {
        "places": distances.argmin(axis=1),
        "furthest": kinds[distances.argmax(axis=1)],
        "nearest_example": labels[every.argmin(axis=1)],
        "dot": kinds[(new @ means.T).argmax(axis=1)],
        "sums": kinds[np.linalg.norm(new[:, None] - sums, axis=2).argmin(axis=1)],
        "signed": kinds[differences.sum(axis=2).argmin(axis=1)],
        "signed_too": kinds[np.abs(differences.sum(axis=2)).argmin(axis=1)],
        "manhattan": kinds[np.abs(differences).sum(axis=2).argmin(axis=1)],
        "first_example": kinds[
            np.linalg.norm(new[:, None] - np.stack([features[labels == kind][0] for kind in kinds]), axis=2).argmin(1)
        ],
        "smallest": distances.min(axis=1),
    }


def head_size(learner: Learner) -> Hint | None:
    """84 × 10 weights and 10 biases."""
    value = learner.value_number()
    if same(value, 850):
        return None
    for key, wrong in {
        "no_bias": 840,
        "whole": 61_706,
        "frozen": 61_706 - 850,
        "sum": 94,
        "input_bias": 84 * 10 + 84,
        "all": 61_706 + 850,
        "features": 84,
        "outputs": 10,
    }.items():
        if same(value, wrong):
            return Hint({"features": "sum", "outputs": "sum", "all": "whole"}.get(key, key))
    return Hint("other")


def frozen_classifier(learner: Learner) -> Hint | None:
    """The model's parts: a frozen layer made of the module, and a dense layer of logits."""
    import keras

    folder, matrix = small_module()
    model = learner(folder, 3)
    if not isinstance(model, keras.Model):
        return Hint("model")
    pictures = np.concatenate([_pictures(5), -_pictures(5)])  # the logits of one half are below 0, whatever the head
    outputs = learner.as_array(model(pictures[..., None]))
    if outputs.shape != (10, 3):
        return Hint("outputs", outputs=outputs.shape[-1], classes=3)
    if np.allclose(outputs.sum(axis=1), 1, atol=1e-4) and (outputs >= 0).all():
        return Hint("softmax")
    return _frozen_hint(model, outputs, pictures.reshape(-1, 784) @ matrix)


def _frozen_hint(model: Any, outputs: np.ndarray, features: np.ndarray) -> Hint | None:
    trained = sorted(tuple(variable.shape) for variable in model.trainable_variables)
    if not trained:
        return Hint("all_frozen")
    if (784, FEATURES) in trained:
        return Hint("not_frozen")
    if (784, 3) in trained:
        return Hint("unused")
    if trained != [(3,), (FEATURES, 3)]:
        return Hint("more", layers=len(trained))
    head = {tuple(variable.shape): variable.numpy() for variable in model.trainable_variables}
    expected = features @ head[FEATURES, 3] + head[3,]
    return None if same(outputs, expected, relative=1e-3, absolute=1e-4) else Hint("activation")


EXERCISES = {
    "features_of": features_of,
    "few": few,
    "nearest_mean": nearest_mean,
    "head_size": head_size,
    "frozen_classifier": frozen_classifier,
}
