"""The recurrent network by hand beside torch's, finite differences and cases whose answer is known."""

from typing import Any

import numpy as np
import pytest

from lib.nlp.rnn.bptt import backward, forward

T, BATCH, INPUTS, UNITS = 12, 3, 4, 6
RNG = np.random.default_rng(0)
X = RNG.normal(size=(T, BATCH, INPUTS))
DIRECT = RNG.normal(size=(T, BATCH, UNITS))
WEIGHTS = {
    "weight_ih_l0": RNG.normal(size=(UNITS, INPUTS)),
    "weight_hh_l0": RNG.normal(size=(UNITS, UNITS)) / UNITS**0.5,
    "bias_ih_l0": RNG.normal(size=UNITS),
    "bias_hh_l0": RNG.normal(size=UNITS),
}


def by_torch() -> tuple[Any, Any]:
    """torch's module with the same weights, after a backward pass of the same loss, and its inputs."""
    import torch

    module = torch.nn.RNN(INPUTS, UNITS).double()
    module.load_state_dict({name: torch.from_numpy(array) for name, array in WEIGHTS.items()})
    inputs = torch.from_numpy(X).requires_grad_()
    (module(inputs)[0] * torch.from_numpy(DIRECT)).sum().backward()
    return module, inputs


def test_outputs_and_gradients_are_torchs() -> None:
    import torch

    module, inputs = by_torch()
    states = forward(WEIGHTS, X)
    with torch.no_grad():
        np.testing.assert_allclose(module(torch.from_numpy(X))[0].numpy(), states[1:], atol=1e-10)
    ours = backward(WEIGHTS, X, states, DIRECT)
    np.testing.assert_allclose(np.asarray(inputs.grad), ours.inputs, atol=1e-10)
    for name, parameter in module.named_parameters():
        np.testing.assert_allclose(np.asarray(parameter.grad), ours.weights[name], atol=1e-10, err_msg=name)


def test_gradients_agree_with_finite_differences() -> None:
    ours = backward(WEIGHTS, X, forward(WEIGHTS, X), DIRECT)

    def loss(weights: dict[str, np.ndarray], inputs: np.ndarray) -> float:
        return float(np.sum(forward(weights, inputs)[1:] * DIRECT))

    for name, array in {**WEIGHTS, "X": X}.items():
        for place in list(np.ndindex(array.shape))[:12]:
            ends = []
            for sign in (1, -1):
                moved = array.copy()
                moved[place] += sign * 1e-6
                ends.append(loss(WEIGHTS, moved) if name == "X" else loss({**WEIGHTS, name: moved}, X))
            gradient = ours.inputs if name == "X" else ours.weights[name]
            assert (ends[0] - ends[1]) / 2e-6 == pytest.approx(gradient[place], abs=1e-6), name


def test_the_gradient_is_the_sum_over_the_steps() -> None:
    ours = backward(WEIGHTS, X, forward(WEIGHTS, X), DIRECT)
    assert ours.steps.shape == (T, UNITS, UNITS)
    np.testing.assert_allclose(ours.steps.sum(axis=0), ours.weights["weight_hh_l0"], atol=1e-12)
    assert not ours.steps[0].any()  # there is no state before the first


def test_from_the_last_step_back_it_is_a_product_of_jacobians() -> None:
    states = forward(WEIGHTS, X)
    direct = np.zeros_like(DIRECT)
    direct[-1] = DIRECT[-1]
    ours = backward(WEIGHTS, X, states, direct)
    for b in range(BATCH):
        row = DIRECT[-1, b]
        for t in range(T - 1, 0, -1):
            np.testing.assert_allclose(ours.states[t, b], row, atol=1e-12)
            row = row @ (np.diag(1 - states[t + 1, b] ** 2) @ WEIGHTS["weight_hh_l0"])


def test_one_unit_by_pencil() -> None:
    """h_1 = tanh 1, h_2 = tanh(2 h_1); dh_2/dx_1 = (1 - h_2²) 2 (1 - h_1²)."""
    one = {
        "weight_ih_l0": np.ones((1, 1)),
        "weight_hh_l0": np.full((1, 1), 2.0),
        "bias_ih_l0": np.zeros(1),
        "bias_hh_l0": np.zeros(1),
    }
    x = np.array([1.0, 0.0]).reshape(2, 1, 1)
    states = forward(one, x)
    first, second = np.tanh(1), np.tanh(2 * np.tanh(1))
    np.testing.assert_allclose(states.ravel(), (0, first, second))
    ours = backward(one, x, states, np.array([0.0, 1.0]).reshape(2, 1, 1))
    np.testing.assert_allclose(ours.inputs[0, 0, 0], (1 - second**2) * 2 * (1 - first**2))


@pytest.mark.parametrize("wrong", [X[0], X[:, :, :2]])
def test_inputs_of_another_shape_are_refused(wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match=rf"\(steps, batch, {INPUTS}\)"):
        forward(WEIGHTS, wrong)


def test_a_sequence_of_one_step_and_none() -> None:
    assert forward(WEIGHTS, X[:0]).shape == (1, BATCH, UNITS)
    ours = backward(WEIGHTS, X[:1], forward(WEIGHTS, X[:1]), DIRECT[:1])
    assert not ours.weights["weight_hh_l0"].any()
