"""Drawing: one style for all labs. Figures are functions of results, so workers can draw them side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from lib.harness.contract.results import Results

# Okabe and Ito (2008): eight colours that colour-blind readers can tell apart
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999")


STYLE: Mapping[str, Any] = {
    "figure.dpi": 120,
    "savefig.dpi": 120,
    "figure.constrained_layout.use": True,
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
}


@contextmanager
def style() -> Iterator[None]:
    """Draw with the labs' style inside this block."""
    import matplotlib as mpl
    from cycler import cycler

    settings: dict[Any, Any] = {**STYLE, "axes.prop_cycle": cycler(color=PALETTE)}
    with mpl.rc_context(settings):
        yield


def canvas(rows: int, columns: int, width: float, height: float, **keywords: Any) -> tuple[Figure, Any]:
    """A figure of this size in inches and its axes, (rows, columns); belongs to no window and no global state."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False, **keywords)


def boxes(results: Results, measurement: str, **labels: Any) -> Figure:
    """A box plot of a measurement, one box a variant. `labels`: for the axis, as ``title`` and ``ylabel``."""
    figure, axes = canvas(1, 1, 6, 4)
    variants = results.variants()
    axes[0, 0].boxplot([results.values(variant, measurement) for variant in variants], tick_labels=variants)
    axes[0, 0].set(**{"ylabel": measurement, **labels})
    return figure


def shared_legend(figure: Any, axis: Any, columns: int = 8) -> None:
    """One legend below all axes, with the lines of `axis`."""
    handles, labels = axis.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=columns, handlelength=2.5)
