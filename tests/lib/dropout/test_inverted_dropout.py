"""Inverted dropout by hand beside torch, Keras, finite differences and its closed forms."""

from typing import Any

import numpy as np
import pytest

from lib.mlp.dropout.inverted_dropout import backward, draw_mask, forward, moments_over_all_masks

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_mean_and_variance_over_all_masks_are_the_closed_forms(p: float) -> None:
    h = RNG.normal(size=8)
    mean, variance = moments_over_all_masks(h, p)
    np.testing.assert_allclose(mean, h, atol=1e-13)
    np.testing.assert_allclose(variance, h**2 * p / (1 - p), rtol=1e-12)


@pytest.mark.parametrize("p", [0.2, 0.5, 0.8])
def test_mean_and_variance_of_drawn_masks(p: float) -> None:
    n = 200_000
    outputs = forward(np.full(n, 3.0), draw_mask((n,), p, np.random.default_rng(1)))
    variance = 9 * p / (1 - p)
    assert outputs.mean() == pytest.approx(3, abs=4 * np.sqrt(variance / n))
    assert outputs.var() == pytest.approx(variance, rel=0.02)
    assert set(np.unique(outputs)) == {0.0, 3 / (1 - p)}


def test_the_ends() -> None:
    h = RNG.normal(size=(3, 4))
    assert np.array_equal(forward(h, draw_mask(h.shape, 0, RNG)), h)
    assert not forward(h, draw_mask(h.shape, 1, RNG)).any()
    for p in (-0.1, 1.1):
        with pytest.raises(ValueError, match="probability"):
            draw_mask((2,), p, RNG)


def test_backward_agrees_with_finite_differences() -> None:
    h, weights = RNG.normal(size=(2, 5)), RNG.normal(size=(2, 5))
    mask = draw_mask(h.shape, 0.4, RNG)

    def loss(values: np.ndarray) -> float:
        return float(np.sum(weights * forward(values, mask) ** 2))

    gradient = backward(2 * weights * forward(h, mask), mask)
    for place in np.ndindex(h.shape):
        step = np.zeros_like(h)
        step[place] = 1e-6
        assert (loss(h + step) - loss(h - step)) / 2e-6 == pytest.approx(gradient[place], abs=1e-7)


def _torch(h: np.ndarray, p: float) -> tuple[np.ndarray, np.ndarray]:
    import torch

    values = torch.tensor(h, requires_grad=True)
    torch.manual_seed(0)
    outputs = torch.nn.Dropout(p)(values)
    (outputs**2).sum().backward()
    return outputs.detach().numpy(), np.asarray(values.grad)


def _keras(h: np.ndarray, p: float) -> tuple[np.ndarray, np.ndarray]:
    import keras
    import tensorflow as tf

    values = tf.Variable(h)
    with tf.GradientTape() as tape:
        outputs = keras.layers.Dropout(p, seed=0, dtype="float64")(values, training=True)
        loss = tf.reduce_sum(outputs**2)
    return outputs.numpy(), tape.gradient(loss, values).numpy()


@pytest.mark.parametrize("framework", [_torch, _keras])
@pytest.mark.parametrize("p", [0.25, 0.5])
def test_with_the_frameworks_mask_ours_is_the_frameworks(framework: Any, p: float) -> None:
    """The mask is what the framework makes of h over h; with it, forward and backward agree."""
    h = RNG.uniform(0.5, 2, size=(40, 50))
    outputs, gradient = framework(h, p)
    mask = outputs / h
    assert np.allclose(mask, 0) ^ np.any(mask > 0)
    np.testing.assert_allclose(np.unique(mask.round(9)), [0, round(1 / (1 - p), 9)])
    assert np.mean(mask == 0) == pytest.approx(p, abs=4 * np.sqrt(p * (1 - p) / h.size))
    np.testing.assert_allclose(forward(h, mask), outputs, atol=1e-12)
    np.testing.assert_allclose(backward(2 * outputs, mask), gradient, atol=1e-12)
