"""What all pictures share: one colour, line and name for every optimizer, and how an estimate is drawn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np

from lib.harness.contract.claim import InconclusiveError
from lib.harness.contract.drawing import PALETTE
from lib.harness.contract.results import Results
from lib.harness.contract.texts import Texts
from lib.harness.judging.intervals import Interval

TEXTS = Texts.beside(str(Path(__file__).parent))

BLUE, RED, GREEN, PINK, ORANGE, SKY, BLACK, GREY = PALETTE

COLOURS = {
    "GradientDescent": BLACK,
    "Momentum": BLUE,
    "Nesterov": SKY,
    "Adagrad": ORANGE,
    "RMSprop": RED,
    "Adam": GREEN,
    "AdaMax": PINK,
    "NAdam": "#6A3D9A",  # grey is lost on the ground of the contours
    "AdamW": "#8FBC3F",
    "Lion": "#8B4513",
    "Muon": GREY,
}
LINES = {"Nesterov": (0, (5, 1.5)), "AdaMax": (0, (5, 1.5)), "NAdam": (0, (2, 1)), "AdamW": (0, (5, 1.5))}
"""Dashes for the variants of a rule, so that colour is not all that tells lines apart."""


def look(optimizer: str) -> dict[str, Any]:
    """The keywords of an optimizer's line."""
    return {"color": COLOURS[optimizer], "linestyle": LINES.get(optimizer, "-"), "label": name_of(optimizer)}


def name_of(optimizer: str) -> str:
    """An optimizer's name in a picture; all but gradient descent have one name in every language."""
    return TEXTS("labels.GradientDescent") if optimizer == "GradientDescent" else optimizer


def values_of(measure: Callable[[Results], Any], results: Results) -> np.ndarray | None:
    """The values of a claim's measure; None where the run does not have what it reads."""
    try:
        return np.asarray(measure(results), dtype=float)
    except (LookupError, InconclusiveError):
        return None


def mark_beyond(axis: Any, row: float, side: Literal["left", "right"], colour: str) -> None:
    """A triangle at an edge of a picture, for what lies beyond it."""
    place, mark = {"left": (0.02, "<"), "right": (0.98, ">")}[side]
    axis.plot(place, row, mark, color=colour, transform=axis.get_yaxis_transform())


def draw_estimate(axis: Any, row: float, interval: Interval, seeds: np.ndarray, colour: str) -> None:
    """One row of a picture: the 95 % interval as a bar where it is finite, its centre, and every seed as a dot."""
    low, high = interval.ends()
    if np.isfinite([low, high]).all():
        axis.plot([low, high], [row, row], color=colour, linewidth=5, alpha=0.35, solid_capstyle="butt")
    finite = seeds[np.isfinite(seeds)]
    axis.plot(finite, np.full(len(finite), row), "o", color=colour, markersize=4, alpha=0.7)
    axis.plot(interval.center, row, "|", color=colour, markersize=18, markeredgewidth=2)
