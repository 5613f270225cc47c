"""A stand-in for a GPU: a device of torch, `standin`, whose arithmetic is the CPU's.

A tensor on it holds one on the CPU and says that it is elsewhere. As with CUDA, an operation refuses tensors of both
(but for numbers, shape ()), `numpy()` refuses, and operations without a deterministic kernel refuse (the documentation
of `torch.use_deterministic_algorithms` lists them). What it computes has the CPU's bits, so code that runs on both must
give the same results on both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.utils._python_dispatch import return_and_correct_aliasing
from torch.utils._pytree import tree_map
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

NAME = "standin"
REFUSED_BY_CUDA = {
    *("adaptive_avg_pool2d_backward", "_adaptive_avg_pool2d_backward", "adaptive_max_pool2d_backward"),
    *("avg_pool3d_backward", "max_pool3d_with_indices_backward", "max_unpool2d", "max_unpool3d"),
    *("fractional_max_pool2d_backward", "fractional_max_pool3d_backward", "reflection_pad1d_backward"),
    *("reflection_pad2d_backward", "reflection_pad3d_backward", "replication_pad1d_backward"),
    *("replication_pad2d_backward", "replication_pad3d_backward", "upsample_linear1d_backward"),
    *("upsample_bilinear2d_backward", "upsample_bicubic2d_backward", "upsample_trilinear3d_backward"),
    *("grid_sampler_2d_backward", "grid_sampler_3d_backward", "_ctc_loss_backward", "nll_loss2d_forward"),
    *("histc", "kthvalue", "median_with_indices", "put_", "scatter_reduce", "cumsum"),
}
MADE_ELSEWHERE = ("tensor", "as_tensor", "arange", "linspace", "eye", "randperm")
"""Functions whose own way to make a tensor fails, or resizes it, on a device that is written in Python."""


class Held(torch.Tensor):
    """A tensor on the stand-in. `held`: the one on the CPU."""

    held: torch.Tensor

    @staticmethod
    def __new__(cls, held: torch.Tensor) -> Held:
        made: Held = torch.Tensor._make_wrapper_subclass(
            cls,
            held.size(),
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            device=torch.device(NAME, 0),
        )
        made.held = held
        return made

    def __init__(self, held: torch.Tensor): ...

    def tolist(self) -> Any:
        return self.held.tolist()

    def __repr__(self, *, tensor_contents: Any = None) -> str:  # type: ignore[override]
        return f"on the stand-in: {self.held!r}"

    @classmethod
    def __torch_dispatch__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # type: ignore[override]
        return compute(function, args, kwargs or {})


def compute(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """An operation with tensors of the stand-in, or one that makes such tensors."""
    name = function._schema.name.partition("::")[2]
    if name in REFUSED_BY_CUDA and (name != "cumsum" or args[0].is_floating_point()):
        raise RuntimeError(f"{name} does not have a deterministic implementation")
    places = set()

    def on_cpu(value: Any) -> Any:
        if isinstance(value, Held):
            places.add(NAME)
            return value.held
        if isinstance(value, torch.Tensor) and value.dim():
            places.add("cpu")
        return torch.device("cpu") if isinstance(value, torch.device) and value.type == NAME else value

    here, named = tree_map(on_cpu, (list(args), dict(kwargs)))
    indexed = name in {"index", "index_put_", "_index_put_impl_"} and isinstance(args[0], Held)
    if len(places) > 1 and name not in {"_to_copy", "copy_"} and not indexed:  # CUDA takes such indices from the CPU
        raise RuntimeError(f"{name}: tensors on the CPU and on the device")
    out = function(*here, **named)
    reshaped = torch.Tag.inplace_view in function.tags  # `return_and_correct_aliasing` does the same to what holds it
    for each in args:
        assert reshaped or not isinstance(each, Held) or each.size() == each.held.size(), f"{name} cannot resize there"
    if name == "copy_" and not isinstance(args[0], Held):
        return args[0]
    if name == "_to_copy" and kwargs.get("device") is not None and torch.device(kwargs["device"]).type == "cpu":
        return out
    held = tree_map(lambda v: Held(v) if isinstance(v, torch.Tensor) and not isinstance(v, Held) else v, out)
    return return_and_correct_aliasing(function, args, kwargs, held)


def made_elsewhere(make: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    """One of MADE_ELSEWHERE for the stand-in: the tensor is made on the CPU and sent there."""

    def made(*args: Any, device: torch.device | str | None = None, **kwargs: Any) -> torch.Tensor:
        return make(*args, device="cpu", **kwargs).to(device or torch._GLOBAL_DEVICE_CONTEXT.device_context.device)

    return made


def lstm_cell(
    of_input: torch.Tensor, of_hidden: torch.Tensor, cell: torch.Tensor, *biases: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """One step of an LSTM: its output, its cell and, for a gradient that is not asked for here, the gates."""
    gates = of_input + of_hidden + sum(biases)
    admit, keep, new, show = gates.chunk(4, 1)
    cell = keep.sigmoid() * cell + admit.sigmoid() * new.tanh()
    return show.sigmoid() * cell.tanh(), cell, gates


def gru_cell(
    of_input: torch.Tensor, of_hidden: torch.Tensor, hidden: torch.Tensor, *biases: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """One step of a GRU: its output and, as above, the gates."""
    bias_of_input, bias_of_hidden = biases or (0, 0)
    mine, theirs = ((of_input + bias_of_input).chunk(3, 1), (of_hidden + bias_of_hidden).chunk(3, 1))
    reset, keep = (mine[0] + theirs[0]).sigmoid(), (mine[1] + theirs[1]).sigmoid()
    new = (mine[2] + reset * theirs[2]).tanh()
    return (hidden - new) * keep + new, of_input


FUSED = {"_thnn_fused_lstm_cell": lstm_cell, "_thnn_fused_gru_cell": gru_cell}
"""What torch computes in one kernel on every device but the CPU, which has none of these."""


def register() -> list[torch.library.Library]:
    """Make the device known to torch, once per process. What it returns must be kept."""
    _setup_privateuseone_for_python_backend(NAME)
    every = torch.library.Library("_", "IMPL")
    every.fallback(lambda function, *args, **kwargs: compute(function, args, kwargs), "PrivateUse1")
    fused = torch.library.Library("aten", "IMPL")
    for name, cell in FUSED.items():
        fused.impl(name, cell, "AutogradPrivateUse1")
    return [every, fused]
