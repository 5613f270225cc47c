"""Explorables of the lesson on Docker: the layers of this course's image, and what a container sees of its machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lib.harness.contract.drawing import PALETTE
from lib.lessons.explore import Choice, Explorable, Slider, Toggle


@dataclass(frozen=True)
class Layer:
    """A layer of the image: the key of its text, and its size in MB, rounded."""

    key: str
    size: int


LAYERS = (
    Layer("base", 120),
    Layer("fonts", 40),
    Layer("packages", 2700),
    Layer("data", 50),
    Layer("settings", 1),
)
"""From the bottom to the top, as docker/Dockerfile stacks them."""
CHANGES = ("code", "settings", "data", "packages", "base")


def rebuilt(changed: str) -> list[str]:
    """The keys of the layers that are made again after a change; none for code, which is not in the image."""
    keys = [layer.key for layer in LAYERS]
    return keys[keys.index(changed) :] if changed in keys else []


def draw_layers(figure: Any, text: Callable[..., str], *, changed: str) -> None:
    """The image as a stack, with what is made again; above it, what is attached when a container starts."""
    again = rebuilt(changed)
    axes = _canvas(figure, len(LAYERS) + 2)
    for place, layer in enumerate(LAYERS):
        colour = PALETTE[1] if layer.key in again else PALETTE[5]
        _box(axes, (0, place, 10), colour, f"{text(layer.key)}  ({text('size', size=layer.size)})")
        axes.text(10.2, place + 0.45, text("again" if layer.key in again else "reused"), va="center", fontsize=9)
    attached = PALETTE[1] if changed == "code" else PALETTE[7]
    for left, key in ((0, "lib"), (3.4, "labs"), (6.8, "journal")):
        _box(axes, (left, len(LAYERS) + 0.4, 3.2), attached if key != "journal" else PALETTE[7], text(key))
    axes.text(10.2, len(LAYERS) + 0.85, text("attached"), va="center", fontsize=9)
    size = sum(layer.size for layer in LAYERS if layer.key in again)
    axes.set_title(text("title", size=size, count=len(again)))


ROWS = ("processes", "user", "temporary", "labs", "journal", "network", "memory", "kernel")


def seen(limit: int, volume: bool, mount: bool, network: bool) -> dict[str, tuple[str, dict[str, int], bool | None]]:
    """The rows: the key of what the container sees, the text's fields, and whether what it writes there survives."""
    return {
        "processes": ("processes_inside", {}, None),
        "user": ("user_inside", {}, None),
        "temporary": ("temporary_inside", {}, False),
        "labs": ("labs_mounted", {}, True) if mount else ("labs_missing", {}, False),
        "journal": ("journal_volume", {}, True) if volume else ("journal_image", {}, False),
        "network": ("network_open" if network else "network_closed", {}, None),
        "memory": ("memory_inside", {"limit": limit}, None),
        "kernel": ("kernel_same", {}, None),
    }


def draw_view(figure: Any, text: Callable[..., str], *, volume: bool, mount: bool, network: bool, limit: int) -> None:
    """A table: the machine from outside, from inside the container, and what survives it."""
    inside = seen(limit, volume, mount, network)
    axes = _canvas(figure, len(ROWS) + 1, right=18)
    for left, key in ((0, "what"), (3.2, "outside"), (8.6, "inside"), (14.6, "afterwards")):
        axes.text(left + 0.1, len(ROWS) + 0.4, text(key), va="center", color=PALETTE[6], fontsize=10)
    for place, row in enumerate(reversed(ROWS)):
        key, fields, survives = inside[row]
        same = row == "kernel"
        axes.text(0.1, place + 0.45, text(row), va="center", fontsize=9)
        _box(axes, (3.2, place, 5.2), PALETTE[7], text(f"{row}_outside"))
        _box(axes, (8.6, place, 5.8), PALETTE[7] if same else PALETTE[5], text(key, **fields))
        if survives is not None:
            _box(axes, (14.6, place, 3.2), PALETTE[2] if survives else PALETTE[1], text("kept" if survives else "lost"))


def _canvas(figure: Any, height: float, right: float = 13.5) -> Any:
    """An axis without lines, placed by hand, in which a row is 1 high."""
    figure.set_layout_engine("none")
    axes = figure.add_axes((0.01, 0.02, 0.98, 0.88))
    axes.set(xlim=(0, right), ylim=(0, height))
    axes.set_axis_off()
    return axes


def _box(axes: Any, place: tuple[float, float, float], colour: str, words: str) -> None:
    """Draw a box with words; `place`: its left end, its bottom, its width."""
    from matplotlib.patches import Rectangle

    left, bottom, width = place
    axes.add_patch(Rectangle((left, bottom + 0.04), width, 0.82, color=colour, alpha=0.35, linewidth=0))
    axes.text(left + 0.15, bottom + 0.45, words, va="center", fontsize=9)


EXPLORABLES = {
    "layers": Explorable(draw_layers, {"changed": Choice(CHANGES, start="code")}, size=(6.6, 3.2)),
    "view": Explorable(
        draw_view,
        {
            "mount": Toggle(start=True),
            "volume": Toggle(start=True),
            "network": Toggle(start=True),
            "limit": Slider(1, 16, 1, start=8, whole=True),
        },
        size=(8.6, 3.6),
    ),
}
