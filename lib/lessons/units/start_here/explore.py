"""The explorable of the first lesson: seeds, their mean with its interval, and the verdict."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from lib.harness.contract.drawing import PALETTE
from lib.harness.judging.intervals import mean_interval
from lib.lessons.explore import Explorable, Slider

MOST_SEEDS = 40
LEFT, RIGHT = -3.0, 4.0


@cache
def deviations() -> np.ndarray:
    """The deviation of each seed, in standard deviations: (MOST_SEEDS,)."""
    return np.random.default_rng(6).normal(size=MOST_SEEDS)


def decided(low: float, high: float, boundary: float) -> str:
    """The key of the verdict on "the effect is at least `boundary`"."""
    if low >= boundary:
        return "holds"
    return "fails" if high < boundary else "inconclusive"


def draw_interval(
    figure: Any, text: Callable[..., str], *, seeds: int, effect: float, spread: float, boundary: float
) -> None:
    """Seeds as dots, their mean and its 95 % interval as a bar, and the area in which the sentence holds."""
    values = effect + spread * deviations()[:seeds]
    mean, low, high = mean_interval(values)
    axes = figure.subplots()
    axes.axvspan(boundary, RIGHT, color=PALETTE[2], alpha=0.15, linewidth=0)
    axes.axvline(boundary, color=PALETTE[2])
    axes.plot(values, np.zeros(seeds), "o", color=PALETTE[0], alpha=0.45, markersize=6)
    ends = np.clip([low, high], LEFT, RIGHT)
    axes.plot(ends, [1, 1], color=PALETTE[1], linewidth=6, solid_capstyle="butt")
    axes.plot(mean, 1, "o", color=PALETTE[6], markersize=7)
    axes.set(xlim=(LEFT, RIGHT), ylim=(-0.7, 1.7), xlabel=text("effect"))
    axes.set_yticks([0, 1], [text("seeds"), text("interval")])
    axes.grid(visible=False)
    key = decided(low, high, boundary)
    axes.set_title(text("verdict", verdict=text(key), low=low, high=high))


EXPLORABLES = {
    "interval": Explorable(
        draw_interval,
        {
            "seeds": Slider(2, MOST_SEEDS, 1, start=4, whole=True),
            "effect": Slider(-1, 2, 0.1, start=0.6),
            "spread": Slider(0.1, 2, 0.1, start=1.0),
            "boundary": Slider(-1, 1, 0.1, start=0.0),
        },
        size=(6.8, 2.4),
    )
}
