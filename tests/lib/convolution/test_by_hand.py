"""Convolution by hand: against SciPy, torch, TensorFlow, finite differences, and what can be said without computing."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from lib.cnn.convolution import by_hand
from lib.cnn.convolution.arithmetic import tensorflow_functions, torch_functions
from lib.cnn.convolution.by_hand import Mode

MODES: tuple[Mode, ...] = ("full", "same", "valid")
RNG = np.random.default_rng


def close(found: np.ndarray, expected: np.ndarray, tolerance: float = 1e-12) -> None:
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * max(1.0, float(np.abs(expected).max())))


def test_products_of_polynomials() -> None:
    x, w = np.array([1.0, 2.0, 3.0]), np.array([1.0, -1.0])  # (1 + 2z + 3z²)(1 - z) = 1 + z + z² - 3z³
    for function in (by_hand.by_definition, by_hand.convolve, by_hand.convolve_fft):
        close(function(x[None, None, None], w[None, None, None])[0, 0, 0], np.array([1.0, 1.0, 1.0, -3.0]))


def test_an_impulse_answers_with_the_kernel_and_correlation_with_the_kernel_turned() -> None:
    impulse, w = np.zeros((1, 1, 7, 7)), RNG(0).normal(size=(1, 1, 3, 3))
    impulse[0, 0, 3, 3] = 1
    assert np.array_equal(by_hand.convolve(impulse, w, "same")[0, 0, 2:5, 2:5], w[0, 0])
    assert np.array_equal(by_hand.cross_correlate(impulse, w, "same")[0, 0, 2:5, 2:5], w[0, 0, ::-1, ::-1])


@settings(max_examples=40)
@given(
    sizes=st.tuples(st.integers(1, 2), st.integers(1, 3), st.integers(1, 7), st.integers(1, 7)),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 5), st.integers(1, 5)),
    mode=st.sampled_from(MODES),
    number=st.integers(0, 100),
)
def test_all_ways_are_one_and_scipy_agrees(
    sizes: tuple[int, ...], kernel: tuple[int, ...], mode: Mode, number: int
) -> None:
    x, w = RNG(number).normal(size=sizes), RNG(number + 1).normal(size=(kernel[0], sizes[1], *kernel[1:]))
    if mode == "valid" and (kernel[1] > sizes[2] or kernel[2] > sizes[3]):
        for function in (by_hand.convolve, by_hand.convolve_fft, by_hand.cross_correlate):
            with pytest.raises(ValueError, match="does not fit"):
                function(x, w, mode)
        return
    expected = np.array(
        [
            [sum(signal.convolve2d(p, k, "full") for p, k in zip(picture, out, strict=True)) for out in w]
            for picture in x
        ]
    )
    close(by_hand.by_definition(x, w), expected)
    rows, columns = kernel[1:]
    height, width = sizes[2:]
    if mode == "same":  # k // 2 is also the middle that SciPy takes where k is odd
        expected = expected[:, :, rows // 2 :, columns // 2 :][:, :, :height, :width]
    elif mode == "valid":
        expected = expected[:, :, rows - 1 : height, columns - 1 : width]
    close(by_hand.convolve(x, w, mode), expected)
    close(by_hand.convolve_fft(x, w, mode), expected)
    close(by_hand.cross_correlate(x, by_hand.turned(w), mode), expected)


def test_same_is_scipys_same_for_odd_kernels() -> None:
    x, w = RNG(1).normal(size=(8, 9)), RNG(2).normal(size=(3, 5))
    close(by_hand.convolve(x[None, None], w[None, None], "same")[0, 0], signal.convolve2d(x, w, "same"))
    close(by_hand.filtered(x, w, "same"), signal.correlate2d(x, w, "same"))
    close(by_hand.filtered(x, w), signal.correlate2d(x, w, "valid"))


@pytest.mark.parametrize("functions", [torch_functions, tensorflow_functions])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("side", [1, 2, 3, 4])
def test_forward_and_backward_are_the_frameworks(functions: Any, mode: Mode, side: int) -> None:
    correlate, gradients = functions()
    rng = RNG(side)
    for dtype, tolerance in (("float64", 1e-13), ("float32", 1e-5)):
        x, w = rng.normal(size=(2, 3, 7, 6)).astype(dtype), rng.normal(size=(4, 3, side, 3)).astype(dtype)
        y = by_hand.cross_correlate(x, w, mode)
        assert y.dtype == by_hand.convolve_fft(x, w, mode).dtype == dtype
        close(y, correlate(x, w, mode), tolerance)
        dy = rng.normal(size=y.shape).astype(dtype)
        for ours, theirs in zip(by_hand.gradients(x, w, dy, mode), gradients(x, w, dy, mode), strict=True):
            close(ours, theirs, tolerance)


@pytest.mark.parametrize("mode", MODES)
def test_every_entry_of_the_gradients_by_finite_differences(mode: Mode) -> None:
    """The loss sum(y dy) is linear in each entry, so a difference over 1 has no error but rounding."""
    rng = RNG(5)
    x, w = rng.normal(size=(2, 2, 4, 5)), rng.normal(size=(3, 2, 2, 3))
    dy = rng.normal(size=by_hand.cross_correlate(x, w, mode).shape)
    for which, gradient in enumerate(by_hand.gradients(x, w, dy, mode)):
        for place in np.ndindex(gradient.shape):
            moved = [x.copy(), w.copy()]
            moved[which][place] += 1
            change = by_hand.cross_correlate(moved[0], moved[1], mode) - by_hand.cross_correlate(x, w, mode)
            assert np.sum(change * dy) == pytest.approx(gradient[place], abs=1e-12)


def test_a_picture_that_is_moved_has_a_response_that_is_moved() -> None:
    x, w = RNG(6).normal(size=(1, 1, 12, 12)), RNG(7).normal(size=(1, 1, 3, 3))
    moved = by_hand.convolve(x[:, :, 2:, 3:], w, "valid")
    assert np.array_equal(moved, by_hand.convolve(x, w, "valid")[:, :, 2:, 3:])


@pytest.mark.parametrize(
    ("x", "w", "words"),
    [
        ((5, 5), (1, 1, 3, 3), "are needed"),
        ((1, 2, 5, 5), (1, 3, 3, 3), "are needed"),
        ((1, 1, 5, 5), (3, 3), "are needed"),
        ((0, 1, 5, 5), (1, 1, 3, 3), "nothing to convolve"),
        ((1, 1, 2, 5), (1, 1, 3, 3), "3 x 3 does not fit into a picture of 2 x 5"),
    ],
)
def test_wrong_shapes_are_named(x: tuple[int, ...], w: tuple[int, ...], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        by_hand.cross_correlate(np.ones(x), np.ones(w))
