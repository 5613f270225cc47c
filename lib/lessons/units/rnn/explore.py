"""The explorable on the spectral radius: eigenvalues of the recurrent matrix, and the gradient on its way back."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from lib.harness.contract.drawing import PALETTE
from lib.lessons.explore import Choice, Explorable, Slider, Toggle
from lib.nlp.rnn.lags import relative_norms, torch_input_variance

UNITS, STEPS, SEQUENCES = 64, 41, 8
LOWEST, HIGHEST = -12, 6
"""Powers of ten in the picture."""


@cache
def matrices() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """A matrix of each kind with the spectral radius 1, and its eigenvalues."""
    rng = np.random.default_rng(0)
    normal = rng.normal(size=(UNITS, UNITS))
    normal = normal / np.abs(np.linalg.eigvals(normal)).max()
    orthogonal = np.linalg.qr(rng.normal(size=(UNITS, UNITS)))[0]
    return {
        name: (matrix, np.linalg.eigvals(matrix)) for name, matrix in (("normal", normal), ("orthogonal", orthogonal))
    }


@cache
def given() -> tuple[np.ndarray, np.ndarray]:
    """The inputs' and biases' part of each unit's sum (STEPS, SEQUENCES, UNITS), and the gradient by the last state."""
    rng = np.random.default_rng(1)
    spread = np.sqrt(torch_input_variance(8, UNITS))
    return spread * rng.normal(size=(STEPS, SEQUENCES, UNITS)), rng.normal(size=(SEQUENCES, UNITS))


def sizes(kind: str, radius: float, squash: bool) -> np.ndarray:
    """The gradient's size by lag, relative to lag 0: (STEPS,)."""
    W = radius * matrices()[kind][0]
    added, gradient = given()
    slopes = np.ones_like(added)
    if squash:
        state = np.zeros_like(gradient)
        for t in range(STEPS):
            state = np.tanh(added[t] + state @ W.T)
            slopes[t] = 1 - state**2
    gradients = np.empty_like(added)
    for t in range(STEPS - 1, -1, -1):
        gradients[t] = gradient
        gradient = (gradient * slopes[t]) @ W
    return relative_norms(gradients)


def draw_radius(figure: Any, text: Callable[..., str], *, radius: float, start: str, squash: bool) -> None:
    """Left: the eigenvalues and the unit circle. Right: the logarithm of the gradient's size by lag."""
    left, right = figure.subplots(1, 2, width_ratios=(2, 3))
    values = radius * matrices()[start][1]
    turn = np.linspace(0, 2 * np.pi, 90)
    left.plot(np.cos(turn), np.sin(turn), color=PALETTE[7], linewidth=1)
    left.plot(values.real, values.imag, ".", color=PALETTE[0], markersize=4)
    left.set(title=text("eigenvalues"), xlim=(-3.1, 3.1), ylim=(-3.1, 3.1), aspect="equal", xticks=[], yticks=[])
    size = sizes(start, radius, squash)
    logs = np.clip(np.log10(size), LOWEST, HIGHEST)
    right.axhline(0, color=PALETTE[7], linewidth=1)
    right.plot(logs, color=PALETTE[1])
    right.set(title=text("gradient", steps=20, size=f"{size[20]:.2g}"), xlabel=text("lag"), xlim=(0, STEPS - 1))
    right.set(ylim=(LOWEST, HIGHEST))
    right.set_yticks([-12, -6, 0, 6], ["10⁻¹²", "10⁻⁶", "1", "10⁶"])


EXPLORABLES = {
    "radius": Explorable(
        draw_radius,
        {
            "radius": Slider(0.1, 3, 0.1, start=0.6),
            "start": Choice(["normal", "orthogonal"], start="normal"),
            "squash": Toggle(start=True),
        },
        size=(7, 2.8),
    )
}
