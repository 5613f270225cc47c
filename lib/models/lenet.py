"""LeNet-5, the network that made convolutions famous, in torch and in Keras, with the same weights at the start.

LeCun, Bottou, Bengio & Haffner 1998, "Gradient-based learning applied to document recognition", Proc. IEEE 86(11),
figure 2. Two variants of 61,706 parameters each:

- ``original``: tanh and average pooling (the paper's pooling has two more weights a map and its C3 skips connections;
  both are left out, as nearly everyone does)
- ``modern``: ReLU and max pooling

| layer | output of one picture, padded by 2 from 28 x 28 | parameters |
|---|---|---|
| conv1 5 x 5 | 6 x 28 x 28 | 156 |
| pool 2 x 2 | 6 x 14 x 14 | |
| conv2 5 x 5 | 16 x 10 x 10 | 2,416 |
| pool 2 x 2 | 16 x 5 x 5 | |
| dense1 | 120 | 48,120 |
| dense2 | 84 | 10,164 |
| dense3 | 10 logits | 850 |

Weights are named and shaped as torch has them: ``conv1.weight`` (6, 1, 5, 5), ``dense1.weight`` (120, 400), … with
the 400 inputs of dense1 in the order channel, row, column. `keras_weights` turns them for Keras.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from lib.harness.seeds import Seed

if TYPE_CHECKING:
    import keras
    import torch

Variant = Literal["original", "modern"]

SHAPES = {
    "conv1.weight": (6, 1, 5, 5),
    "conv1.bias": (6,),
    "conv2.weight": (16, 6, 5, 5),
    "conv2.bias": (16,),
    "dense1.weight": (120, 400),
    "dense1.bias": (120,),
    "dense2.weight": (84, 120),
    "dense2.bias": (84,),
    "dense3.weight": (10, 84),
    "dense3.bias": (10,),
}
PARAMETERS = 61_706


def initial_weights(seed: Seed, variant: Variant = "modern") -> dict[str, np.ndarray]:
    """Starting weights, float64: normal with variance gain / inputs, biases 0.

    The gain is 2 for ReLU (He et al. 2015) and 1 for tanh (LeCun et al. 1998, "Efficient backprop").
    Every array has a generator of its own, named after it, so both frameworks start from the same numbers.
    """
    gain = 2.0 if variant == "modern" else 1.0
    weights = {}
    for name, shape in SHAPES.items():
        if name.endswith("bias"):
            weights[name] = np.zeros(shape)
        else:
            inputs = int(np.prod(shape[1:]))
            weights[name] = seed.rng("init", name).normal(0.0, np.sqrt(gain / inputs), shape)
    return weights


def torch_lenet(weights: Mapping[str, np.ndarray], variant: Variant = "modern") -> torch.nn.Sequential:
    """LeNet-5 in torch, in the default dtype. Input (n, 1, 28, 28), output (n, 10) logits.

    Convolutions run in the channels-last layout: the same numbers, 1.6 times as fast on a CPU.
    """
    import torch
    from torch import nn

    activation, pool = (nn.ReLU, nn.MaxPool2d) if variant == "modern" else (nn.Tanh, nn.AvgPool2d)
    model = nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(1, 6, 5, padding=2),  # (n, 6, 28, 28)
            activation1=activation(),
            pool1=pool(2),  # (n, 6, 14, 14)
            conv2=nn.Conv2d(6, 16, 5),  # (n, 16, 10, 10)
            activation2=activation(),
            pool2=pool(2),  # (n, 16, 5, 5)
            flatten=nn.Flatten(),  # (n, 400): channel, row, column
            dense1=nn.Linear(400, 120),
            activation3=activation(),
            dense2=nn.Linear(120, 84),
            activation4=activation(),
            dense3=nn.Linear(84, 10),
        )
    )
    dtype = torch.get_default_dtype()
    model.load_state_dict({name: torch.from_numpy(array).to(dtype) for name, array in weights.items()})
    for p in model.parameters():
        if p.dim() == 4:
            p.data = p.data.contiguous(memory_format=torch.channels_last)
    return model


def keras_lenet(weights: Mapping[str, np.ndarray], variant: Variant = "modern") -> keras.Sequential:
    """LeNet-5 in Keras, in its default dtype. Input (n, 28, 28, 1), output (n, 10) logits."""
    import keras
    from keras import layers

    activation = "relu" if variant == "modern" else "tanh"
    pool = layers.MaxPooling2D if variant == "modern" else layers.AveragePooling2D
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(6, 5, padding="same", activation=activation, name="conv1"),  # (n, 28, 28, 6)
            pool(2, name="pool1"),  # (n, 14, 14, 6)
            layers.Conv2D(16, 5, activation=activation, name="conv2"),  # (n, 10, 10, 16)
            pool(2, name="pool2"),  # (n, 5, 5, 16)
            layers.Flatten(name="flatten"),  # (n, 400): row, column, channel
            layers.Dense(120, activation=activation, name="dense1"),
            layers.Dense(84, activation=activation, name="dense2"),
            layers.Dense(10, name="dense3"),
        ]
    )
    model.set_weights(keras_weights(weights))
    return model


def keras_weights(weights: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """Named weights as Keras' list: outputs last in the kernels, dense1's inputs in the order row, column, channel."""
    turned = []
    for name, array in weights.items():
        if name == "dense1.weight":
            turned.append(array.reshape(120, 16, 5, 5).transpose(2, 3, 1, 0).reshape(400, 120))
        elif array.ndim == 4:
            turned.append(array.transpose(2, 3, 1, 0))
        else:
            turned.append(array.T)
    return turned


def named_weights(keras_list: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """The inverse of `keras_weights`."""
    weights = {}
    for (name, shape), array in zip(SHAPES.items(), keras_list, strict=True):
        if name == "dense1.weight":
            weights[name] = array.reshape(5, 5, 16, 120).transpose(3, 2, 0, 1).reshape(shape)
        elif len(shape) == 4:
            weights[name] = array.transpose(3, 2, 0, 1)
        else:
            weights[name] = array.T
    return weights


def torch_logits(model: torch.nn.Module, images: np.ndarray, batch: int = 500) -> np.ndarray:
    """The logits (n, 10) of pictures (n, 28, 28), in eval mode and without gradients; the model's mode is put back."""
    import torch

    was_training = model.training
    model.eval()
    with torch.no_grad():
        inputs = torch.from_numpy(images).to(torch.get_default_dtype()).unsqueeze(1)
        logits = torch.cat([model(part) for part in inputs.split(batch)]).numpy()
    model.train(was_training)
    return logits


def keras_logits(model: keras.Model, images: np.ndarray, batch: int = 500) -> np.ndarray:
    """The logits (n, 10) of pictures (n, 28, 28), as at inference."""
    parts = [images[i : i + batch, :, :, None] for i in range(0, len(images), batch)]
    return np.concatenate([model(part, training=False).numpy() for part in parts])
