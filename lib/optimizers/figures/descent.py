"""Gradient descent: where it starts to diverge, and what a stochastic gradient costs and saves."""

from __future__ import annotations

from typing import Any

import numpy as np

from lib.harness.contract.drawing import canvas
from lib.harness.contract.results import Results
from lib.optimizers.experiments.stochastic import COST_BATCHES, EXAMPLES, NOISE_BATCHES
from lib.optimizers.figures.common import BLACK, BLUE, GREEN, PINK, RED, SKY


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
    axis.set(xlabel="step", ylabel="f", xlim=(0, 108))
    axis.set_title("Gradient descent on the ravine: beyond 2/L it climbs (L = 100, the curvature across)")
    return figure


def stochastic(results: Results, config: Any) -> Any:
    """Left: variance of a mini-batch's gradient by batch size. Right: excess loss by examples looked at."""
    figure, (axes,) = canvas(1, 2, 11, 4.5)
    noise, cost = axes
    found = results.of("stochastic")
    sizes = np.array(NOISE_BATCHES, dtype=float)
    variances = np.array([r.measurements["variances"] for r in found])
    noise.loglog(sizes, variances.T, color=SKY, linewidth=1)
    noise.loglog(sizes, variances.mean(axis=0), "o", color=BLUE, label=f"measured, {len(found)} seeds")
    noise.loglog(sizes, variances.mean(axis=0)[0] / sizes, "--", color=BLACK, label="theory: 1 / batch size")
    noise.set(xlabel="batch size", ylabel="variance of the gradient", title="Noise falls as 1 / batch size")
    noise.legend()
    first = found[0].measurements
    for size, colour in zip(COST_BATCHES, (RED, GREEN, BLACK), strict=True):
        examples, share = np.array(first["curves"][str(size)]).T
        name = "full batch of 200" if size == EXAMPLES else f"batch of {size}"
        label = f"{name}, rate {first['rates'][str(size)]:.2g}"
        cost.loglog(np.maximum(examples, 0.8), share, color=colour, label=label)
    cost.axhline(0.01, color=BLACK, linewidth=0.8, linestyle=":")
    cost.set(xlabel="examples looked at", ylabel="excess loss, share of the start's", ylim=(1e-4, 2), xlim=(0.8, 5e3))
    cost.set_title("Each at its best rate for a hundredth of the excess loss")
    cost.legend(loc="lower left")
    return figure
