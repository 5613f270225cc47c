"""Layers of `lib.mlp.activations.very_deep` in torch. This file imports torch, so it is imported where it is used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

if TYPE_CHECKING:
    from lib.mlp.activations.very_deep import Arm


def dense(weights: Mapping[str, np.ndarray], layer: int) -> nn.Linear:
    """A dense layer with these weights, named as in `lib.models.mlp`."""
    matrix, bias = (torch.from_numpy(weights[f"dense{layer}.{kind}"]) for kind in ("weight", "bias"))
    built: nn.Linear = nn.utils.skip_init(
        nn.Linear, matrix.shape[1], matrix.shape[0], device=torch.get_default_device()
    )
    built.load_state_dict({"weight": matrix, "bias": bias})
    return built


class Hidden(nn.Module):
    """A hidden layer of one of the four networks: (n, 64) to (n, 64)."""

    def __init__(self, layer: nn.Linear, arm: Arm, depth: int):
        super().__init__()
        self.dense = layer
        self.norm = nn.LayerNorm(layer.out_features) if arm.norm else nn.Identity()
        self.skip = arm.skip
        self.scale = 1.0 if arm.norm else depth**-0.5

    def forward(self, h: torch.Tensor) -> torch.Tensor:
        """The activations of the layer."""
        if self.skip:
            return h + self.scale * torch.relu(self.dense(self.norm(h)))
        return torch.relu(self.norm(self.dense(h)))
