"""A step of training in torch, and twenty changes of one operation in it: what another machine may do otherwise.

Half of them change what an operation computes: a dispatch mode below the one that records gives another result in its
place, as another processor, library or number of threads would. Two orders of a sum, or a product with and without
oneDNN, may well give the same bits on a processor, so the other result is taken from several that cannot all be its
(`another`). The other half changes what is computed. No change depends on the processor.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

EXAMPLES, CLASSES = 24, 5
SMALLEST = float(np.finfo(np.float32).tiny)
"""The smallest number in float32 that is no denormal."""
Plant = Callable[[Any, tuple[Any, ...], Any], Any]
"""From an operation, its arguments and its result to what it is to give instead."""


class Network(nn.Module):
    """A convolution with its pooling, a hidden layer with dropout, and the logits, times `scale`."""

    def __init__(self, scale: float):
        super().__init__()
        self.convolution, self.hidden, self.last = nn.Conv2d(1, 4, 3), nn.Linear(64, 16), nn.Linear(16, CLASSES)
        self.dropout, self.scale, self.through = nn.Dropout(0.5), scale, torch.float32

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        pooled = nn.functional.max_pool2d(self.convolution(images).relu(), 2).flatten(1)
        hidden = self.hidden(pooled).tanh()
        logits: torch.Tensor = self.last(self.dropout(hidden.to(self.through).to(torch.float32)))
        return logits * self.scale


@dataclass(frozen=True)
class Change:
    """A change of one operation, and what is to be found.

    Attributes:
        expected: the name of the operation in the changed file.
        instead_of: its name in the other file, where another operation runs there.
        inputs, outputs: the names of those that differ, as far as the change is not of another operation.
        scope: a part of the computation that is to be named.
        plant: from the operation, its arguments and its result to what it gives instead.
        size: number of elements of the result that is changed, where the step has several such operations.
        prepare: what is done to the network before the step.
        scale: of the logits, without the change as well.
        fused, learning_rate, set_to_none, backwards: as their names say, with the values of a step without a change.
    """

    expected: str = ""
    instead_of: str = ""
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ("",)
    scope: str = ""
    plant: Plant | None = None
    size: int | None = None
    prepare: Callable[[Network], object] = lambda network: None
    scale: float = 1.0
    fused: bool = False
    learning_rate: float = 1e-3
    set_to_none: bool = True
    backwards: bool = False


class Planted(TorchDispatchMode):
    """Changes the result of one operation, the first time that it has so many elements."""

    def __init__(self, change: Change):
        super().__init__()  # type: ignore[no-untyped-call]
        self._change, self.used = change, False

    def __exit__(self, *raised: Any) -> None:
        super().__exit__(*raised)  # type: ignore[no-untyped-call]
        assert self.used or raised[0], "nothing was changed"

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if self.used or str(func) != self._change.expected:
            return result
        if self._change.size is not None and result.numel() != self._change.size:
            return result
        self.used = True
        assert self._change.plant is not None
        return self._change.plant(func, args, result)


class Training:
    """A training that has made one step already, without any change.

    Args:
        change: that is made from the next step on.
    """

    def __init__(self, change: Change):
        torch.manual_seed(7)
        self.change, self.network = Change(), Network(change.scale)
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=1e-3)
        rng = np.random.default_rng(7)
        self.images = torch.from_numpy(rng.standard_normal((EXAMPLES, 1, 10, 10), dtype=np.float32))
        self.images[:, 0, 0, 0] = SMALLEST / 16
        self.turned = torch.from_numpy(np.arange(EXAMPLES)[::-1].copy())
        self.labels = torch.from_numpy(rng.integers(0, CLASSES, EXAMPLES))
        self.step()
        self.change = change
        change.prepare(self.network)
        self.optimizer.param_groups[0].update(lr=change.learning_rate, fused=change.fused or None)
        self.generator = torch.get_rng_state()

    def step(self) -> None:
        """Make a step: a batch of all examples, the loss, its gradients, Adam."""
        order = torch.arange(EXAMPLES)
        index = self.turned if self.change.backwards else order
        self.optimizer.zero_grad(set_to_none=self.change.set_to_none)
        logits = self.network(self.images.index_select(0, index))
        loss = nn.functional.cross_entropy(logits, self.labels.index_select(0, index))
        loss.backward()
        self.optimizer.step()

    def changed_step(self) -> None:
        """Make a step from the generator's state at the beginning."""
        torch.set_rng_state(self.generator)
        self.step()

    def planted(self) -> AbstractContextManager[object]:
        """The context in which an operation gives what the change plants."""
        return nullcontext() if self.change.plant is None else Planted(self.change)


def another(result: torch.Tensor, *candidates: torch.Tensor) -> torch.Tensor:
    """One of the candidates with other bits than the result; they differ from each other, so there is one."""
    return next(
        each.reshape(result.shape) for each in candidates if not torch.equal(each.reshape(result.shape), result)
    )


def in_order(terms: torch.Tensor) -> torch.Tensor:
    """The sum of terms (n, …) in float32, one after the other."""
    total = torch.zeros_like(terms[0])
    for term in terms:
        total = total + term
    return total


def orders(terms: torch.Tensor) -> list[torch.Tensor]:
    """Sums of terms (n, …) in several orders: from both ends, and each half by itself."""
    half = len(terms) // 2
    return [in_order(terms), in_order(terms.flip(0)), in_order(terms[:half]) + in_order(terms[half:])]


def other_order(func: Any, args: tuple[Any, ...], result: torch.Tensor) -> torch.Tensor:
    """Of a sum over rows: in another order."""
    return another(result, *orders(args[0]))


def two_threads(func: Any, args: tuple[Any, ...], result: torch.Tensor) -> torch.Tensor:
    """Of a sum over rows: as two threads share it, wherever the first one ends."""
    rows = args[0]
    return another(result, *(in_order(rows[:end]) + in_order(rows[end:]) for end in range(1, len(rows))))


def one_ulp(func: Any, args: tuple[Any, ...], result: torch.Tensor) -> torch.Tensor:
    """The result with its first number raised by a unit in the last place."""
    raised, first = result.clone(), (0,) * result.dim()
    raised[first] = torch.nextafter(result[first], torch.tensor(float("inf")))
    return raised


def by_unfolding(func: Any, args: tuple[Any, ...], result: torch.Tensor) -> torch.Tensor:
    """Of a convolution of one channel: as a sum over unfolded patches, which is what is left without oneDNN."""
    images, weight, bias = args[:3]
    patches = nn.functional.unfold(images, weight.shape[-1])[:, None]  # (n, 1, 9, places)
    terms = (patches * weight.reshape(1, len(weight), -1, 1)).movedim(2, 0)
    return another(result, *(total + bias[:, None] for total in orders(terms)))


def as_tf32(func: Any, args: tuple[Any, ...], result: torch.Tensor) -> torch.Tensor:
    """Of a product with a bias: its factors rounded to ten bits."""
    bias, *factors = args
    left, right = (((each.contiguous().view(torch.int32) + 0x1000) & ~0x1FFF).view(torch.float32) for each in factors)
    product: torch.Tensor = func(bias, left, right)
    return product


def shifted(func: Any, args: tuple[Any, ...], result: torch.Tensor) -> torch.Tensor:
    """The result, which is in place, with each number one further on."""
    result.copy_(result.roll(1))
    return result


def without_max(func: Any, args: tuple[Any, ...], result: torch.Tensor) -> torch.Tensor:
    """Of a log softmax: the logarithm of a plain sum of exponentials."""
    logits: torch.Tensor = args[0]
    return logits - logits.exp().sum(1, keepdim=True).log()


def through_bfloat16(network: Network) -> None:
    """Let the hidden layer's outputs go through bfloat16."""
    network.through = torch.bfloat16


def nudge(network: Network) -> None:
    """Raise a weight by a unit in the last place, where torch does not see it."""
    weight = network.hidden.weight.detach().numpy()
    weight[0, 0] = np.nextafter(weight[0, 0], np.float32(np.inf))


def epsilon_inside(func: Any, args: tuple[Any, ...], result: torch.Tensor) -> torch.Tensor:
    """Of a root: with Adam's epsilon below it."""
    root: torch.Tensor = func(args[0] + 1e-8)
    return root


def passing_at_zero(func: Any, args: tuple[Any, ...], result: torch.Tensor) -> torch.Tensor:
    """Of ReLU's gradient: passed on where ReLU gave zero as well."""
    gradient: torch.Tensor = args[0]
    return gradient.clone()


def negative_zeros(func: Any, args: tuple[Any, ...], result: torch.Tensor) -> torch.Tensor:
    """Of ReLU: -0 in the place of 0, which is equal to it."""
    return torch.where(result == 0, -result, result)


def flushed(func: Any, args: tuple[Any, ...], result: torch.Tensor) -> torch.Tensor:
    """The result with zeros in the place of denormals."""
    return torch.where(result.abs() < SMALLEST, torch.zeros_like(result), result)


def last_maximum(func: Any, args: tuple[Any, ...], result: Any) -> Any:
    """Of pooling: the places of the last maxima in the place of the first ones; the maxima are the same."""
    images, *more = args
    values, places = func(images.flip(-1, -2), *more)
    last = images.shape[-1] * images.shape[-2] - 1
    return values.flip(-1, -2), last - places.flip(-1, -2)


def rounded_otherwise(func: Any, args: tuple[Any, ...], result: torch.Tensor) -> torch.Tensor:
    """Of tanh's gradient, g (1 - y²): rounded once, after each operation, or multiplied out."""
    gradient, y = args
    once = (gradient.double() * (1 - y.double() ** 2)).float()
    return another(result, once, gradient * (1 - y * y), gradient - gradient * y * y)


def one_draw_later(network: Network) -> None:
    """Draw from torch's generator, so that what is drawn next is other."""
    torch.rand(())
