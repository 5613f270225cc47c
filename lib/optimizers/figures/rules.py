"""Rules that are one rule, and rules that are not: forms of momentum, identities of Adam, and the frameworks' own."""

from __future__ import annotations

from typing import Any

import numpy as np

from lib.harness.contract.drawing import canvas
from lib.harness.contract.results import Results
from lib.optimizers.figures.common import BLACK, BLUE, GREEN, GREY, ORANGE, PINK, RED, SKY, TEXTS, name_of
from lib.optimizers.surfaces import beale

FLOOR = 1e-17
"""Where a difference of exactly 0 is drawn on a logarithmic axis."""


def momentum_forms(results: Results, config: Any) -> Any:
    """The two forms of momentum on Beale: at a constant learning rate, and when it drops to a tenth."""
    figure, axes = canvas(1, 2, 11, 4.8)
    paths = results.of("forms")[0].measurements["paths"]
    for axis, kind in zip(axes[0], ("constant", "scheduled"), strict=True):
        x, y = np.meshgrid(np.linspace(-0.5, 4.0, 160), np.linspace(-2.6, 2.2, 160))
        height = np.log10(beale.value(np.stack([x, y], axis=-1)) + 0.1)
        axis.contour(x, y, height, levels=20, colors="#9fb0c0", linewidths=0.5)
        axis.plot(*beale.minimum, marker="*", color="gold", markeredgecolor=BLACK, markersize=14)
        forms = paths[f"Momentum/{kind}"]
        axis.plot(
            *np.array(forms["torch"]).T, "o-", color=BLUE, markersize=7, label=TEXTS("figures.momentum-forms.torch")
        )
        axis.plot(
            *np.array(forms["keras"]).T, "s-", color=RED, markersize=3, label=TEXTS("figures.momentum-forms.keras")
        )
        axis.set(
            title=TEXTS(f"figures.momentum-forms.{kind}"), xlabel="x", ylabel="y", xlim=(-0.5, 4.0), ylim=(-2.6, 2.2)
        )
        axis.grid(visible=False)
        axis.legend(loc="upper right")
    return figure


def identities(results: Results, config: Any) -> Any:
    """Left: how far each identity is from exact. Right: Adam becomes Adagrad as beta2 goes to 1."""
    figure, (axes,) = canvas(1, 2, 12, 4.4)
    bars, limit = axes
    measured = results.of("identities")[0].measurements
    rows = ("rmsprop", "rmsprop-uncorrected", "adagrad", "momentum", "infinity-norm", "nesterov")
    names = [TEXTS(f"figures.identities.{row}") for row in rows]
    colours = [RED if row == "rmsprop-uncorrected" else GREEN for row in rows]
    values = [max(measured[row], FLOOR) for row in rows]
    bars.barh(names, values, left=FLOOR, color=colours, height=0.55)
    bars.set_xscale("log")
    bars.set_xlim(FLOOR, 10)
    bars.invert_yaxis()
    bars.set(xlabel=TEXTS("figures.identities.xlabel"), title=TEXTS("figures.identities.title"))
    gaps, differences = zip(*((float(g), d) for g, d in measured["adagrad-by-beta2"].items()), strict=True)
    limit.loglog(gaps, differences, "o-", color=ORANGE, label=TEXTS("figures.identities.measured"))
    theory = differences[-1] * np.array(gaps) / gaps[-1]
    limit.loglog(gaps, theory, "--", color=BLACK, label=TEXTS("figures.identities.proportional"))
    limit.set(xlabel="1 - beta2", ylabel=TEXTS("figures.identities.limit_ylabel"))
    limit.set_title(TEXTS("figures.identities.limit_title"))
    limit.legend()
    return figure


def frameworks(results: Results, config: Any) -> Any:
    """The largest difference between ours and the framework's own optimizer, by step."""
    figure, axes = canvas(1, 2, 12, 4.8, sharey=True)
    styles = [(colour, dash) for dash in ("-", "--") for colour in (BLACK, BLUE, SKY, ORANGE, RED, GREEN, PINK, GREY)]
    for axis, framework, title in zip(axes[0], ("torch", "keras"), ("torch", "Keras"), strict=True):
        growth = results.of(f"frameworks/{framework}")[0].measurements["growth"]
        for (name, values), (colour, dash) in zip(growth.items(), styles, strict=False):
            steps = 10 * np.arange(1, len(values) + 1)
            axis.semilogy(steps, np.maximum(values, FLOOR), dash, color=colour, label=name_of(name))
        axis.axhline(1e-12, color=BLACK, linewidth=0.8, linestyle=":")
        axis.set(xlabel=TEXTS("labels.step"), ylim=(FLOOR / 2, 0.1))
        axis.set_title(TEXTS("figures.frameworks.panel", framework=title))
        axis.legend(ncols=3, fontsize=8, loc="center", bbox_to_anchor=(0.5, 0.62))
    axes[0, 0].set_ylabel(TEXTS("figures.frameworks.ylabel"))
    figure.suptitle(TEXTS("figures.frameworks.title"))
    return figure
