"""The explorable on learning rate and momentum: the path on a landscape, and the loss along it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

import lib.optimizers
from lib.harness.contract.drawing import PALETTE
from lib.lessons.explore import Choice, Explorable, Slider
from lib.optimizers.base import Optimizer
from lib.optimizers.surfaces import SURFACES

STEPS = 60
LANDSCAPES = ("ravine", "plateau", "beale", "rosenbrock", "saddle")
RULES = ("Momentum", "Nesterov", "Adagrad", "RMSprop", "Adam", "AdaMax", "NAdam")
POWERS = {-8: "10⁻⁸", -4: "10⁻⁴", 0: "1", 4: "10⁴"}
"""Labels of the loss, by exponent: a logarithmic axis would set them as formulas, which takes a third of the time."""
FAR = 1e4
"""Beyond this a path is cut: where a run that diverges ends is no place of the picture."""


@cache
def ground(name: str) -> np.ndarray:
    """The landscape from above as colours (120, 160, 4): twenty shades of equal area, the darker the lower."""
    from matplotlib import colormaps

    surface = SURFACES[name]
    x, y = (np.linspace(low, high, size) for (low, high), size in zip(surface.bounds, (160, 120), strict=True))
    heights = surface.value(np.stack(np.meshgrid(x, y), axis=-1))
    share = np.searchsorted(np.sort(heights, axis=None), heights) / heights.size
    colours = np.array(colormaps["GnBu_r"](np.floor(20 * share) / 20))
    colours[..., 3] = 0.55
    return np.asarray((255 * colours).astype(np.uint8))


def make(rule: str, rate: float, mu: float) -> Optimizer[Any]:
    """The optimizer of this name; `mu` is its momentum, or beta1 where it has that."""
    settings: dict[str, Any] = {"betas": (mu, 0.999)}
    if rule in ("Momentum", "Nesterov", "RMSprop"):
        settings = {"momentum": mu}
    if rule == "Adagrad":
        settings = {}
    optimizer: Optimizer[Any] = getattr(lib.optimizers, rule)(rate, **settings)
    return optimizer


def path_of(optimizer: Optimizer[Any], surface: str, steps: int = STEPS) -> np.ndarray:
    """The points of a run, (steps + 1, 2), cut at `FAR`."""
    landscape = SURFACES[surface]
    point = np.array(landscape.start)
    state = optimizer.init(point)
    points = [point]
    for _ in range(steps):
        point, state = optimizer.update(landscape.gradient(point), state, point)
        points.append(point)
    return np.asarray(np.nan_to_num(np.array(points), nan=FAR, posinf=FAR, neginf=-FAR).clip(-FAR, FAR))


def draw_surface(figure: Any, text: Callable[..., str], *, surface: str, rule: str, power: float, mu: float) -> None:
    """Left: the path from above. Right: the loss by step."""
    landscape, rate = SURFACES[surface], 10**power
    path = path_of(make(rule, rate, mu), surface)
    figure.set_layout_engine("none")  # the axes always have the same place, and to look for it takes longest
    above, falling = figure.add_axes((0.06, 0.13, 0.5, 0.77)), figure.add_axes((0.66, 0.13, 0.32, 0.77))
    (left, right), (bottom, top) = landscape.bounds
    above.imshow(ground(surface), extent=(left, right, bottom, top), origin="lower", aspect="auto")
    above.plot(*path.T, ".-", color=PALETTE[1], linewidth=1.2, markersize=4)
    above.plot(*landscape.start, "o", color="white", markeredgecolor="black")
    above.plot(*np.transpose(landscape.minima), "*", color="gold", markersize=13, markeredgecolor="black")
    above.set(xlim=(left, right), ylim=(bottom, top), title=text("rate", rate=rate))
    above.grid(visible=False)
    falling.plot(np.log10(landscape.value(path).clip(1e-8, 1e6)), color=PALETTE[1])
    falling.set(xlabel=text("step"), ylabel=text("loss"), ylim=(-8, 6))
    falling.set_yticks(list(POWERS), list(POWERS.values()))


EXPLORABLES = {
    "surface": Explorable(
        draw_surface,
        {
            "surface": Choice(LANDSCAPES),
            "rule": Choice(RULES),
            "power": Slider(-4, 1, 0.02, start=-2.3),
            "mu": Slider(0, 0.99, 0.01, start=0),
        },
        size=(8, 3.4),
    )
}
