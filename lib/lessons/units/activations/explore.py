"""The explorable on the vanishing gradient: depth, activation and initial weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from lib.harness.contract.drawing import PALETTE
from lib.lessons.explore import Choice, Explorable, Slider

WIDTH, EXAMPLES = 64, 64
FLOOR, CEILING = -18, 4
"""Powers of ten that the picture shows."""
SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772
"""Klambauer, Unterthiner, Mayr & Hochreiter 2017, "Self-normalizing neural networks"."""


def activate(name: str, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The activation of sums z and its derivative there."""
    if name == "sigmoid":
        s = 1 / (1 + np.exp(-z))
        return s, s * (1 - s)
    if name == "tanh":
        t = np.tanh(z)
        return t, 1 - t**2
    below = SELU_ALPHA * np.exp(np.minimum(z, 0))
    outputs, slopes = {
        "relu": (np.maximum(z, 0), np.where(z > 0, 1.0, 0.0)),
        "leaky": (np.where(z > 0, z, 0.01 * z), np.where(z > 0, 1.0, 0.01)),
        "selu": (SELU_SCALE * np.where(z > 0, z, below - SELU_ALPHA), SELU_SCALE * np.where(z > 0, 1.0, below)),
    }[name]
    return outputs, slopes


def initial(start: str, rng: np.random.Generator) -> np.ndarray:
    """Weights (WIDTH, WIDTH) by one of the lab's four starts, or ten times as large as Xavier's."""
    if start in ("he", "lecun"):
        return rng.normal(0, np.sqrt((2 if start == "he" else 1) / WIDTH), (WIDTH, WIDTH))
    limit = {"xavier": np.sqrt(3 / WIDTH), "uniform": 1 / np.sqrt(WIDTH), "large": 10 * np.sqrt(3 / WIDTH)}[start]
    return rng.uniform(-limit, limit, (WIDTH, WIDTH))


def sizes(depth: int, activation: str, start: str) -> dict[str, np.ndarray]:
    """Sizes by layer, the first one first: of the weights' gradient, of the derivative and of the layer's input."""
    rng = np.random.default_rng(0)
    a, passed = rng.normal(size=(EXAMPLES, WIDTH)), []
    delta = rng.normal(size=a.shape) / len(a)
    for _ in range(depth):
        W = initial(start, rng)
        output, slope = activate(activation, a @ W.T)
        passed.append((W, a, slope))
        a = output
    found = np.zeros((3, depth))
    for layer in reversed(range(depth)):
        W, a, slope = passed[layer]
        delta = delta * slope
        found[:, layer] = np.linalg.norm(delta.T @ a), np.linalg.norm(delta), np.linalg.norm(a)
        delta = delta @ W
    return dict(zip(("learned", "derivative", "output"), found, strict=True))


def draw_gradient(figure: Any, text: Callable[..., str], *, depth: int, activation: str, start: str) -> None:
    """Left: what every layer learns. Right: the derivative and the output that it is the product of."""
    found = sizes(depth, activation, start)
    layer = np.arange(1, depth + 1)
    left, right = figure.subplots(1, 2, sharex=True, sharey=True)
    names = {"learned": text("ratio", ratio=found["learned"][0] / found["learned"][-1])}
    names |= {name: text(name) for name in ("derivative", "output")}
    for (name, label), axis, colour in zip(names.items(), (left, right, right), PALETTE, strict=False):
        powers = np.log10(np.maximum(found[name], 10.0**FLOOR))  # of a linear axis: a logarithmic one is slow to draw
        axis.plot(layer, powers, "o-", markersize=3, color=colour, label=label)
    left.set(title=text("learned"), xlabel=text("layer"), ylim=(FLOOR, CEILING))
    left.set_yticks(
        range(FLOOR, CEILING, 6), ["1" if power == 0 else f"1e{power}" for power in range(FLOOR, CEILING, 6)]
    )
    right.set(title=text("parts"), xlabel=text("layer"))
    for axis in (left, right):
        axis.legend(loc="lower right", fontsize=8)


EXPLORABLES = {
    "gradient": Explorable(
        draw_gradient,
        {
            "depth": Slider(2, 30, 1, start=20, whole=True),
            "activation": Choice(("sigmoid", "tanh", "relu", "leaky", "selu")),
            "start": Choice(("xavier", "he", "lecun", "uniform", "large")),
        },
        size=(8, 3.4),
    )
}
