"""A function as the lesson on dropout writes it, in the place of torch's layer."""

import numpy as np
import pytest
import torch
from torch import nn

from lib.harness.contract.seeds import Seed
from lib.mlp.dropout.own_dropout import OwnDropout, replace_dropout


def my_dropout(x: np.ndarray, p: float, rng: np.random.Generator) -> np.ndarray:
    kept = rng.random(x.shape) >= p
    return x * kept / (1 - p)


def test_it_cuts_scales_and_passes_gradients() -> None:
    layer = OwnDropout(my_dropout, 0.25, np.random.default_rng(0))
    h = torch.full((400, 50), 3.0, requires_grad=True)
    dropped = layer(h)
    assert set(dropped.detach().unique().tolist()) == {0.0, 4.0}
    assert 0.22 < (dropped == 0).float().mean() < 0.28
    dropped.sum().backward()
    assert h.grad is not None
    torch.testing.assert_close(h.grad * 3, dropped.detach())
    assert torch.equal(layer.eval()(h), h)


def test_every_layer_of_dropout_is_replaced_and_nothing_else() -> None:
    model = nn.Sequential(
        nn.Linear(3, 4), nn.ReLU(), nn.Dropout(0.5), nn.Linear(4, 4), nn.Dropout(0.5), nn.Linear(4, 2)
    )
    before = model.state_dict()
    replace_dropout(model, my_dropout, Seed(0))
    kinds = [type(layer) for layer in model]
    assert kinds == [nn.Linear, nn.ReLU, OwnDropout, nn.Linear, OwnDropout, nn.Linear]
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    x = torch.ones(5, 3)
    first = model(x)
    assert not torch.equal(first, model(x))


def test_a_function_that_returns_nothing_is_said() -> None:
    layer = OwnDropout(lambda x, p, rng: None, 0.5, np.random.default_rng(0))  # type: ignore[arg-type, return-value]
    with pytest.raises(TypeError, match="is to return an array of the shape of x"):
        layer(torch.ones(2, 3))
