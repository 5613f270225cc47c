"""The gradient by lag beside the network by hand and closed forms; the starts of the networks; theory."""

import numpy as np
import pytest

from lib.nlp.rnn import bptt
from lib.nlp.rnn import lags as rnn_lags
from lib.nlp.rnn.cells import CHRONO, NETWORKS, UNITS, Network, recurrent

RNG = np.random.default_rng(0)


def test_lags_are_those_of_the_network_by_hand() -> None:
    import torch

    torch.manual_seed(0)
    module = recurrent("rnn", 3, 7).double()
    X, direction = RNG.normal(size=(30, 5, 3)), RNG.normal(size=(5, 7))
    weights = {name: p.detach().numpy() for name, p in module.named_parameters()}
    direct = np.zeros((30, 5, 7))
    direct[-1] = direction
    gradient = bptt.backward(weights, X, bptt.forward(weights, X), direct).inputs
    oracle = np.array([np.linalg.norm(gradient[-1 - lag]) for lag in range(30)])
    np.testing.assert_allclose(rnn_lags.gradient_by_lag(module, X, direction), oracle / oracle[0], rtol=1e-9)


def test_a_linear_network_has_the_factor_of_its_matrix() -> None:
    """With tiny inputs tanh is the identity: an orthogonal matrix times 0.8 leaves 0.8 per step, exactly."""
    import torch

    torch.manual_seed(0)
    module = recurrent("rnn orthogonal", 6, 6, radius=0.8).double()
    with torch.no_grad():
        module.weight_ih_l0.copy_(torch.eye(6))
        module.bias_ih_l0.zero_()
        module.bias_hh_l0.zero_()
    norms = rnn_lags.gradient_by_lag(module, 1e-6 * RNG.normal(size=(30, 4, 6)), RNG.normal(size=(4, 6)))
    np.testing.assert_allclose(norms, 0.8 ** np.arange(30), rtol=1e-5)
    assert rnn_lags.factor(norms) == pytest.approx(0.8, rel=1e-6)


def test_the_factor_of_a_power_law_and_of_nothing_left() -> None:
    assert rnn_lags.factor(0.5 ** np.arange(40)) == pytest.approx(0.5)
    assert rnn_lags.factor(np.r_[np.ones(10), np.zeros(30)]) == 0


def test_theory_at_its_ends() -> None:
    """Without inputs and below radius 1 the state dies out, so the factor is the radius; inputs make it less."""
    assert rnn_lags.theory(0.5, 0.0) == pytest.approx(0.5)
    assert rnn_lags.theory(0.9, 0.2) < rnn_lags.theory(0.9, 0.02) < 0.9
    assert rnn_lags.theory(3.0, 0.05) > 1 > rnn_lags.theory(1.0, 0.05)


def test_theory_agrees_with_wide_networks() -> None:
    import torch

    torch.manual_seed(1)
    units, inputs = 256, 8
    X, direction = RNG.normal(size=(30, 8, inputs)), RNG.normal(size=(8, units))
    for radius in (0.5, 1.5):
        module = recurrent("rnn orthogonal", inputs, units, radius=radius).double()
        measured = rnn_lags.factor(rnn_lags.gradient_by_lag(module, X, direction))
        theory = rnn_lags.theory(radius, rnn_lags.torch_input_variance(inputs, units))
        assert measured == pytest.approx(theory, abs=0.03)


def test_starts_are_what_their_names_say() -> None:
    import torch

    torch.manual_seed(0)
    orthogonal = recurrent("rnn orthogonal", 2, 30).weight_hh_l0.detach().numpy()
    np.testing.assert_allclose(orthogonal @ orthogonal.T, np.eye(30), atol=1e-5)
    normal = recurrent("rnn", 2, 200, radius=2.0).weight_hh_l0.detach().numpy()
    assert np.abs(np.linalg.eigvals(normal)).max() == pytest.approx(2, rel=0.1)
    default = recurrent("rnn", 2, 200).weight_hh_l0.detach().numpy()
    assert np.abs(np.linalg.eigvals(default)).max() == pytest.approx(3**-0.5, rel=0.1)


@pytest.mark.parametrize("bias", [1.0, 3.0])
def test_the_bias_is_the_forget_gates(bias: float) -> None:
    """An LSTM with all other weights 0 and a cell of 1 keeps σ(bias) of it: the oracle is the cell's equation."""
    import torch

    module = recurrent("lstm", 2, 3, bias=0.0)
    with torch.no_grad():
        for p in module.parameters():
            p.zero_()
        module.bias_ih_l0 += recurrent_bias(bias)
        _, (_, cell) = module(torch.zeros(1, 1, 2), (torch.zeros(1, 1, 3), torch.ones(1, 1, 3)))
    np.testing.assert_allclose(cell.numpy().ravel(), np.full(3, 1 / (1 + np.exp(-bias))), rtol=1e-6)


def recurrent_bias(bias: float) -> object:
    """What `recurrent` adds to the bias of an LSTM of three units for this bias."""
    import torch

    biases = []
    for value in (0.0, bias):
        torch.manual_seed(0)
        biases.append(recurrent("lstm", 2, 3, bias=value).bias_ih_l0.detach())
    return biases[1] - biases[0]


@pytest.mark.parametrize("network", CHRONO)
def test_a_chrono_start_keeps_between_one_step_and_the_memory(network: Network) -> None:
    """With all weights 0 a unit keeps σ(log u) = u / (1 + u) of its state a step, u uniform in [1, memory - 1]."""
    import torch

    torch.manual_seed(0)
    memory, units = 20, 4000
    module = recurrent(network, 1, units, memory=memory)
    with torch.no_grad():
        module.weight_ih_l0.zero_()
        module.weight_hh_l0.zero_()
        ones, nothing = torch.ones(1, 1, units), torch.zeros(1, 1, 1)
        if network == "lstm chrono":
            candidates = module.bias_ih_l0[2 * units : 3 * units] + module.bias_hh_l0[2 * units : 3 * units]
            _, (_, kept) = module(nothing, (torch.zeros(1, 1, units), ones))
            gate = torch.sigmoid(module.bias_ih_l0[:units])  # of the input: its bias is the negative
            kept = kept[0, 0] - gate * torch.tanh(candidates)
            assert torch.allclose(gate, 1 - kept, atol=1e-5)
        else:
            candidates = module(nothing, torch.zeros(1, 1, units))[0][0, 0]
            kept = module(nothing, ones)[0][0, 0] - candidates
    odds = (kept / (1 - kept)).numpy()
    assert odds.min() == pytest.approx(1, abs=0.05) and odds.max() == pytest.approx(memory - 1, rel=0.01)
    assert odds.mean() == pytest.approx(memory / 2, rel=0.05)


def test_a_chrono_start_needs_a_memory() -> None:
    for memory in (None, 1):
        with pytest.raises(ValueError, match="memory of 2 steps or more"):
            recurrent("gru chrono", 2, 3, memory=memory)


def test_networks_are_of_equal_size() -> None:
    sizes = [sum(p.numel() for p in recurrent(name, 8, UNITS[name], memory=9).parameters()) for name in NETWORKS]
    assert max(sizes) / min(sizes) < 1.1
