"""Multi-layer perceptrons in torch and in Keras, with the same weights at the start.

A network of `widths` (inputs, hidden, …, outputs) has the weights ``dense1.weight`` (hidden, inputs), ``dense1.bias``
(hidden,), ``dense2.weight``, … named and shaped as torch has them; `keras_weights` turns them for Keras. After every
layer but the last comes the activation, and after that the dropout if there is one.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np

from lib.harness.contract.seeds import Seed

if TYPE_CHECKING:
    import keras
    import torch

Activation = Literal["identity", "sigmoid", "tanh", "relu"]
Scheme = Literal["he", "xavier", "lecun", "uniform"]


def initial_weights(seed: Seed, widths: Sequence[int], scheme: Scheme = "he") -> dict[str, np.ndarray]:
    """Starting weights, float64; biases 0. Every array has a generator of its own, named after it.

    - ``he``: normal, variance 2 / inputs (He et al. 2015; for ReLU)
    - ``xavier``: uniform, variance 2 / (inputs + outputs) (Glorot & Bengio 2010; Keras' default)
    - ``lecun``: normal, variance 1 / inputs (LeCun et al. 1998, "Efficient backprop")
    - ``uniform``: uniform in ±1/sqrt(inputs), the start that Glorot & Bengio found in common use
    """
    weights = {}
    for layer, (inputs, outputs) in enumerate(pairwise(widths), 1):
        name, shape = f"dense{layer}.weight", (outputs, inputs)
        rng = seed.rng("init", name)
        if scheme in ("he", "lecun"):
            weights[name] = rng.normal(0.0, np.sqrt((2 if scheme == "he" else 1) / inputs), shape)
        else:
            limit = np.sqrt(6 / (inputs + outputs)) if scheme == "xavier" else 1 / np.sqrt(inputs)
            weights[name] = rng.uniform(-limit, limit, shape)
        weights[f"dense{layer}.bias"] = np.zeros(outputs)
    return weights


def parameter_count(widths: Sequence[int]) -> int:
    """Number of weights and biases."""
    return sum((inputs + 1) * outputs for inputs, outputs in pairwise(widths))


def torch_mlp(
    weights: Mapping[str, np.ndarray], activation: Activation = "relu", dropout: float = 0.0
) -> torch.nn.Sequential:
    """The network in torch, in the default dtype. Input (n, inputs), output (n, outputs) logits."""
    import torch
    from torch import nn

    activations = {"identity": nn.Identity, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "relu": nn.ReLU}
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    number = len(weights) // 2
    for i in range(1, number + 1):
        outputs, inputs = weights[f"dense{i}.weight"].shape
        layers[f"dense{i}"] = nn.utils.skip_init(nn.Linear, inputs, outputs, device=torch.get_default_device())
        if i < number:
            layers[f"activation{i}"] = activations[activation]()
            if dropout:
                layers[f"dropout{i}"] = nn.Dropout(dropout)
    model = nn.Sequential(layers)
    dtype = torch.get_default_dtype()
    model.load_state_dict({name: torch.from_numpy(array).to(dtype) for name, array in weights.items()})
    return model


def keras_mlp(
    weights: Mapping[str, np.ndarray],
    activation: Activation = "relu",
    dropout: float = 0.0,
    seed: Seed | None = None,
) -> keras.Sequential:
    """The network in Keras, in its default dtype. Input (n, inputs), output (n, outputs) logits.

    `seed`: for dropout's masks; needed when `dropout` is not 0.
    """
    import keras
    from keras import layers

    number = len(weights) // 2
    parts: list[keras.layers.Layer] = [keras.Input((weights["dense1.weight"].shape[1],))]
    for i in range(1, number + 1):
        last = i == number
        chosen = None if last or activation == "identity" else activation
        parts.append(layers.Dense(len(weights[f"dense{i}.bias"]), activation=chosen, name=f"dense{i}"))
        if dropout and not last:
            assert seed is not None, "dropout draws its masks from a seed"
            parts.append(layers.Dropout(dropout, seed=seed.integer("dropout", i, bits=31)))
    model = keras.Sequential(parts)
    model.set_weights(keras_weights(weights))
    return model


def keras_weights(weights: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """Named weights as Keras' list, in which a dense kernel is (inputs, outputs)."""
    return [array.T for array in weights.values()]


def named_weights(keras_list: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """The inverse of `keras_weights`."""
    kinds = ("weight", "bias")
    return {f"dense{i // 2 + 1}.{kinds[i % 2]}": array.T for i, array in enumerate(keras_list)}
