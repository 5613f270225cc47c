"""The experiments' measures against closed forms and against runs the long way round."""

from typing import Any

import numpy as np
import pytest

from lib.harness.contract.seeds import Seed
from lib.optimizers.experiments import descent, forms, frameworks, identities, rates, stochastic
from lib.optimizers.experiments.config import build
from lib.optimizers.surfaces import SURFACES, ravine

SEED = Seed(3)


# Gradient descent


@pytest.mark.parametrize("condition", [5, 40])
def test_descent_converges_up_to_two_over_l(condition: float) -> None:
    assert descent.largest_converging(condition, SEED) == pytest.approx(2 / condition, rel=1e-5)


def test_hessian_of_the_ravine() -> None:
    points = np.array([[1.0, -2.0], [0.0, 3.0]])
    np.testing.assert_allclose(descent.hessian(ravine, points), [np.diag([1.0, 100.0])] * 2, atol=1e-6)


def test_a_small_step_lowers_f_as_the_quadratic_says() -> None:
    point = np.array([[2.0, 0.0]])  # here g = (2, 0), the curvature on the way is 1, |H| = 100
    rate = 1e-3 / (1 + 100 + 2)
    assert descent.step_deviation(ravine, point) == pytest.approx(rate / 2, rel=1e-4)


def test_descent_rests_in_the_ravines_only_minimum() -> None:
    assert descent.come_to_rest(ravine, 1 / 100, SEED) == {"minimum": 1.0, "lowest": 1.0}


def test_too_few_steps_come_to_no_rest() -> None:
    assert descent.come_to_rest(ravine, 1 / 100, SEED, steps=10)["minimum"] == 0.0


def test_variance_of_a_batch_is_sigma_squared_over_its_size() -> None:
    X, y = stochastic.regression_data(SEED)
    each = X * (X @ stochastic.START - y)[:, None]
    sigma2 = float(np.sum(np.var(each, axis=0)))
    for size in (1, 20):
        measured = stochastic.gradient_variance(X, y, size, SEED, draws=20_000)
        assert measured == pytest.approx(sigma2 / size, rel=0.05)


def test_full_batch_cost_is_that_of_plain_descent() -> None:
    X, y = stochastic.regression_data(SEED)
    best = np.linalg.lstsq(X, y, rcond=None)[0]

    def loss(p: np.ndarray) -> float:
        return 0.5 * float(np.mean((X @ p - y) ** 2))

    p, steps = stochastic.START, 0
    while loss(p) - loss(best) > 0.01 * (loss(stochastic.START) - loss(best)):
        p, steps = p - 0.2 * X.T @ (X @ p - y) / len(y), steps + 1
    shares = stochastic.excess_left(X, y, len(y), np.array([0.2]), seed=SEED)
    examples = stochastic.examples_to_targets(shares, len(y))
    assert examples[0, stochastic.TARGETS.index(0.01)] == steps * len(y)


def test_a_rate_that_diverges_reaches_no_target() -> None:
    X, y = stochastic.regression_data(SEED)
    shares = stochastic.excess_left(X, y, 10, np.array([10.0]), seed=SEED)
    assert np.isinf(stochastic.examples_to_targets(shares, 10)).all()


def test_a_target_counts_from_when_it_is_kept() -> None:
    shares = np.array([[0.2], [0.04], [0.06], [0.02], [0.008], [0.008]])
    expected = {0.1: 20.0, 0.05: 40.0, 0.02: 40.0, 0.01: 50.0, 0.005: np.inf, 0.003: np.inf}
    assert stochastic.examples_to_targets(shares, 10).tolist() == [list(expected.values())]


def test_a_cosine_leaves_less_noise_than_a_constant_rate_of_the_same_height() -> None:
    X, y = stochastic.regression_data(SEED)
    constant, cosine = (
        stochastic.excess_left(X, y, 10, np.array([0.05]), seed=SEED, kind=kind)[-1, 0] for kind in stochastic.KINDS
    )
    assert 0 < cosine < constant / 2


# Forms and rates


def test_forms_end_where_the_frameworks_do() -> None:
    """Measured with torch and Keras themselves: 0.01 for ten steps, then 0.001, from (0.7, 1.4)."""
    start = np.array([SURFACES["beale"].start])
    torch = forms.path("Momentum", "torch", forms.falling, start)[-1, 0]
    keras = forms.path("Momentum", "keras", forms.falling, start)[-1, 0]
    np.testing.assert_allclose(torch, [0.7233, -0.6322], atol=5e-5)
    np.testing.assert_allclose(keras, [0.2152, 0.7964], atol=5e-5)


@pytest.mark.parametrize("name", rates.RATED)
def test_effective_rate_is_step_over_gradient(name: str) -> None:
    optimizer = build(name, "torch", learning_rate=0.3, **({"betas": (0.0, 0.999)} if name == "Adam" else {}))
    p = np.array([1.0, -2.0])
    state = optimizer.init(p)
    for g in (np.array([1.0, 0.1]), np.array([-3.0, 0.2]), np.array([0.5, 40.0])):
        moved, state = optimizer.update(g, state, p)
        np.testing.assert_allclose(
            (p - moved) / g, np.broadcast_to(rates.effective_rate(optimizer, state), 2), rtol=1e-12
        )
        p = moved


def test_rmsprops_rate_after_the_change_in_closed_form() -> None:
    series = rates.rates_after_change("RMSprop")
    t, later = rates.CHANGE_AT, 300
    v = (1 - 0.99**t) * 0.99**later + (1 - 0.99**later) * rates.SMALL**2
    assert series[t + later - 1] == pytest.approx(1 / (np.sqrt(v) + 1e-8), rel=1e-10)


def test_steps_along_the_valley_in_closed_form() -> None:
    """Adagrad is after t steps at the sum of 1/sqrt(i); descent at t."""
    assert rates.steps_along("GradientDescent", 20.0) == 20
    way = np.cumsum(1 / np.sqrt(np.arange(1, 1_000)))
    assert rates.steps_along("Adagrad", 20.0) == int(np.argmax(way >= 20.0)) + 1


def test_first_steps_of_tiny_gradients() -> None:
    """Measured with torch and Keras themselves for g = 1e-6 and 1e-8; RMSprop in torch is g / (g / 10 + eps)."""
    expected = {
        ("Adam", "torch"): (0.990, 0.500),
        ("Adam", "keras"): (0.240, 0.0032),
        ("RMSprop", "torch"): (1 / 0.11, 1 / 1.1),
        ("RMSprop", "keras"): (0.0032, 0.00003),
    }
    for (name, convention), steps in expected.items():
        measured = rates.first_step(name, convention)[[30, 20]]
        np.testing.assert_allclose(rates.TINY[[30, 20]], [1e-6, 1e-8])
        np.testing.assert_allclose(measured, steps, rtol=0.06)


def test_identities_need_their_conditions() -> None:
    start = np.array([SURFACES["beale"].start])
    assert identities.difference(identities.rmsprop(start)) < 1e-12
    assert identities.difference(identities.rmsprop_uncorrected(start)) > 0.01
    near, nearer = (identities.difference(identities.adagrad(start, gap)) for gap in (1e-4, 1e-6))
    assert near / nearer == pytest.approx(100, rel=0.05)


def test_the_divisors_of_the_picture_are_the_optimizers_own() -> None:
    """The largest of all past gradients, each faded, and the corrected root of their mean square."""
    found = identities.divisors(np.array(SURFACES["beale"].start))
    g = np.array(found["gradient"])
    ages = np.arange(len(g))[::-1]
    assert found["AdaMax"][-1] == pytest.approx(np.max(0.99**ages * g), rel=1e-6)
    assert found["Adam"][-1] == pytest.approx(np.sqrt(np.average(g**2, weights=0.99**ages)), rel=1e-12)


# Frameworks


def _torch_apply(*arguments: Any) -> frameworks.Apply:
    return frameworks.torch_apply(*arguments)


def test_a_misplaced_epsilon_shows() -> None:
    """Keras' convention beside torch's own Adam, equal settings: off by far more than rounding."""
    starts = frameworks.start_points(SEED)
    settings = frameworks.SETTINGS["Adam"]
    right = frameworks.deviation("Adam", "torch", settings, _torch_apply, starts)
    wrong = frameworks.deviation("Adam", "keras", settings, _torch_apply, starts)
    assert right < 1e-12
    assert wrong > 1e-6


def test_the_exact_cast_is_put_back() -> None:
    import tensorflow as tf

    cast = tf.cast
    with pytest.raises(RuntimeError, match="inside"), frameworks.exact_casts("keras"):
        assert float(tf.cast(0.96, tf.float64)) == 0.96
        raise RuntimeError("inside")
    assert tf.cast is cast
