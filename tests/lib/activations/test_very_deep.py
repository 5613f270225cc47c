"""Very deep networks: without skips and normalisation the plain one, outputs of one size, and cosines by hand."""

import numpy as np
import pytest
import torch

from lib.harness.contract.seeds import Seed
from lib.mlp.activations import gradients, very_deep

INPUTS = np.random.default_rng(0).normal(size=(30, gradients.WIDTH)).astype(np.float32)
LABELS = np.random.default_rng(1).integers(0, 10, 30)


def outputs(model: torch.nn.Module) -> np.ndarray:
    with torch.no_grad():
        return np.asarray(model(torch.from_numpy(INPUTS)).numpy())


def test_the_plain_one_is_the_network_of_the_other_experiments() -> None:
    plain = very_deep.network(very_deep.ARMS["plain"], 7, Seed(3))
    same = gradients.network("relu", "he", 7, Seed(3))
    np.testing.assert_allclose(outputs(plain), outputs(same), atol=1e-6)
    probe = gradients.probe(gradients.network("relu", "he", 7, Seed(3)), INPUTS, LABELS)
    start = very_deep.start_of(plain, INPUTS, LABELS)
    assert start.ratio == pytest.approx(probe.weights[0] / probe.weights[-1], rel=1e-3)
    assert start.likeness.shape == (8,)
    assert all(parameter.grad is None for parameter in plain.parameters()), "training starts from nothing"


@pytest.mark.parametrize("arm", very_deep.ARMS)
def test_all_arms_have_the_same_matrices_and_outputs_that_do_not_explode(arm: str) -> None:
    model = very_deep.network(very_deep.ARMS[arm], 60, Seed(5))
    matrices = [p for name, p in model.named_parameters() if name.endswith("weight") and p.ndim == 2]
    plain = very_deep.network(very_deep.ARMS["plain"], 60, Seed(5))
    expected = [p for name, p in plain.named_parameters() if name.endswith("weight")]
    assert len(matrices) == 62
    assert all(torch.equal(a, b) for a, b in zip(matrices, expected, strict=True))
    assert 1e-3 < outputs(model).std() < 1e3


def test_a_skip_keeps_what_it_is_given() -> None:
    from lib.mlp.activations.residual import Hidden

    layer = torch.nn.Linear(gradients.WIDTH, gradients.WIDTH)
    torch.nn.init.zeros_(layer.weight)
    torch.nn.init.zeros_(layer.bias)
    h = torch.from_numpy(INPUTS)
    for norm in (False, True):
        assert torch.equal(Hidden(layer, very_deep.Arm(skip=True, norm=norm), 9)(h), h)
        assert not Hidden(layer, very_deep.Arm(skip=False, norm=norm), 9)(h).any()


def test_the_mean_cosine_is_that_of_all_pairs() -> None:
    a = np.array([[1.0, 0.0], [3.0, 0.0], [0.0, 2.0], [0.0, 0.0]])
    pairs = [1, 0, 0, 0, 0, 0]
    assert very_deep.mean_cosine(a) == pytest.approx(np.mean(pairs))
    assert very_deep.mean_cosine(np.tile([[0.3, 0.4]], (5, 1))) == pytest.approx(1)
