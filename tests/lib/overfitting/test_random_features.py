"""Least squares on random features beside NumPy's, the normal equations and gradient descent."""

from collections.abc import Iterator

import numpy as np
import pytest

from lib.mlp.overfitting.random_features import random_weights, relu_features, ridge_solutions


@pytest.fixture(params=[5, 20, 200], ids=["fewer features", "as many", "more"])
def system(request: pytest.FixtureRequest) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Features A (20, N) and targets Y (20, 3)."""
    rng = np.random.default_rng(2)
    A = relu_features(rng.normal(size=(20, 8)), random_weights(8, request.param, rng))
    yield A, rng.normal(size=(20, 3))


def test_without_ridge_it_is_the_least_norm_solution_of_numpy(system: tuple[np.ndarray, np.ndarray]) -> None:
    A, Y = system
    (B,) = ridge_solutions(A, Y, (0,))
    np.testing.assert_allclose(B, np.linalg.lstsq(A, Y, rcond=None)[0], rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("ridge", [1e-3, 1.0, 100.0])
def test_with_ridge_it_solves_the_normal_equations(system: tuple[np.ndarray, np.ndarray], ridge: float) -> None:
    A, Y = system
    (B,) = ridge_solutions(A, Y, (ridge,))
    oracle = np.linalg.solve(A.T @ A + ridge * np.eye(A.shape[1]), A.T @ Y)
    np.testing.assert_allclose(B, oracle, rtol=1e-8, atol=1e-9)


def test_gradient_descent_from_zero_ends_there() -> None:
    rng = np.random.default_rng(3)
    A = relu_features(rng.normal(size=(10, 8)), random_weights(8, 300, rng))
    Y = rng.normal(size=(10, 2))
    B = np.zeros((300, 2))
    rate = 1 / np.linalg.norm(A, 2) ** 2
    for _ in range(5_000):
        B -= rate * A.T @ (A @ B - Y)
    np.testing.assert_allclose(B, ridge_solutions(A, Y, (0,))[0], atol=1e-8)


def test_beyond_the_threshold_it_fits_all_with_the_least_norm() -> None:
    rng = np.random.default_rng(4)
    A = relu_features(rng.normal(size=(10, 8)), random_weights(8, 40, rng))
    Y = rng.normal(size=(10, 2))
    (B,) = ridge_solutions(A, Y, (0,))
    np.testing.assert_allclose(A @ B, Y, atol=1e-9)
    unseen = np.linalg.svd(A)[2][10:].T @ rng.normal(size=(30, 2))
    np.testing.assert_allclose(A @ (B + unseen), Y, atol=1e-9)
    assert np.linalg.norm(B + unseen) > np.linalg.norm(B)


def test_a_row_of_features_has_the_length_of_its_input_in_the_mean() -> None:
    """E[max(0, x w)²] = |x|² / (2 inputs): the rows' squared lengths are |x|² / inputs, whatever N is."""
    rng = np.random.default_rng(5)
    X = rng.normal(size=(4, 64))
    A = relu_features(X, random_weights(64, 100_000, rng))
    np.testing.assert_allclose((A**2).sum(axis=1), (X**2).sum(axis=1) / 64, rtol=0.03)
