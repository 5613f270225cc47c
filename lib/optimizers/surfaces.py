r"""Test functions of two variables, with gradient, minima and a start: the landscapes on which optimizers are compared.

Every function takes points of shape (..., 2), many starts at once, and keeps their dtype. Far out, where a diverging
optimizer ends, a value beyond the range of floats is inf, never nan and never a warning.

>>> import numpy as np
>>> beale.value(np.array([[3.0, 0.5], [0.0, 0.0]])).tolist()
[0.0, 14.203125]
>>> beale.gradient(np.array([0.0, 0.0])).tolist()
[-12.75, 0.0]
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import inf, pi
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array: TypeAlias = NDArray[np.floating[Any]]
Point: TypeAlias = tuple[float, float]


@dataclass(frozen=True)
class Surface:
    """A function of two variables, its gradient and what is known of it.

    name: its name in `SURFACES`. formula: LaTeX, for the pictures.
    function, derivative: f(x, y) and (df/dx, df/dy), elementwise.
    minima: all global minima. start: where the lab's optimizers begin.
    bounds: ((x low, x high), (y low, y high)), the part to draw.
    smoothness: L, the largest curvature, where it is the same everywhere (else None); beyond 2/L descent diverges.
    """

    name: str
    formula: str
    function: Callable[[Array, Array], Array]
    derivative: Callable[[Array, Array], tuple[Array, Array]]
    minima: tuple[Point, ...]
    start: Point
    bounds: tuple[Point, Point]
    smoothness: float | None = None

    @property
    def minimum(self) -> Point:
        """The global minimum, or the first of them."""
        return self.minima[0]

    @np.errstate(all="ignore")
    def value(self, points: ArrayLike) -> Array:
        """f at points (..., 2): shape (...); inf where it is beyond the range of floats or the point is no number."""
        x, y = self._coordinates(points)
        return np.nan_to_num(self.function(x, y), nan=inf, posinf=inf, neginf=-inf)

    @np.errstate(all="ignore")
    def gradient(self, points: ArrayLike) -> Array:
        """The gradient at points (..., 2): the same shape; inf or nan where it is beyond the range of floats."""
        x, y = self._coordinates(points)
        gradient = np.empty((*x.shape, 2), x.dtype)
        gradient[..., 0], gradient[..., 1] = self.derivative(x, y)
        return gradient

    def _coordinates(self, points: ArrayLike) -> tuple[Array, Array]:
        points = np.asarray(points)
        if points.shape[-1:] != (2,):
            raise ValueError(f"{self.name}: points must have the shape (..., 2), got {points.shape}")
        if points.dtype.kind != "f":
            points = points.astype(float)
        return points[..., 0].copy(), points[..., 1].copy()  # copies: arithmetic on every other number is slower


def _beale(x: Array, y: Array) -> Array:
    return (1.5 + x * (y - 1)) ** 2 + (2.25 + x * (y**2 - 1)) ** 2 + (2.625 + x * (y**3 - 1)) ** 2


def _beale_derivative(x: Array, y: Array) -> tuple[Array, Array]:
    y2 = y * y
    u, v, w = y - 1, y2 - 1, y2 * y - 1
    a, b, c = 1.5 + x * u, 2.25 + x * v, 2.625 + x * w
    return 2 * (a * u + b * v + c * w), 2 * x * (a + 2 * y * b + 3 * y2 * c)


beale = Surface(
    "beale",
    r"(1.5 - x + xy)^2 + (2.25 - x + xy^2)^2 + (2.625 - x + xy^3)^2",
    _beale,
    _beale_derivative,
    minima=((3.0, 0.5),),
    start=(0.7, 1.4),
    bounds=((-4.5, 4.5), (-4.5, 4.5)),
)
"""Beale 1958: a curved valley, a plateau around the origin, steep corners. The lecture's function."""


def _rosenbrock(x: Array, y: Array) -> Array:
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


def _rosenbrock_derivative(x: Array, y: Array) -> tuple[Array, Array]:
    across = y - x * x
    return 2 * (x - 1) - 400 * x * across, 200 * across


rosenbrock = Surface(
    "rosenbrock",
    r"(1 - x)^2 + 100\,(y - x^2)^2",
    _rosenbrock,
    _rosenbrock_derivative,
    minima=((1.0, 1.0),),
    start=(-1.2, 1.0),
    bounds=((-2.0, 2.0), (-1.0, 3.0)),
)
"""Rosenbrock 1960: a bent valley whose floor is hundreds of times flatter than its walls."""


def _himmelblau(x: Array, y: Array) -> Array:
    return (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2


def _himmelblau_derivative(x: Array, y: Array) -> tuple[Array, Array]:
    a, b = x * x + y - 11, x + y * y - 7
    return 4 * x * a + 2 * b, 2 * a + 4 * y * b


himmelblau = Surface(
    "himmelblau",
    r"(x^2 + y - 11)^2 + (x + y^2 - 7)^2",
    _himmelblau,
    _himmelblau_derivative,
    minima=(
        (3.0, 2.0),
        (-2.805118086952745, 3.131312518250573),
        (-3.779310253377747, -3.283185991286170),
        (3.584428340330492, -1.848126526964404),
    ),
    start=(-0.3, -1.0),
    bounds=((-5.0, 5.0), (-5.0, 5.0)),
)
"""Himmelblau 1972: four equal minima; where a path ends depends on the optimizer."""


def _quadratic(condition: float, x: Array, y: Array) -> Array:
    return 0.5 * (x**2 + condition * y**2)


def _quadratic_derivative(condition: float, x: Array, y: Array) -> tuple[Array, Array]:
    return x, condition * y


def quadratic(condition: float) -> Surface:
    """The ravine of a given condition number >= 1: curvature 1 along it and L = condition across."""
    if not 1 <= condition < inf:
        raise ValueError(f"quadratic: condition must be a finite number >= 1, got {condition!r}")
    return Surface(
        "ravine",
        rf"\frac{{1}}{{2}}\,(x^2 + {condition:g}\,y^2)",
        partial(_quadratic, float(condition)),
        partial(_quadratic_derivative, float(condition)),
        minima=((0.0, 0.0),),
        start=(-10.0, 1.0),
        bounds=((-11.0, 3.0), (-2.0, 2.0)),
        smoothness=float(condition),
    )


ravine = quadratic(100)
"""A quadratic a hundred times steeper across than along: what plain descent may step across, it crawls along."""


def _saddle(x: Array, y: Array) -> Array:
    return 0.5 * (x * x - y * y) + 0.25 * (y * y) ** 2


def _saddle_derivative(x: Array, y: Array) -> tuple[Array, Array]:
    return x, y * (y * y - 1)


saddle = Surface(
    "saddle",
    r"\frac{1}{2} x^2 - \frac{1}{2} y^2 + \frac{1}{4} y^4",
    _saddle,
    _saddle_derivative,
    minima=((0.0, 1.0), (0.0, -1.0)),
    start=(-1.5, 0.001),
    bounds=((-2.0, 2.0), (-1.6, 1.6)),
)
"""A saddle at the origin between two minima; the start lies almost on the ridge that leads into it."""


def _plateau(x: Array, y: Array) -> Array:
    return 0.5 * y**2 + (1 - 1 / (1 + x**2))


def _plateau_derivative(x: Array, y: Array) -> tuple[Array, Array]:
    return 2 * x / (1 + x * x) ** 2, y


plateau = Surface(
    "plateau",
    r"\frac{x^2}{1 + x^2} + \frac{1}{2} y^2",
    _plateau,
    _plateau_derivative,
    minima=((0.0, 0.0),),
    start=(-8.0, 1.0),
    bounds=((-9.0, 3.0), (-2.0, 2.0)),
)
"""A long flat valley: the slope along it falls as the cube of the distance, to 0.004 at the start."""


def _rastrigin(x: Array, y: Array) -> Array:
    waves: Array = np.cos(2 * pi * x) + np.cos(2 * pi * y)
    return 20 + x * x + y * y - 10 * waves


def _rastrigin_derivative(x: Array, y: Array) -> tuple[Array, Array]:
    return 2 * x + 20 * pi * np.sin(2 * pi * x), 2 * y + 20 * pi * np.sin(2 * pi * y)


rastrigin = Surface(
    "rastrigin",
    r"20 + x^2 + y^2 - 10\,(\cos 2\pi x + \cos 2\pi y)",
    _rastrigin,
    _rastrigin_derivative,
    minima=((0.0, 0.0),),
    start=(-2.3, 3.2),
    bounds=((-5.12, 5.12), (-5.12, 5.12)),
)
"""Rastrigin 1974: a bowl full of dents, a local minimum near every whole number."""

SURFACES: dict[str, Surface] = {
    surface.name: surface for surface in (beale, rosenbrock, himmelblau, ravine, saddle, plateau, rastrigin)
}
