"""Explorables of the lesson on functions: a line of bends, k-means by k, and what a reward teaches."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from lib.harness.contract.drawing import PALETTE
from lib.lessons.explore import Choice, Explorable, Slider

LINE = np.linspace(-1, 1, 301)
MOST_GROUPS, MOST_STEPS = 8, 10
CELLS, START, NEAR, STEPS = 9, 2, 1.0, 24
"""The corridor's cells, where one starts, the reward at the left end, and the most steps of an episode."""
EPISODES, UPDATES, RATE = 40, 40, 0.4


def wave(x: np.ndarray) -> np.ndarray:
    """The function of the lesson."""
    return np.asarray(x + 0.6 * np.sin(3 * np.pi * x))


def network(units: int, inside: str) -> np.ndarray:
    """A network with as many units on LINE: with ReLU inside it is `wave` at the knots; without, the best line."""
    if inside == "none":
        return np.asarray(np.polynomial.Polynomial.fit(LINE, wave(LINE), 1)(LINE))
    knots = np.linspace(-1, 1, units + 1)
    return np.asarray(np.interp(LINE, knots, wave(knots)))


def draw_bends(figure: Any, text: Callable[..., str], *, units: int, inside: str) -> None:
    """The function and a network that imitates it; dots are its bends."""
    values = network(units, inside)
    axes = figure.subplots()
    axes.plot(LINE, wave(LINE), color=PALETTE[7], linewidth=5, alpha=0.5, label=text("target"))
    axes.plot(LINE, values, color=PALETTE[1], label=text("network"))
    if inside == "relu":
        bends = np.linspace(-1, 1, units + 1)[:-1]
        axes.plot(bends, wave(bends), "o", color=PALETTE[1], markersize=4)
    axes.set(title=text("error", error=float(np.abs(values - wave(LINE)).max())), xlabel=text("input"))
    axes.set(ylabel=text("output"), ylim=(-1.9, 1.9))
    axes.legend(loc="upper left", fontsize=8)


@cache
def crowd() -> np.ndarray:
    """Points in four groups, two of them near each other: (160, 2)."""
    rng = np.random.default_rng(4)
    middles = np.array([[-2.0, -1.0], [0.2, 1.6], [1.8, 0.6], [1.2, -1.8]])
    return np.concatenate([middle + rng.normal(0, 0.45, (40, 2)) for middle in middles])


@cache
def moves(k: int, start: int) -> list[np.ndarray]:
    """The centres (k, 2) before each step of k-means, from k points that the start chooses."""
    from lib.paradigms import k_means

    points = crowd()
    centres = points[np.random.default_rng(start).choice(len(points), k, replace=False)]
    path = [centres]
    for _ in range(MOST_STEPS):
        path.append(k_means.lloyd(points, path[-1], steps=1).centres)
    return path


def draw_clusters(figure: Any, text: Callable[..., str], *, k: int, step: int, start: int) -> None:
    """The points by their nearest centre, the centres, and the way that they have come."""
    from lib.paradigms import k_means

    path = np.array(moves(k, start))
    groups, squares = k_means.nearest(crowd(), path[step])
    axes = figure.subplots()
    axes.scatter(*crowd().T, c=[PALETTE[group] for group in groups], s=12, alpha=0.6)
    for group in range(k):
        axes.plot(*path[: step + 1, group].T, "-", color=PALETTE[6], linewidth=1, alpha=0.6)
    axes.plot(*path[step].T, "X", color=PALETTE[6], markersize=10)
    axes.set(title=text("inertia", inertia=float(squares.sum())), xticks=[], yticks=[], aspect="equal")
    axes.grid(visible=False)


def walk(chances: np.ndarray, far: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Episodes in the corridor: cells, steps to the right, and rewards, each (STEPS, EPISODES).

    An episode ends at either end; from there on its cell is -1. `chances`: of a step to the right, by cell.
    """
    cells, rights, rewards = (np.zeros((STEPS, EPISODES), dtype) for dtype in (int, bool, float))
    cell = np.full(EPISODES, START)
    chance = rng.random((STEPS, EPISODES))
    for step in range(STEPS):
        cells[step] = cell
        right = chance[step] < chances[cell]
        after = np.where(cell < 0, -1, cell + np.where(right, 1, -1))
        rewards[step] = np.where((cell >= 0) & (after <= 0), NEAR, 0) + np.where(after == CELLS - 1, far, 0)
        rights[step] = right
        cell = np.where((after <= 0) | (after >= CELLS - 1), -1, after)
    return cells, rights, rewards


@cache
def training(far: float, discount: float) -> tuple[list[np.ndarray], list[float]]:
    """The policy after each update of REINFORCE, and the mean reward of its episodes."""
    from lib.paradigms.reinforce import advantages, returns_to_go

    rng = np.random.default_rng(0)
    scores = np.zeros(CELLS)
    policies, earned = [], []
    for _ in range(UPDATES + 1):
        chances = 1 / (1 + np.exp(-scores))
        cells, rights, rewards = walk(chances, far, rng)
        policies.append(chances)
        earned.append(float(rewards.sum(axis=0).mean()))
        worth = advantages(returns_to_go(rewards, discount), "others") * (cells >= 0)
        push = worth * (rights - chances[cells]) / (np.abs(worth).max() or 1)
        change = np.zeros(CELLS)
        np.add.at(change, cells.clip(0), np.where(cells >= 0, push, 0))
        scores = scores + RATE * change
    return policies, earned


def draw_reward(figure: Any, text: Callable[..., str], *, far: float, discount: float, update: int) -> None:
    """The chance of a step to the right in each cell after some updates, and the rewards up to there."""
    policies, earned = training(far, discount)
    figure.set_layout_engine("none")  # which would measure every text and take as long as the drawing
    left, right = figure.add_axes((0.08, 0.15, 0.5, 0.75)), figure.add_axes((0.66, 0.15, 0.33, 0.75))
    left.grid(visible=False)
    inner = np.arange(1, CELLS - 1)
    chances = 100 * policies[update][inner]
    colours = [PALETTE[1] if chance > 50 else PALETTE[0] for chance in chances]
    left.bar(inner, chances - 50, bottom=50, color=colours)
    left.axhline(50, color=PALETTE[7], linewidth=1)
    names = ["" if cell != START else text("start") for cell in range(CELLS)]
    names[0], names[-1] = text("near", reward=NEAR), text("far", reward=far)
    left.set_xticks(range(CELLS), names, fontsize=8)
    left.set(title=text("policy"), ylabel=text("chance"), ylim=(0, 100), yticks=(0, 50, 100), xlim=(-0.6, CELLS - 0.4))
    right.plot(earned, color=PALETTE[7])
    right.plot(update, earned[update], "o", color=PALETTE[1], markersize=8)
    right.set(xlabel=text("update"), ylabel=text("earned"), ylim=(0, max(far, NEAR) + 0.3))


EXPLORABLES = {
    "bends": Explorable(
        draw_bends,
        {"units": Slider(1, 40, 1, start=4, whole=True), "inside": Choice(["relu", "none"], start="relu")},
        size=(6.4, 3.2),
    ),
    "clusters": Explorable(
        draw_clusters,
        {
            "k": Slider(1, MOST_GROUPS, 1, start=4, whole=True),
            "step": Slider(0, MOST_STEPS, 1, start=0, whole=True),
            "start": Slider(0, 9, 1, start=0, whole=True),
        },
        size=(5, 3.8),
    ),
    "reward": Explorable(
        draw_reward,
        {
            "far": Slider(1, 10, 0.5, start=3.0),
            "discount": Slider(0.5, 1, 0.05, start=0.95),
            "update": Slider(0, UPDATES, 1, start=0, whole=True),
        },
        size=(8, 3.2),
    ),
}
