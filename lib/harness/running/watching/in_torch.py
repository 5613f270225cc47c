"""Every operation of torch: of the forward pass, of the backward pass and of the optimizer, as they are dispatched.

Loaded for trials in torch alone. A dispatch mode of torch's sees each operation below autograd, so a gradient's
operations are seen as those of the forward pass are, with the layer that they belong to.

torch's own `DebugMode` is not used: it hashes a tensor by the sum or the xor of its numbers, so that a batch in another
order, or a mask that is shifted, has the same hash.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from lib.harness.recording.operations import Operations, Value, of_bytes, text
from lib.harness.running.watching.parts import named

ENTERS, LEAVES = "profiler._record_function_enter", "profiler._record_function_exit"
"""The operations by which torch names a part of its own, as an optimizer's step: they compute nothing."""


@contextmanager
def watched(operations: Operations) -> Iterator[None]:
    """For the block, write every operation of torch down."""
    with ExitStack() as stack:
        stack.enter_context(named(torch.nn.Module, "__call__", _Layers(), operations))
        stack.enter_context(_Mode(operations))
        yield


class _Mode(TorchDispatchMode):
    """A dispatch mode that writes down each operation, with its inputs before it and its outputs after it."""

    def __init__(self, operations: Operations):
        super().__init__()  # type: ignore[no-untyped-call]
        self._operations = operations
        self._layers: dict[int, str] = {}  # in which each node of autograd's graph was made, by the node's number

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call the operation `func` and write it down."""
        kwargs = kwargs or {}
        name = str(func)
        if name.startswith(ENTERS):
            self._operations.enter(str(args[0]))
            return func(*args, **kwargs)
        if name.startswith(LEAVES):
            self._operations.leave()
            return func(*args, **kwargs)
        arguments = _arguments(func, args, kwargs)
        inputs = [value for argument, given in arguments.items() for value in _values(argument, given)]
        returned = func(*args, **kwargs)
        outputs = list(_values("", returned))
        for argument, given in _written(func, arguments, returned):
            outputs += _values(argument, given)
        self._operations.add(name, inputs, outputs, self._scope())
        return returned

    def _scope(self) -> str:
        """The layer of the present operation, in the backward pass the one of the operation that it derives."""
        node: Any = torch._C._current_autograd_node()
        if node is None:
            self._layers.setdefault(torch._C._autograd._get_sequence_nr() - 1, self._operations.scope)
            return self._operations.scope
        layer = self._layers.get(node._sequence_nr(), "")
        return " ".join(["backward", *([layer] if layer else []), f"({node.name()})"])


class _Layers:
    """The name of each layer: its path in the outermost module that was called."""

    def __init__(self) -> None:
        self._names: WeakKeyDictionary[torch.nn.Module, str] = WeakKeyDictionary()

    def __call__(self, module: torch.nn.Module) -> str:
        if module not in self._names:
            top = type(module).__name__
            for path, part in module.named_modules():
                self._names[part] = f"{top}.{path}" if path else top
        return self._names[module]


def _arguments(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of an operation by their names."""
    names = [argument.name for argument in func._schema.arguments]
    return dict(zip(names, args, strict=False)) | dict(kwargs)


def _written(func: Any, arguments: Mapping[str, Any], returned: Any) -> Iterator[tuple[str, Any]]:
    """The arguments that an operation has written to without returning them, by their names."""
    seen = {id(part) for part in (returned if isinstance(returned, (tuple, list)) else [returned])}
    for argument in func._schema.arguments:
        given = arguments.get(argument.name)
        if argument.is_write and id(given) not in seen:
            yield argument.name, given


def _values(name: str, value: Any) -> Iterator[Value]:
    """An argument or a result: a tensor by its hash, a list of tensors one by one, anything else by its text."""
    if isinstance(value, torch.Tensor):
        yield {"name": name, **of_tensor(value)}
    elif isinstance(value, (tuple, list)) and any(isinstance(part, torch.Tensor) for part in value):
        for place, part in enumerate(value):
            yield from _values(f"{name}[{place}]", part)
    elif isinstance(value, (torch.dtype, torch.device, torch.layout, torch.memory_format)):
        yield {"name": name, "value": str(value)}
    elif value is not None:
        yield {"name": name, "value": text(value)}


def of_tensor(tensor: torch.Tensor) -> Value:
    """A tensor by the hash of its bytes, wherever it is and however it lies in memory."""
    dtype, shape = str(tensor.dtype).removeprefix("torch."), list(tensor.shape)
    if tensor.device.type == "meta":
        return {"dtype": dtype, "shape": shape}
    plain = tensor.detach().to_dense() if tensor.layout != torch.strided else tensor.detach()
    plain = plain.resolve_conj().resolve_neg().cpu().contiguous()
    return of_bytes(dtype, shape, plain.reshape(-1).view(torch.uint8).numpy())
