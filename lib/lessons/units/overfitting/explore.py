"""Explorables of the lesson on overfitting: a polynomial by degree, and a network by width, through its threshold."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from lib.harness.contract.drawing import PALETTE
from lib.lessons.explore import Explorable, Slider

MOST_POINTS, MOST_DEGREE = 60, 20
LINE = np.linspace(-1, 1, 160)
SIZES = (1, 2, 3, 5, 8, 11, 13, 15, 17, 20, 30, 60, 150, 500)
"""Hidden units of the second explorable; as many as points at THRESHOLD."""
THRESHOLD, LAYERS = 15, 30
SMALLEST, LARGEST = 1e-3, 1e3
"""The ends of the pictures of errors."""


def truth(x: np.ndarray) -> np.ndarray:
    """The curve that the points are from."""
    return np.asarray(np.sin(3 * x))


@cache
def sample(points: int) -> tuple[np.ndarray, np.ndarray]:
    """The places of the points and their noise of deviation 1, (points,) each; more points include the fewer.

    The places are the multiples of the golden ratio modulo 1, which leave no large hole however many they are.
    """
    noise = np.random.default_rng(3).normal(size=MOST_POINTS)
    places = 2 * (np.arange(1, MOST_POINTS + 1) * (5**0.5 - 1) / 2 % 1) - 1
    return places[:points], noise[:points]


def legendre(x: np.ndarray, degree: int) -> np.ndarray:
    """Polynomials up to the degree, in a basis in which the solution of least norm is smooth: (n, degree + 1)."""
    return np.polynomial.legendre.legvander(x, degree)


@cache
def projections(points: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """The matrices, by degree, from the points' values to the fit at the points and on LINE."""
    x, _ = sample(points)
    inverses = [np.linalg.pinv(legendre(x, degree)) for degree in range(MOST_DEGREE + 1)]
    return [(legendre(x, d) @ inverse, legendre(LINE, d) @ inverse) for d, inverse in enumerate(inverses)]


def draw_degree(figure: Any, text: Callable[..., str], *, degree: int, noise: float, points: int) -> None:
    """The polynomial through noisy points, and the errors of all degrees."""
    x, deviations = sample(points)
    y = truth(x) + noise * deviations
    seen, new = [], []
    for at_points, on_line in projections(points):
        seen.append(float(np.mean((at_points @ y - y) ** 2)))
        new.append(float(np.mean((on_line @ y - truth(LINE)) ** 2)) + noise**2)
    left, right = _axes(figure)
    _curves(left, text, projections(points)[degree][1] @ y, x, y)
    left.set_title(text("title", degree=degree, weights=degree + 1))
    _errors(right, text, (seen, new), degree, "upper left")


@cache
def layers() -> tuple[np.ndarray, np.ndarray]:
    """The matrices, by size and random hidden layer, from the points' values to the fit at the points and on LINE.

    Shapes (sizes, LAYERS, points, points) and (sizes, LAYERS, LINE's, points). The units are sines: any 15 of them can
    take any values at 15 points, so the threshold is at 15 exactly. Their slopes are from Cauchy's distribution: with
    very many units that is regression with the kernel e^(-4|x - x'|), which neither smooths the points nor explodes.
    """
    x, _ = sample(THRESHOLD)
    at_points = np.zeros((len(SIZES), LAYERS, THRESHOLD, THRESHOLD))
    on_line = np.zeros((len(SIZES), LAYERS, len(LINE), THRESHOLD))
    for place, size in enumerate(SIZES):
        for layer in range(LAYERS):
            rng = np.random.default_rng([size, layer])
            slopes, offsets = 4 * rng.standard_cauchy(size), rng.uniform(0, 2 * np.pi, size)
            A, B = (np.sin(np.outer(z, slopes) + offsets) * size**-0.5 for z in (x, LINE))
            inverse = np.linalg.pinv(A)
            at_points[place, layer], on_line[place, layer] = A @ inverse, B @ inverse
    return at_points, on_line


def draw_width(figure: Any, text: Callable[..., str], *, size: int, noise: float) -> None:
    """A network with a random hidden layer, fitted to noisy points, and the median errors of all sizes."""
    x, deviations = sample(THRESHOLD)
    y = truth(x) + noise * deviations
    at_points, on_line = (matrices @ y for matrices in layers())
    seen = np.median(np.mean((at_points - y) ** 2, axis=-1), axis=1)
    errors = np.mean((on_line - truth(LINE)) ** 2, axis=-1)
    typical = np.argsort(errors[size])[LAYERS // 2]
    left, right = _axes(figure)
    _curves(left, text, on_line[size, typical], x, y)
    left.set_title(text("title", units=SIZES[size]))
    right.axvline(SIZES.index(THRESHOLD), color=PALETTE[7], linestyle=":", label=text("threshold"))
    right.set_xticks(range(len(SIZES)), [str(units) for units in SIZES], fontsize=7)
    _errors(right, text, (seen, np.median(errors, axis=1) + noise**2), size, "upper right")


def _axes(figure: Any) -> tuple[Any, Any]:
    """Two pictures side by side, placed by hand: a layout that measures every text takes as long as the drawing."""
    figure.set_layout_engine("none")
    return figure.add_axes((0.05, 0.15, 0.42, 0.75)), figure.add_axes((0.575, 0.15, 0.415, 0.75))


def _curves(axes: Any, text: Callable[..., str], values: np.ndarray, x: np.ndarray, y: np.ndarray) -> None:
    axes.plot(LINE, truth(LINE), "--", color=PALETTE[7], label=text("truth"))
    axes.plot(LINE, values, color=PALETTE[1], label=text("model"))
    axes.plot(x, y, "o", color=PALETTE[0], markersize=4)
    axes.set(ylim=(-2.5, 2.5), xlim=(-1.02, 1.02))
    axes.legend(fontsize=8, loc="upper left")


def _errors(axes: Any, text: Callable[..., str], errors: tuple[Any, Any], chosen: int, legend: str) -> None:
    """Errors on seen and on new points by complexity, the chosen one marked. Their logarithm: such axes draw faster."""
    for values, colour, label in zip(errors, PALETTE[:2], ("seen", "new"), strict=True):
        shown = np.log10(np.clip(values, SMALLEST, LARGEST))
        axes.plot(shown, color=colour, label=text(label))
        axes.plot(chosen, shown[chosen], "o", color=colour, markersize=8)
    ends = np.log10([SMALLEST, LARGEST])
    ticks = np.arange(ends[0], ends[1] + 0.5)
    axes.set(xlabel=text("xlabel"), ylabel=text("ylabel"), ylim=(ends[0] - 0.1, ends[1] + 0.1))
    axes.set_yticks(ticks, [f"{10.0**tick:g}" for tick in ticks], fontsize=8)
    axes.legend(fontsize=8, loc=legend)


EXPLORABLES = {
    "degree": Explorable(
        draw_degree,
        {
            "degree": Slider(0, MOST_DEGREE, 1, start=3, whole=True),
            "noise": Slider(0, 1, 0.1, start=0.3),
            "points": Slider(5, MOST_POINTS, 1, start=15, whole=True),
        },
        size=(7.6, 3.1),
    ),
    "width": Explorable(
        draw_width,
        {
            "size": Slider(0, len(SIZES) - 1, 1, start=3, whole=True),
            "noise": Slider(0, 1, 0.1, start=0.3),
        },
        size=(7.6, 3.1),
    ),
}
