"""Row `shift-multiply-sum`: the formula's loops against the shifts, the FFT, torch and TensorFlow.

The seven loops of `by_hand.by_definition`, in float64, are the truth for all others. What goes in is representable in
float32, so the same truth serves both precisions. A deviation is the largest one over the largest value of the truth.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal

import numpy as np

from lib.cnn.convolution import by_hand, filters
from lib.cnn.convolution.by_hand import Mode
from lib.cnn.convolution.config import ConvolutionConfig
from lib.data import photographs
from lib.harness.contract.claim import Claim, Role, largest, smallest
from lib.harness.contract.results import Results
from lib.harness.contract.seeds import Seed
from lib.harness.contract.trial import Log

Dtype = Literal["float32", "float64"]
Correlate = Callable[[np.ndarray, np.ndarray, Mode], np.ndarray]
Gradients = Callable[[np.ndarray, np.ndarray, np.ndarray, Mode], tuple[np.ndarray, np.ndarray]]

MODES: tuple[Mode, ...] = ("full", "same", "valid")
DTYPES: tuple[Dtype, ...] = ("float32", "float64")
CASES = {
    "one channel": ((1, 1, 9, 11), (1, 1, 3, 3)),
    "even kernel": ((1, 1, 8, 9), (1, 1, 4, 2)),
    "one pixel": ((2, 3, 5, 5), (4, 3, 1, 1)),
    "channels": ((2, 3, 8, 7), (4, 3, 3, 5)),
    "many channels": ((1, 6, 8, 8), (4, 6, 5, 5)),
}
"""Shapes of pictures and kernels, filled with normal numbers. One more case is Sobel's kernel on a photograph."""
EQUAL = 1e-12
"""The largest deviation of what is equal in float64: its rounding, 1e-16, over sums of some hundred products."""
EQUAL_FLOAT32 = 1e-5
"""The same in float32, whose rounding is 6e-8."""
DIFFERENT = 0.01
"""The smallest deviation of what differs: a hundredth of the output, which no rounding reaches."""


def inputs(seed: Seed) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Name, pictures and kernels of every case; float64 that float32 can hold."""
    for name, shapes in CASES.items():
        x, w = (seed.rng(name, part).normal(size=shape) for part, shape in zip("xw", shapes, strict=True))
        yield name, x.astype(np.float32).astype(np.float64), w.astype(np.float32).astype(np.float64)
    photograph = photographs.grey("flower")[150:190, 250:290].astype(np.float32).astype(np.float64)
    yield "photograph", photograph[None, None], filters.SOBEL_X[None, None]


def deviation(computed: np.ndarray, truth: np.ndarray) -> float:
    """Largest deviation over the truth's largest value; infinite where the shapes differ."""
    if computed.shape != truth.shape:
        return float("inf")
    return float(np.max(np.abs(computed - truth)) / np.max(np.abs(truth)))


def cut(full: np.ndarray, x: np.ndarray, w: np.ndarray, mode: Mode) -> np.ndarray:
    """The part of a full convolution that `mode` keeps: "same" is as wide as the picture, "valid" has no edges."""
    (height, width), (rows, columns) = x.shape[2:], w.shape[2:]
    if mode == "same":
        return full[:, :, rows // 2 : rows // 2 + height, columns // 2 : columns // 2 + width]
    return full if mode == "full" else full[:, :, rows - 1 : height, columns - 1 : width]


def torch_trial(config: ConvolutionConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """Deviations from the seven loops, torch among the ways of computing."""
    return deviations("torch", *torch_functions(), seed, log)


def tensorflow_trial(config: ConvolutionConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """Deviations from the seven loops, TensorFlow among the ways of computing."""
    return deviations("tensorflow", *tensorflow_functions(), seed, log)


def deviations(name: str, correlate: Correlate, autograd: Gradients, seed: Seed, log: Log) -> dict[str, Any]:
    """The worst deviations from the seven loops over all cases and modes, by way of computing and precision.

    Args:
        name: the framework whose functions `correlate` and `autograd` are.
    """
    ways: dict[str, Correlate] = {
        "shifts": by_hand.convolve,
        "fft": by_hand.convolve_fft,
        name: lambda x, w, mode: correlate(x, by_hand.turned(w).copy(), mode),
    }
    worst: dict[str, dict[str, float]] = {
        way: dict.fromkeys(DTYPES, 0.0) for way in (*ways, "correlation", "gradients")
    }
    confused, slopes = np.inf, 0.0
    for step, (_, x, w) in enumerate(inputs(seed.child("arithmetic"))):
        full = by_hand.by_definition(x, w)
        for mode in MODES:
            truth = cut(full, x, w, mode)
            for dtype in DTYPES:
                x_, w_ = x.astype(dtype), w.astype(dtype)
                off = {way: deviation(function(x_, w_, mode), truth) for way, function in ways.items()}
                straight = correlate(x_, w_, mode)
                off["correlation"] = deviation(straight, by_hand.cross_correlate(x, w, mode))
                dy = seed.rng("dy", step, mode).normal(size=truth.shape).astype(np.float32).astype(dtype)
                both = autograd(x_, w_, dy, mode), by_hand.gradients(x, w, dy.astype(np.float64), mode)
                off["gradients"] = largest(deviation(a, b) for a, b in zip(*both, strict=True))
                for way, value in off.items():
                    worst[way][dtype] = largest((worst[way][dtype], value))
            if w.shape[2:] != (1, 1):
                confused = smallest((confused, deviation(straight, truth)))
            slopes = largest((slopes, finite_differences(x, w, dy, mode, seed.rng("direction", step, mode))))
        log(step, **{f"{way} {dtype}": values[dtype] for way, values in worst.items() for dtype in DTYPES})
    return {"worst": worst, "unturned": confused, "finite_differences": slopes, "picture": picture()}


def finite_differences(x: np.ndarray, w: np.ndarray, dy: np.ndarray, mode: Mode, rng: np.random.Generator) -> float:
    """Deviation of the gradients from central differences along random directions.

    L = sum(y dy) is linear in x and in w, so a central difference has no error but rounding.
    """
    dx, dw = by_hand.gradients(x, w, dy, mode)
    worst = 0.0
    for gradient, which in ((dx, 0), (dw, 1)):
        direction = rng.normal(size=gradient.shape)
        ends = []
        for sign in (1, -1):
            moved = [x, w]
            moved[which] = moved[which] + sign * direction
            ends.append(np.sum(by_hand.cross_correlate(moved[0], moved[1], mode) * dy))
        expected = (ends[0] - ends[1]) / 2
        scale = np.linalg.norm(gradient) * np.linalg.norm(direction)
        worst = largest((worst, abs(np.sum(gradient * direction) - expected) / scale))
    return worst


def picture(side: int = 72) -> dict[str, np.ndarray]:
    """A piece of the flower at half its resolution, for the figure."""
    photograph = photographs.grey("flower")[: 2 * (427 // 2)]
    small = photograph.reshape(len(photograph) // 2, 2, 320, 2).mean(axis=(1, 3))
    return {"grey": np.round(small[60 : 60 + side, 110 : 110 + side], 4)}


def torch_functions() -> tuple[Correlate, Gradients]:
    """`torch.nn.functional.conv2d` and its gradients, on arrays, in the arrays' precision."""
    import torch

    def apply(x: torch.Tensor, w: torch.Tensor, mode: Mode) -> torch.Tensor:
        rows, columns = w.shape[2:]
        if mode == "full":
            return torch.nn.functional.conv2d(x, w, padding=(rows - 1, columns - 1))
        top, left = ((rows - 1) // 2, (columns - 1) // 2) if mode == "same" else (0, 0)
        bottom, right = (rows // 2, columns // 2) if mode == "same" else (0, 0)
        return torch.nn.functional.conv2d(torch.nn.functional.pad(x, (left, right, top, bottom)), w)

    def correlate(x: np.ndarray, w: np.ndarray, mode: Mode) -> np.ndarray:
        return np.asarray(apply(torch.tensor(x), torch.tensor(w), mode).numpy())

    def gradients(x: np.ndarray, w: np.ndarray, dy: np.ndarray, mode: Mode) -> tuple[np.ndarray, np.ndarray]:
        leaves = torch.tensor(x, requires_grad=True), torch.tensor(w, requires_grad=True)
        dx, dw = torch.autograd.grad(apply(*leaves, mode), leaves, torch.tensor(dy))
        return dx.numpy(), dw.numpy()

    return correlate, gradients


def tensorflow_functions() -> tuple[Correlate, Gradients]:
    """`tf.nn.conv2d` and its gradients, on arrays laid out as torch's, in the arrays' precision."""
    import tensorflow as tf

    def apply(x: Any, w: Any, mode: Mode) -> Any:
        rows, columns = w.shape[2:]
        x, w = tf.transpose(x, (0, 2, 3, 1)), tf.transpose(w, (2, 3, 1, 0))  # channels and outputs last
        if mode == "full":
            x = tf.pad(x, ((0, 0), (rows - 1, rows - 1), (columns - 1, columns - 1), (0, 0)))
        y = tf.nn.conv2d(x, w, strides=1, padding="SAME" if mode == "same" else "VALID")
        return tf.transpose(y, (0, 3, 1, 2))

    def correlate(x: np.ndarray, w: np.ndarray, mode: Mode) -> np.ndarray:
        return np.asarray(apply(tf.constant(x), tf.constant(w), mode).numpy())

    def gradients(x: np.ndarray, w: np.ndarray, dy: np.ndarray, mode: Mode) -> tuple[np.ndarray, np.ndarray]:
        leaves = tf.constant(x), tf.constant(w)
        with tf.GradientTape() as tape:
            tape.watch(leaves)
            loss = tf.reduce_sum(apply(*leaves, mode) * tf.constant(dy))
        dx, dw = tape.gradient(loss, leaves)
        return dx.numpy(), dw.numpy()

    return correlate, gradients


# Claims


def _worst(way: str, dtype: Dtype, *variants: str) -> Callable[[Results], float]:
    """The worst deviation of a way of computing over these variants."""
    return lambda results: largest(results.of(v)[0].measurements["worst"][way][dtype] for v in variants)


def _backward(results: Results) -> float:
    both = [results.of(variant)[0].measurements for variant in ("torch", "tensorflow")]
    return largest(value for m in both for value in (m["worst"]["gradients"]["float64"], m["finite_differences"]))


def _exact(part: str, role: Role, measure: Callable[[Results], float], **limits: Any) -> Claim:
    return Claim(
        f"shift-multiply-sum/{part}", role=role, kind="exact", measure=measure, **(limits or {"at_most": EQUAL})
    )


CLAIMS = (
    _exact("shifts", "sentence", _worst("shifts", "float64", "torch", "tensorflow")),
    _exact("fft", "identity", _worst("fft", "float64", "torch", "tensorflow")),
    _exact("torch", "identity", _worst("torch", "float32", "torch"), at_most=EQUAL_FLOAT32),
    _exact("torch-float64", "identity", _worst("torch", "float64", "torch")),
    _exact("tensorflow", "identity", _worst("tensorflow", "float32", "tensorflow"), at_most=EQUAL_FLOAT32),
    _exact("tensorflow-float64", "identity", _worst("tensorflow", "float64", "tensorflow")),
    _exact("correlation", "identity", _worst("correlation", "float64", "torch", "tensorflow")),
    _exact(
        "turned",
        "condition",
        lambda results: smallest(results.of(v)[0].measurements["unturned"] for v in ("torch", "tensorflow")),
        at_least=DIFFERENT,
    ),
    _exact("backward", "identity", _backward),
)
