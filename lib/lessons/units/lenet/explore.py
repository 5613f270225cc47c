"""The explorable on LeNet: a garment that is moved and turned, and what a briefly trained network says."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from lib.harness.contract.drawing import PALETTE
from lib.lessons.explore import Choice, Explorable, Slider

GARMENTS = ("tshirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot")
"""In the order of Fashion-MNIST's labels; keys of the texts."""
PICTURES, EPOCHS = 5_000, 3
"""Of the training: a few seconds, and four of five new pictures are right."""
CANDIDATES = 10
"""Pictures of a kind of garment of which one is shown: what moves is to be recognised at first."""


@cache
def learned() -> dict[str, np.ndarray]:
    """Weights of a modern LeNet after a short training."""
    import torch

    from lib.data import fashion_mnist
    from lib.harness.contract.seeds import Seed
    from lib.models import lenet
    from lib.models.training import TorchClassifier

    seed = Seed(18)
    training = fashion_mnist.train().first(PICTURES)
    model = lenet.torch_lenet(lenet.initial_weights(seed))
    adam = torch.optim.Adam(model.parameters(), lr=2e-3)
    classifier = TorchClassifier(model, adam, training.scaled()[:, None], training.labels, batch=64)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # a small network on a busy machine: a second thread waits more than it computes
    try:
        for epoch in range(EPOCHS):
            classifier.epoch(seed.rng("order", epoch).permutation(PICTURES))
    finally:
        torch.set_num_threads(threads)
    return classifier.weights()


@cache
def picture(garment: str) -> np.ndarray:
    """The validation picture of a kind of garment that the network is surest of, (28, 28) uint8."""
    from lib.data import fashion_mnist

    split, label = fashion_mnist.validation(), GARMENTS.index(garment)
    images = split.images[np.flatnonzero(split.labels == label)[:CANDIDATES]]
    return np.asarray(max(images, key=lambda image: probabilities(image / 255)[label]))


def moved(image: np.ndarray, right: int, down: int, angle: int) -> np.ndarray:
    """A picture (28, 28) uint8, turned anticlockwise by degrees and then moved by pixels; in [0, 1]."""
    from PIL import Image

    turned = Image.fromarray(image).rotate(angle, resample=Image.Resampling.BILINEAR, translate=(right, down))
    return np.asarray(turned, dtype=np.float64) / 255


def probabilities(image: np.ndarray) -> np.ndarray:
    """The network's probabilities (10,) for a picture in [0, 1]."""
    from lib.models import lenet

    logits = lenet.layers(learned(), image)["dense3"]
    e = np.exp(logits - logits.max())
    return np.asarray(e / e.sum())


def draw_garment(figure: Any, text: Callable[..., str], *, garment: str, right: int, down: int, angle: int) -> None:
    """Left: the garment. Right: how likely the network thinks each kind."""
    image = moved(picture(garment), right, down, angle)
    shares = 100 * probabilities(image)
    seen, answers = figure.subplots(1, 2, width_ratios=(1, 1.6))
    seen.imshow(image, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    seen.set(title=text("seen"))
    seen.set_axis_off()
    colours = [PALETTE[2] if each == garment else PALETTE[5] for each in GARMENTS]
    answers.barh(range(10), shares, color=colours)
    answers.set_yticks(range(10), [text(f"option_{each}") for each in GARMENTS])
    best = GARMENTS[int(shares.argmax())]
    answers.set(title=text("answer", name=text(f"option_{best}"), share=float(shares.max())), xlim=(0, 100))
    answers.set(xlabel=text("share"))
    answers.invert_yaxis()
    answers.grid(visible=False, axis="y")


EXPLORABLES = {
    "garment": Explorable(
        draw_garment,
        {
            "garment": Choice(GARMENTS, start="boot"),
            "right": Slider(-12, 12, 1, start=0, whole=True),
            "down": Slider(-12, 12, 1, start=0, whole=True),
            "angle": Slider(-180, 180, 5, start=0, whole=True),
        },
        size=(8, 3.4),
    )
}
