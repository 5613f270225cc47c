"""Plots for the cells of a lesson: a line of code each, so that what is learned is not lost among drawing.

Each draws one figure, shows it in the cell and returns None. Labels may be Korean.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from lib.harness.contract.drawing import PALETTE, canvas, style
from lib.lessons.relations import as_floats

DPI = 90
WIDTH, HEIGHT = 6.4, 3.6
"""Of a plot with axes, in inches."""
PICTURE = 1.6
"""Of one of several pictures, in inches."""
GRID = 80
"""Points a side at which a surface is computed."""
LEVELS = 24


def curves(
    lines: Mapping[str, Any],
    x: Any = None,
    *,
    title: str = "",
    xlabel: str = "",
    ylabel: str = "",
    log: bool = False,
) -> None:
    """Draw lines by label, over `x` or over their own places; a single number is a horizontal line. `log`: of y."""
    with _figure(title) as (_, axis):
        for label, ys in lines.items():
            values = as_floats(ys)
            if values.ndim == 0:
                axis.axhline(float(values), label=label, color="#666666", linestyle=":")
            else:
                axis.plot(np.arange(len(values)) if x is None else as_floats(x), values, label=label)
        axis.set(xlabel=xlabel, ylabel=ylabel, yscale="log" if log else "linear")
        _legend(axis, lines)


def pictures(
    arrays: Sequence[Any],
    titles: Sequence[str] | None = None,
    columns: int | None = None,
    *,
    title: str = "",
) -> None:
    """Draw pictures side by side, `columns` a row: grey ones (height, width), or in colour (height, width, 3)."""
    count = len(arrays)
    across = min(columns or min(count, 8), count)
    down = -(-count // across)
    with style():
        figure, axes = canvas(down, across, PICTURE * across, PICTURE * down + (0.3 if titles or title else 0))
        for axis in axes.flat:
            axis.axis("off")
        for place, (axis, array) in enumerate(zip(axes.flat, arrays, strict=False)):
            pixels = as_floats(array)
            axis.imshow(pixels if pixels.ndim == 3 and pixels.shape[2] in (3, 4) else np.squeeze(pixels), cmap="gray")
            if titles is not None and place < len(titles):
                axis.set_title(str(titles[place]), fontsize=9)
        if title:
            figure.suptitle(title)
        _show(figure, title)


def bars(values: Mapping[str, Any], *, title: str = "", ylabel: str = "", errors: Any = None) -> None:
    """Draw a bar by label. `errors`: half the length of the line at the end of each."""
    with _figure(title) as (_, axis):
        heights = [float(as_floats(value)) for value in values.values()]
        places = np.arange(len(heights))
        colours = [PALETTE[place % 6] for place in range(len(heights))]
        axis.bar(places, heights, yerr=None if errors is None else as_floats(errors), color=colours, capsize=4)
        axis.set_xticks(places, list(values))
        axis.set(ylabel=ylabel)
        axis.grid(axis="x", visible=False)


def points(groups: Mapping[str, Any], *, title: str = "", xlabel: str = "", ylabel: str = "") -> None:
    """Draw points (n, 2) by label."""
    with _figure(title, height=4.2) as (_, axis):
        for label, pairs in groups.items():
            x, y = as_floats(pairs).reshape(-1, 2).T
            axis.scatter(x, y, s=18, label=label, alpha=0.8)
        axis.set(xlabel=xlabel, ylabel=ylabel)
        _legend(axis, groups)


def heat(
    matrix: Any,
    rows: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
    *,
    title: str = "",
    numbers: bool = False,
) -> None:
    """Draw a matrix as colours, its rows and columns named if they have names. `numbers`: write them into it."""
    values = as_floats(matrix)
    down, across = values.shape
    with _figure(title, min(10.0, 2.2 + 0.45 * across), min(8.0, 1.4 + 0.4 * down)) as (figure, axis):
        image = axis.imshow(values, aspect="auto", cmap="Blues")
        axis.set_yticks(range(down) if rows is not None else [], rows)
        axis.set_xticks(range(across) if columns is not None else [], columns)
        axis.grid(visible=False)
        if columns is not None and max(map(len, columns), default=0) > 4:
            axis.tick_params(axis="x", rotation=45)
        if numbers:
            middle = (values.min() + values.max()) / 2
            for (row, column), value in np.ndenumerate(values):
                colour = "white" if value > middle else "black"
                axis.text(column, row, f"{value:.2g}", ha="center", va="center", color=colour, fontsize=8)
        else:
            figure.colorbar(image, ax=axis)


def surface(
    f: Callable[[Any, Any], Any],
    path: Any = None,
    x: tuple[float, float] = (-3, 3),
    y: tuple[float, float] = (-3, 3),
    *,
    title: str = "",
) -> None:
    """Draw the contours of ``f(x, y)``, which takes numbers or arrays, and paths (n, 2) on them, by label."""
    across, down = np.meshgrid(np.linspace(*x, GRID), np.linspace(*y, GRID))
    heights = _heights(f, across, down)
    paths = {} if path is None else path if isinstance(path, Mapping) else {"": path}
    with _figure(title, height=4.4) as (_, axis):
        levels = np.quantile(
            heights[np.isfinite(heights)], np.linspace(0, 1, LEVELS)
        )  # dense in a valley as on a slope
        axis.contour(across, down, heights, levels=np.unique(levels), cmap="Greys_r", linewidths=0.7)
        for place, (label, steps) in enumerate(paths.items()):
            xs, ys = as_floats(steps).reshape(-1, 2).T
            colour = PALETTE[place % len(PALETTE)]
            axis.plot(xs, ys, "-o", color=colour, markersize=2.5, linewidth=1.2, label=label or None)
            axis.plot(xs[:1], ys[:1], "o", color=colour, markersize=7, markerfacecolor="white")
        axis.set(xlim=x, ylim=y)
        _legend(axis, paths)


def _heights(f: Callable[[Any, Any], Any], across: np.ndarray, down: np.ndarray) -> np.ndarray:
    """The function at every point; one that takes numbers alone is asked point by point."""
    try:
        heights = as_floats(f(across, down))
        if heights.shape == across.shape:
            return heights
    except (TypeError, ValueError):
        pass
    return as_floats(np.vectorize(lambda a, b: float(f(a, b)))(across, down))


@contextmanager
def _figure(title: str, width: float = WIDTH, height: float = HEIGHT) -> Iterator[tuple[Any, Any]]:
    """A figure with one axis; it is shown at the end."""
    with style():
        figure, axes = canvas(1, 1, width, height)
        axes[0, 0].set_title(title)
        yield figure, axes[0, 0]
        _show(figure, title)


def _legend(axis: Any, labels: Mapping[str, Any]) -> None:
    if any(labels):
        axis.legend()


def _show(figure: Any, title: str) -> None:
    """Show a figure as a picture, whatever backend the notebook has."""
    from IPython.display import Image, display

    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=DPI)
    picture = Image(data=png.getvalue(), format="png", alt=title or None)
    display(picture)
