"""The exercises on reusing modules: a mistake written in two ways gets the same hint; solutions pass."""

from __future__ import annotations

import numpy as np
import pytest

from tests.lib.lessons.support import answer, solution
from tests.lib.lessons.units.mistakes import assert_every_hint_is_given, assert_three_are_spelled_twice, cases

UNIT, LESSON = "hub", "10-hub"

MISTAKES = """
# features_of: mapping
def features_of(folder, pictures):
    return opened(folder)(tf.constant(pictures[..., None], tf.float32))
# features_of: mapping
def features_of(folder, pictures):
    return dict(opened(folder)(tf.constant(pictures[:, :, :, None], tf.float32)))
# features_of: scaled
def features_of(folder, pictures):
    module = tf.saved_model.load(folder)
    return module.serve(tf.constant(pictures[..., None] / 255, tf.float32)).numpy()
# features_of: scaled
def features_of(folder, pictures):
    x = 255 * tf.constant(pictures[..., None], tf.float32)
    (features,) = opened(folder)(x).values()
    return features
# features_of: inverted
def features_of(folder, pictures):
    module = tf.saved_model.load(folder)
    return module.serve(tf.constant(1 - pictures[..., None], tf.float32))
# features_of: inverted
def features_of(folder, pictures):
    x = tf.subtract(1.0, tf.constant(pictures[..., None]))
    return next(iter(opened(folder)(x).values())).numpy()
# features_of: turned
def features_of(folder, pictures):
    x = tf.constant(pictures.transpose(0, 2, 1)[..., None], tf.float32)
    module = tf.saved_model.load(folder)
    return module.serve(x)
# features_of: turned
def features_of(folder, pictures):
    x = np.stack([picture.T for picture in pictures])[:, :, :, np.newaxis]
    module = tf.saved_model.load(folder)
    return np.array(module.serve(tf.constant(x)))
# features_of: rounded
def features_of(folder, pictures):
    x = tf.cast(tf.constant(pictures.astype(int)[..., None]), tf.float32)
    module = tf.saved_model.load(folder)
    return module.serve(x)
# features_of: still_a_list
def features_of(folder, pictures):
    return list(opened(folder)(tf.constant(pictures[..., None], tf.float32)).values())
# features_of: exception
def features_of(folder, pictures):
    module = tf.saved_model.load(folder)
    return module.serve(tf.constant(pictures, tf.float32))
# features_of: exception
def features_of(folder, pictures):
    module = tf.saved_model.load(folder)
    return module.serve(tf.constant(pictures[..., None], tf.float64))
# few: in_all
def few(labels, shots):
    return list(range(shots * len(np.unique(labels))))
# few: in_all
def few(labels, shots):
    return np.arange(len(labels))[:shots]
# few: nested
def few(labels, shots):
    return [np.flatnonzero(labels == kind)[:shots] for kind in np.unique(labels)]
# few: nested
def few(labels, shots):
    chosen = []
    for kind in set(labels.tolist()):
        chosen.append([i for i in range(len(labels)) if labels[i] == kind][:shots])
    return chosen
# few: mask
def few(labels, shots):
    return labels < shots
# few: mask
def few(labels, shots):
    chosen = np.zeros(len(labels), dtype=bool)
    for kind in np.unique(labels):
        chosen[np.flatnonzero(labels == kind)[:shots]] = True
    return chosen
# few: labels
def few(labels, shots):
    return [kind for kind in np.unique(labels) for _ in range(shots)]
# few: labels
def few(labels, shots):
    return np.repeat(np.unique(labels), shots)
# few: last
def few(labels, shots):
    chosen = []
    for kind in np.unique(labels):
        chosen += list(np.flatnonzero(labels == kind)[-shots:])
    return chosen
# few: uneven
def few(labels, shots):
    chosen = []
    for kind in np.unique(labels):
        chosen += list(np.flatnonzero(labels == kind)[: shots + 1])
    return chosen
# few: everything
def few(labels, shots):
    return [i for kind in np.unique(labels) for i in np.flatnonzero(labels == kind)]
# few: twice
def few(labels, shots):
    return [i for kind in np.unique(labels) for i in range(shots)]
# nearest_mean: places
def nearest_mean(features, labels, new):
    means = [features[labels == kind].mean(axis=0) for kind in np.unique(labels)]
    return np.array([np.argmin([np.linalg.norm(row - mean) for mean in means]) for row in new])
# nearest_mean: places
def nearest_mean(features, labels, new):
    means = np.stack([features[labels == kind].mean(0) for kind in np.unique(labels)])
    return ((new[:, None] - means) ** 2).sum(axis=2).argmin(axis=1)
# nearest_mean: furthest
def nearest_mean(features, labels, new):
    kinds, means = means_of(features, labels)
    return kinds[[np.argmax([np.linalg.norm(row - mean) for mean in means]) for row in new]]
# nearest_mean: furthest
def nearest_mean(features, labels, new):
    kinds, means = means_of(features, labels)
    return kinds[(-((new[:, None] - means) ** 2).sum(axis=2)).argmin(axis=1)]
# nearest_mean: nearest_example
def nearest_mean(features, labels, new):
    return np.array([labels[np.argmin(np.linalg.norm(features - row, axis=1))] for row in new])
# nearest_mean: nearest_example
def nearest_mean(features, labels, new):
    return [labels[min(range(len(features)), key=lambda i: np.sum((features[i] - row) ** 2))] for row in new]
# nearest_mean: dot
def nearest_mean(features, labels, new):
    kinds, means = means_of(features, labels)
    return kinds[(new @ means.T).argmax(axis=1)]
# nearest_mean: sums
def nearest_mean(features, labels, new):
    kinds = np.unique(labels)
    means = np.stack([features[labels == kind].sum(axis=0) for kind in kinds])
    return kinds[np.linalg.norm(new[:, None] - means, axis=2).argmin(axis=1)]
# nearest_mean: signed
def nearest_mean(features, labels, new):
    kinds, means = means_of(features, labels)
    return kinds[[np.argmin([np.sum(row - mean) for mean in means]) for row in new]]
# nearest_mean: signed
def nearest_mean(features, labels, new):
    kinds, means = means_of(features, labels)
    return kinds[[np.argmin([abs(np.sum(row - mean)) for mean in means]) for row in new]]
# nearest_mean: smallest
def nearest_mean(features, labels, new):
    kinds, means = means_of(features, labels)
    return np.array([min(np.linalg.norm(row - mean) for mean in means) for row in new])
# nearest_mean: shape
def nearest_mean(features, labels, new):
    kinds, means = means_of(features, labels)
    return np.linalg.norm(new[:, None] - means, axis=2)
# head_size: no_bias
head_size = 840
# head_size: no_bias
head_size = 84 * 10
# head_size: whole
head_size = 61_706
# head_size: whole
head_size = 61706 + 850
# head_size: frozen
head_size = 61706 - 850
# head_size: frozen
head_size = 60_856
# head_size: sum
head_size = 84 + 10
# head_size: sum
head_size = 84
# head_size: input_bias
head_size = 84 * 10 + 84
# frozen_classifier: not_frozen
def frozen_classifier(folder, classes):
    module, inputs = keras.layers.TFSMLayer(folder, call_endpoint="serve"), keras.Input([28, 28, 1])
    return keras.Model(inputs, keras.layers.Dense(classes)(module(inputs)))
# frozen_classifier: not_frozen
def frozen_classifier(folder, classes):
    module = keras.layers.TFSMLayer(folder, call_endpoint="serve", trainable=True)
    return keras.Sequential([keras.Input([28, 28, 1]), module, keras.layers.Dense(classes)])
# frozen_classifier: all_frozen
def frozen_classifier(folder, classes):
    module, inputs = keras.layers.TFSMLayer(folder, call_endpoint="serve"), keras.Input([28, 28, 1])
    model = keras.Model(inputs, keras.layers.Dense(classes)(module(inputs)))
    model.trainable = False
    return model
# frozen_classifier: all_frozen
def frozen_classifier(folder, classes):
    module = keras.layers.TFSMLayer(folder, call_endpoint="serve", trainable=False)
    inputs = keras.Input([28, 28, 1])
    return keras.Model(inputs, keras.layers.Dense(classes, trainable=False)(module(inputs)))
# frozen_classifier: softmax
def frozen_classifier(folder, classes):
    module = keras.layers.TFSMLayer(folder, call_endpoint="serve", trainable=False)
    inputs = keras.Input([28, 28, 1])
    return keras.Model(inputs, keras.layers.Dense(classes, activation="softmax")(module(inputs)))
# frozen_classifier: softmax
def frozen_classifier(folder, classes):
    module = keras.layers.TFSMLayer(folder, call_endpoint="serve", trainable=False)
    head = [keras.layers.Dense(classes), keras.layers.Softmax()]
    return keras.Sequential([keras.Input([28, 28, 1]), module, *head])
# frozen_classifier: outputs
def frozen_classifier(folder, classes):
    module = keras.layers.TFSMLayer(folder, call_endpoint="serve", trainable=False)
    inputs = keras.Input([28, 28, 1])
    return keras.Model(inputs, keras.layers.Dense(10)(module(inputs)))
# frozen_classifier: outputs
def frozen_classifier(folder, classes):
    module = keras.layers.TFSMLayer(folder, call_endpoint="serve", trainable=False)
    inputs = keras.Input([28, 28, 1])
    return keras.Model(inputs, module(inputs))
# frozen_classifier: activation
def frozen_classifier(folder, classes):
    module = keras.layers.TFSMLayer(folder, call_endpoint="serve", trainable=False)
    inputs = keras.Input([28, 28, 1])
    return keras.Model(inputs, keras.layers.Dense(classes, activation="relu")(module(inputs)))
# frozen_classifier: unused
def frozen_classifier(folder, classes):
    inputs = keras.Input([28, 28, 1])
    return keras.Model(inputs, keras.layers.Dense(classes)(keras.layers.Flatten()(inputs)))
# frozen_classifier: model
def frozen_classifier(folder, classes):
    return keras.layers.Dense(classes)
# features_of: other
def features_of(folder, pictures):
    module = tf.saved_model.load(folder)
    return module.serve(tf.constant(pictures[..., None] ** 2, tf.float32))
# few: not_first
def few(labels, shots):
    return [i for kind in np.unique(labels) for i in np.flatnonzero(labels == kind)[1 : shots + 1]]
# nearest_mean: first_example
def nearest_mean(features, labels, new):
    kinds = np.unique(labels)
    firsts = np.stack([features[labels == kind][0] for kind in kinds])
    return kinds[np.linalg.norm(new[:, None] - firsts, axis=2).argmin(axis=1)]
# nearest_mean: manhattan
def nearest_mean(features, labels, new):
    kinds, means = means_of(features, labels)
    return kinds[np.abs(new[:, None] - means).sum(axis=2).argmin(axis=1)]
# nearest_mean: other
def nearest_mean(features, labels, new):
    kinds, means = means_of(features, labels)
    return kinds[np.ones(len(new), dtype=int)]
# head_size: other
head_size = 1
# frozen_classifier: more
def frozen_classifier(folder, classes):
    module = keras.layers.TFSMLayer(folder, call_endpoint="serve", trainable=False)
    head = [keras.layers.Dense(8), keras.layers.Dense(classes)]
    return keras.Sequential([keras.Input([28, 28, 1]), module, *head])
"""
BEFORE = """
import keras
import tensorflow as tf

def opened(folder):
    return tf.saved_model.load(folder).signatures["serving_default"]

def means_of(features, labels):
    kinds = np.unique(labels)
    return kinds, np.stack([features[labels == kind].mean(axis=0) for kind in kinds])
"""


@pytest.mark.parametrize(("exercise", "key", "code"), cases(MISTAKES))
def test_a_mistake_gets_its_hint(exercise: str, key: str, code: str) -> None:
    assert answer(UNIT, exercise, BEFORE + code) == key


def test_three_mistakes_of_each_exercise_are_written_in_two_ways() -> None:
    assert_three_are_spelled_twice(MISTAKES, "hub")


def test_every_hint_is_the_answer_to_a_mistake() -> None:
    assert_every_hint_is_given(cases(MISTAKES), "hub")


@pytest.mark.parametrize("exercise", ["features_of", "few", "nearest_mean", "head_size", "frozen_classifier"])
def test_a_solution_passes(exercise: str) -> None:
    assert answer(UNIT, exercise, BEFORE + solution(LESSON, exercise)) is None


def test_the_explorable_shows_every_map_and_number_of_a_layer() -> None:
    from lib.lessons.units.hub.explore import LAYERS, images, tiled, weights
    from lib.models import lenet

    picture = images()[7]
    outputs = lenet.layers(weights(False), picture)
    assert images().shape == (12, 28, 28)
    for layer in LAYERS:
        shown = tiled(outputs[layer])
        assert np.isfinite(shown).sum() == outputs[layer].size
