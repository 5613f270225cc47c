"""A function of one's own, as the lesson on dropout writes it, in the place of torch's layer."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from lib.harness.contract.seeds import Seed

Dropout = Callable[[np.ndarray, float, np.random.Generator], np.ndarray]
"""``my_dropout(x, p, rng)``: from values of any shape to new ones of that shape, some cut and the others scaled up."""


class OwnDropout(nn.Module):
    """A layer of dropout whose factors are what the function makes of ones. Used after training, it does nothing.

    Raises:
        TypeError: the function has returned no array of the shape that it was given.
    """

    def __init__(self, function: Dropout, p: float, rng: np.random.Generator):
        super().__init__()
        self.function, self.p, self.rng = function, p, rng

    def forward(self, h: torch.Tensor) -> torch.Tensor:
        """h, of any shape, times the factors."""
        if not self.training:
            return h
        factors = self.function(np.ones(h.shape, dtype=np.float32), self.p, self.rng)
        if np.shape(factors) != h.shape:
            name = getattr(self.function, "__name__", "dropout")
            raise TypeError(
                f"{name} is to return an array of the shape of x, {tuple(h.shape)}, not {np.shape(factors)}"
            )
        return h * torch.as_tensor(np.asarray(factors), dtype=h.dtype)


def replace_dropout(model: nn.Sequential, function: Dropout, seed: Seed) -> None:
    """Put the function in the place of each of the model's own layers of dropout."""
    for name, layer in list(model.named_children()):
        if isinstance(layer, nn.Dropout):
            setattr(model, name, OwnDropout(function, layer.p, seed.rng("own masks", name)))
