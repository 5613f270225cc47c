"""The explorable on the layers of a module: an image on its way through LeNet, trained on letters or not at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np

from lib.data import mnist_5k, printed_letters
from lib.harness.contract.seeds import Seed
from lib.lessons.explore import Choice, Explorable, Slider, Toggle
from lib.models import lenet

LETTERS, EPOCHS, EACH = 4_000, 3, 6
"""Letters to learn, how often, and images of each sort in the picture."""
LAYERS = ("conv1", "pool1", "conv2", "pool2", "dense1", "dense2")
Weights = Mapping[str, np.ndarray]


@cache
def images() -> np.ndarray:
    """Six letters and six digits: (12, 28, 28)."""
    letters = printed_letters.pictures(200, np.random.default_rng(5))
    latin = [place for place, label in enumerate(letters.labels) if label < 52]
    digits = mnist_5k.validation()
    firsts = [int(np.flatnonzero(digits.labels == kind)[0]) for kind in (0, 2, 3, 4, 7, 8)]
    return np.concatenate([letters.scaled()[latin[:EACH]], digits.scaled()[firsts]])


@cache
def weights(trained: bool) -> Weights:
    """LeNet's weights at the start, or after it has learned letters: some seconds of work, once a kernel."""
    start = lenet.initial_weights(Seed(0))
    if not trained:
        return start
    import keras

    from lib.models.training import KerasClassifier

    letters = printed_letters.pictures(LETTERS, np.random.default_rng(0))
    body = lenet.keras_lenet(start)
    head = keras.layers.Dense(len(printed_letters.LETTERS))(body.get_layer("dense2").output)
    inputs, labels = letters.scaled()[..., None], letters.labels.astype(np.int64)
    model = keras.Model(body.inputs[0], head)
    classifier = KerasClassifier(model, keras.optimizers.Adam(2e-3), inputs, labels, batch=64)
    for epoch in range(EPOCHS):
        classifier.epoch(np.random.default_rng(epoch).permutation(LETTERS))
    return lenet.named_weights(body.get_weights())


def tiled(output: np.ndarray) -> np.ndarray:
    """The maps of a layer (maps, rows, columns) side by side, or its numbers (n,) in rows of 12."""
    if output.ndim == 1:
        return output.reshape(-1, 12)
    maps, rows, columns = output.shape
    across = 3 if maps == 6 else 8
    padded = np.full((maps, rows + 1, columns + 1), np.nan)
    padded[:, :rows, :columns] = output / (output.max(axis=(1, 2), keepdims=True) + 1e-9)
    return np.block([list(padded[start : start + across]) for start in range(0, maps, across)])


def draw_layers(figure: Any, text: Callable[..., str], *, image: int, layer: str, trained: bool) -> None:
    """Left: the image. Right: what the layer makes of it."""
    left, right = figure.subplots(1, 2, width_ratios=(1, 3))
    picture = images()[image - 1]
    output = lenet.layers(weights(trained), picture)[layer]
    left.imshow(picture, cmap="gray_r", interpolation="nearest")
    left.set_title(text("letter" if image <= EACH else "digit"))
    right.imshow(tiled(output), cmap="Blues", interpolation="nearest", aspect="equal" if output.ndim == 3 else "auto")
    right.set_title(text("title", layer=text(f"option_{layer}"), shape=" × ".join(map(str, output.shape))))
    for axes in (left, right):
        axes.set_axis_off()


EXPLORABLES = {
    "layers": Explorable(
        draw_layers,
        {
            "image": Slider(1, 2 * EACH, 1, start=8, whole=True),
            "layer": Choice(LAYERS, start="conv1"),
            "trained": Toggle(start=True),
        },
        size=(7, 2.4),
    )
}
