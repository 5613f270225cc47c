r"""k-means: k groups in data that have no labels.

Lloyd 1957/1982, "Least squares quantization in PCM"; starts from Arthur & Vassilvitskii 2007, "k-means++". It lowers

    inertia = sum over points of |x - centre of its group|²

by turns: every point joins the nearest centre, then every centre moves to the mean of its points. Neither step can
raise the inertia, so the groups stop changing; where they stop depends on the start, so the best of several is kept.

Points are (n, d), centres (k, d), groups (n,) in [0, k).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Clusters:
    """centres: (k, d). inertia: before every step and at the end, never rising."""

    centres: np.ndarray
    inertia: list[float]


def nearest(x: np.ndarray, centres: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The group of each point (n,) and its squared distance from that centre (n,)."""
    squares = np.sum(x**2, axis=1)[:, None] - 2 * x @ centres.T + np.sum(centres**2, axis=1)
    groups = squares.argmin(axis=1)
    return groups, np.maximum(0.0, squares[np.arange(len(x)), groups])


def plus_plus(x: np.ndarray, k: int, rng: np.random.Generator) -> np.ndarray:
    """k points as first centres: each with a chance in proportion to its squared distance from those chosen so far."""
    centres = x[rng.integers(len(x), size=1)]
    while len(centres) < k:
        distances = nearest(x, centres)[1].astype(np.float64)
        total = distances.sum()
        chances = distances / total if total else np.full(len(x), 1 / len(x))
        centres = np.vstack([centres, x[rng.choice(len(x), p=chances)]])
    return centres


def lloyd(x: np.ndarray, centres: np.ndarray, steps: int = 300) -> Clusters:
    """From these first centres until no point changes its group, or for `steps` steps.

    A centre that has lost all its points moves to the point that is farthest from its own centre.
    """
    groups, distances = nearest(x, centres)
    inertia = [float(distances.sum(dtype=np.float64))]
    for _ in range(steps):
        members = (groups == np.arange(len(centres))[:, None]).astype(x.dtype)
        sizes = members.sum(axis=1, keepdims=True)
        centres = members @ x / np.maximum(1, sizes)
        lost = np.flatnonzero(sizes == 0)
        centres[lost] = x[np.argsort(-distances)[: len(lost)]]
        before, (groups, distances) = groups, nearest(x, centres)
        inertia.append(float(distances.sum(dtype=np.float64)))
        if np.array_equal(before, groups):
            break
    return Clusters(centres, inertia)


def k_means(x: np.ndarray, k: int, rng: np.random.Generator, restarts: int = 10) -> Clusters:
    """The clusters of least inertia among `restarts` starts."""
    return min((lloyd(x, plus_plus(x, k, rng)) for _ in range(restarts)), key=lambda found: found.inertia[-1])


def contingency(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Count the points that are in group i of `a` and in group j of `b`: (groups of a, groups of b)."""
    table = np.zeros((int(a.max()) + 1, int(b.max()) + 1), dtype=np.int64)
    np.add.at(table, (a, b), 1)
    return table


def adjusted_rand_index(a: np.ndarray, b: np.ndarray) -> float:
    """Agreement of two groupings over all pairs of points: 1 for the same, 0 on average for one that is random.

    Hubert & Arabie 1985, "Comparing partitions". Pairs that both keep together, less what chance keeps together, over
    the most that it could be. The names of the groups do not matter.
    """

    def pairs(counts: np.ndarray) -> float:
        return float(np.sum(counts * (counts - 1.0)) / 2)

    table = contingency(a, b)
    together, in_a, in_b = pairs(table), pairs(table.sum(axis=1)), pairs(table.sum(axis=0))
    chance = in_a * in_b / pairs(np.array([len(a)]))
    most = (in_a + in_b) / 2
    return 1.0 if most == chance else (together - chance) / (most - chance)


def names(groups: np.ndarray, labels: np.ndarray, k: int) -> np.ndarray:
    """The commonest label of each of k groups (k,): names given after the fact. A group without points is called 0."""
    table = np.zeros((k, int(labels.max()) + 1), dtype=np.int64)
    np.add.at(table, (groups, labels), 1)
    return np.asarray(table.argmax(axis=1))
