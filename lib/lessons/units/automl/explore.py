"""The explorable on searches: where a grid, chance and TPE try on a landscape, and how high they get."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from lib.harness.contract.drawing import PALETTE
from lib.lessons.explore import Choice, Explorable, Slider

RIDGE = 0.56
"""Of the first axis; between the lines of most small grids."""
METHODS = ("grid", "random", "tpe")
MOST, START = 49, 5
"""Trials at most, and those that TPE draws by chance before it learns."""
CANDIDATES, GOOD, WIDTH = 24, 0.25, 0.1
"""Of TPE (Bergstra et al. 2011): candidates a trial, the share of trials that count as good, the width of a bell."""


def accuracy(places: np.ndarray) -> np.ndarray:
    """The landscape at places (n, 2) of the unit square, in %: a narrow ridge along the second axis."""
    u, v = places[..., 0], places[..., 1]
    ridge = np.exp(-(((u - RIDGE) / np.where(u < RIDGE, 0.12, 0.06)) ** 2))
    return np.asarray(62 + ridge * (24 + 5 * np.exp(-(((v - 0.3) / 0.35) ** 2))))


@cache
def path(method: str, trials: int, seed: int) -> np.ndarray:
    """The places (n, 2) that a search tries: all that fit into `trials` for a grid."""
    if method == "grid":
        side = int(np.sqrt(trials))
        ticks = (np.arange(side) + 0.5) / side
        return np.array([(u, v) for u in ticks for v in ticks])
    rng = np.random.default_rng(seed)
    if method == "random":
        return rng.random((MOST, 2))[:trials]
    return _tpe(rng)[:trials]


def _tpe(rng: np.random.Generator) -> np.ndarray:
    """MOST places: some by chance, then each where good ones are likelier than bad ones, one axis at a time."""
    tried = rng.random((START, 2))
    while len(tried) < MOST:
        order = np.argsort(-accuracy(tried))
        number = max(2, int(np.ceil(GOOD * len(tried))))
        good, bad = tried[order[:number]], tried[order[number:]]
        candidates = rng.normal(good[rng.integers(number, size=CANDIDATES)], WIDTH)
        candidates = np.where((candidates < 0) | (candidates > 1), rng.random(candidates.shape), candidates)
        # the second term is the prior, as likely anywhere: places far from all trials are neither good nor bad
        ratio = (_density(candidates, good) + 1 / len(good)) / (_density(candidates, bad) + 1 / len(bad))
        best = [candidates[ratio[:, axis].argmax(), axis] for axis in (0, 1)]
        tried = np.vstack([tried, best])
    return tried


def _density(points: np.ndarray, trials: np.ndarray) -> np.ndarray:
    bells = np.exp(-(((points[:, None] - trials[None]) / WIDTH) ** 2) / 2) / WIDTH
    return np.asarray(bells.mean(axis=1))


@cache
def _landscape() -> np.ndarray:
    ticks = (np.arange(80) + 0.5) / 80
    return accuracy(np.stack(np.meshgrid(ticks, ticks), axis=-1))


@cache
def best_so_far(method: str, seed: int) -> np.ndarray:
    """The best accuracy after 1, 2, … MOST trials; for each number of trials a grid is another one."""
    if method == "grid":
        return np.maximum.accumulate([accuracy(path("grid", n, 0)).max() for n in range(1, MOST + 1)])
    return np.maximum.accumulate(accuracy(path(method, MOST, seed)))


def draw_search(figure: Any, text: Callable[..., str], *, method: str, trials: int, seed: int) -> None:
    """Left: the landscape and the places that are tried. Right: the best so far of all three searches."""
    places = path(method, trials, seed)
    best = places[accuracy(places).argmax()]
    left, right = figure.subplots(1, 2)
    left.imshow(_landscape(), extent=(0, 1, 0, 1), origin="lower", cmap="cividis", aspect="auto")
    left.plot(*places.T, "o", color="white", markersize=6, markeredgecolor="black")
    left.plot(*best, "*", color=PALETTE[1], markersize=14, markeredgecolor="white")
    different = len(np.unique(places[:, 0].round(9)))
    left.set(title=text("tried", different=different), xlabel=text("rate"), ylabel=text("decay"))
    left.set_xticks((0, 1 / 3, 2 / 3, 1), ("1e-4", "1e-3", "1e-2", "1e-1"))
    left.set_yticks((0, 0.5, 1), ("1e-5", "1e-3", "1e-1"))
    left.grid(visible=False)
    for each, colour in zip(METHODS, (PALETTE[7], PALETTE[0], PALETTE[1]), strict=True):
        curve = best_so_far(each, seed)[:trials]
        width = 2.6 if each == method else 1.2
        right.step(
            range(1, len(curve) + 1), curve, where="post", color=colour, linewidth=width, label=text(f"option_{each}")
        )
    right.set(title=text("best"), xlabel=text("trials"), ylabel=text("accuracy"), xlim=(1, MOST), ylim=(62, 92))
    right.legend(loc="lower right", fontsize=8)


EXPLORABLES = {
    "search": Explorable(
        draw_search,
        {
            "method": Choice(METHODS),
            "trials": Slider(4, MOST, 1, start=16, whole=True),
            "seed": Slider(0, 19, 1, start=0, whole=True),
        },
        size=(8.4, 3.5),
    )
}
