"""What the rules imply: identities between optimizers, invariances, and numbers that the papers and frameworks give."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.optimizers import (
    Adadelta,
    Adagrad,
    Adam,
    AdaMax,
    AdamW,
    GradientDescent,
    Lion,
    Momentum,
    Muon,
    NAdam,
    Nesterov,
    Optimizer,
    RMSprop,
)
from lib.optimizers.surfaces import beale, quadratic, ravine

CONVENTIONS = ("torch", "keras")
conventions = pytest.mark.parametrize("convention", CONVENTIONS)
seeds = st.integers(0, 2**32 - 1)


def walk(optimizer: Optimizer[Any], grads: Any, theta: Any) -> np.ndarray:
    """The path of a parameter along given gradients, one row a step."""
    state, path = optimizer.init(theta), []
    for g in grads:
        theta, state = optimizer.update(np.asarray(g), state, theta)
        path.append(theta)
    return np.array(path)


def descend(optimizer: Optimizer[Any], gradient: Any, theta: Any, steps: int) -> np.ndarray:
    """The path of a parameter down a function, one row a step."""
    theta, path = np.asarray(theta, float), []
    state = optimizer.init(theta)
    for _ in range(steps):
        theta, state = optimizer.update(gradient(theta), state, theta)
        path.append(theta)
    return np.array(path)


def noise(seed: int, steps: int = 30, size: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Random gradients and a random start."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(steps, size)), rng.normal(size=size)


# Identities


@conventions
@given(seed=seeds)
def test_no_momentum_is_gradient_descent(convention: Any, seed: int) -> None:
    grads, theta = noise(seed)
    plain = walk(GradientDescent(0.1, convention=convention), grads, theta)
    for form in (Momentum, Nesterov):
        np.testing.assert_array_equal(walk(form(0.1, convention=convention, momentum=0.0), grads, theta), plain)


@conventions
@given(seed=seeds)
def test_adamw_without_decay_is_adam(convention: Any, seed: int) -> None:
    grads, theta = noise(seed)
    np.testing.assert_array_equal(
        walk(AdamW(0.1, convention=convention, weight_decay=0.0), grads, theta),
        walk(Adam(0.1, convention=convention), grads, theta),
    )


def test_keras_adamw_is_keras_adam_with_its_decay() -> None:
    grads, theta = noise(1)
    np.testing.assert_array_equal(
        walk(AdamW(0.1, convention="keras"), grads, theta),
        walk(Adam(0.1, convention="keras", weight_decay=0.004), grads, theta),
    )


@conventions
@given(seed=seeds)
def test_adam_without_memory_is_sign_descent(convention: Any, seed: int) -> None:
    grads, theta = noise(seed)
    steps = np.diff(walk(Adam(0.1, convention=convention, betas=(0.0, 0.0), eps=0.0), grads, theta), axis=0)
    np.testing.assert_allclose(steps, -0.1 * np.sign(grads[1:]), rtol=0, atol=1e-14)


@given(seed=seeds)
def test_adam_without_beta1_is_corrected_rmsprop(seed: int) -> None:
    grads, theta = noise(seed)
    corrected = RMSprop(lambda step: 0.1 * np.sqrt(1 - 0.9 ** (step + 1)), alpha=0.9, eps=0.0)
    adam = Adam(0.1, betas=(0.0, 0.9), eps=0.0)
    np.testing.assert_allclose(walk(adam, grads, theta), walk(corrected, grads, theta), rtol=0, atol=1e-13)


@given(seed=seeds)
def test_the_two_adams_differ_by_the_place_of_epsilon_alone(seed: int) -> None:
    """eps_keras = eps_torch sqrt(1 - beta2^t), so at any one step one epsilon makes the other."""
    grads, theta = noise(seed, steps=5)
    eps_torch = 1e-2
    torch = walk(Adam(0.1, eps=eps_torch), grads, theta)
    state, moved = Adam().init(theta), theta
    for t, g in enumerate(grads, start=1):
        keras = Adam(0.1, convention="keras", eps=eps_torch * np.sqrt(1 - 0.999**t))
        moved, state = keras.update(g, state, moved)
    np.testing.assert_allclose(moved, torch[-1], rtol=0, atol=1e-13)


@given(seed=seeds, mu=st.floats(0.0, 0.95))
def test_nesterov_is_the_look_ahead_rule_in_the_variable_ahead(seed: int, mu: float) -> None:
    """Nesterov's own rule, phi and v, against theta = phi + mu v, on a quadratic."""
    gradient = quadratic(10.0).gradient
    phi = np.random.default_rng(seed).normal(size=2)
    v = np.zeros(2)
    thetas = descend(Nesterov(0.05, momentum=mu), gradient, phi, 30)
    for theta in thetas:
        v = mu * v - 0.05 * gradient(phi + mu * v)
        phi = phi + v
        np.testing.assert_allclose(theta, phi + mu * v, rtol=0, atol=1e-12)


@pytest.mark.parametrize("form", [Momentum, Nesterov])
@given(seed=seeds)
def test_the_momentum_forms_coincide_at_a_constant_rate(form: Any, seed: int) -> None:
    grads, theta = noise(seed)
    torch = walk(form(0.1, convention="torch"), grads, theta)
    np.testing.assert_allclose(walk(form(0.1, convention="keras"), grads, theta), torch, rtol=0, atol=1e-12)


def test_the_momentum_forms_part_under_a_schedule() -> None:
    """Measured in the frameworks on Beale's function: 0.01 for ten steps, then 0.001."""
    ends = {
        convention: descend(
            Momentum(lambda step: 0.01 if step < 10 else 0.001, convention=convention, momentum=0.9),
            beale.gradient,
            beale.start,
            20,
        )[-1]
        for convention in ("torch", "keras")
    }
    np.testing.assert_allclose(ends["torch"], (0.7233, -0.6322), atol=5e-5)
    np.testing.assert_allclose(ends["keras"], (0.2152, 0.7964), atol=5e-5)


def test_a_schedule_counts_from_zero() -> None:
    path = walk(GradientDescent(lambda step: 10.0**step), np.ones((3, 1)), np.zeros(1))
    assert path[:, 0].tolist() == [-1.0, -11.0, -111.0]


# Invariances

SCALE_FREE: list[tuple[Any, dict[str, Any]]] = [
    (Adagrad, {"initial_accumulator_value": 0.0}),
    (RMSprop, {}),
    (RMSprop, {"centered": True, "alpha": 0.5}),
    (RMSprop, {"momentum": 0.9}),
    (Adam, {}),
    (AdaMax, {}),
    (NAdam, {}),
]


@conventions
@pytest.mark.parametrize(("kind", "settings"), SCALE_FREE)
@given(seed=seeds, power=st.integers(-30, 30))
def test_the_gradient_s_scale_does_not_matter(kind: Any, settings: Any, convention: Any, seed: int, power: int) -> None:
    """Without epsilon; a power of two changes no digits, so the paths are equal to the last few bits."""
    grads, theta = noise(seed)
    optimizer = kind(0.1, convention=convention, eps=0.0, **settings)
    scaled = walk(optimizer, grads * 2.0**power, theta)
    np.testing.assert_allclose(scaled, walk(optimizer, grads, theta), rtol=0, atol=1e-12)


@given(seed=seeds, power=st.integers(-30, 30))
def test_the_gradient_s_scale_does_not_matter_to_lion(seed: int, power: int) -> None:
    grads, theta = noise(seed)
    np.testing.assert_array_equal(walk(Lion(0.1), grads * 2.0**power, theta), walk(Lion(0.1), grads, theta))


def test_the_gradient_s_scale_matters_to_gradient_descent_and_adadelta() -> None:
    grads, theta = noise(3)
    for optimizer in (GradientDescent(0.1), Adadelta(eps=1e-3)):
        assert not np.allclose(walk(optimizer, 4 * grads, theta), walk(optimizer, grads, theta))


ANGLE = np.pi / 6
ROTATION = np.array([[np.cos(ANGLE), -np.sin(ANGLE)], [np.sin(ANGLE), np.cos(ANGLE)]])


def rotated_ends(optimizer: Optimizer[Any]) -> tuple[np.ndarray, np.ndarray]:
    """Where a path ends in a landscape, turned afterwards, and where it ends in the turned landscape."""
    start = np.array([1.0, 0.5])
    end = descend(optimizer, ravine.gradient, start, 50)[-1]
    turned = descend(optimizer, lambda p: ROTATION @ ravine.gradient(ROTATION.T @ p), ROTATION @ start, 50)[-1]
    return ROTATION @ end, turned


@conventions
@pytest.mark.parametrize("kind", [GradientDescent, Momentum, Nesterov])
def test_descent_turns_with_the_landscape(kind: Any, convention: Any) -> None:
    end, turned = rotated_ends(kind(0.002, convention=convention))
    np.testing.assert_allclose(turned, end, rtol=0, atol=1e-12)


@conventions
@pytest.mark.parametrize("kind", [Adagrad, RMSprop, Adam, AdaMax, NAdam])
def test_a_rate_per_coordinate_does_not_turn_with_the_landscape(kind: Any, convention: Any) -> None:
    end, turned = rotated_ends(kind(0.01, convention=convention))
    assert np.abs(turned - end).max() > 1e-3


def test_gradient_descent_converges_exactly_below_two_over_the_curvature() -> None:
    limit = 2 / 100
    assert ravine.smoothness == 100
    assert np.abs(descend(GradientDescent(0.99 * limit), ravine.gradient, ravine.start, 2000)[-1]).max() < 1e-9
    assert np.abs(descend(GradientDescent(1.01 * limit), ravine.gradient, ravine.start, 2000)[-1]).max() > 1e9


def test_muon_makes_the_step_orthogonal() -> None:
    rng = np.random.default_rng(5)
    left, _ = np.linalg.qr(rng.normal(size=(6, 4)))
    right, _ = np.linalg.qr(rng.normal(size=(4, 4)))
    gradient = left @ np.diag([100.0, 50.0, 10.0, 5.0]) @ right
    optimizer = Muon(1.0, weight_decay=0.0)
    theta = np.zeros((6, 4))
    step = -optimizer.update(gradient, optimizer.init(theta), theta)[0] / optimizer.scale(theta)
    values = np.linalg.svd(step, compute_uv=False)
    assert 0.65 < values.min() <= values.max() < 1.25
    np.testing.assert_allclose(left.T @ step @ right.T, np.diag(np.diag(left.T @ step @ right.T)), atol=1e-9)


# Numbers

FIRST_STEP = [  # in units of the learning rate, for a gradient that dwarfs every epsilon
    (Adam(1.0), 1.0),
    (Adam(1.0, convention="keras"), 1.0),
    (AdaMax(1.0), 1.0),
    (AdaMax(1.0, convention="keras"), 1.0),
    (Adagrad(1.0), 1.0),
    (NAdam(1.0), 1.0565),
    (NAdam(1.0, convention="keras"), 1.0628),
    (RMSprop(1.0), 10.0),
    (RMSprop(1.0, convention="keras"), 3.162),
    (Adadelta(1.0), 0.003162),
    (Lion(1.0), 1.0),
]


@pytest.mark.parametrize(("optimizer", "length"), FIRST_STEP, ids=str)
def test_the_first_step_s_length(optimizer: Optimizer[Any], length: float) -> None:
    assert -walk(optimizer, [[1e3]], np.zeros(1))[0, 0] == pytest.approx(length, rel=5e-4)


TINY = [  # first step at learning rate 1 for the gradients (1e-6, 1e-8): epsilon is a hyperparameter
    (Adam, "torch", (-0.990, -0.500)),
    (Adam, "keras", (-0.240, -0.0032)),
    (RMSprop, "torch", (-3.07, -0.76)),
    (RMSprop, "keras", (-0.0032, -0.00003)),
]


@pytest.mark.parametrize(("kind", "convention", "step"), TINY)
def test_tiny_gradients_meet_epsilon(kind: Any, convention: Any, step: tuple[float, float]) -> None:
    alpha = {"alpha": 0.9} if kind is RMSprop else {}
    moved = walk(kind(1.0, convention=convention, **alpha), [[1e-6, 1e-8]], np.zeros(2))[0]
    np.testing.assert_allclose(moved, step, rtol=0.06)


FIVE_STEPS = {  # with each framework's defaults on Beale's function from (0.7, 1.4), measured in the frameworks
    (Adam, "torch"): (0.695002, 1.395002),
    (Adam, "keras"): (0.695002, 1.395002),
    (RMSprop, "torch"): (0.461424, 1.141141),
    (RMSprop, "keras"): (0.689440, 1.389429),
    (Adagrad, "torch"): (0.668536, 1.368420),
    (Adagrad, "keras"): (0.696777, 1.396776),
    (Adadelta, "torch"): (0.683854, 1.383816),
    (Adadelta, "keras"): (0.699993, 1.399993),
    (AdaMax, "torch"): (0.690077, 1.390065),
    (AdaMax, "keras"): (0.695014, 1.395011),
    (NAdam, "torch"): (0.691946, 1.391941),
    (NAdam, "keras"): (0.696050, 1.396049),
    (AdamW, "torch"): (0.694967, 1.394932),
    (AdamW, "keras"): (0.694988, 1.394974),
}


@pytest.mark.parametrize(("kind", "convention"), FIVE_STEPS)
def test_five_steps_with_the_defaults(kind: Any, convention: Any) -> None:
    end = descend(kind(convention=convention), beale.gradient, (0.7, 1.4), 5)[-1]
    np.testing.assert_allclose(end, FIVE_STEPS[kind, convention], rtol=0, atol=1.5e-6)


@conventions
def test_weight_decay_is_coupled_in_torch_and_decoupled_in_keras(convention: Any) -> None:
    """Adam(0.1, weight decay 0.01), 100 steps on Beale's function: another place, another end."""
    end = descend(Adam(0.1, convention=convention, weight_decay=0.01), beale.gradient, (0.7, 1.4), 100)[-1]
    expected = {"torch": 0.027232, "keras": 0.041304}[convention]  # Keras' with its settings rounded to float32
    assert float(beale.value(end)) == pytest.approx(expected, abs=5e-6)
    coupled = Adam(0.1, convention=convention, weight_decay=0.01, decoupled_weight_decay=False)
    assert (descend(coupled, beale.gradient, (0.7, 1.4), 100)[-1] == end).all() == (convention == "torch")


def test_settings_can_be_replaced() -> None:
    assert replace(Adam(), learning_rate=0.5) == Adam(0.5)
