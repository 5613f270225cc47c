"""The explorable on p: what dropout lets through, and what the next neuron makes of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from lib.harness.contract.drawing import PALETTE
from lib.lessons.explore import Explorable, Slider, Toggle

ROWS, DRAWS, MOST = 12, 2_000, 64


def draws(p: float, units: int) -> np.ndarray:
    """Return which of `units` neurons stay in each of the DRAWS draws: (DRAWS, units).

    Every neuron has a number of its own in each draw and is cut once p exceeds it, so moving p cuts further ones.
    """
    return _numbers()[:, :units] >= p


@cache
def _numbers() -> np.ndarray:
    return np.random.default_rng(0).random((DRAWS, MOST))


def draw_rate(figure: Any, text: Callable[..., str], *, p: float, units: int, scale: bool) -> None:
    """Left: twelve draws of a layer whose outputs are all 1. Right: how often the next neuron gets which sum."""
    kept = draws(p, units)
    size = 1 / (1 - p) if scale else 1.0
    left, right = figure.subplots(1, 2)
    left.imshow(size * kept[:ROWS], cmap="Blues", vmin=0, vmax=2, aspect="auto", interpolation="nearest")
    left.set(title=text("draws"), xlabel=text("neuron"), ylabel=text("draw"), xticks=[], yticks=[])
    left.grid(visible=False)
    counts = np.bincount(kept.sum(axis=1), minlength=units + 1)
    sums = size * kept.sum(axis=1)
    right.stairs(counts, size * (np.arange(units + 2) - 0.5), fill=True, color=PALETTE[5])
    right.axvline(units, color=PALETTE[6], linestyle=":", label=text("without", sum=units))
    right.axvline(sums.mean(), color=PALETTE[1], label=text("mean", mean=sums.mean()))
    right.set(title=text("sums", spread=sums.std()), xlabel=text("sum"), yticks=[], xlim=(0, 2 * units))
    right.legend(loc="upper right", fontsize=8)


EXPLORABLES = {
    "rate": Explorable(
        draw_rate,
        {
            "p": Slider(0, 0.9, 0.1, start=0.5),
            "units": Slider(1, MOST, 1, start=16, whole=True),
            "scale": Toggle(start=True),
        },
        size=(8, 3),
    )
}
