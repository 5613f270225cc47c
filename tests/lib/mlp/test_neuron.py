"""Neurons and back-propagation by hand against truth tables, torch, TensorFlow and finite differences."""

from itertools import permutations
from typing import Any

import numpy as np
import pytest

from lib.harness.contract.seeds import Seed
from lib.mlp.mlp import by_hand, equal_starts, neuron, threshold
from lib.mlp.mlp.training import MlpConfig
from lib.models import evaluation
from lib.models.mlp import Activation, initial_weights

ACTIVATIONS: tuple[Activation, ...] = ("identity", "sigmoid", "tanh", "relu")
RNG = np.random.default_rng(0)
INPUTS, LABELS = RNG.normal(size=(12, 5)), RNG.integers(0, 3, 12)


@pytest.fixture
def weights() -> dict[str, np.ndarray]:
    start = initial_weights(Seed(3), (5, 7, 4, 3), "xavier")
    return {name: array + 0.1 * RNG.normal(size=array.shape) for name, array in start.items()}


@pytest.fixture
def float64(keras_float64: Any) -> Any:
    import torch

    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


def test_a_unit_needs_more_than_its_threshold() -> None:
    sums = np.array([[1], [2], [3]])
    assert neuron.threshold_unit(sums, np.array([1]), 2).tolist() == [0, 0, 1]
    assert neuron.relu_unit(sums, np.array([1]), 2).tolist() == [0, 0, 1]
    assert neuron.relu_unit(sums, np.array([2]), 2).tolist() == [0, 2, 4]


@pytest.mark.parametrize("name", ["AND", "OR"])
@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_the_perceptron_learns_within_novikoffs_bound(name: str, order: tuple[int, ...]) -> None:
    rows, targets = threshold.ROWS[list(order)], threshold.TARGETS[name][list(order)]
    run = neuron.perceptron(rows, targets)
    outputs = neuron.threshold_unit(rows, run.weights[:2], -run.weights[2])
    assert run.learned and run.cycle == 0
    assert outputs.tolist() == targets.tolist()
    assert sum(run.mistakes) <= threshold.novikoff(threshold.LINES[name], threshold.TARGETS[name])


def test_on_xor_it_comes_back_to_where_it_was_whatever_the_order() -> None:
    for order in permutations(range(4)):
        run = neuron.perceptron(threshold.ROWS[list(order)], threshold.TARGETS["XOR"][list(order)])
        assert run.cycle > 0 and not run.learned


def test_too_few_epochs_are_no_proof() -> None:
    run = neuron.perceptron(threshold.ROWS, threshold.TARGETS["AND"], epochs=1)
    assert not run.learned and run.cycle == 0


def test_lines_separate_all_functions_but_xor_and_its_opposite() -> None:
    separable = {index for index in range(16) if threshold.separable(threshold.table(index))}
    assert separable == threshold.by_search() == set(range(16)) - {6, 9}
    assert threshold.table(6).tolist() == threshold.TARGETS["XOR"].tolist()
    assert threshold.table(8).tolist() == threshold.TARGETS["AND"].tolist()


def test_xor_by_hand() -> None:
    assert threshold.xor_by_hand(threshold.ROWS).tolist() == [0, 1, 1, 0]


def test_sigmoid_does_not_overflow() -> None:
    assert neuron.sigmoid(np.array([-1e4, 0.0, 1e4])).tolist() == [0.0, 0.5, 1.0]


def test_cross_entropy_is_the_one_of_evaluation_and_its_derivative_sums_to_zero() -> None:
    logits = 50 * RNG.normal(size=(12, 3))
    loss, derivative = neuron.cross_entropy(logits, LABELS)
    assert float(loss) == pytest.approx(evaluation.cross_entropy(logits, LABELS), rel=1e-12)
    np.testing.assert_allclose(derivative.sum(axis=1), 0, atol=1e-15)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("framework", ["torch", "keras"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_back_propagation_is_the_frameworks(
    framework: str, activation: Activation, weights: dict[str, np.ndarray]
) -> None:
    _, ours = neuron.loss_and_gradients(weights, activation, INPUTS, LABELS)
    logits, theirs = by_hand.framework_gradients(framework, weights, activation, INPUTS, LABELS)
    np.testing.assert_allclose(neuron.forward(weights, activation, INPUTS).logits, logits, rtol=1e-12, atol=1e-14)
    assert ours.keys() == theirs.keys() == weights.keys()
    for name, gradient in theirs.items():
        np.testing.assert_allclose(ours[name], gradient, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_single_weight_by_finite_differences(activation: str, weights: dict[str, np.ndarray]) -> None:
    _, gradients = neuron.loss_and_gradients(weights, activation, INPUTS, LABELS)
    h = 1e-6
    for name, array in weights.items():
        for place in np.ndindex(array.shape):
            step = np.zeros_like(array)
            step[place] = h
            up, down = (
                neuron.loss_and_gradients({**weights, name: array + sign * step}, activation, INPUTS, LABELS)[0]
                for sign in (1, -1)
            )
            assert gradients[name][place] == pytest.approx(float(up - down) / (2 * h), abs=1e-8)


def test_a_wrong_derivative_shows_in_the_measurement(
    monkeypatch: pytest.MonkeyPatch, weights: dict[str, np.ndarray]
) -> None:
    def loss(changed: dict[str, np.ndarray]) -> float:
        return float(neuron.loss_and_gradients(changed, "sigmoid", INPUTS, LABELS)[0])

    def deviation() -> float:
        _, gradients = neuron.loss_and_gradients(weights, "sigmoid", INPUTS, LABELS)
        return by_hand.difference_deviation(loss, weights, gradients, np.random.default_rng(1), by_hand.STEP)

    assert deviation() < 1e-5
    monkeypatch.setattr(neuron, "FUNCTIONS", {**neuron.FUNCTIONS, "sigmoid": (neuron.sigmoid, neuron.sigmoid)})
    assert deviation() > 0.1


def test_networks_side_by_side_are_each_by_itself() -> None:
    starts = [initial_weights(Seed(i), (5, 4, 3), "xavier") for i in range(3)]
    together = {name: np.stack([start[name] for start in starts]) for name in starts[0]}
    ends, losses = neuron.descend(together, "tanh", INPUTS, LABELS, rate=0.5, steps=20)
    for i, start in enumerate(starts):
        alone, loss = neuron.descend(start, "tanh", INPUTS, LABELS, rate=0.5, steps=20)
        np.testing.assert_allclose(losses[:, i], loss, rtol=1e-12)
        for name, array in alone.items():
            np.testing.assert_allclose(ends[name][i], array, rtol=1e-10, atol=1e-13)


@pytest.mark.usefixtures("float64")
def test_descent_is_torchs_sgd(weights: dict[str, np.ndarray]) -> None:
    import torch

    from lib.models.mlp import torch_mlp

    ours, _ = neuron.descend(weights, "tanh", INPUTS, LABELS, rate=0.3, steps=10)
    model = torch_mlp(weights, "tanh")
    optimizer = torch.optim.SGD(model.parameters(), 0.3)
    for _ in range(10):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(torch.from_numpy(INPUTS)), torch.from_numpy(LABELS)).backward()
        optimizer.step()
    for name, parameter in model.named_parameters():
        np.testing.assert_allclose(ours[name], parameter.detach().numpy(), rtol=1e-10, atol=1e-13)


def test_equal_units_are_one_unit_and_get_one_gradient() -> None:
    start = equal_starts.equal_start(Seed(4), 5)
    assert np.ptp(start["dense1.weight"], axis=0).max() == np.ptp(start["dense2.weight"], axis=1).max() == 0
    assert np.ptp(start["dense1.weight"][0]) > 0 and np.ptp(start["dense2.weight"][:, 0]) > 0
    rows = threshold.ROWS.astype(float)
    _, gradients = neuron.loss_and_gradients(start, "sigmoid", rows, threshold.TARGETS["XOR"])
    assert np.ptp(gradients["dense1.weight"], axis=0).max() < 1e-15 < np.abs(gradients["dense1.weight"]).max()
    one = {**start, "dense1.weight": start["dense1.weight"][:1], "dense1.bias": start["dense1.bias"][:1]}
    one["dense2.weight"] = 5 * start["dense2.weight"][:, :1]
    logits, of_one = (neuron.forward(weights, "sigmoid", rows).logits for weights in (start, one))
    np.testing.assert_allclose(logits, of_one, rtol=1e-12)


@pytest.mark.parametrize("steps", [7, 60, 130])
def test_networks_from_equal_starts_take_every_step(steps: int) -> None:
    """Also those that are no multiple of the moments shown; the weights are those of one descent."""
    config = MlpConfig(xor_starts=1, xor_steps=steps, xor_learning_rate=0.5)
    measured = equal_starts.measure(config, Seed(4))
    assert measured["steps"][0] == 0 and measured["steps"][-1] == steps
    assert len(measured["steps"]) == min(steps, equal_starts.SHOWN) + 1 == len(measured["paths"]["equal"])
    start = equal_starts.equal_start(Seed(4).child("equal", 0), equal_starts.UNITS)
    rows, targets = threshold.ROWS.astype(float), threshold.TARGETS["XOR"]
    ends, _ = neuron.descend(start, "sigmoid", rows, targets, rate=0.5, steps=steps)
    np.testing.assert_allclose(measured["paths"]["equal"][-1], ends["dense1.weight"][:, 0], atol=1e-4)


def test_folding(weights: dict[str, np.ndarray]) -> None:
    matrix, bias = neuron.fold(weights)
    folded = INPUTS @ matrix.T + bias
    assert matrix.shape == (3, 5)
    np.testing.assert_allclose(folded, neuron.forward(weights, "identity", INPUTS).logits, rtol=1e-12, atol=1e-13)
    assert np.abs(folded - neuron.forward(weights, "relu", INPUTS).logits).max() > 0.1
