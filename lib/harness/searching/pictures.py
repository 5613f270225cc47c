"""Pictures of a search: how its best value came about, which fields mattered, and where it has been.

They are drawn from plain rows, one for each trial, and named as Optuna names them: history, importance, parallel
coordinates, slices.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, Literal

import numpy as np

from lib.harness.contract.drawing import PALETTE, canvas, style
from lib.harness.contract.search import Choices, Range, Space
from lib.harness.searching.search import distribution

ENDED, BEST, PRUNED = PALETTE[0], PALETTE[1], PALETTE[7]
COLUMNS = 4
"""Of slices beside each other at most."""
FEW = 6
"""Whole numbers of a range up to which each has a tick of its own."""
NEEDED = 4
"""Trials that ran to their end, without which the pictures say nothing."""


@dataclass(frozen=True)
class Row:
    """A trial: what was sampled, its value if it ran to its end, and what it reported."""

    found: Mapping[str, Any]
    value: float | None
    reports: tuple[float, ...]


def best_so_far(rows: Sequence[Row], goal: Literal["minimize", "maximize"]) -> list[tuple[int, float]]:
    """The number of each trial that ran to its end, and the best value up to it."""
    ended = [(number, row.value) for number, row in enumerate(rows) if row.value is not None]
    bests = accumulate((value for _, value in ended), min if goal == "minimize" else max)
    return [(number, best) for (number, _), best in zip(ended, bests, strict=True)]


class Picture:
    """The data of the pictures. Raises `LookupError` if there are too few.

    Attributes:
        numbers: of the trials that ran to their end, in the order in which they were chosen; (trials,).
        values: the scores of these trials; (trials,).
        best: the index of the best of these trials.
        limits: the limits of an axis of values, chosen so that a few very bad ones do not squeeze the others.
    """

    def __init__(self, rows: Sequence[Row], space: Space, measure: str, goal: Literal["minimize", "maximize"]):
        self.rows, self.space = rows, space
        self.goal: Literal["minimize", "maximize"] = goal
        self.label = measure.replace("_", " ")
        self.numbers = np.array([number for number, row in enumerate(rows) if row.value is not None])
        if len(self.numbers) < NEEDED:
            raise LookupError(f"{len(self.numbers)} trials ran to their end, {NEEDED} are needed")
        self.ended = [rows[number] for number in self.numbers]
        self.values = np.array([row.value for row in self.ended], dtype=float)
        self.best = int(self.values.argmin() if goal == "minimize" else self.values.argmax())
        self.limits = self._limits()

    def _limits(self) -> tuple[float, float]:
        low, middle, high = np.quantile(self.values, [0.25, 0.5, 0.75])
        reach = 3 * max(high - low, 1e-3 * abs(middle), 1e-12)
        bottom, top = float(self.values.min()), float(self.values.max())
        if self.goal == "minimize":
            top = min(top, middle + reach)
        else:
            bottom = max(bottom, middle - reach)
        margin = 0.06 * max(top - bottom, 1e-12)
        return bottom - margin, top + margin


def history(picture: Picture) -> Any:
    """Every trial's value in the order in which they were asked for, and the best so far."""
    figure, ((axis,),) = canvas(1, 1, 8.5, 4.6)
    low, high = picture.limits
    inner = 0.03 * (high - low)
    bottom, top = low + inner, high - inner  # for what is off the scale
    pruned = [(n, r.reports[-1]) for n, r in enumerate(picture.rows) if r.value is None and r.reports]
    if pruned:
        numbers, last = np.array(pruned).T
        axis.plot(numbers, last.clip(bottom, top), "x", color=PRUNED, label="pruned, at its last report")
    inside = (picture.values >= low) & (picture.values <= high)
    axis.plot(picture.numbers[inside], picture.values[inside], "o", color=ENDED, label="ran to its end")
    if not inside.all():
        edge = picture.values[~inside].clip(bottom, top)
        axis.plot(picture.numbers[~inside], edge, "d", color=ENDED, label="the same, off the scale")
    best = [value for _, value in best_so_far(picture.rows, picture.goal)]
    steps = [*picture.numbers, len(picture.rows) - 1]
    axis.step(steps, [*best, best[-1]], where="post", color=BEST, label="best so far")
    axis.set(xlabel="trial, in the order in which they were asked for", ylabel=picture.label, ylim=(low, high))
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.set_title(f"The best of {len(picture.rows)} trials is trial {picture.numbers[picture.best]}: {best[-1]:.4g}")
    figure.legend(loc="outside lower center", ncols=4)
    return figure


def importance(picture: Picture) -> Any:
    """Draw how much of the difference between better and other trials each field explains alone."""
    shares = importances(picture)
    figure, ((axis,),) = canvas(1, 1, 8, 1.4 + 0.45 * len(shares))
    names = sorted(shares, key=lambda name: shares[name])
    axis.barh(names, [100 * shares[name] for name in names], color=ENDED, height=0.6)
    for place, name in enumerate(names):
        axis.annotate(
            f"{100 * shares[name]:.0f} %", (100 * shares[name], place), (4, 0), textcoords="offset points", va="center"
        )
    axis.set(xlabel="share of the importance in % (PED-ANOVA)", xlim=(0, max(112 * max(shares.values()), 1)))
    axis.grid(axis="y", visible=False)
    axis.set_title(f"What mattered most for the {picture.label}: {names[-1]}")
    return figure


def importances(picture: Picture) -> dict[str, float]:
    """The importance of each field, of sum 1: PED-ANOVA (Watanabe et al. 2023, IJCAI), over trials that ended."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction=picture.goal)
    distributions = {name: distribution(one) for name, one in picture.space.items()}
    for row in picture.ended:
        study.add_trial(optuna.trial.create_trial(value=row.value, params=dict(row.found), distributions=distributions))
    return dict(optuna.importance.get_param_importances(study))


def places(one: Range | Choices, values: Sequence[Any]) -> np.ndarray:
    """Values of a field as places between 0 and 1 along its axis."""
    if isinstance(one, Choices):
        last = max(len(one.values) - 1, 1)
        return np.array([one.values.index(value) / last for value in values])
    numbers = np.array(values, dtype=float)
    low, high = float(one.low), float(one.high)
    if one.log:
        numbers, low, high = np.log(numbers), math.log(low), math.log(high)
    return (numbers - low) / (high - low)


def ticks(one: Range | Choices) -> tuple[list[float], list[str]]:
    """Return the positions and labels of the ticks along a field's axis."""
    if isinstance(one, Choices):
        return [float(place) for place in places(one, one.values)], [str(value) for value in one.values]
    if one.whole and one.high - one.low < FEW:
        values: list[float] = [*range(int(one.low), int(one.high) + 1, int(one.step or 1))]
    else:
        middle = math.sqrt(one.low * one.high) if one.log else (one.low + one.high) / 2
        values = [one.low, round(middle) if one.whole else middle, one.high]
    return [float(place) for place in places(one, values)], [f"{value:.3g}" for value in values]


def parallel_coordinates(picture: Picture) -> Any:
    """Every trial that ran to its end as a line through its values; the best fifth and the best."""
    from matplotlib.ticker import MaxNLocator

    fields = list(picture.space)
    figure, ((axis,),) = canvas(1, 1, max(7.0, 1.9 * (len(fields) + 1)), 4.8)
    low, high = picture.limits
    heights = ((picture.values - low) / (high - low)).clip(0, 1)
    lines = np.array([*(places(picture.space[f], [row.found[f] for row in picture.ended]) for f in fields), heights])
    order = np.argsort(picture.values if picture.goal == "minimize" else -picture.values, kind="stable")
    good = set(order[: max(1, len(order) // 5)])
    for place in order[::-1]:
        best, among_best = place == picture.best, place in good
        colour = BEST if best else ENDED if among_best else PRUNED
        axis.plot(lines[:, place], color=colour, linewidth=2.6 if best else 1.2, alpha=1 if among_best else 0.45)
    axis.grid(visible=False)
    axis.spines[:].set_visible(False)
    axis.set(yticks=[], xlim=(-0.1, len(fields) + 0.35), ylim=(-0.04, 1.04))
    labels = [*(ticks(picture.space[field]) for field in fields)]
    shown = [value for value in MaxNLocator(5).tick_values(low, high) if low < value < high]
    labels.append(([(value - low) / (high - low) for value in shown], [f"{value:.4g}" for value in shown]))
    for column, (where, texts) in enumerate(labels):
        axis.axvline(column, color="black", linewidth=0.8)
        for height, text in zip(where, texts, strict=True):
            axis.annotate(
                text,
                (column, height),
                (4, 0),
                textcoords="offset points",
                va="center",
                fontsize=8,
                annotation_clip=False,
            )
    axis.set_xticks(range(len(fields) + 1), [*fields, picture.label])
    axis.tick_params(axis="x", length=0)
    for colour, text in ((BEST, "the best"), (ENDED, "the best fifth"), (PRUNED, "the others")):
        axis.plot([], [], color=colour, label=text)
    axis.set_title("What the best trials have in common")
    figure.legend(loc="outside lower center", ncols=3)
    return figure


def slices(picture: Picture) -> Any:
    """The value over each field, one picture a field; later trials are darker."""
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap
    from matplotlib.ticker import MaxNLocator

    blues = ListedColormap(colormaps["Blues"](np.linspace(0.3, 1, 256)))  # its lightest ones are hardly seen
    fields = list(picture.space)
    rows = -(-len(fields) // COLUMNS)
    columns = -(-len(fields) // rows)
    figure, axes = canvas(rows, columns, 3.6 * columns + 0.8, 3.1 * rows + 0.5, sharey=True)
    low, high = picture.limits
    shown = picture.values.clip(low, high)
    for axis, field in zip(axes.flat, fields, strict=False):
        where = places(picture.space[field], [row.found[field] for row in picture.ended])
        if isinstance(picture.space[field], Choices):  # side by side, in the order of the trials
            where = where + np.linspace(-0.08, 0.08, len(where))
        points = axis.scatter(
            where, shown, c=picture.numbers, cmap=blues, vmin=0, vmax=len(picture.rows) - 1, s=26, clip_on=False
        )
        axis.plot(where[picture.best], shown[picture.best], "o", color=BEST, markersize=9, fillstyle="none", mew=2)
        axis.set_xticks(*ticks(picture.space[field]))
        axis.set(xlabel=field, xlim=(-0.12, 1.12), ylim=(low, high))
    for axis in list(axes.flat)[len(fields) :]:
        axis.set_visible(False)
    for row in axes:
        row[0].set_ylabel(picture.label)
    figure.colorbar(points, ax=axes, label="trial", ticks=MaxNLocator(integer=True))
    figure.suptitle("Where the search has been, and what it found there (the best one is circled)")
    return figure


PLOTS: Mapping[str, Callable[[Picture], Any]] = {
    "history": history,
    "importance": importance,
    "parallel_coordinates": parallel_coordinates,
    "slices": slices,
}


def draw(name: str, picture: Picture, folder: Path) -> Path:
    """Draw one picture into `folder` and return its file; equal rows give equal files."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.png"
    with style():
        PLOTS[name](picture).savefig(path, metadata={"Software": None})
    return path
