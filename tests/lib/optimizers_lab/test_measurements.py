"""The experiments' measures against closed forms and against runs the long way round."""

from typing import Any

import numpy as np
import pytest

from lib.harness.contract.results import Results
from lib.harness.contract.seeds import Seed
from lib.harness.contract.trial import Result, Trial
from lib.optimizers.experiments import descent, forms, frameworks, functions, identities, rates, stochastic
from lib.optimizers.experiments.config import LECTURE, OptimizersConfig, build
from lib.optimizers.surfaces import SURFACES, Surface, ravine

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
    examples, curve = stochastic.examples_to_target(X, y, len(y), np.array([0.2]), SEED)
    assert examples.tolist() == [steps * len(y)]
    assert curve[0] == [0.0, 1.0]


def test_a_rate_that_diverges_costs_the_budget() -> None:
    X, y = stochastic.regression_data(SEED)
    examples, _ = stochastic.examples_to_target(X, y, 10, np.array([10.0]), SEED)
    assert examples.tolist() == [stochastic.BUDGET]


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
    assert identities.rmsprop(start) < 1e-12
    assert identities.rmsprop_uncorrected(start) > 0.01
    assert identities.adagrad(start, 1e-4) / identities.adagrad(start, 1e-6) == pytest.approx(100, rel=0.05)


# Functions


@pytest.mark.parametrize("convention", ["torch", "keras"])
@pytest.mark.parametrize("name", LECTURE)
def test_the_grid_at_once_is_every_rate_by_itself(name: str, convention: str) -> None:
    surface = SURFACES["beale"]
    starts = functions.random_starts(surface, 3, SEED)
    grid = np.array([0.003, 0.1, 1.0])
    at_once, _ = functions.steps_to_target(build(name, convention), surface, starts, grid, cap=200, target=1.0)
    for rate, reached in zip(grid, at_once, strict=True):
        optimizer = build(name, convention, learning_rate=float(rate))
        for start, steps in zip(starts, reached, strict=True):
            p, state, inside = start, optimizer.init(start), []
            for _ in range(200):
                p, state = optimizer.update(surface.gradient(p), state, p)
                inside.append(bool(surface.value(p) <= 1.0))
            runs = [i + 1 for i in range(200 - functions.HOLD + 1) if all(inside[i : i + functions.HOLD])]
            assert steps == (runs[0] if runs else np.inf)


def test_steps_of_descent_on_the_ravine_in_closed_form() -> None:
    starts, rate, t = np.array([[-10.0, 1.0]]), 0.015, np.arange(1, 2_000)
    f = 0.5 * ((10 * (1 - rate) ** t) ** 2 + 100 * (1 - 100 * rate) ** (2 * t))
    optimizer = build("GradientDescent", "torch")
    reached, _ = functions.steps_to_target(optimizer, ravine, starts, np.array([rate]), cap=2_000, target=1e-3)
    assert reached.item() == t[np.argmax(f <= 1e-3)]


def test_hopping_over_the_minimum_is_no_arrival() -> None:
    """On f = x²/2 with the rate 2 the point hops between 1 and -1; within a target above 1/2 it is at once."""
    starts, rate = np.array([[1.0, 0.0]]), np.array([1.9999])
    line = Surface(
        "line", "", lambda x, y: 0.5 * x * x, lambda x, y: (x, 0 * y), ((0.0, 0.0),), (1.0, 0.0), ((-1.0, 1.0),) * 2
    )
    optimizer = build("GradientDescent", "torch")
    below, _ = functions.steps_to_target(optimizer, line, starts, rate, cap=100, target=0.4)
    above, _ = functions.steps_to_target(optimizer, line, starts, rate, cap=100, target=0.6)
    momentum, _ = functions.steps_to_target(
        build("Momentum", "torch"), line, starts, np.array([0.1]), cap=500, target=1e-3
    )
    p, state, first = starts, (rule := build("Momentum", "torch", learning_rate=0.1)).init(starts), 0
    while line.value(p)[0] > 1e-3:
        p, state = rule.update(line.gradient(p), state, p)
        first += 1
    assert below.item() == np.inf
    assert above.item() == 1
    assert momentum.item() > first  # it first passes through at speed


def test_the_turned_ravine_is_the_ravine_turned() -> None:
    turned = functions.turned_ravine
    points = np.random.default_rng(0).normal(size=(20, 2))
    c = np.sqrt(0.5)
    back = points @ np.array([[c, -c], [c, c]])
    np.testing.assert_allclose(turned.value(points), ravine.value(back), rtol=1e-12)
    h = 1e-6
    numeric = [(turned.value(points + e) - turned.value(points - e)) / (2 * h) for e in h * np.eye(2)]
    np.testing.assert_allclose(turned.gradient(points), np.transpose(numeric), rtol=1e-6, atol=1e-6)


def _race(steps: dict[str, list[float]], cap: int = 1_000) -> Results:
    """Results of one seed in which every function gave the same steps."""
    config = OptimizersConfig(steps=cap)
    measured = {name: dict.fromkeys(functions.TESTED, values) for name, values in steps.items()}
    return Results([Result(Trial("functions/final", config, 0), "", "FINISHED", {"steps": measured})])


def test_times_the_steps_counts_the_cap() -> None:
    race = _race({"Adagrad": [100.0, np.inf], "RMSprop": [10.0, 10.0]})
    (ratio,) = functions.times_the_steps("Adagrad", "RMSprop", "beale")(race)
    assert ratio == pytest.approx(np.sqrt(100 * 1_000) / 10)


def test_nobody_arriving_is_no_number() -> None:
    race = _race({"Adagrad": [np.inf, np.inf, 5.0], "RMSprop": [np.inf, np.inf, 5.0]})
    assert np.isnan(functions.times_the_steps("Adagrad", "RMSprop", "beale")(race)).all()


def test_rank_shares_ties_and_puts_infinity_last() -> None:
    steps: dict[str, list[float]] = {name: [10.0] for name in LECTURE}
    race = _race({**steps, "Adam": [5.0]})
    assert functions.mean_rank(race).tolist() == [1.0]
    assert functions.mean_rank(race, "Momentum").tolist() == [5.0]  # seven share the places 2 to 8
    assert functions.mean_rank(_race({**steps, "Adam": [np.inf]})).tolist() == [8.0]


# Frameworks


def _torch_apply(*arguments: Any) -> frameworks.Apply:
    return frameworks.torch_apply(*arguments)


def test_a_misplaced_epsilon_shows() -> None:
    """Keras' convention beside torch's own Adam, equal settings: off by far more than rounding."""
    starts = frameworks.start_points(SEED)
    settings = frameworks.SETTINGS["Adam"]
    right = frameworks.deviation("Adam", "torch", settings, _torch_apply, starts)
    wrong = frameworks.deviation("Adam", "keras", settings, _torch_apply, starts)
    assert right.max() < 1e-12
    assert wrong.max() > 1e-6


def test_the_exact_cast_is_put_back() -> None:
    import tensorflow as tf

    cast = tf.cast
    with pytest.raises(RuntimeError, match="inside"), frameworks.exact_casts("keras"):
        assert float(tf.cast(0.96, tf.float64)) == 0.96
        raise RuntimeError("inside")
    assert tf.cast is cast
