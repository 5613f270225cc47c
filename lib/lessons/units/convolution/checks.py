"""Exercises of the lesson on convolution, judged by the lab's convolutions by hand."""

from __future__ import annotations

import numpy as np

from lib.lessons.checks import Hint, Learner, same
from lib.lessons.units.mistakes import hint_for

STACKS = (
    ([5, 2, 5, 2, 5], [1, 2, 1, 2, 1]),
    ([3, 3, 3], [1, 1, 1]),
    ([7, 3, 2, 3], [2, 1, 2, 3]),
    ([1, 4], [3, 2]),
)
"""Kernels and strides of a few networks; the first one is LeNet."""


def slide(learner: Learner) -> Hint | None:
    """The lab's cross-correlation, on an image and a filter without symmetry."""
    from lib.cnn.convolution.by_hand import filtered

    x, w = _case()
    expected = filtered(x, w)
    answer = learner.array(x, w)
    if answer.shape == x.shape:
        return Hint("not_smaller")
    answer = learner.as_array(answer, expected.shape)
    mistakes = {
        "turned": filtered(x, w[::-1, ::-1]),
        "swapped": filtered(x, w.T),
        "overwritten": w[-1, -1] * x[2:, 2:],
        "only_first": w[0, 0] * x[:-2, :-2],
        "not_shifted": w.sum() * x[:-2, :-2],
        "not_multiplied": filtered(x, np.ones((3, 3))),
        "sums": filtered(x, np.ones((3, 3))) + w.sum(),
        "averaged": expected / 9,
    }
    return hint_for(answer, expected, mistakes)


def my_convolve(learner: Learner) -> Hint | None:
    """The lab's convolution, in which the filter is turned by 180 degrees."""
    from lib.cnn.convolution.by_hand import convolve, filtered

    x, w = _case()
    expected = convolve(x[None, None], w[None, None], "valid")[0, 0]
    answer = learner.array(x, w, shape=expected.shape)
    mistakes = {
        "not_turned": filtered(x, w),
        "upside_down": filtered(x, w[::-1]),
        "mirrored": filtered(x, w[:, ::-1]),
        "transposed": filtered(x, w.T),
        "quarter": filtered(x, np.rot90(w)),
        "quarter_back": filtered(x, np.rot90(w, -1)),
        "image_turned": filtered(x[::-1, ::-1], w),
        "both_turned": filtered(x[::-1, ::-1], w[::-1, ::-1]),
    }
    return hint_for(answer, expected, mistakes)


def _case() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(1, 1, (9, 11)), rng.normal(0.3, 1, (3, 3))


def edge_filter(learner: Learner) -> Hint | None:
    """A filter by what it responds to: even brightness, level edges, upright edges."""
    w = learner.value_array(shape=(3, 3))
    if not w.any():
        return Hint("zeros")
    scale = float(np.abs(w).max())
    if abs(w.sum()) > 1e-6 * scale:
        return Hint("even", value=float(w.sum()))
    level = np.array([w[1:].sum(), w[2].sum()]) / scale  # the edge above and below the middle row
    upright = np.array([w[:, 1:].sum(), w[:, 2].sum()]) / scale
    finds_level, finds_upright = (bool((np.abs(edge) > 1e-6).any()) for edge in (level, upright))
    if not finds_level:
        return Hint("upright" if finds_upright else "blind")
    if (level < -1e-6).any():
        return Hint("line" if (level > 1e-6).any() else "negative")
    return Hint("slanted", value=float(scale * np.abs(upright).max())) if finds_upright else None


def field_size(learner: Learner) -> Hint | None:
    """The lab's formula for the receptive field, for several stacks of layers."""
    from lib.cnn.convolution.receptive_field import Layer, by_formula

    answer = np.array([learner.number(kernels, strides) for kernels, strides in STACKS])
    expected = [
        list(by_formula([Layer(str(i), k, s) for i, (k, s) in enumerate(zip(*stack, strict=True))]).values())[-1]
        for stack in STACKS
    ]
    mistakes = {
        "no_steps": [1 + sum(k - 1 for k in kernels) for kernels, _ in STACKS],
        "own_stride": [_walked(stack, "own stride") for stack in STACKS],
        "whole_kernel": [_walked(stack, "whole kernel") for stack in STACKS],
        "last_stride": [_walked(stack, "last stride") for stack in STACKS],
        "added_strides": [_walked(stack, "added strides") for stack in STACKS],
        "from_zero": np.array(expected) - 1,
        "summed": [sum(kernels) for kernels, _ in STACKS],
        "multiplied": [int(np.prod(kernels)) for kernels, _ in STACKS],
        "step": [int(np.prod(strides)) for _, strides in STACKS],
        "only_last": [_walked(stack, "only last") for stack in STACKS],
    }
    return hint_for(answer, np.array(expected, float), mistakes)


def _walked(stack: tuple[list[int], list[int]], mistake: str) -> int:
    """Field size of a stack with one of the usual mistakes."""
    seen, step = 1, 1
    for kernel, stride in zip(*stack, strict=True):
        more = kernel if mistake == "whole kernel" else kernel - 1
        if mistake == "only last":
            seen = 1
        seen += more * step * (stride if mistake == "own stride" else 1)
        step = {"last stride": stride, "added strides": step + stride}.get(mistake, step * stride)
    return seen


def merge(learner: Learner) -> Hint | None:
    """The full convolution of two filters, by the lab's loops."""
    from lib.cnn.convolution.by_hand import convolve

    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(3, 3)), rng.normal(size=(5, 5))
    expected = convolve(a[None, None], b[None, None])[0, 0]
    answer = learner.array(a, b)
    if answer.shape != expected.shape:
        return Hint("size", found=" × ".join(map(str, answer.shape)) or "1")
    turned = [convolve(one[None, None], two[None, None])[0, 0] for one, two in ((a, b[::-1, ::-1]), (a[::-1, ::-1], b))]
    overwritten, other = np.zeros((7, 7)), np.zeros((7, 7))
    for i, j in np.ndindex(5, 5):
        overwritten[i : i + 3, j : j + 3] = b[i, j] * a
    for i, j in np.ndindex(3, 3):
        other[i : i + 5, j : j + 5] = a[i, j] * b
    if any(same(answer, each) for each in (*turned, turned[0][::-1, ::-1], turned[1][::-1, ::-1])):
        return Hint("turned")
    mistakes = {
        "overwritten": overwritten,
        "overwritten_too": other,
        "both_turned": expected[::-1, ::-1],
        "swapped": convolve(a[None, None], b.T[None, None])[0, 0],
        "not_multiplied": convolve(a[None, None], np.ones((1, 1, 5, 5)))[0, 0],
        "padded": np.pad(a, 2),
        "padded_too": np.pad(b, 1),
        "added": np.pad(a, 2) + np.pad(b, 1),
        "elementwise": np.pad(a, 2) * np.pad(b, 1),
    }
    hint = hint_for(answer, expected, mistakes)
    return Hint(hint.key.removesuffix("_too"), **hint.fields) if hint else None


EXERCISES = {
    "slide": slide,
    "my_convolve": my_convolve,
    "edge_filter": edge_filter,
    "field_size": field_size,
    "merge": merge,
}
