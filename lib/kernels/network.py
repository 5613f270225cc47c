"""A network in torch, trained by the kernels: they work on its parameters where torch keeps them.

`of` looks at a model and its optimizer and returns None where something of them is nothing that the kernels compute:
then torch does, as ever.
"""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from lib.harness.errors import UserError
from lib.kernels import library

if TYPE_CHECKING:
    import torch

DENSE, RELU, SIGMOID, TANH, DROPOUT, CONVOLUTION = range(6)
DESCENT, MOMENTUM, ADAM = range(3)
KERNEL = 5
ADAM_PLAIN = {"weight_decay": 0, "amsgrad": False, "maximize": False, "decoupled_weight_decay": False}
ADAMW_PLAIN = {"amsgrad": False, "maximize": False, "decoupled_weight_decay": True}
SGD_PLAIN = {"weight_decay": 0, "dampening": 0, "nesterov": False, "maximize": False}
"""Options that the kernels do not have, at the values at which they do nothing."""


class Layer(ctypes.Structure):
    """`Layer` of docker/kernels/network.h."""

    _fields_ = (
        *((name, ctypes.c_int32) for name in ("kind", "modern")),
        *((name, ctypes.c_int64) for name in ("inputs", "outputs", "channels", "size", "maps", "border")),
        ("rate", ctypes.c_double),
        *((name, ctypes.c_void_p) for name in ("weight", "bias")),
    )


class Optimizer(ctypes.Structure):
    """`Optimizer` of docker/kernels/optimizers.h."""

    _fields_ = (
        *((name, ctypes.c_int32) for name in ("kind", "unused")),
        *((name, ctypes.c_double) for name in ("rate", "beta1", "beta2", "epsilon", "decay", "power1", "power2")),
    )


class Network:
    """A network of the kernels on a model's parameters.

    Args:
        layers: of the network, in their order.
        parameters: that the layers point to.
        batch: the most examples of a step.
        optimizer: of torch, whose options are read before each epoch; None for gradients alone.
        key: of dropout's masks.
    """

    def __init__(
        self,
        compiled: ctypes.CDLL,
        layers: Sequence[Layer],
        parameters: Sequence[torch.nn.Parameter],
        *,
        batch: int,
        optimizer: torch.optim.Optimizer | None,
        key: int,
    ):
        self._library, self._layers, self._parameters, self._optimizer = compiled, layers, parameters, optimizer
        self._places = [parameter.data_ptr() for parameter in parameters]
        self._state = Optimizer(power1=1.0, power2=1.0)
        first, last = layers[0], layers[-1]
        border = 2 * first.border
        self._inputs = first.channels * (first.size - border) ** 2 if first.kind == CONVOLUTION else first.inputs
        self._outputs, self._batch = last.outputs, batch
        self._network = compiled.network_new((Layer * len(layers))(*layers), len(layers), batch, key)
        if not self._network:
            raise MemoryError(f"a network for {batch} examples")
        weakref.finalize(self, compiled.network_free, self._network)

    def train(self, data: np.ndarray, labels: np.ndarray, order: np.ndarray) -> np.ndarray:
        """Train on the examples with these indices (n,), batch after batch. Returns the losses, float32 (steps,).

        Args:
            data: (examples, …), as many numbers each as the first layer takes.
            labels: (examples,), whole numbers.
            order: (n,), indices of examples.
        """
        data, labels, order = self._rows(data), _array(labels, np.int32), _array(order, np.int64)
        if len(labels) != len(data) or not _all_below(order, len(data)):
            raise UserError(f"{len(labels)} labels and indices up to {order.max(initial=0)} for {len(data)} examples")
        if not _all_below(labels, self._outputs):
            raise UserError(f"labels: {labels.min()} to {labels.max()}: they must be 0 to {self._outputs - 1}")
        losses = np.empty(-(-len(order) // self._batch), np.float32)
        state = None
        if self._optimizer is not None:
            _set(self._state, self._optimizer)
            state = ctypes.byref(self._state)
        self._check()
        pointers = [array.ctypes.data for array in (data, labels, order)]
        self._library.network_train(self._network, *pointers, len(order), state, losses.ctypes.data)
        return losses

    def outputs(self, data: np.ndarray) -> np.ndarray:
        """The outputs (n, outputs), float32, for data (n, …), without dropout."""
        data = self._rows(data)
        found = np.empty((len(data), self._outputs), np.float32)
        self._check()
        self._library.network_outputs(self._network, data.ctypes.data, len(data), found.ctypes.data)
        return found

    def gradients(self) -> list[np.ndarray]:
        """The gradients of the last step, flat, in the order of the parameters; copies."""
        sizes = iter(parameter.numel() for parameter in self._parameters)
        found = []
        for index, layer in enumerate(self._layers):
            for which in range(2) if layer.weight else ():
                place = self._library.network_array(self._network, index, which)
                found.append(np.ctypeslib.as_array((ctypes.c_float * next(sizes)).from_address(place)).copy())
        return found

    def _rows(self, data: np.ndarray) -> np.ndarray:
        if data.size != len(data) * self._inputs:
            raise UserError(f"inputs of shape {data.shape}: {self._inputs} numbers an example are needed")
        return _array(data, np.float32)

    def _check(self) -> None:
        places = [parameter.data_ptr() for parameter in self._parameters]
        assert places == self._places, "the parameters have moved to other memory"


def of(model: torch.nn.Module, optimizer: Any, batch: int) -> Network | None:
    """The model as a network of the kernels, ready to be trained; None where they have something of it not."""
    import torch

    compiled = library.load()
    parameters = list(model.parameters())
    if compiled is None or not parameters or not all(map(_is_plain, parameters)):
        return None
    layers = layers_of(model)
    weights = [pointer for layer in layers or () for pointer in (layer.weight, layer.bias) if pointer]
    if layers is None or weights != [parameter.data_ptr() for parameter in parameters] or not _fit(layers):
        return None
    if optimizer is not None and not _known(optimizer, parameters):
        return None
    drops = any(layer.kind == DROPOUT for layer in layers)
    key = int(torch.empty((), dtype=torch.int64).random_()) if drops else 0
    return Network(compiled, layers, parameters, batch=batch, optimizer=optimizer, key=key)


def layers_of(model: torch.nn.Module) -> list[Layer] | None:
    """The layers of a `torch.nn.Sequential`, or of a model that has a method `chain`; None where one is unknown.

    A chain is a list of layers of torch, and of tuples (convolution, size of its input with the border, modern) for
    `lib.models.pooled_convolution`.
    """
    from torch import nn

    chain = getattr(model, "chain", None)
    steps = chain() if callable(chain) else list(model) if type(model) is nn.Sequential else [None]
    layers: list[Layer] = []
    for step in steps:
        width = layers[-1].outputs if layers else 0
        if getattr(step, "_forward_hooks", None) or getattr(step, "_forward_pre_hooks", None):
            return None
        if isinstance(step, tuple):
            found = _pooled(*step)
        elif type(step) is nn.Linear and step.bias is not None:
            found = Layer(kind=DENSE, inputs=step.in_features, outputs=step.out_features)
            found.weight, found.bias = step.weight.data_ptr(), step.bias.data_ptr()
        elif type(step) in (nn.ReLU, nn.Sigmoid, nn.Tanh):
            found = Layer(kind={nn.ReLU: RELU, nn.Sigmoid: SIGMOID, nn.Tanh: TANH}[type(step)])
        elif type(step) is nn.Dropout and step.p < 1:
            found = Layer(kind=DROPOUT, rate=step.p)
        elif type(step) is nn.Identity:
            continue
        else:
            return None
        if not found.outputs:
            found.inputs = found.outputs = width
        layers.append(found)
    return layers


def _pooled(convolution: torch.nn.Conv2d, size: int, modern: bool) -> Layer:
    (maps, channels, *_), border = convolution.weight.shape, int(convolution.padding[0])
    assert convolution.bias is not None
    return Layer(
        kind=CONVOLUTION,
        modern=modern,
        inputs=channels * size**2,
        outputs=maps * (size // 2 - 2) ** 2,
        channels=channels,
        size=size,
        maps=maps,
        border=border,
        weight=convolution.weight.data_ptr(),
        bias=convolution.bias.data_ptr(),
    )


def _fit(layers: Sequence[Layer]) -> bool:
    """Return whether the layers are a chain that begins with a layer with weights."""
    return bool(layers and layers[0].inputs) and all(
        after.inputs == before.outputs and not after.border for before, after in pairwise(layers)
    )


def _is_plain(parameter: torch.nn.Parameter) -> bool:
    import torch

    plain = parameter.dtype == torch.float32 and parameter.device.type == "cpu" and parameter.is_contiguous()
    return plain and parameter.requires_grad


def _known(optimizer: Any, parameters: Sequence[torch.nn.Parameter]) -> bool:
    """Return whether the kernels have this optimizer, for all of the parameters and nothing else."""
    import torch

    plain: dict[type, dict[str, Any]] = {
        torch.optim.Adam: ADAM_PLAIN,
        torch.optim.AdamW: ADAMW_PLAIN,
        torch.optim.SGD: SGD_PLAIN,
    }
    groups, options = optimizer.param_groups, plain.get(type(optimizer))
    if options is None or len(groups) != 1 or optimizer.state:
        return False
    same = [left is right for left, right in zip(groups[0]["params"], parameters, strict=False)]
    return (
        all(same)
        and len(groups[0]["params"]) == len(parameters)
        and all(groups[0].get(name, value) == value for name, value in options.items())
    )


def _set(state: Optimizer, optimizer: Any) -> None:
    """Take over the options of torch's optimizer as they are now."""
    group = optimizer.param_groups[0]
    state.rate = float(group["lr"])
    if "betas" in group:
        state.kind, state.epsilon, state.decay = ADAM, group["eps"], group["weight_decay"]
        state.beta1, state.beta2 = group["betas"]
    else:
        state.kind, state.beta1 = (MOMENTUM if group["momentum"] else DESCENT), group["momentum"]


def _all_below(numbers: np.ndarray, limit: int) -> bool:
    return not len(numbers) or bool(numbers.min() >= 0 and numbers.max() < limit)


def _array(array: np.ndarray, dtype: Any) -> np.ndarray:
    return np.ascontiguousarray(array, dtype)
