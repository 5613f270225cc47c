"""The effective learning rate of adaptive optimizers, and epsilon, the setting that decides first steps."""

from __future__ import annotations

from typing import Any

import numpy as np

from lib.harness.contract.drawing import canvas
from lib.harness.contract.results import Results
from lib.optimizers.experiments.rates import CHANGE_AT, TINY
from lib.optimizers.figures.common import COLOURS, look


def effective_rate(results: Results, config: Any) -> Any:
    """The effective rate when the gradient shrinks a hundredfold, and the steps down a valley of constant slope."""
    figure, (axes,) = canvas(1, 2, 11, 4.5)
    change, valley = axes
    found = results.of("rates")[0].measurements
    for name, series in found["change"].items():
        change.semilogy(series, **look(name))
        keywords = {"xytext": (4, 0), "textcoords": "offset points", "va": "center", "color": look(name)["color"]}
        change.annotate(look(name)["label"], (len(series), series[-1]), **keywords)
    change.axvline(CHANGE_AT, color="#666666", linewidth=0.8, linestyle=":")
    change.annotate("the gradient falls\nfrom 1 to 0.01", (CHANGE_AT, 0.25), xytext=(6, 0), textcoords="offset points")
    change.set(xlabel="step", ylabel="effective learning rate (learning rate 1)")
    change.set_title("RMSprop forgets within hundreds of steps, Adagrad never")
    change.set_xlim(-60, 3200)
    for name, steps in found["valley"].items():
        valley.loglog([20, 200], steps, marker="o", **look(name))
    valley.set(xlabel="way, in lengths of the first step", ylabel="steps", title="Down a valley of constant slope")
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
            axis.loglog(TINY, steps, dashes, color=COLOURS[name], label=f"{framework}: its convention and defaults")
        axis.set(xlabel="size of the gradient", title=name)
        axis.legend(loc="lower right")
    axes[0, 0].set_ylabel("first step / learning rate")
    figure.suptitle("Epsilon is a hyperparameter: the first step for gradients smaller than it")
    return figure
