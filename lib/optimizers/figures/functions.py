"""The race on the functions: loss by step, sensitivity to the learning rate, and a table of steps to the target."""

from __future__ import annotations

from typing import Any

import numpy as np

from lib.harness.contract.drawing import canvas
from lib.harness.contract.results import Results
from lib.optimizers.experiments.config import LECTURE
from lib.optimizers.experiments.functions import TESTED, geometric_mean, steps
from lib.optimizers.figures.common import TEXTS, look, name_of


def _grid_of_six() -> tuple[Any, list[Any], Any]:
    figure, axes = canvas(2, 3, 13, 7.5)
    *used, spare = axes.flat
    spare.axis("off")
    return figure, used, spare


def _legend(spare: Any, axis: Any) -> None:
    """All optimizers in the place of the sixth picture."""
    spare.legend(*axis.get_legend_handles_labels(), loc="center", handlelength=3, fontsize=11)


def loss_curves(results: Results, config: Any) -> Any:
    """Median loss over the random starts by step, each optimizer at its best learning rate; one thin line a seed."""
    figure, axes, spare = _grid_of_six()
    for axis, function in zip(axes, TESTED, strict=True):
        for name in LECTURE:
            for number, result in enumerate(results.of("functions/final")):
                step, loss = np.array(result.measurements["curve"][name][function]).T
                keywords = look(name) if number == 0 else {**look(name), "label": None, "alpha": 0.25}
                axis.loglog(np.maximum(step, 0.8), np.maximum(loss, 1e-6), **keywords)
        axis.axhline(config.target, color="#666666", linewidth=0.8, linestyle=":")
        axis.set(title=TEXTS(f"labels.{function}"), xlabel=TEXTS("labels.step"), ylim=(1e-5, 1e5))
        axis.set(ylabel=TEXTS("figures.loss-curves.ylabel"))
    _legend(spare, axes[0])
    figure.suptitle(TEXTS("figures.loss-curves.title"))
    return figure


def sensitivity(results: Results, config: Any) -> Any:
    """Steps to the target by learning rate: how narrow the range is in which an optimizer works."""
    figure, axes, spare = _grid_of_six()
    for axis, function in zip(axes, TESTED, strict=True):
        for name in LECTURE:
            measured = results.of(f"functions/grid/{name}")[0].measurements
            rates, needed = np.array(measured["learning_rates"]), np.array(measured["steps"][function])
            axis.loglog(rates, needed, **look(name))
            best = int(np.argmin(needed))
            axis.plot(rates[best], needed[best], "o", color=look(name)["color"], markersize=5)
        axis.axhline(config.steps, color="#666666", linewidth=0.8, linestyle=":")
        axis.set(title=TEXTS(f"labels.{function}"), xlabel=TEXTS("labels.learning_rate"))
        axis.set(ylabel=TEXTS("figures.learning-rate-sensitivity.ylabel"))
    _legend(spare, axes[0])
    figure.suptitle(TEXTS("figures.learning-rate-sensitivity.title"))
    return figure


def table(results: Results, config: Any) -> Any:
    """Steps to the target by optimizer and function, coloured by how many times the fastest one's they are."""
    needed = np.array(
        [[float(np.mean(geometric_mean(steps(results, name, f), config.steps))) for f in TESTED] for name in LECTURE]
    )
    times = needed / needed.min(axis=0)
    figure, axes = canvas(1, 1, 9, 5)
    axis = axes[0, 0]
    image = axis.imshow(np.log10(times), cmap="Blues", vmin=0, vmax=2, aspect="auto")
    axis.set_xticks(range(len(TESTED)), [TEXTS(f"labels.{name}") for name in TESTED])
    axis.set_yticks(range(len(LECTURE)), [name_of(name) for name in LECTURE])
    for (row, column), count in np.ndenumerate(needed):
        shade = "white" if np.log10(times[row, column]) > 1.1 else "black"
        axis.text(column, row, f"{count:,.0f}", ha="center", va="center", color=shade)
    axis.grid(visible=False)
    axis.spines[:].set_visible(False)
    bar = figure.colorbar(image, ax=axis, ticks=[0, 1, 2])
    slower = [TEXTS("figures.steps-to-target.times", times=factor) for factor in (10, 100)]
    bar.set_ticklabels([TEXTS("figures.steps-to-target.fastest"), *slower])
    axis.set_title(TEXTS("figures.steps-to-target.title"))
    return figure
