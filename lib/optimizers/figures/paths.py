"""Landscapes and the paths of all optimizers across them: a 3-D surface, contours, and an animation."""

from __future__ import annotations

from typing import Any

import numpy as np

from lib.harness.contract.drawing import canvas, shared_legend
from lib.harness.contract.results import Results
from lib.harness.contract.texts import current, language
from lib.optimizers.experiments.config import LECTURE
from lib.optimizers.experiments.landscapes import RACED, SURFACES
from lib.optimizers.figures.common import TEXTS, look
from lib.optimizers.surfaces import Surface

WINDOWS: dict[str, Any] = {
    "beale": ((-0.5, 4.2), (-2.4, 2.0)),
    "rosenbrock": ((-1.8, 1.8), (-0.8, 2.0)),
    "bowl": ((-4.0, 1.5), (-0.6, 0.6)),
}
"""Parts to draw where the function's own bounds show little of the paths."""


def _ground(name: str) -> Surface:
    """The landscape as drawn: along the bowl's flattest and steepest axis it is the ravine."""
    return SURFACES["ravine" if name == "bowl" else name]


def _window(name: str) -> Any:
    return WINDOWS.get(name, _ground(name).bounds)


def _mesh(name: str, points: int = 160) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    surface = _ground(name)
    (x0, x1), (y0, y1) = _window(name)
    x, y = np.meshgrid(np.linspace(x0, x1, points), np.linspace(y0, y1, points))
    return x, y, surface.value(np.stack([x, y], axis=-1))


def _height(f: np.ndarray) -> np.ndarray:
    """Heights on a scale that shows valley and wall: log10 of f + 0.1, f measured from 0 or its lowest value."""
    return np.asarray(np.log10(f - min(0.0, float(np.min(f))) + 0.1))


def _inside(path: np.ndarray, window: Any) -> np.ndarray:
    """The path up to where it leaves the picture for the first time."""
    low, high = np.transpose(window)
    out = np.flatnonzero(((path < low) | (path > high)).any(axis=1))
    return path[: out[0] + 1] if len(out) else path


def _paths(results: Results, name: str) -> dict[str, np.ndarray]:
    """The path of every optimizer at the rate that the grid has chosen for this landscape."""
    grids = {optimizer: results.of(f"functions/grid/{optimizer}")[0].measurements for optimizer in LECTURE}
    return {optimizer: np.array(measured["path"][name]) for optimizer, measured in grids.items()}


def _draw_ground(axis: Any, name: str) -> None:
    x, y, f = _mesh(name)
    height = _height(f)
    low, high = float(height.min()), float(height.max())
    # the darkest colours lie beyond the range: lines show on light ones
    axis.contourf(x, y, height, levels=20, cmap="bone_r", vmin=low, vmax=high + 2.2 * (high - low))
    axis.contour(x, y, height, levels=20, colors="#5b6f83", linewidths=0.3, linestyles="-")
    for minimum in _ground(name).minima:
        axis.plot(*minimum, marker="*", color="gold", markeredgecolor="black", markersize=13, zorder=5)
    (x0, x1), (y0, y1) = _window(name)
    axis.set(xlim=(x0, x1), ylim=(y0, y1))
    axis.grid(visible=False)


def contours(results: Results, config: Any) -> Any:
    """Six functions from above with the paths of all optimizers, 300 steps each."""
    figure, axes = canvas(2, 3, 13, 8)
    for axis, name in zip(axes.flat, RACED, strict=True):
        _draw_ground(axis, name)
        paths = _paths(results, name)
        for optimizer, path in paths.items():
            axis.plot(*path.T, **look(optimizer), alpha=0.9, linewidth=1.5)
        start = paths[LECTURE[0]][0]
        axis.plot(*start, marker="o", color="white", markeredgecolor="black", markersize=6, zorder=5)
        axis.set_title(TEXTS(f"labels.{name}"))
        if name != "bowl":
            # not in the title: a text with a formula takes all of its letters from the font of formulas
            axis.text(0.02, 0.02, f"${_ground(name).formula}$", fontsize=7, transform=axis.transAxes)
    shared_legend(figure, axes[0, 0])
    figure.suptitle(TEXTS("figures.paths.title"))
    return figure


def surface(results: Results, config: Any) -> Any:
    """Beale's function in 3-D, heights in logarithm, with the paths of all optimizers on it."""
    from matplotlib.figure import Figure

    beale = SURFACES["beale"]
    x, y, f = _mesh("beale", 120)
    figure = Figure(figsize=(9, 7), layout="constrained")
    axis: Any = figure.add_subplot(projection="3d", computed_zorder=False)
    axis.plot_surface(x, y, _height(f), cmap="bone_r", alpha=0.75, linewidth=0, rcount=120, ccount=120, zorder=1)
    for optimizer, path in _paths(results, "beale").items():
        seen = _inside(path, _window("beale"))
        axis.plot(*seen.T, _height(beale.value(seen)) + 0.03, **look(optimizer), linewidth=2, zorder=3)
    axis.scatter(*beale.minimum, -1.0, marker="*", s=160, color="gold", edgecolor="black", zorder=5)
    top = _height(beale.value(np.array(beale.start)))
    axis.scatter(*beale.start, top, s=40, color="white", edgecolor="black", zorder=5)
    axis.view_init(elev=48, azim=-118)
    axis.set(xlabel="x", ylabel="y", zlabel="log10(f + 0.1)", title=TEXTS("figures.surface.title"))
    shared_legend(figure, axis, columns=4)
    return figure


def animation(results: Results, config: Any) -> Any:
    """All paths on Beale as they grow, 120 steps in 30 frames."""
    from matplotlib import rc_context
    from matplotlib.animation import FuncAnimation
    from matplotlib.figure import Figure

    with rc_context({"figure.constrained_layout.use": False}):  # a layout for each frame would take most of the time
        figure = Figure(figsize=(6.4, 5.0))
    axis, beale = figure.add_axes((0.07, 0.07, 0.91, 0.86)), SURFACES["beale"]
    x, y, f = _mesh("beale", 80)
    axis.contour(x, y, _height(f), levels=14, colors="#b8c4d0", linewidths=0.8, linestyles="-")
    axis.plot(*beale.minimum, marker="*", color="gold", markeredgecolor="black", markersize=14, zorder=5)
    axis.grid(visible=False)
    lines = []
    for optimizer, path in _paths(results, "beale").items():
        (line,) = axis.plot([], [], **look(optimizer), linewidth=2)
        (head,) = axis.plot([], [], marker="o", markersize=6, color=line.get_color(), linestyle="")
        lines.append((path, line, head))
    axis.legend(loc="lower right", fontsize=8, handlelength=2.5)
    title = axis.set_title(TEXTS("figures.paths-animated.title", step=0))
    code = current()

    def draw(frame: int) -> list[Any]:
        step = 4 * frame
        for path, line, head in lines:
            line.set_data(*path[: step + 1].T)
            head.set_data(*path[step : step + 1].T)
        with language(code):  # frames are drawn when the file is written
            title.set_text(TEXTS("figures.paths-animated.title", step=step))
        return [title]

    return FuncAnimation(figure, draw, frames=31, blit=False)
