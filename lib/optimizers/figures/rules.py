"""Rules that are one rule, and rules that are not: forms of momentum, identities of Adam, and the frameworks' own."""

from __future__ import annotations

from typing import Any

import numpy as np

from lib.harness.contract.drawing import canvas
from lib.harness.contract.results import Results
from lib.optimizers.experiments.frameworks import BFLOAT16, FLOAT32, ROUNDING
from lib.optimizers.experiments.functions import SUMMANDS
from lib.optimizers.figures.common import BLACK, BLUE, GREEN, GREY, PINK, RED, TEXTS, look, name_of
from lib.optimizers.figures.race import draw_ratios
from lib.optimizers.surfaces import beale

FLOOR = 1e-17
"""Where a difference of exactly 0 is drawn on a logarithmic axis."""
WHOLE = ((-0.5, 4.0), (-2.6, 2.2))


def _draw_beale(axis: Any, window: Any = WHOLE) -> None:
    """Beale's function in contours, with its minimum."""
    (x0, x1), (y0, y1) = window
    x, y = np.meshgrid(np.linspace(x0, x1, 160), np.linspace(y0, y1, 160))
    height = np.log10(beale.value(np.stack([x, y], axis=-1)) + 0.1)
    axis.contour(x, y, height, levels=20, colors="#9fb0c0", linewidths=0.5, linestyles="-")
    axis.plot(*beale.minimum, marker="*", color="gold", markeredgecolor=BLACK, markersize=14)
    axis.set(xlabel="x", ylabel="y", xlim=(x0, x1), ylim=(y0, y1))
    axis.grid(visible=False)


def momentum_forms(results: Results, config: Any) -> Any:
    """The two forms of momentum on Beale: at a constant learning rate, and when it drops to a tenth."""
    figure, axes = canvas(1, 2, 11, 4.8)
    paths = results.of("forms")[0].measurements["paths"]
    for axis, kind in zip(axes[0], ("constant", "scheduled"), strict=True):
        _draw_beale(axis)
        forms = paths[f"Momentum/{kind}"]
        for form, mark, colour, size in (("torch", "o-", BLUE, 7), ("keras", "s-", RED, 3)):
            label = TEXTS(f"figures.momentum-forms.{form}")
            axis.plot(*np.array(forms[form]).T, mark, color=colour, markersize=size, label=label)
        axis.set_title(TEXTS(f"figures.momentum-forms.{kind}"))
        axis.legend(loc="upper right")
    return figure


def _draw_identity(axis: Any, paths: Any, original: str, colour: str, special: str) -> None:
    """Two paths that should be one: the original in a broad pale line, the special case in dashes over it."""
    _draw_beale(axis, ((0.2, 3.3), (-0.8, 1.8)))
    special_path, original_path = (np.array(path) for path in paths)
    axis.plot(*original_path.T, color=colour, linewidth=6, alpha=0.35, label=original)
    axis.plot(*special_path.T, "--", color=BLACK, linewidth=1.5, label=special)
    axis.plot(*beale.start, "o", color="white", markeredgecolor=BLACK, markersize=6)


def adam(results: Results, config: Any) -> Any:
    """Adam at three extremes of its settings beside its summands, and its race with them."""
    figure, (axes,) = canvas(1, 4, 17, 4.4)
    paths = results.of("identities")[0].measurements["paths"]
    names = {"adagrad": "Adagrad", "rmsprop": "RMSprop", "momentum": "Momentum"}
    for axis, (identity, name) in zip(axes, names.items(), strict=False):
        _draw_identity(axis, paths[identity], name, look(name)["color"], TEXTS(f"figures.adam.{identity}"))
        if identity == "rmsprop":
            bare = np.array(paths["rmsprop-uncorrected"][1])
            axis.plot(*bare.T, ":", color=look(name)["color"], label=TEXTS("figures.adam.uncorrected"))
        axis.set_title(TEXTS("figures.adam.title", name=name))
        axis.legend(loc="lower left", fontsize=8)
    draw_ratios(axes[3], results, SUMMANDS, "Adam")
    axes[3].set(xlabel=TEXTS("figures.adam.xlabel"), title=TEXTS("figures.adam.race_title"))
    return figure


def adamax_nadam(results: Results, config: Any) -> Any:
    """Left: what Adam and AdaMax divide by. Right: NAdam with a huge epsilon beside Nesterov momentum."""
    figure, (axes,) = canvas(1, 2, 12, 4.6)
    norms, paths = axes
    measured = results.of("identities")[0].measurements
    divisors = measured["divisors"]
    step = np.arange(1, len(divisors["gradient"]) + 1)
    norms.bar(step, divisors["gradient"], color=GREY, width=0.8, label=TEXTS("figures.adamax-nadam.gradient"))
    for name in ("Adam", "AdaMax"):
        keywords = {**look(name), "label": TEXTS(f"figures.adamax-nadam.{name}")}
        norms.plot(step, divisors[name], **keywords)
    norms.set(xlabel=TEXTS("labels.step"), ylabel=TEXTS("figures.adamax-nadam.ylabel"), yscale="log", ylim=(None, 200))
    norms.set_title(TEXTS("figures.adamax-nadam.title"))
    norms.legend(loc="upper right")
    special = TEXTS("figures.adamax-nadam.huge")
    _draw_identity(paths, measured["paths"]["nesterov"], "Nesterov", look("Nesterov")["color"], special)
    paths.set_title(TEXTS("figures.adamax-nadam.paths_title"))
    paths.legend(loc="lower left")
    return figure


def frameworks(results: Results, config: Any) -> Any:
    """The largest difference between ours and the framework's own optimizer after 100 steps, one row an optimizer."""
    figure, axes = canvas(1, 1, 9, 5.6)
    axis = axes[0, 0]
    measured = {name: results.of(f"frameworks/{name}")[0].measurements for name in ("torch", "keras")}
    names = list(measured["keras"]["deviation"])
    marks = (("torch", "deviation", "o", BLUE), ("keras", "deviation", "s", GREEN), ("keras", "as_shipped", "x", PINK))
    for framework, kind, mark, colour in marks:
        gaps = measured[framework][kind]
        rows = [row for row, name in enumerate(names) if name in gaps]
        label = TEXTS(f"figures.frameworks.{framework}{'_shipped' if kind == 'as_shipped' else ''}")
        axis.semilogx([max(gaps[names[row]], FLOOR) for row in rows], rows, mark, color=colour, label=label)
    for limit, key in ((ROUNDING, "float64"), (FLOAT32, "float32"), (BFLOAT16, "bfloat16")):
        axis.axvline(limit, color="#666666", linewidth=0.8, linestyle=":")
        axis.annotate(key, (limit, -0.7), xytext=(3, 0), textcoords="offset points", fontsize=8, color="#666666")
    axis.set_yticks(range(len(names)), [name_of(name) for name in names])
    axis.set(xlim=(FLOOR / 2, 0.1), ylim=(len(names) - 0.5, -1.2))
    axis.set(xlabel=TEXTS("figures.frameworks.xlabel"), title=TEXTS("figures.frameworks.title"))
    figure.legend(loc="outside lower center", ncols=3)
    return figure
