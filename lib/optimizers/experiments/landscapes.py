"""The landscapes of the race: five functions of two variables, and a quadratic bowl of twenty in random directions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from lib.harness.contract.seeds import Seed
from lib.optimizers.surfaces import Surface, beale, plateau, ravine, rosenbrock


class Landscape(Protocol):
    """A function to race on, of n variables."""

    @property
    def name(self) -> str:
        """Its name in `RACED`."""

    def value(self, points: Any) -> np.ndarray:
        """f at points (..., n), its minimum 0: shape (...)."""

    def gradient(self, points: Any) -> np.ndarray:
        """The gradient at points (..., n): the same shape."""


def _turned(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return (x + y) / np.sqrt(2), (y - x) / np.sqrt(2)


def _turned_value(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return ravine.function(*_turned(x, y))


def _turned_derivative(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    u, v = ravine.derivative(*_turned(x, y))
    return (u - v) / np.sqrt(2), (u + v) / np.sqrt(2)


turned_ravine = Surface(
    "turned ravine",
    r"\frac{1}{4}\,((x + y)^2 + 100\,(y - x)^2)",
    _turned_value,
    _turned_derivative,
    minima=((0.0, 0.0),),
    start=(-11 / np.sqrt(2), -9 / np.sqrt(2)),
    bounds=((-10.0, 4.0), (-10.0, 4.0)),
    smoothness=100.0,
)
"""Descent and momentum do not see the turn; an optimizer with a rate for each coordinate does."""

DIMENSIONS = 20
CURVATURES = np.geomspace(1.0, 100.0, DIMENSIONS)
"""Of the bowl along its axes: the ravine's two, and eighteen between them."""
HEIGHT = 100.0
"""f at every start in the bowl, about that of the ravine's starts."""


@dataclass(frozen=True)
class Bowl:
    """The quadratic with the curvatures `CURVATURES` along the columns of `axes`, which are orthogonal: (20, 20)."""

    axes: np.ndarray
    name: str = "bowl"
    hessian: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "hessian", (self.axes * CURVATURES) @ self.axes.T)

    @np.errstate(all="ignore")
    def value(self, points: Any) -> np.ndarray:
        """f at points (..., 20): shape (...)."""
        return np.asarray(0.5 * np.sum(points * (points @ self.hessian), axis=-1))

    @np.errstate(all="ignore")
    def gradient(self, points: Any) -> np.ndarray:
        """The gradient at points (..., 20): the same shape."""
        return np.asarray(points @ self.hessian)


def bowl(seed: Seed) -> Bowl:
    """The bowl with axes from all directions alike: Q of a normal matrix, R's diagonal positive (Mezzadri 2007)."""
    q, r = np.linalg.qr(seed.rng("bowl").normal(size=(DIMENSIONS, DIMENSIONS)))
    return Bowl(q * np.sign(np.diag(r)))


SURFACES = {surface.name: surface for surface in (ravine, turned_ravine, plateau, rosenbrock, beale)}
RACED = ("ravine", "turned ravine", "bowl", "plateau", "rosenbrock", "beale")
SPREAD = 0.1
"""Random starts lie within this share of the drawn part of a function around its start."""


def landscape(name: str, seed: Seed) -> Landscape:
    """The landscape of this name; the bowl in the directions of this seed."""
    return bowl(seed) if name == "bowl" else SURFACES[name]


def random_starts(place: Landscape, number: int, seed: Seed) -> np.ndarray:
    """Starts on a landscape: (number, n). In the bowl in all directions alike, otherwise around the function's own."""
    rng = seed.rng("starts", place.name)
    if isinstance(place, Surface):
        low, high = np.transpose(place.bounds)
        return np.asarray(np.array(place.start) + rng.uniform(-SPREAD, SPREAD, (number, 2)) * (high - low))
    directions = rng.normal(size=(number, DIMENSIONS))
    return np.asarray(directions * np.sqrt(HEIGHT / place.value(directions))[:, None])


def drawn_start(place: Landscape) -> np.ndarray:
    """The start of the path in the pictures: (n,). In the bowl every axis has the same share of the height."""
    if isinstance(place, Bowl):
        return np.asarray(place.axes @ -np.sqrt(2 * HEIGHT / DIMENSIONS / CURVATURES))
    assert isinstance(place, Surface)
    return np.array(place.start)


def seen_from_above(place: Landscape, points: np.ndarray) -> np.ndarray:
    """Points (..., n) as pictures draw them: (..., 2). Of the bowl its flattest and its steepest axis."""
    return points @ place.axes[:, [0, -1]] if isinstance(place, Bowl) else points
