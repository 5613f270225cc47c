r"""How much of the picture a unit of a stack of convolutions sees: by formula, and by the support of its gradient.

A layer with kernel k and stride s on top of units that see r pixels and lie j pixels apart:

$r \leftarrow r + (k - 1)\, j, \qquad j \leftarrow j\, s$, from r = j = 1 at the picture

(Araujo, Norris & Sim 2019, "Computing receptive fields of convolutional neural networks", Distill). The formula says
what a unit *may* see. What it does see is where its gradient with respect to the picture is not zero. Through average
pooling the two are equal. Through max pooling a gradient goes to the largest input alone, and ReLU passes none where it
is off, so there the union over many pictures must be taken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np


@dataclass(frozen=True)
class Layer:
    """A convolution or a pooling: its name, the side of its kernel and its stride."""

    name: str
    kernel: int
    stride: int = 1


LENET = (Layer("conv1", 5), Layer("pool1", 2, 2), Layer("conv2", 5), Layer("pool2", 2, 2), Layer("dense1", 5))
"""LeNet-5 up to its first dense layer, which is a convolution with a kernel as large as what comes in, 5 x 5."""

LENET_SIDE = 32
"""Side of LeNet's input with its margin."""


def by_formula(layers: Sequence[Layer]) -> dict[str, int]:
    """Side of the square that a unit of each layer sees, in pixels.

    >>> by_formula(LENET)
    {'conv1': 5, 'pool1': 6, 'conv2': 14, 'pool2': 16, 'dense1': 32}
    """
    seen, apart, fields = 1, 1, {}
    for layer in layers:
        seen += (layer.kernel - 1) * apart
        apart *= layer.stride
        fields[layer.name] = seen
    return fields


FIRST = slice(1)
"""The first channel alone."""


def gradient_maps(
    weights: Mapping[str, np.ndarray],
    pooling: Literal["average", "maximum"],
    pictures: np.ndarray,
    channels: slice = FIRST,
) -> dict[str, np.ndarray]:
    """Influence of each pixel on the middle unit of each LeNet layer, by back-propagation in torch.

    Args:
        weights: LeNet's, named as in `lib.models.lenet`.
        pooling: "average", with tanh between the layers; "maximum", with ReLU.
        pictures: (n, 32, 32), the margin included.
        channels: whose middle units are summed. All of them see the same pixels, but one alone may be silent under
            ReLU whatever the picture.

    Returns:
        for each layer the absolute gradient of its units with respect to each picture, float64 (n, 32, 32).
    """
    import torch
    from torch.nn import functional

    x = torch.from_numpy(pictures).to(torch.float64)[:, None].requires_grad_()
    activation, pool = (
        (torch.tanh, functional.avg_pool2d) if pooling == "average" else (torch.relu, functional.max_pool2d)
    )
    y, maps = x, {}
    for layer in LENET:
        if layer.name.startswith("pool"):
            y = pool(activation(y), layer.kernel, layer.stride)
        else:
            kernel = torch.from_numpy(weights[f"{layer.name}.weight"]).to(torch.float64)
            kernel = kernel.reshape(len(kernel), y.shape[1], layer.kernel, layer.kernel)
            y = functional.conv2d(y, kernel, torch.from_numpy(weights[f"{layer.name}.bias"]).to(torch.float64))
        units = y[:, channels, y.shape[2] // 2, y.shape[3] // 2]
        (gradient,) = torch.autograd.grad(units.sum(), x, retain_graph=True)
        maps[layer.name] = gradient[:, 0].abs().numpy()
    return maps


def support(gradient: np.ndarray) -> tuple[int, int]:
    """Height and width of the smallest rectangle that holds all pixels that are not zero; (0, 0) if all are."""
    rows, columns = np.nonzero(gradient.any(axis=1))[0], np.nonzero(gradient.any(axis=0))[0]
    if not len(rows):
        return 0, 0
    return int(rows[-1] - rows[0] + 1), int(columns[-1] - columns[0] + 1)
