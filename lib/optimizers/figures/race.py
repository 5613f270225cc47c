"""The race on the landscapes: f by step, ratios of steps, sensitivity to the learning rate, and a table of steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lib.harness.contract.drawing import canvas
from lib.harness.contract.results import Results
from lib.harness.judging.intervals import of_median
from lib.optimizers.experiments.config import LECTURE, TENTH
from lib.optimizers.experiments.functions import geometric_mean, steps, times_the_steps
from lib.optimizers.experiments.landscapes import RACED
from lib.optimizers.figures.common import TEXTS, draw_estimate, look, mark_beyond, name_of, values_of
from lib.optimizers.figures.lenet import draw_losses


def _grey(axis: Any, which: str, place: float) -> None:
    """A thin dotted line across all of an axis: a target, a cap, a limit."""
    draw = axis.axhline if which == "y" else axis.axvline
    draw(place, color="#666666", linewidth=0.8, linestyle=":")


def momentum(results: Results, config: Any) -> Any:
    """Gradient descent and momentum: f by step on three landscapes, and the training loss of LeNet."""
    figure, axes = canvas(1, 4, 15, 4.2)
    pair = ("GradientDescent", "Momentum")
    for axis, name in zip(axes[0], ("ravine", "plateau", "bowl"), strict=False):
        for optimizer in pair:
            for number, curves in enumerate(results.values("functions/final", "curve")):
                step, height = np.array(curves[optimizer][name]).T
                keywords = look(optimizer) if number == 0 else {**look(optimizer), "label": None}
                axis.loglog(np.maximum(step, 0.8), np.maximum(height, 1e-6), **keywords, alpha=0.6)
        _grey(axis, "y", config.target)
        axis.set(title=TEXTS(f"labels.{name}"), xlabel=TEXTS("labels.step"), ylim=(1e-5, 1e3))
    axes[0, 0].set_ylabel(TEXTS("figures.momentum.ylabel"))
    axes[0, 0].legend()
    draw_losses(axes[0, 3], results, pair)
    axes[0, 3].set_title(TEXTS("labels.lenet"))
    figure.suptitle(TEXTS("figures.momentum.title"))
    return figure


def draw_ratios(axis: Any, results: Results, slower: Sequence[str], faster: str, names: Sequence[str] = RACED) -> None:
    """The steps of `slower` over those of `faster` by landscape: every seed, the median and its interval.

    A triangle at an edge is a ratio of 0 or infinity: one of the two did not arrive.
    """
    colour = look(faster)["color"]
    axis.axvline(1.0, color="black", linewidth=0.8)
    axis.set_xscale("log")
    _grey(axis, "x", 1 + TENTH)
    for row, name in enumerate(names):
        ratios = values_of(times_the_steps(slower, faster, (name,)), results)
        if ratios is None:
            continue
        if 0 < np.median(ratios) < np.inf:
            draw_estimate(axis, row, of_median(ratios), ratios[ratios > 0], colour)
        if np.any(ratios == 0):
            mark_beyond(axis, row, "left", colour)
        if np.any(np.isposinf(ratios)):
            mark_beyond(axis, row, "right", colour)
    axis.set_yticks(range(len(names)), [TEXTS(f"labels.{name}") for name in names])
    axis.set_ylim(len(names) - 0.5, -0.5)
    left, right = axis.get_xlim()
    axis.set_xlim(min(left, 0.5), max(right, 2.0))


def _grid_of_six() -> tuple[Any, list[Any]]:
    figure, axes = canvas(2, 3, 13, 8)
    return figure, list(axes.flat)


def sensitivity(results: Results, config: Any) -> Any:
    """Steps to the target by learning rate: how narrow the range is in which an optimizer works."""
    figure, axes = _grid_of_six()
    for axis, name in zip(axes, RACED, strict=True):
        for optimizer in LECTURE:
            measured = results.of(f"functions/grid/{optimizer}")[0].measurements
            rates, needed = np.array(measured["learning_rates"]), np.array(measured["steps"][name])
            axis.loglog(rates, needed, **look(optimizer))
            best = int(np.argmin(needed))
            if needed[best] < config.steps:
                axis.plot(rates[best], needed[best], "o", color=look(optimizer)["color"], markersize=5)
        _grey(axis, "y", config.steps)
        axis.set(title=TEXTS(f"labels.{name}"), xlabel=TEXTS("labels.learning_rate"))
    for axis in (axes[0], axes[3]):
        axis.set_ylabel(TEXTS("figures.learning-rate-sensitivity.ylabel"))
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=8, handlelength=2.5)
    figure.suptitle(TEXTS("figures.learning-rate-sensitivity.title"))
    return figure


def table(results: Results, config: Any) -> Any:
    """Steps to the target by optimizer and landscape with the learning rate, coloured by how far behind the fastest."""
    needed = np.array(
        [
            [float(np.mean(geometric_mean(np.asarray(steps(results, one, f)), config.steps))) for f in RACED]
            for one in LECTURE
        ]
    )
    times = needed / needed.min(axis=0)
    figure, axes = canvas(1, 1, 10, 5.5)
    axis = axes[0, 0]
    image = axis.imshow(np.log10(times), cmap="Blues", vmin=0, vmax=2, aspect="auto")
    axis.set_xticks(range(len(RACED)), [TEXTS(f"labels.{name}") for name in RACED])
    axis.set_yticks(range(len(LECTURE)), [name_of(name) for name in LECTURE])
    for (row, column), count in np.ndenumerate(needed):
        shade = "white" if np.log10(times[row, column]) > 1.1 else "black"
        rate = results.of(f"functions/grid/{LECTURE[row]}")[0].measurements["best"][RACED[column]]
        capped = count > 0.95 * config.steps
        axis.text(column, row - 0.12, f"{'≥ ' if capped else ''}{count:,.0f}", ha="center", va="center", color=shade)
        if not capped:
            axis.text(column, row + 0.25, f"η = {rate:.2g}", ha="center", va="center", color=shade, fontsize=7)
    axis.grid(visible=False)
    axis.spines[:].set_visible(False)
    bar = figure.colorbar(image, ax=axis, ticks=[0, 1, 2])
    slower = [TEXTS("figures.steps-to-target.times", times=factor) for factor in (10, 100)]
    bar.set_ticklabels([TEXTS("figures.steps-to-target.fastest"), *slower])
    axis.set_title(TEXTS("figures.steps-to-target.title"))
    return figure
