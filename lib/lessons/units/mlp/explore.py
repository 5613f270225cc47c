"""Explorables of the lesson on the multi-layer perceptron: a neuron's line, and a border that learns to bend."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from lib.harness.contract.drawing import PALETTE
from lib.lessons.explore import Choice, Explorable, Slider

ROWS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
TABLES = {"AND": [0, 0, 0, 1], "OR": [0, 1, 1, 1], "NAND": [1, 1, 1, 0], "XOR": [0, 1, 1, 0]}
MOMENTS = (0, 5, 10, 20, 40, 80, 150, 300, 600, 1000)
"""Training steps at which the second explorable shows the network."""
SIDE, EXTENT, RATE = 60, 1.15, 0.5


def draw_line(figure: Any, text: Callable[..., str], *, w1: float, w2: float, threshold: float, table: str) -> None:
    """The side of the plane where a neuron gives 1, and the four rows of a table."""
    axes = figure.subplots()
    line = np.linspace(-0.5, 1.5, 80)
    first, second = np.meshgrid(line, line)
    _regions(axes, w1 * first + w2 * second > threshold, 0.5, 1.0)
    targets = np.array(TABLES[table])
    answers = ROWS @ np.array([w1, w2]) > threshold
    for value, colour, marker in ((0, PALETTE[0], "o"), (1, PALETTE[1], "s")):
        axes.plot(*ROWS[targets == value].T, marker, color=colour, markersize=13, label=text("wanted", value=value))
    wrong = ROWS[answers != targets]
    axes.plot(*wrong.T, "x", color=PALETTE[6], markersize=9, markeredgewidth=2.5)
    axes.set(title=text("right", right=4 - len(wrong)), xlabel=text("first"), ylabel=text("second"))
    axes.set(xlim=(-0.5, 1.5), ylim=(-0.5, 1.5), xticks=[0, 1], yticks=[0, 1], aspect="equal")
    axes.grid(visible=False)
    axes.legend(loc="center left", bbox_to_anchor=(1.02, 0.5))


@cache
def snapshots(activation: str) -> tuple[list[np.ndarray], list[float], np.ndarray, np.ndarray]:
    """The lesson's network on the spirals: answers on a grid (SIDE, SIDE) at each moment, losses, points and arms."""
    from lib.mlp.mlp import neuron
    from lib.mlp.mlp.spirals import two_spirals

    rng = np.random.default_rng(1)
    points, arms = two_spirals(rng, 200)
    points = points.astype(float)
    weights = {
        "dense1.weight": rng.normal(0, 1, (64, 2)),
        "dense1.bias": np.zeros(64),
        "dense2.weight": rng.normal(0, 0.2, (2, 64)),
        "dense2.bias": np.zeros(2),
    }
    line = np.linspace(-EXTENT, EXTENT, SIDE)
    grid = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    pictures, losses, done = [], [], 0
    for moment in MOMENTS:
        weights, _ = neuron.descend(weights, activation, points, arms, rate=RATE, steps=moment - done)
        done = moment
        logits = neuron.forward(weights, activation, grid).logits
        pictures.append((logits[:, 1] > logits[:, 0]).reshape(SIDE, SIDE))
        losses.append(float(neuron.loss_and_gradients(weights, activation, points, arms)[0]))
    return pictures, losses, points, arms


def draw_learning(figure: Any, text: Callable[..., str], *, moment: int, activation: str) -> None:
    """The border of the lesson's network after some steps, and its loss up to there."""
    pictures, losses, points, arms = snapshots(activation)
    left, right = figure.subplots(1, 2)
    _regions(left, pictures[moment], 0.0, EXTENT)
    for arm in (0, 1):
        left.plot(*points[arms == arm].T, ".", color=PALETTE[arm], markersize=4)
    left.set(title=text("steps", steps=MOMENTS[moment]), xticks=[], yticks=[], aspect="equal")
    left.grid(visible=False)
    places = np.arange(len(MOMENTS))
    right.plot(places, losses, color=PALETTE[7])
    right.plot(moment, losses[moment], "o", color=PALETTE[1], markersize=9)
    right.set(xlabel=text("step"), ylabel=text("loss"), ylim=(0, None))
    right.set_xticks(places, [str(step) for step in MOMENTS], fontsize=8)


def _regions(axes: Any, ones: np.ndarray, center: float, half: float) -> None:
    """Shade the plane by the answer, 0 or 1."""
    from matplotlib.colors import ListedColormap

    ends = (center - half, center + half)
    axes.imshow(
        ones, origin="lower", extent=ends * 2, cmap=ListedColormap(PALETTE[:2]), alpha=0.28, vmin=0, vmax=1,
        interpolation="nearest",
    )  # fmt: skip


EXPLORABLES = {
    "line": Explorable(
        draw_line,
        {
            "w1": Slider(-3, 3, 0.1, start=1.0),
            "w2": Slider(-3, 3, 0.1, start=-1.0),
            "threshold": Slider(-4, 4, 0.1, start=0.3),
            "table": Choice(list(TABLES), start="AND"),
        },
        size=(5.5, 3.6),
    ),
    "learning": Explorable(
        draw_learning,
        {
            "moment": Slider(0, len(MOMENTS) - 1, 1, start=0, whole=True),
            "activation": Choice(["relu", "tanh", "identity"], start="relu"),
        },
        size=(8, 3.4),
    ),
}
