"""Two spirals, one inside the other: a task that no straight line solves (Lang & Witbrock 1988, here with noise)."""

from __future__ import annotations

import numpy as np

TURNS = 1.25
"""Turns of each arm. The arms are 1 / (2 turns) = 0.4 apart; the picture is the disc of radius 1."""


def two_spirals(rng: np.random.Generator, points: int, noise: float = 0.03) -> tuple[np.ndarray, np.ndarray]:
    """Points (n, 2) float32 and their arm (n,), half of them on each; `noise`: standard deviation across the arm.

    The points are spread evenly over the length of the arm; the second arm is the first one turned by half a circle.
    """
    labels = np.arange(points) % 2
    radius = 0.1 + 0.9 * np.sqrt(rng.random(points))
    angle = 2 * np.pi * TURNS * radius + np.pi * labels
    arm = radius[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    return (arm + noise * rng.normal(size=(points, 2))).astype(np.float32), labels
