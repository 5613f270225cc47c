"""The effective learning rate of adaptive optimizers, and epsilon, the setting that decides first steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lib.harness.contract.drawing import canvas
from lib.harness.contract.results import Results
from lib.optimizers.experiments.rates import CHANGE_AT, TINY
from lib.optimizers.figures.common import COLOURS, TEXTS, look
from lib.optimizers.figures.lenet import draw_accuracies
from lib.optimizers.figures.race import draw_ratios


def _draw_change(axis: Any, series: Mapping[str, Sequence[float]]) -> None:
    """The effective rate by step, by optimizer, around the change of the gradient."""
    for name, rates in series.items():
        axis.semilogy(rates, **look(name))
        keywords = {"xytext": (4, 0), "textcoords": "offset points", "va": "center", "color": look(name)["color"]}
        axis.annotate(look(name)["label"], (len(rates), rates[-1]), **keywords)
    axis.axvline(CHANGE_AT, color="#666666", linewidth=0.8, linestyle=":")
    text = TEXTS("figures.effective-rate.change")
    axis.annotate(text, (CHANGE_AT, 0.25), xytext=(6, 0), textcoords="offset points")
    axis.set(xlabel=TEXTS("labels.step"), ylabel=TEXTS("figures.effective-rate.change_ylabel"))
    axis.set_title(TEXTS("figures.effective-rate.change_title"))
    axis.set_xlim(-60, 3200)


def effective_rate(results: Results, config: Any) -> Any:
    """The effective rate when the gradient shrinks a hundredfold, and the steps down a valley of constant slope."""
    figure, (axes,) = canvas(1, 2, 11, 4.5)
    change, valley = axes
    measured = results.of("rates")[0].measurements
    _draw_change(change, measured["change"])
    for name, steps in measured["valley"].items():
        valley.loglog([20, 200], steps, marker="o", **look(name))
    valley.set(
        xlabel=TEXTS("figures.effective-rate.valley_xlabel"), ylabel=TEXTS("figures.effective-rate.valley_ylabel")
    )
    valley.set_title(TEXTS("figures.effective-rate.valley_title"))
    valley.set_xticks([20, 50, 100, 200], ["20", "50", "100", "200"])
    valley.minorticks_off()
    valley.legend()
    return figure


def rmsprop(results: Results, config: Any) -> Any:
    """RMSprop and Adagrad: the effective rate after a change, the race by landscape, and LeNet."""
    figure, (axes,) = canvas(1, 3, 15, 4.6)
    change, race, test = axes
    pair = ("Adagrad", "RMSprop")
    _draw_change(change, {name: results.of("rates")[0].measurements["change"][name] for name in pair})
    draw_ratios(race, results, ("Adagrad",), "RMSprop")
    race.set(xlabel=TEXTS("figures.rmsprop.xlabel"), title=TEXTS("figures.rmsprop.title"))
    draw_accuracies(test, results, {name: (name, look(name)["color"]) for name in pair})
    test.set_title(TEXTS("figures.lenet-curves.accuracy_title", epochs=config.lenet_epochs))
    return figure


def epsilon(results: Results, config: Any) -> Any:
    """Length of the first step by the gradient's size: where epsilon stands decides for small gradients."""
    figure, axes = canvas(1, 3, 12, 4.2, sharey=True)
    for axis, name in zip(axes[0], ("Adagrad", "RMSprop", "Adam"), strict=True):
        for convention, framework, dashes in (("torch", "torch", "-"), ("keras", "Keras", "--")):
            steps = np.array(results.of("rates")[0].measurements["first_step"][f"{name}/{convention}"])
            label = TEXTS("figures.epsilon.convention", framework=framework)
            axis.loglog(TINY, steps, dashes, color=COLOURS[name], label=label)
        axis.set(xlabel=TEXTS("figures.epsilon.xlabel"), title=name)
        axis.legend(loc="lower right")
    axes[0, 0].set_ylabel(TEXTS("figures.epsilon.ylabel"))
    figure.suptitle(TEXTS("figures.epsilon.title"))
    return figure
