"""Sobel and Gabor: what they must give on ramps, stripes and even brightness."""

import numpy as np
import pytest
from scipy import ndimage

from lib.cnn.convolution.by_hand import convolve, filtered
from lib.cnn.convolution.filters import SMOOTH, SOBEL_X, SOBEL_Y, gabor

Y, X = np.mgrid[:40, :40].astype(float)


def test_sobel_gives_the_slope_of_a_ramp() -> None:
    ramp = 0.3 * X - 0.2 * Y + 1
    np.testing.assert_allclose(filtered(ramp, SOBEL_X), 0.3, atol=1e-14)
    np.testing.assert_allclose(filtered(ramp, SOBEL_Y), -0.2, atol=1e-14)


def test_sobel_is_scipys() -> None:
    picture = np.random.default_rng(0).random((20, 20))
    for kernel, axis in ((SOBEL_X, 1), (SOBEL_Y, 0)):
        expected = ndimage.sobel(picture, axis)[1:-1, 1:-1] / 8
        np.testing.assert_allclose(filtered(picture, kernel), expected, atol=1e-14)


def test_sobel_is_a_difference_smoothed_and_a_smoothing_sums_to_1() -> None:
    assert SMOOTH.sum() == 1
    difference, column = np.array([[-1, 0, 1]]) / 2, np.array([[1], [2], [1]]) / 4
    np.testing.assert_allclose(convolve(column[None, None], difference[None, None])[0, 0], SOBEL_X, atol=1e-15)


@pytest.mark.parametrize("direction", [0.0, 0.5, np.pi / 2])
@pytest.mark.parametrize("phase", [0.0, -np.pi / 2])
def test_gabor_is_blind_to_even_brightness_and_of_length_1(direction: float, phase: float) -> None:
    kernel = gabor(direction, 8.0, phase)
    assert kernel.shape == (21, 21)  # 6 sigma, sigma = 3.2
    assert kernel.sum() == pytest.approx(0, abs=1e-13)
    assert np.sum(kernel**2) == pytest.approx(1)


def test_gabor_turned_by_a_right_angle() -> None:
    np.testing.assert_allclose(gabor(np.pi / 2), gabor(0.0).T, atol=1e-14)


@pytest.mark.parametrize("degrees", [0, 30, 45, 90, 135])
def test_gabor_prefers_its_own_direction_and_wavelength(degrees: int) -> None:
    def energy(angle: float, wavelength: float) -> float:
        stripes = np.cos(2 * np.pi * (X * np.cos(angle) + Y * np.sin(angle)) / wavelength)
        return sum(float(filtered(stripes, gabor(np.radians(degrees), 8.0, p))[9, 9] ** 2) for p in (0.0, -np.pi / 2))

    own = energy(np.radians(degrees), 8.0)
    assert own > 5 * energy(np.radians(degrees + 45), 8.0)
    assert own > 100 * energy(np.radians(degrees + 90), 8.0)
    assert own > 2 * max(energy(np.radians(degrees), 4.0), energy(np.radians(degrees), 20.0))


def test_the_odd_phase_tells_brighter_from_darker() -> None:
    step = (X >= 20).astype(float)
    assert (
        filtered(step, gabor(0.0, phase=-np.pi / 2))[9, 9] > 0 > filtered(1 - step, gabor(0.0, phase=-np.pi / 2))[9, 9]
    )
