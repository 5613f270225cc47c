"""Gradient descent: where it starts to diverge, and what a stochastic gradient costs and saves."""

from __future__ import annotations

from typing import Any

import numpy as np

from lib.harness.contract.drawing import canvas
from lib.harness.contract.results import Results
from lib.optimizers.experiments.stochastic import COST_BATCHES, EXAMPLES, NOISE_BATCHES, TARGETS
from lib.optimizers.figures.common import BLACK, BLUE, GREEN, PINK, RED, SKY, TEXTS


def divergence(results: Results, config: Any) -> Any:
    """f along descent on the ravine for learning rates around 2/L."""
    figure, axes = canvas(1, 1, 7.5, 4.8)
    axis = axes[0, 0]
    curves = results.of("descent")[0].measurements["curves"]
    colours = (SKY, BLUE, GREEN, BLACK, RED, PINK)
    for (factor, values), colour in zip(curves.items(), colours, strict=True):
        axis.semilogy(values, color=colour, linestyle="--" if factor == "2.0" else "-")
        keywords = {"xytext": (4, 0), "textcoords": "offset points", "va": "center", "color": colour}
        axis.annotate(f"{float(factor):g}/L", (100, values[-1]), **keywords)
    axis.set(xlabel=TEXTS("labels.step"), ylabel="f", xlim=(0, 108), title=TEXTS("figures.divergence.title"))
    return figure


def stochastic(results: Results, config: Any) -> Any:
    """Left: variance of a mini-batch's gradient by batch size. Right: examples looked at by target."""
    figure, (axes,) = canvas(1, 2, 11, 4.5)
    noise, cost = axes
    finished = results.of("stochastic")
    sizes = np.array(NOISE_BATCHES, dtype=float)
    variances = np.array([r.measurements["variances"] for r in finished])
    noise.loglog(sizes, variances.T, color=SKY, linewidth=1)
    measured = TEXTS("figures.stochastic.measured", seeds=len(finished))
    noise.loglog(sizes, variances.mean(axis=0), "o", color=BLUE, label=measured)
    noise.loglog(sizes, variances.mean(axis=0)[0] / sizes, "--", color=BLACK, label=TEXTS("figures.stochastic.theory"))
    noise.set(xlabel=TEXTS("figures.stochastic.noise_xlabel"), ylabel=TEXTS("figures.stochastic.noise_ylabel"))
    noise.set_title(TEXTS("figures.stochastic.noise_title"))
    noise.legend()
    for size, colour in zip(COST_BATCHES, (RED, GREEN, BLACK), strict=True):
        costs = np.array([r.measurements["cost"][str(size)] for r in finished])
        cost.loglog(TARGETS, costs.T, color=colour, linewidth=0.8, alpha=0.4)
        key = "full" if size == EXAMPLES else "batch"
        cost.loglog(
            TARGETS, np.median(costs, axis=0), "o-", color=colour, label=TEXTS(f"figures.stochastic.{key}", size=size)
        )
    cost.set(xlabel=TEXTS("figures.stochastic.cost_xlabel"), ylabel=TEXTS("figures.stochastic.cost_ylabel"))
    cost.set_xticks(TARGETS, [f"{100 * target:g} %" for target in TARGETS])
    cost.minorticks_off()
    cost.invert_xaxis()
    cost.set_title(TEXTS("figures.stochastic.cost_title"))
    cost.legend(loc="upper left")
    return figure
