"""Drawing: one style for all labs. Figures are functions of results, so workers can draw them side by side."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from lib.harness.contract.results import Results

from lib.harness.contract.texts import Language

# Okabe and Ito (2008): eight colours that colour-blind readers can tell apart
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999")

LATIN, HANGUL = "DejaVu Sans", "NanumGothic"  # matplotlib brings the one, the image has the other
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


@functools.cache
def has_hangul() -> bool:
    """Return whether the font with Hangul is installed; outside the image it may be missing.

    Matplotlib keeps a list of fonts; those installed after it was made are added to it.
    """
    from matplotlib.font_manager import findSystemFonts, fontManager

    if all(font.name != HANGUL for font in fontManager.ttflist):
        for file in findSystemFonts():
            if Path(file).stem in (HANGUL, f"{HANGUL}Bold"):
                fontManager.addfont(file)
    return any(font.name == HANGUL for font in fontManager.ttflist)


def can_draw(code: Language) -> bool:
    """Return whether there is a font for the letters of this language."""
    return code != "ko" or has_hangul()


def fonts() -> list[str]:
    """The fonts, in the order in which they are asked for a glyph.

    The Latin one also comes first in Korean: formulas and the labels of a logarithmic axis ask no other, and the one
    with Hangul has no minus sign.
    """
    return [LATIN, HANGUL] if has_hangul() else [LATIN]


@contextmanager
def style() -> Iterator[None]:
    """Draw with the labs' style inside this block."""
    import matplotlib as mpl
    from cycler import cycler

    settings: dict[Any, Any] = {**STYLE, "axes.prop_cycle": cycler(color=PALETTE), "font.family": fonts()}
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
