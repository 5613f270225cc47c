r"""What the field does about depth: connections that skip a layer, and normalisation, each alone and both together.

- **skip** (He et al. 2016, "Deep residual learning"): a layer adds to what it is given, $h + s\,a(W h + b)$. Without
  normalisation the outputs would double with every layer, so there $s = 1/\sqrt{depth}$ (Hayou et al. 2021, "Stable
  ResNet").
- **normalisation** (Ba, Kiros & Hinton 2016, "Layer normalization"): each example's 64 numbers get mean 0 and variance
  1, then a learned scale and shift. Without a skip the sums are normalised, $a(norm(W h + b))$, as in that paper; with
  one its input, $h + a(W\,norm(h) + b)$, and what comes out at the end (Xiong et al. 2020, "On layer normalization").

The units are ReLU and the weights He's, the same for all four networks. Hidden activations are (n, 64).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lib.harness.contract.seeds import Seed
from lib.mlp.activations.gradients import CLASSES, WIDTH
from lib.models.mlp import initial_weights

if TYPE_CHECKING:
    import torch


class Arm(NamedTuple):
    """A network: with or without skips, with or without normalisation."""

    skip: bool
    norm: bool


ARMS: Mapping[str, Arm] = {
    "plain": Arm(skip=False, norm=False),
    "norm": Arm(skip=False, norm=True),
    "skip": Arm(skip=True, norm=False),
    "both": Arm(skip=True, norm=True),
}


def network(arm: Arm, depth: int, seed: Seed) -> torch.nn.Sequential:
    """An input layer, `depth` hidden layers and an output layer: (n, 64) to (n, 10) logits; the default dtype."""
    from torch import nn

    from lib.mlp.activations.residual import Hidden, dense

    weights = initial_weights(seed, (WIDTH,) * (depth + 2) + (CLASSES,))
    first, *hidden, last = (dense(weights, layer) for layer in range(1, depth + 3))
    return nn.Sequential(
        nn.Sequential(first, nn.ReLU()),
        *(Hidden(layer, arm, depth) for layer in hidden),
        nn.LayerNorm(WIDTH) if arm.skip and arm.norm else nn.Identity(),
        last,
    )


class Start(NamedTuple):
    """A network before training.

    Attributes:
        ratio: of the weight gradients, first over last hidden layer.
        likeness: by layer (depth + 1,) the mean cosine between the activations of two different inputs.
    """

    ratio: float
    likeness: np.ndarray


def start_of(model: torch.nn.Module, inputs: np.ndarray, labels: np.ndarray) -> Start:
    """Send inputs (n, 64) forward and the derivative of the mean cross-entropy for labels (n,) back."""
    import torch

    a = torch.from_numpy(inputs).to(torch.get_default_dtype())
    *hidden, norm, last_layer = model.children()
    likeness = []
    for layer in hidden:
        a = layer(a)
        likeness.append(mean_cosine(a.detach().numpy()))
    loss = torch.nn.functional.cross_entropy(last_layer(norm(a)), torch.from_numpy(labels.astype(np.int64)))
    ends = [layer.get_parameter("dense.weight") for layer in (hidden[1], hidden[-1])]  # hidden[0] is the input layer
    first, last = (float(gradient.norm()) for gradient in torch.autograd.grad(loss, ends))
    return Start(first / last, np.array(likeness))


def mean_cosine(a: np.ndarray) -> float:
    """The mean cosine over all pairs of different rows of a (n, d); a row of zeros has the cosine 0 with all others."""
    lengths = np.linalg.norm(a, axis=1, keepdims=True)
    rows = np.divide(a, lengths, out=np.zeros_like(a, dtype=np.float64), where=lengths > 0)
    n = len(rows)
    return float((np.square(rows.sum(axis=0)).sum() - np.square(rows).sum()) / (n * (n - 1)))
