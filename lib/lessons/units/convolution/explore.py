"""The explorable on filters: a 3 x 3 filter that is edited on a photograph."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Literal

import numpy as np

from lib.lessons.explore import Choice, Explorable, Grid, Toggle

SOBEL = [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]
EVEN = 1e-9
"""A response below this is none."""


@cache
def photograph(name: Literal["china", "flower"]) -> np.ndarray:
    """A piece of the photograph at half its resolution, (160, 200)."""
    from lib.data import photographs

    top, left = {"china": (0, 150), "flower": (50, 130)}[name]
    piece = photographs.grey(name)[top : top + 320, left : left + 400]
    return np.asarray(piece.reshape(160, 2, 200, 2).mean(axis=(1, 3)))


def response(image: np.ndarray, w: np.ndarray, rectified: bool) -> np.ndarray:
    """The response of the filter (3, 3), after ReLU if `rectified`; one pixel less on each side."""
    height, width = image.shape[0] - 2, image.shape[1] - 2
    found = np.zeros((height, width))
    for a, b in np.ndindex(3, 3):
        found += w[a, b] * image[a : a + height, b : b + width]
    return np.maximum(found, 0) if rectified else found


def draw_filter(figure: Any, text: Callable[..., str], *, filter: np.ndarray, photo: Any, relu: bool) -> None:
    """Left: the photograph. Right: the filter's response, grey where it is 0."""
    image = photograph(photo)
    found = response(image, filter, relu)
    left, right = figure.subplots(1, 2)
    left.imshow(image, cmap="gray", interpolation="nearest")
    left.set(title=text("photograph"))
    size = max(float(np.quantile(np.abs(found), 0.995)), EVEN)  # a few strong edges do not hide the others
    right.imshow(found, cmap="gray", vmin=-size, vmax=size, interpolation="nearest")
    right.set(title=text("response", sum=float(filter.sum())))
    for axis in (left, right):
        axis.set_axis_off()


EXPLORABLES = {
    "filter": Explorable(
        draw_filter,
        {
            "filter": Grid(3, 3, start=SOBEL),
            "photo": Choice(("china", "flower")),
            "relu": Toggle(start=False),
        },
        size=(8, 3.7),
    )
}
