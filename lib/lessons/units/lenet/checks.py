"""Exercises of the lesson on LeNet, judged by the lab's own network in NumPy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lib.lessons.checks import Hint, Learner, same
from lib.lessons.units.mistakes import hint_for

LAYERS = ((1, 6, 5), (6, 16, 5), (3, 8, 3), (16, 4, 1))
"""Input channels, output channels and side of a few convolutions; the first two are LeNet's."""


def conv_parameters(learner: Learner) -> Hint | None:
    """One weight for each place of each filter of each output, and one bias an output."""
    answer = np.array([learner.number(*layer) for layer in LAYERS])
    i, o, s = np.array(LAYERS, float).T
    mistakes = {
        "no_bias": i * o * s * s,
        "one_bias": i * o * s * s + 1,
        "bias_per_filter": (s * s + 1) * i * o,
        "no_inputs": (s * s + 1) * o,
        "no_outputs": i * s * s + 1,
        "side_once": (i * s + 1) * o,
        "bias_per_input": (o * s * s + 1) * i,
        "no_inputs_no_bias": s * s * o,
        "doubled": (i * 2 * s + 1) * o,
    }
    return hint_for(answer, (i * s * s + 1) * o, mistakes)


def conv_layer(learner: Learner) -> Hint | None:
    """The lab's cross-correlation of several channels, with a bias for each output."""
    from lib.cnn.convolution.by_hand import convolve, cross_correlate

    rng = np.random.default_rng(0)
    maps, kernels, biases = rng.normal(size=(3, 9, 10)), rng.normal(size=(4, 3, 5, 5)), rng.normal(1, 1, 4)
    sums = cross_correlate(maps[None], kernels)[0]
    each = np.stack([cross_correlate(maps[None, c : c + 1], kernels[:, c : c + 1])[0] for c in range(3)])
    lifted = biases[:, None, None]
    answer = learner.array(maps, kernels, biases)
    if answer.ndim == 4:
        return Hint("not_summed")
    if answer.shape == sums.shape[1:]:
        return Hint("one_output")
    answer = learner.as_array(answer, sums.shape)
    mistakes = {
        "no_bias": sums,
        "bias_per_channel": sums + 3 * lifted,
        "first_channel": each[0] + lifted,
        "last_channel": each[-1] + lifted,
        "last_channel_no_bias": each[-1],
        "averaged": sums / 3 + lifted,
        "turned": convolve(maps[None], kernels, "valid")[0] + lifted,
        "activated": np.maximum(sums + lifted, 0),
        "minus_bias": sums - lifted,
        "first_filter": np.stack([cross_correlate(maps[None], kernels[:1])[0, 0]] * 4) + lifted,
    }
    return hint_for(answer, sums + lifted, mistakes)


def max_pool(learner: Learner) -> Hint | None:
    """The largest of each 2 x 2 block."""
    maps = np.random.default_rng(0).normal(size=(3, 8, 12))
    blocks = maps.reshape(3, 4, 2, 6, 2)
    answer = learner.array(maps)
    shapes = {
        "stride": (3, 7, 11),
        "rows_only": (3, 4, 12),
        "columns_only": (3, 8, 6),
        "channels_lost": (4, 6),
        "channels_too": (1, 4, 6),
        "one_per_map": (3,),
    }
    for key, shape in shapes.items():
        if answer.shape == shape:
            return Hint(key)
    answer = learner.as_array(answer, (3, 4, 6))
    mistakes = {
        "average": blocks.mean(axis=(2, 4)),
        "minimum": blocks.min(axis=(2, 4)),
        "summed": blocks.sum(axis=(2, 4)),
        "corner": maps[:, ::2, ::2],
        "diagonal": np.maximum(maps[:, ::2, ::2], maps[:, 1::2, 1::2]),
        "half_row": np.maximum(maps[:, ::2, ::2], maps[:, ::2, 1::2]),
        "half_column": np.maximum(maps[:, ::2, ::2], maps[:, 1::2, ::2]),
        "far_apart": maps.reshape(3, 2, 4, 2, 6).max(axis=(1, 3)),
        "size": np.abs(blocks).max(axis=(2, 4)),
    }
    return hint_for(answer, blocks.max(axis=(2, 4)), mistakes)


def lenet(learner: Learner) -> Hint | None:
    """The lab's network in NumPy, with biases that are not 0."""
    from lib.models import lenet as lab

    rng = np.random.default_rng(3)
    w = {name: rng.normal(0, 1 / np.sqrt(np.prod(shape[1:])), shape) for name, shape in lab.SHAPES.items()}
    image = rng.random((28, 28))
    expected = lab.layers(w, image)["dense3"]
    answer = learner.array(image, w, shape=(10,))
    e = np.exp(expected - expected.max())
    mistakes: dict[str, Any] = {
        "relu_at_the_end": np.maximum(expected, 0),
        "probabilities": e / e.sum(),
        "no_relu": _logits(w, image, conv1=False, conv2=False, dense1=False, dense2=False),
        "no_relu_conv": _logits(w, image, conv1=False, conv2=False),
        "no_relu_dense": _logits(w, image, dense1=False, dense2=False),
        "order": _logits(w, image, channels_last=True),
        "no_bias": _logits(_unbiased(w, "bias"), image),
        "no_bias_dense": _logits(_unbiased(w, "dense1.bias", "dense2.bias", "dense3.bias"), image),
        "sigmoid": lab.layers(w, image, "original")["dense3"],
    }
    for layer in ("conv1", "conv2", "dense1", "dense2"):
        if same(answer, _logits(w, image, **{layer: False})):
            return Hint("no_relu_one", layer=layer)
    return hint_for(answer, expected, mistakes)


def _unbiased(w: Mapping[str, np.ndarray], *endings: str) -> dict[str, np.ndarray]:
    """The weights with the biases of these layers at 0."""
    return {name: np.zeros_like(array) if name.endswith(endings) else array for name, array in w.items()}


def _logits(w: Mapping[str, np.ndarray], image: np.ndarray, channels_last: bool = False, **relu: bool) -> np.ndarray:
    """LeNet's logits with ReLU left out where `relu` says so, or flattened in another order."""
    from lib.cnn.convolution.by_hand import cross_correlate

    def activated(x: np.ndarray, name: str) -> np.ndarray:
        return np.maximum(x, 0) if relu.get(name, True) else x

    x = np.pad(image, 2)[None]
    for name in ("conv1", "conv2"):
        x = cross_correlate(x[None], w[f"{name}.weight"])[0] + w[f"{name}.bias"][:, None, None]
        channels, height, width = x.shape
        x = activated(x, name).reshape(channels, height // 2, 2, width // 2, 2).max(axis=(2, 4))
    x = (x.transpose(1, 2, 0) if channels_last else x).reshape(400)
    for name in ("dense1", "dense2", "dense3"):
        x = w[f"{name}.weight"] @ x + w[f"{name}.bias"]
        x = x if name == "dense3" else activated(x, name)
    return x


def most_confused(learner: Learner) -> Hint | None:
    """The largest entry beside the diagonal, as row and column; of three tables."""
    answers, expected, tables = [], [], []
    for seed in range(3):
        table = np.random.default_rng(seed).permutation(100).reshape(10, 10) + 100 * np.eye(10, dtype=int)
        table[seed, 9 - seed] = 100 + seed  # the most frequent mistake; the right answers are more frequent
        answer = learner.array(table)
        if answer.shape in ((), (1,)):
            count = float(answer.reshape(-1)[0])
            beside = table - np.diag(np.diag(table))
            kind = {float(beside.argmax()): "flat", float(beside.max()): "count", float(table.argmax()): "flat"}
            return Hint(kind.get(count, "one_number"))
        answers.append(learner.as_array(answer, (2,)))
        tables.append(table)
        expected.append((seed, 9 - seed))
    found = np.array(answers)
    rows = [np.unravel_index(table.argmax(), table.shape) for table in tables]
    errors = [table - np.diag(np.diag(table)) for table in tables]
    both = [np.triu(table + table.T, 1) for table in tables]
    mistakes = {
        "diagonal": np.array(rows),
        "swapped": np.array(expected)[:, ::-1],
        "class_with_most": np.array([(each.sum(axis=1).argmax(), each.sum(axis=0).argmax()) for each in errors]),
        "both_ways": np.array([np.unravel_index(each.argmax(), each.shape) for each in both]),
        "least": np.array([np.unravel_index(table.argmin(), table.shape) for table in tables]),
    }
    return hint_for(found, np.array(expected, float), mistakes)


EXERCISES = {
    "conv_parameters": conv_parameters,
    "conv_layer": conv_layer,
    "max_pool": max_pool,
    "lenet": lenet,
    "most_confused": most_confused,
}
