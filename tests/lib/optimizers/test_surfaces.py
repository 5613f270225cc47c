"""The surfaces: gradients against the complex-step derivative, minima, shapes, and points far out."""

import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.optimizers.surfaces import SURFACES, Surface, quadratic

LANDSCAPES = [*SURFACES.values(), quadratic(7.5)]
every_surface = pytest.mark.parametrize("surface", LANDSCAPES, ids=lambda s: f"{s.name}-{s.smoothness}")
unit = st.floats(0.0, 1.0)


def grid(surface: Surface, size: int = 101) -> np.ndarray:
    """Points over the part that is drawn: (size, size, 2)."""
    return np.stack(np.meshgrid(*(np.linspace(*bound, size) for bound in surface.bounds)), axis=-1)


@every_surface
@given(u=unit, v=unit)
def test_the_gradient_is_the_derivative(surface: Surface, u: float, v: float) -> None:
    """f(x + ih) = f(x) + ih f'(x): no difference is taken, so the derivative is exact (Squire & Trapp 1998)."""
    (x_low, x_high), (y_low, y_high) = surface.bounds
    x, y = np.array(x_low + u * (x_high - x_low)), np.array(y_low + v * (y_high - y_low))
    function: Any = surface.function
    expected = [function(x + 1e-30j, y).imag / 1e-30, function(x, y + 1e-30j).imag / 1e-30]
    scale = 1 + np.abs(expected).max() + np.abs(surface.gradient(grid(surface, 11))).max()
    np.testing.assert_allclose(surface.gradient([x, y]), expected, rtol=0, atol=1e-13 * scale)


@every_surface
@given(u=unit, v=unit)
def test_the_gradient_is_the_value_s_finite_difference(surface: Surface, u: float, v: float) -> None:
    bounds = np.array(surface.bounds)
    point = bounds[:, 0] + np.array([u, v]) * (bounds[:, 1] - bounds[:, 0])
    step = 1e-5
    ahead, behind = point + step * np.eye(2), point - step * np.eye(2)
    difference = (surface.value(ahead) - surface.value(behind)) / (2 * step)
    scale = 1 + np.abs(surface.gradient(grid(surface, 11))).max()
    np.testing.assert_allclose(surface.gradient(point), difference, rtol=0, atol=1e-5 * scale)


@every_surface
def test_the_minima_are_flat_and_lowest(surface: Surface) -> None:
    np.testing.assert_allclose(surface.gradient(surface.minima), 0.0, atol=1e-12)
    lowest = surface.value(surface.minima)
    np.testing.assert_allclose(lowest, -0.25 if surface.name == "saddle" else 0.0, atol=1e-25)
    assert surface.value(grid(surface)).min() >= lowest.max() - 1e-25
    assert surface.minimum == surface.minima[0]
    around = np.array(surface.minima)[:, None] + 1e-3 * np.array([(1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, -1)])
    assert (surface.value(around) > lowest[:, None]).all()


@every_surface
def test_start_and_minima_are_in_the_picture(surface: Surface) -> None:
    low, high = np.array(surface.bounds).T
    points = np.array([surface.start, *surface.minima])
    assert ((low < points) & (points < high)).all()
    assert np.abs(surface.gradient(surface.start)).max() > 0


@every_surface
def test_many_points_at_once_are_one_by_one(surface: Surface) -> None:
    low, high = np.array(surface.bounds).T
    points = np.random.default_rng(0).uniform(low, high, size=(3, 5, 2))
    values, gradients = surface.value(points), surface.gradient(points)
    assert (values.shape, gradients.shape) == ((3, 5), (3, 5, 2))
    for i, j in np.ndindex(3, 5):
        np.testing.assert_allclose(values[i, j], surface.value(points[i, j]), rtol=1e-14)
        np.testing.assert_allclose(gradients[i, j], surface.gradient(points[i, j]), rtol=1e-13, atol=1e-13)


@every_surface
def test_float32_stays_float32(surface: Surface) -> None:
    point = np.array(surface.start, np.float32)
    assert surface.value(point).dtype == surface.gradient(point).dtype == np.float32
    np.testing.assert_allclose(surface.value(point), surface.value(surface.start), rtol=1e-5)
    assert surface.value([1, 2]).dtype == np.float64


@every_surface
def test_points_are_not_changed(surface: Surface) -> None:
    point = np.array(surface.start)
    point.flags.writeable = False
    surface.value(point)
    assert not np.shares_memory(surface.gradient(point), point)


@every_surface
@pytest.mark.parametrize("far", [1e155, 1e308, np.inf])
def test_far_out_is_infinite_and_silent(surface: Surface, far: float) -> None:
    points = far * np.array([(1.0, 1.0), (-1.0, 1.0), (1.0, -1.0), (-1.0, -1.0)])
    assert (surface.value(points) == np.inf).all()
    surface.gradient(points)
    assert surface.value([np.nan, 0.0]) == np.inf


@pytest.mark.parametrize("condition", [1.0, 7.5, 100.0])
def test_the_ravine_s_curvatures_are_its_condition_number(condition: float) -> None:
    surface = quadratic(condition)
    hessian = surface.gradient(np.eye(2)) - surface.gradient(np.zeros((2, 2)))
    low, high = np.linalg.eigvalsh(hessian)
    assert high / low == pytest.approx(condition)
    assert surface.smoothness == pytest.approx(high)
    assert SURFACES["ravine"].smoothness == 100.0


@pytest.mark.parametrize("condition", [0.5, -1.0, float("nan"), float("inf")])
def test_a_ravine_has_a_condition_number(condition: float) -> None:
    with pytest.raises(ValueError, match="condition must be a finite number >= 1"):
        quadratic(condition)


@every_surface
def test_a_worker_process_can_have_it(surface: Surface) -> None:
    copy = pickle.loads(pickle.dumps(surface))
    np.testing.assert_array_equal(copy.gradient(copy.start), surface.gradient(surface.start))


@pytest.mark.parametrize("points", [3.0, [1.0], [[1.0, 2.0, 3.0]]])
def test_points_have_two_coordinates(points: Any) -> None:
    with pytest.raises(ValueError, match=r"^beale: points must have the shape \(\.\.\., 2\), got "):
        SURFACES["beale"].value(points)


def test_every_surface_is_listed_by_its_name() -> None:
    assert {"beale", "rosenbrock", "himmelblau", "ravine", "saddle", "plateau"} <= SURFACES.keys()
    assert all(name == surface.name for name, surface in SURFACES.items())
