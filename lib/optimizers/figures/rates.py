"""The effective learning rate of adaptive optimizers, and epsilon, the setting that decides first steps."""

from __future__ import annotations

from typing import Any

import numpy as np

from lib.harness.contract.drawing import canvas
from lib.harness.contract.results import Results
from lib.optimizers.experiments.rates import CHANGE_AT, TINY
from lib.optimizers.figures.common import COLOURS, TEXTS, look


def effective_rate(results: Results, config: Any) -> Any:
    """The effective rate when the gradient shrinks a hundredfold, and the steps down a valley of constant slope."""
    figure, (axes,) = canvas(1, 2, 11, 4.5)
    change, valley = axes
    measured = results.of("rates")[0].measurements
    for name, series in measured["change"].items():
        change.semilogy(series, **look(name))
        keywords = {"xytext": (4, 0), "textcoords": "offset points", "va": "center", "color": look(name)["color"]}
        change.annotate(look(name)["label"], (len(series), series[-1]), **keywords)
    change.axvline(CHANGE_AT, color="#666666", linewidth=0.8, linestyle=":")
    text = TEXTS("figures.effective-rate.change")
    change.annotate(text, (CHANGE_AT, 0.25), xytext=(6, 0), textcoords="offset points")
    change.set(xlabel=TEXTS("labels.step"), ylabel=TEXTS("figures.effective-rate.change_ylabel"))
    change.set_title(TEXTS("figures.effective-rate.change_title"))
    change.set_xlim(-60, 3200)
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
