"""LeNet-5, the network that made convolutions famous, in torch and in Keras, with the same weights at the start.

LeCun, Bottou, Bengio & Haffner 1998, "Gradient-based learning applied to document recognition", Proc. IEEE 86(11),
figure 2. Two variants of 61,706 parameters each:

- ``original``: sigmoid and average pooling, as textbooks have it (the paper's sigmoid is a scaled tanh, its pooling has
  two more weights a map, and its C3 skips connections)
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

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from lib.harness.contract.seeds import Seed

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
    """Starting weights, float64; biases 0.

    Modern: normal with variance 2 / inputs (He et al. 2015, made for ReLU). Original: uniform with variance
    2 / (inputs + outputs), both counted with the 25 places of a kernel (Glorot & Bengio 2010, "Xavier").
    Every array has a generator of its own, named after it, so both frameworks start from the same numbers.
    """
    weights = {}
    for name, shape in SHAPES.items():
        rng = seed.rng("init", name)
        inputs = int(np.prod(shape[1:]))
        if name.endswith("bias"):
            weights[name] = np.zeros(shape)
        elif variant == "modern":
            weights[name] = rng.normal(0.0, np.sqrt(2 / inputs), shape)
        else:
            outputs = shape[0] * int(np.prod(shape[2:]))
            limit = np.sqrt(6 / (inputs + outputs))
            weights[name] = rng.uniform(-limit, limit, shape)
    return weights


def torch_lenet(weights: Mapping[str, np.ndarray], variant: Variant = "modern") -> torch.nn.Module:
    """LeNet-5 in torch, in the default dtype. Input (n, 1, 28, 28), output (n, 10) logits.

    Its layers hold the weights; the two convolutions with all that follows them up to the pooling are one operation
    each (`lib.models.pooled_convolution`), with the example as the last axis up to the logits.
    """
    import torch
    from torch import nn

    from lib.models.pooled_convolution import pooled_convolution

    modern = variant == "modern"
    activation = torch.relu if modern else torch.sigmoid

    class LeNet(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            device = torch.get_default_device()  # skip_init's own default is the CPU
            self.conv1 = nn.utils.skip_init(nn.Conv2d, 1, 6, 5, padding=2, device=device)
            self.conv2 = nn.utils.skip_init(nn.Conv2d, 6, 16, 5, device=device)
            self.dense1 = nn.utils.skip_init(nn.Linear, 400, 120, device=device)
            self.dense2 = nn.utils.skip_init(nn.Linear, 120, 84, device=device)
            self.dense3 = nn.utils.skip_init(nn.Linear, 84, 10, device=device)

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            x = images.permute(1, 2, 3, 0)
            x = nn.functional.pad(x, (0, 0, 2, 2, 2, 2))  # (1, 32, 32, n)
            x = pooled_convolution(x, self.conv1.weight, self.conv1.bias, modern)  # (6, 14, 14, n)
            x = pooled_convolution(x, self.conv2.weight, self.conv2.bias, modern)  # (16, 5, 5, n)
            x = x.reshape(400, -1)
            x = activation(torch.addmm(self.dense1.bias[:, None], self.dense1.weight, x))  # (120, n)
            x = activation(torch.addmm(self.dense2.bias[:, None], self.dense2.weight, x))  # (84, n)
            return torch.addmm(self.dense3.bias[:, None], self.dense3.weight, x).T

        def layers_in_order(self) -> list[Any]:
            """The same layers one after the other, as `lib.kernels.network` takes them."""
            between = nn.ReLU if modern else nn.Sigmoid
            pooled = [(self.conv1, 32, modern), (self.conv2, 14, modern)]
            return [*pooled, self.dense1, between(), self.dense2, between(), self.dense3]

    model = LeNet()
    dtype = torch.get_default_dtype()
    model.load_state_dict({name: torch.from_numpy(array).to(dtype) for name, array in weights.items()})
    return model


def keras_lenet(weights: Mapping[str, np.ndarray], variant: Variant = "modern") -> keras.Sequential:
    """LeNet-5 in Keras, in its default dtype. Input (n, 28, 28, 1), output (n, 10) logits."""
    import keras
    from keras import layers

    activation = "relu" if variant == "modern" else "sigmoid"
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


def layers(weights: Mapping[str, np.ndarray], image: np.ndarray, variant: Variant = "modern") -> dict[str, np.ndarray]:
    """One picture (28, 28) on its way through the network, in NumPy: the output of every layer, by name.

    Outputs of convolutions and of dense layers but the last are those after the activation.
    """
    modern = variant == "modern"

    def activate(z: np.ndarray) -> np.ndarray:
        return np.maximum(z, 0) if modern else np.asarray(1 / (1 + np.exp(-z)))

    out: dict[str, np.ndarray] = {}
    x = np.pad(image, 2)[None]
    for i in (1, 2):
        patches = np.lib.stride_tricks.sliding_window_view(x, (5, 5), axis=(1, 2))  # (channels, rows, columns, 5, 5)
        z = np.einsum("crsij,ocij->ors", patches, weights[f"conv{i}.weight"])
        out[f"conv{i}"] = activate(z + weights[f"conv{i}.bias"][:, None, None])
        maps, rows, columns = out[f"conv{i}"].shape
        blocks = out[f"conv{i}"].reshape(maps, rows // 2, 2, columns // 2, 2)
        x = out[f"pool{i}"] = blocks.max((2, 4)) if modern else blocks.mean((2, 4))
    x = x.reshape(-1)
    for i in (1, 2, 3):
        z = weights[f"dense{i}.weight"] @ x + weights[f"dense{i}.bias"]
        x = out[f"dense{i}"] = z if i == 3 else activate(z)
    return out
