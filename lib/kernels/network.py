"""A network in torch, trained by the kernels: they work on its parameters where torch keeps them.

`of` looks at a model and its optimizer and returns None where something of them is nothing that the kernels compute:
then torch does, as ever. What has changed later is honoured (the optimizer's numbers) or refused, never overlooked.
"""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from lib.harness.errors import UserError
from lib.harness.recording import operations
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
OWNER = "_network_of_the_kernels"
"""The attribute of torch's optimizer for the network whose moments are in the kernels."""
HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
"""Of each module; all modules together have the same with ``_global``."""
CHANGED = (
    "the network or its optimizer is not as it was when its classifier was made, in a way that the kernels do not "
    "compute: change it before, or run without --portable"
)


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
        model: of torch, which the kernels know (`of`).
        layers: of the network, in their order.
        batch: the most examples of a step.
        optimizer: of torch, whose options are read before each epoch; None for gradients alone.
        key: of dropout's masks.
    """

    def __init__(
        self,
        compiled: ctypes.CDLL,
        model: torch.nn.Module,
        layers: Sequence[Layer],
        *,
        batch: int,
        optimizer: torch.optim.Optimizer | None,
        key: int,
    ):
        self._library, self._model, self._layers, self._optimizer = compiled, model, layers, optimizer
        self._state, self._steps = Optimizer(power1=1.0, power2=1.0), 0
        first, last = layers[0], layers[-1]
        border = 2 * first.border
        self._inputs = first.channels * (first.size - border) ** 2 if first.kind == CONVOLUTION else first.inputs
        self._outputs, self._batch = last.outputs, batch
        self._network = compiled.network_new((Layer * len(layers))(*layers), len(layers), batch, key)
        if not self._network:
            raise MemoryError(f"a network for {batch} examples")
        weakref.finalize(self, compiled.network_free, self._network)

    def is_for(self, layers: Sequence[Layer], batch: int) -> bool:
        """Return whether it has these layers, with the same weights, and steps of so many examples."""
        return batch == self._batch and [*map(bytes, layers)] == [*map(bytes, self._layers)]

    def train(self, data: np.ndarray, labels: np.ndarray, order: np.ndarray) -> np.ndarray:
        """Train on the examples with these indices (n,), batch after batch. Returns the losses, float32 (steps,).

        Args:
            data: (examples, …), as many numbers each as the first layer takes.
            labels: (examples,), whole numbers.
            order: (n,), indices of examples.

        Raises:
            UserError: data that do not fit, or a network or an optimizer that has changed (`CHANGED`).
        """
        data = self._rows(data)
        for name, numbers in (("labels", labels), ("order", order)):
            if numbers.ndim != 1 or not np.issubdtype(numbers.dtype, np.integer):
                raise UserError(f"{name}: {numbers.dtype} of shape {numbers.shape}: whole numbers (n,) are needed")
        if len(labels) != len(data) or not _all_below(order, len(data)):
            raise UserError(f"{len(labels)} labels and indices up to {order.max(initial=0)} for {len(data)} examples")
        if not _all_below(labels, self._outputs):
            raise UserError(f"labels: {labels.min()} to {labels.max()}: they must be 0 to {self._outputs - 1}")
        labels, order = _array(labels, np.int32), _array(order, np.int64)
        losses = np.empty(-(-len(order) // self._batch), np.float32)
        self._require_the_same(known(self._model, self._optimizer))
        state = None
        if self._optimizer is not None:
            _set(self._state, self._optimizer, self._steps)
            state = ctypes.byref(self._state)
            self._steps += len(losses)
        watched = bool(len(order)) and operations.active() is not None  # step by step, with the same bits
        parts = np.split(order, range(self._batch, len(order), self._batch)) if watched else [order]
        for step, part in enumerate(parts):
            if watched:
                operations.note("kernels.step", {**self._weights(), "data": data[part], "labels": labels[part]}, {})
            pointers = [array.ctypes.data for array in (data, labels, part)]
            self._library.network_train(self._network, *pointers, len(part), state, losses[step:].ctypes.data)
            if watched:
                self._note_step(losses[step], updated=state is not None)
        return losses

    def _note_step(self, loss: np.float32, *, updated: bool) -> None:
        """Write down what a step has computed: the loss, the gradients from the last to the first, the new weights."""
        weights = self._weights()
        operations.note("kernels.loss", {}, {"loss": loss})
        gradients = dict(zip(weights, self.gradients(), strict=True))
        for name, gradient in reversed(gradients.items()):
            operations.note("kernels.gradient", {}, {name: gradient})
        for name, weight in weights.items() if updated else ():
            operations.note("kernels.update", {"gradient": gradients[name]}, {name: weight})

    def _weights(self) -> dict[str, np.ndarray]:
        """The model's parameters by their names, where torch keeps them."""
        named = self._model.named_parameters()
        return {name: _floats(each.data_ptr(), each.numel()).reshape(each.shape) for name, each in named}

    def outputs(self, data: np.ndarray) -> np.ndarray:
        """The outputs (n, outputs), float32, for data (n, …), without dropout."""
        data = self._rows(data)
        found = np.empty((len(data), self._outputs), np.float32)
        self._require_the_same(layers_of(self._model))
        self._library.network_outputs(self._network, data.ctypes.data, len(data), found.ctypes.data)
        operations.note("kernels.outputs", {**self._weights(), "data": data}, {"outputs": found})
        return found

    def gradients(self) -> list[np.ndarray]:
        """The gradients of the last step, flat, in the order of the parameters; copies."""
        sizes = iter(parameter.numel() for parameter in self._model.parameters())
        found = []
        for index, layer in enumerate(self._layers):
            for which in range(2) if layer.weight else ():
                found.append(_floats(self._library.network_array(self._network, index, which), next(sizes)).copy())
        return found

    def _rows(self, data: np.ndarray) -> np.ndarray:
        if data.size != len(data) * self._inputs:
            raise UserError(f"inputs of shape {data.shape}: {self._inputs} numbers an example are needed")
        return _array(data, np.float32)

    def _require_the_same(self, layers: Sequence[Layer] | None) -> None:
        if layers is None or not self.is_for(layers, self._batch):
            raise UserError(CHANGED)


def of(model: torch.nn.Module, optimizer: Any, batch: int) -> Network | None:
    """The model as a network of the kernels, ready to be trained; None where they have something of it not.

    An optimizer goes with one network. For the same model, weights and batch it is the same network, moments and all.

    Raises:
        UserError: the optimizer is that of another network, whose moments it would share in torch.
    """
    import torch

    compiled, layers = library.load(), known(model, optimizer)
    earlier: Network | None = None if optimizer is None else vars(optimizer).get(OWNER)
    if compiled is None or layers is None:
        return None
    if earlier is not None:
        if not earlier.is_for(layers, batch):
            raise UserError(
                "an optimizer for two networks, or for two sizes of batch: the kernels keep its moments with the first "
                "one, so make a new optimizer, or run without --portable"
            )
        return earlier
    drops = any(layer.kind == DROPOUT for layer in layers)
    key = int(torch.empty((), dtype=torch.int64).random_()) if drops else 0
    made = Network(compiled, model, layers, batch=batch, optimizer=optimizer, key=key)
    if optimizer is not None:
        setattr(optimizer, OWNER, made)
        optimizer.register_step_pre_hook(_refuse)
        optimizer.register_state_dict_pre_hook(_refuse)
    return made


def _refuse(optimizer: Any, *_: Any) -> None:
    """A hook of an optimizer whose moments are in the kernels: torch's own would be zeros."""
    raise UserError(
        "an optimizer's step() or state_dict(), whose moments are in the kernels: make another one for torch, or run "
        "without --portable"
    )


def known(model: torch.nn.Module, optimizer: Any) -> list[Layer] | None:
    """The layers of a model that the kernels train with this optimizer (None: they give gradients); None where not."""
    parameters = list(model.parameters())
    if not parameters or not all(map(_is_plain, parameters)):
        return None
    layers = layers_of(model)
    weights = [pointer for layer in layers or () for pointer in (layer.weight, layer.bias) if pointer]
    if layers is None or weights != [parameter.data_ptr() for parameter in parameters] or not _fit(layers):
        return None
    return layers if optimizer is None or _known(optimizer, parameters) else None


def layers_of(model: torch.nn.Module) -> list[Layer] | None:
    """The layers of a `torch.nn.Sequential`, or of a model with `layers_in_order`; None where one is unknown or hooked.

    That method, of the class that has the model's `forward`, returns layers of torch, and tuples (convolution, size of
    its input with the border, modern) for `lib.models.pooled_convolution`.
    """
    from torch import nn

    if _is_hooked(model):
        return None
    author = next(each for each in type(model).__mro__ if "forward" in vars(each))
    if type(model) is nn.Sequential:
        steps = list(model)
    elif "layers_in_order" in vars(author):
        described: Any = model
        steps = described.layers_in_order()
    else:
        return None
    layers: list[Layer] = []
    for step in steps:
        if type(step) is nn.Identity:
            continue
        layer = _layer(step)
        if layer is None:
            return None
        if not layer.outputs:
            layer.inputs = layer.outputs = layers[-1].outputs if layers else 0
        layers.append(layer)
    return layers


def _layer(step: Any) -> Layer | None:
    """A step of a model as a layer, without inputs and outputs where it takes any number; None for an unknown one."""
    from torch import nn

    activations = {nn.ReLU: RELU, nn.Sigmoid: SIGMOID, nn.Tanh: TANH}
    if isinstance(step, tuple):
        return _pooled(*step)
    if type(step) is nn.Linear and step.bias is not None:
        dense = Layer(kind=DENSE, inputs=step.in_features, outputs=step.out_features)
        dense.weight, dense.bias = step.weight.data_ptr(), step.bias.data_ptr()
        return dense
    if type(step) in activations:
        return Layer(kind=activations[type(step)])
    return Layer(kind=DROPOUT, rate=step.p) if type(step) is nn.Dropout and step.p < 1 else None


def _pooled(convolution: torch.nn.Conv2d, size: int, modern: bool) -> Layer | None:
    """The layer of a convolution with its pooling; None for another kernel than 5 x 5, or an odd size."""
    (maps, channels, *_), border = convolution.weight.shape, int(convolution.padding[0])
    usual = {
        "kernel_size": (KERNEL, KERNEL),
        "stride": (1, 1),
        "dilation": (1, 1),
        "padding": (border, border),
        "groups": 1,
        "padding_mode": "zeros",
    }
    plain = all(getattr(convolution, name) == value for name, value in usual.items())
    if not plain or convolution.bias is None or size % 2 or size < KERNEL + 1:
        return None
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


def _is_hooked(model: torch.nn.Module) -> bool:
    """Return whether something of the caller's is called as the model computes: a hook, or a `forward` of its own."""
    from torch.nn.modules import module as modules

    anywhere = any(getattr(modules, f"_global{name}") for name in HOOKS)
    own = any("forward" in vars(part) or any(getattr(part, name) for name in HOOKS) for part in model.modules())
    return anywhere or own or any(p._backward_hooks or p._post_accumulate_grad_hooks for p in model.parameters())


def _fit(layers: Sequence[Layer]) -> bool:
    """Return whether the layers are a chain that begins with a layer with weights."""
    return (
        bool(layers and layers[0].inputs)
        and all(after.inputs == before.outputs and not after.border for before, after in pairwise(layers))
        and layers[-1].outputs > 0
    )


def _is_plain(parameter: torch.nn.Parameter) -> bool:
    import torch

    plain = parameter.dtype == torch.float32 and parameter.device.type == "cpu" and parameter.is_contiguous()
    return plain and parameter.requires_grad


def _known(optimizer: Any, parameters: Sequence[torch.nn.Parameter]) -> bool:
    """Return whether the kernels have this optimizer, for all of the parameters and nothing else."""
    import torch
    from torch.optim import optimizer as optimizers

    hooks = [*optimizer._optimizer_step_pre_hooks.values(), *optimizer._optimizer_step_post_hooks.values()]
    if optimizers._global_optimizer_pre_hooks or optimizers._global_optimizer_post_hooks or {*hooks} - {_refuse}:
        return False
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


def _set(state: Optimizer, optimizer: Any, steps: int) -> None:
    """Take over the options of torch's optimizer as they are now, after so many steps."""
    group = optimizer.param_groups[0]
    state.rate = float(group["lr"])
    if "betas" in group:
        betas = tuple(map(float, group["betas"]))
        if steps and betas != (state.beta1, state.beta2):
            state.power1, state.power2 = (beta**steps for beta in betas)
        state.kind, state.epsilon, state.decay = ADAM, group["eps"], group["weight_decay"]
        state.beta1, state.beta2 = betas
    else:
        state.kind, state.beta1 = (MOMENTUM if group["momentum"] else DESCENT), group["momentum"]


def _all_below(numbers: np.ndarray, limit: int) -> bool:
    return not len(numbers) or bool(numbers.min() >= 0 and numbers.max() < limit)


def _floats(place: int, count: int) -> np.ndarray:
    """So many numbers at this address."""
    return np.ctypeslib.as_array((ctypes.c_float * count).from_address(place))


def _array(array: np.ndarray, dtype: Any) -> np.ndarray:
    return np.require(array, dtype, ("C", "A"))
