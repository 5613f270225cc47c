"""Networks with data, trained by a library of the kernels."""

from __future__ import annotations

import copy
import ctypes
import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from lib.harness.contract.seeds import Seed
from lib.kernels import library, network
from lib.models import lenet, mlp

Make = Callable[[], torch.nn.Module]
NETWORKS: dict[str, tuple[Make, tuple[int, ...], int]] = {
    "relu": (lambda: mlp.torch_mlp(mlp.initial_weights(Seed(1), (64, 37, 10))), (64,), 10),
    "tanh": (lambda: mlp.torch_mlp(mlp.initial_weights(Seed(1), (2, 19, 18, 3)), "tanh"), (2,), 3),
    "sigmoid": (lambda: mlp.torch_mlp(mlp.initial_weights(Seed(1), (5, 7, 2)), "sigmoid"), (5,), 2),
    "one layer": (lambda: mlp.torch_mlp(mlp.initial_weights(Seed(1), (33, 10)), "identity"), (33,), 10),
    "modern": (lambda: lenet.torch_lenet(lenet.initial_weights(Seed(1))), (1, 28, 28), 10),
    "original": (
        lambda: lenet.torch_lenet(lenet.initial_weights(Seed(1), "original"), "original"),
        (1, 28, 28),
        10,
    ),
}
"""By name: how it is made, the shape of an input, and the number of classes."""
OPTIMIZERS: dict[str, Callable[[Any], torch.optim.Optimizer]] = {
    "descent": lambda parameters: torch.optim.SGD(parameters, lr=0.1),
    "momentum": lambda parameters: torch.optim.SGD(parameters, lr=0.03, momentum=0.9),
    "adam": lambda parameters: torch.optim.Adam(parameters, lr=3e-3),
    "adam with decay": lambda parameters: torch.optim.AdamW(parameters, lr=3e-3, weight_decay=0.3),
    "adam of others": lambda parameters: torch.optim.Adam(parameters, lr=1e-2, betas=(0.8, 0.95), eps=1e-6),
}


class Pooled(nn.Module):
    """The first convolution of LeNet-5 with its pooling, whose outputs (n, 1176) are the network's."""

    def __init__(self, modern: bool):
        super().__init__()
        self.conv, self.modern = nn.Conv2d(1, 6, 5, padding=2), modern

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        y = self.conv(images)
        y = nn.functional.max_pool2d(y.relu(), 2) if self.modern else nn.functional.avg_pool2d(y.sigmoid(), 2)
        return y.flatten(1)

    def layers_in_order(self) -> list[Any]:
        return [(self.conv, 32, self.modern)]


def examples(shape: tuple[int, ...], classes: int, n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Inputs (n, *shape), float32, and labels (n,)."""
    rng = np.random.default_rng(seed)
    return rng.random((n, *shape), dtype=np.float32), rng.integers(0, classes, n)


def network_of(
    compiled: ctypes.CDLL, model: torch.nn.Module, optimizer: torch.optim.Optimizer | None, batch: int
) -> network.Network:
    """The model as a network of this library."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(library, "load", lambda: compiled)
        found = network.of(model, optimizer, batch)
    assert found is not None
    return found


def in_float64(model: torch.nn.Module) -> torch.nn.Module:
    """A copy of the model."""
    return copy.deepcopy(model).double()


def digest(model: torch.nn.Module, *arrays: np.ndarray) -> str:
    """The hash of all bits of the parameters and of these arrays."""
    found = hashlib.sha256()
    for array in (*(p.detach().numpy() for p in model.parameters()), *arrays):
        found.update(array.tobytes())
    return found.hexdigest()


def trained(compiled: ctypes.CDLL, name: str, *, n: int = 50, batch: int = 21, epochs: int = 2) -> str:
    """The hash of a network's weights, losses and outputs after some training with Adam."""
    make, shape, classes = NETWORKS[name]
    inputs, labels = examples(shape, classes, n)
    model = make()
    own = network_of(compiled, model, torch.optim.Adam(model.parameters(), lr=1e-2), batch)
    rng = np.random.default_rng(1)
    losses = [own.train(inputs, labels, rng.permutation(n)) for _ in range(epochs)]
    return digest(model, *losses, own.outputs(inputs))
