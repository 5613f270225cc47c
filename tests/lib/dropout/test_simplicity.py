"""The measures of simplicity beside torch, Keras, finite differences and cases whose answer is known."""

import numpy as np
import pytest

from lib.harness.contract.seeds import Seed
from lib.mlp.dropout.simplicity import effective_rank, input_gradients, layers, ranks, sensitivity, softmax, spectrum
from lib.models.mlp import initial_weights, keras_mlp, torch_mlp

RNG = np.random.default_rng(0)
WEIGHTS = initial_weights(Seed(0), (6, 20, 15, 4))
X = RNG.normal(size=(30, 6))


def test_layers_are_torchs() -> None:
    import torch

    model = torch_mlp(WEIGHTS).double()
    ours = layers(WEIGHTS, X)
    assert [value.shape for value in ours] == [(30, 6), (30, 20), (30, 15), (30, 4)]
    with torch.no_grad():
        hidden = model[:4](torch.from_numpy(X)).numpy()
        logits = model(torch.from_numpy(X)).numpy()
    np.testing.assert_allclose(ours[-2], hidden, atol=1e-6)
    np.testing.assert_allclose(ours[-1], logits, atol=1e-6)


def test_input_gradients_are_torchs() -> None:
    import torch

    inputs = torch.tensor(X, requires_grad=True)
    torch.log_softmax(torch_mlp(WEIGHTS).double()(inputs), dim=1).amax(dim=1).sum().backward()
    np.testing.assert_allclose(input_gradients(WEIGHTS, X), np.asarray(inputs.grad), atol=1e-6)


@pytest.mark.usefixtures("keras_float64")
def test_input_gradients_are_keras() -> None:
    import tensorflow as tf

    inputs = tf.Variable(X)
    with tf.GradientTape() as tape:
        best = tf.reduce_sum(tf.reduce_max(tf.nn.log_softmax(keras_mlp(WEIGHTS)(inputs)), axis=1))
    np.testing.assert_allclose(input_gradients(WEIGHTS, X), tape.gradient(best, inputs), atol=1e-12)


def test_input_gradients_agree_with_finite_differences() -> None:
    gradients = input_gradients(WEIGHTS, X)
    predicted = layers(WEIGHTS, X)[-1].argmax(axis=1)
    for i in range(6):
        step = 1e-6 * np.eye(6)[i]
        up, down = (np.log(softmax(layers(WEIGHTS, X + s)[-1]))[np.arange(30), predicted] for s in (step, -step))
        np.testing.assert_allclose((up - down) / 2e-6, gradients[:, i], atol=1e-6)


@pytest.mark.parametrize("k", [1, 3, 10])
def test_effective_rank_of_equal_directions_is_their_number(k: int) -> None:
    """k orthonormal columns without a mean, turned and shifted: k equal singular values."""
    columns = RNG.normal(size=(50, k))
    columns = np.linalg.qr(columns - columns.mean(axis=0))[0]
    turned = columns @ np.linalg.qr(RNG.normal(size=(20, 20)))[0][:k]
    for H in (turned, 7 * turned, turned + RNG.normal(size=20)):
        assert effective_rank(H) == pytest.approx(k, rel=1e-9)
        assert ranks(spectrum(H)) == pytest.approx(
            {"effective_rank": k, "stable_rank": k, "participation_ratio": k}, rel=1e-9
        )


def test_the_three_ranks_of_two_unequal_directions() -> None:
    """Singular values 3 and 1: entropy of 3/4 and 1/4, 10/9, and 100/82."""
    found = ranks(np.array([0.75, 0.25, 0.0]))
    assert found["effective_rank"] == pytest.approx(np.exp(0.75 * np.log(4 / 3) + 0.25 * np.log(4)))
    assert found["stable_rank"] == pytest.approx(10 / 9)
    assert found["participation_ratio"] == pytest.approx(100 / 82)


def test_hidden_units_that_are_all_dead_have_one_direction() -> None:
    with np.errstate(invalid="ignore"):
        assert set(ranks(spectrum(np.zeros((5, 3)))).values()) == {1.0}


def test_effective_rank_grows_with_what_is_added_and_spectrum_sums_to_one() -> None:
    one = RNG.normal(size=(50, 1)) @ RNG.normal(size=(1, 20))
    ranks = [effective_rank(one + noise * RNG.normal(size=(50, 20))) for noise in (0, 0.01, 0.1, 1)]
    assert ranks[0] == pytest.approx(1) and ranks == sorted(ranks) and ranks[-1] < 20
    assert spectrum(RNG.normal(size=(50, 20))).sum() == pytest.approx(1)


def test_sensitivity_of_known_answers() -> None:
    """One unit each way: p moves from 1/2 to sigmoid(2 a) when x moves by a, total variation sigmoid(2 a) - 1/2."""
    linear = {"dense1.weight": np.array([[1.0], [-1.0]]), "dense1.bias": np.zeros(2)}
    zero = np.zeros((5, 1))
    assert sensitivity(linear, zero, zero) == 0
    assert sensitivity(linear, zero, zero + 0.7) == pytest.approx(1 / (1 + np.exp(-1.4)) - 0.5)
    assert sensitivity(linear, zero - 50, zero + 100) == pytest.approx(1)
