"""What all pictures share: one colour, line and name for every optimizer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lib.harness.contract.drawing import PALETTE
from lib.harness.contract.texts import Texts

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
}
LINES = {"Nesterov": (0, (5, 1.5)), "AdaMax": (0, (5, 1.5)), "NAdam": (0, (2, 1))}
"""Dashes for the variants of a rule, so that colour is not all that tells lines apart."""


def look(optimizer: str) -> dict[str, Any]:
    """The keywords of an optimizer's line."""
    return {"color": COLOURS[optimizer], "linestyle": LINES.get(optimizer, "-"), "label": name_of(optimizer)}


def name_of(optimizer: str) -> str:
    """An optimizer's name in a picture; all but gradient descent have one name in every language."""
    return TEXTS("labels.GradientDescent") if optimizer == "GradientDescent" else optimizer
