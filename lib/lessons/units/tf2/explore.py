"""The explorable on retracing: which calls of a compiled function make a new graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from lib.harness.contract.drawing import PALETTE
from lib.lessons.explore import Choice, Explorable, Slider

CALLS = 10
KINDS = ("tensors", "numbers", "few_numbers", "shapes", "open_shapes", "types")


def arguments(kind: str) -> list[tuple[str, Any]]:
    """The argument of each call, as a label and a value."""
    import tensorflow as tf

    if kind == "numbers":
        return [(str(n), n) for n in range(1, CALLS + 1)]
    if kind == "few_numbers":
        return [(str(n % 3 + 1), n % 3 + 1) for n in range(CALLS)]
    if kind in ("shapes", "open_shapes"):
        return [(f"({n},)", tf.zeros(n)) for n in range(1, CALLS + 1)]
    if kind == "types":
        types = (tf.int32, tf.float32, tf.float64)
        return [(types[n % 3].name, tf.constant(n, types[n % 3])) for n in range(CALLS)]
    return [(str(n), tf.constant(n)) for n in range(1, CALLS + 1)]


@cache
def calls(kind: str) -> Sequence[tuple[str, int]]:
    """For each call its argument's label and the graphs there are after it. TensorFlow really traces."""
    import tensorflow as tf

    open_shape = [tf.TensorSpec([None], tf.float32)] if kind == "open_shapes" else None
    function = tf.function(lambda x: x + x, input_signature=open_shape)
    counted = []
    for label, value in arguments(kind):
        function(value)
        counted.append((label, int(function.experimental_get_tracing_count())))
    return counted


@cache
def prepare() -> None:
    """Trace all kinds once, so that no later picture waits for TensorFlow."""
    for kind in KINDS:
        calls(kind)


def draw_retracing(figure: Any, text: Callable[..., str], *, kind: str, count: int) -> None:
    """A bar for each call: as high as the number of graphs after it, orange where the call has made one."""
    prepare()
    axes = figure.subplots()
    shown = calls(kind)[:count]
    graphs = np.array([after for _, after in shown])
    new = np.diff(graphs, prepend=0) > 0
    places = np.arange(1, count + 1)
    for made, colour in ((True, PALETTE[1]), (False, PALETTE[0])):
        axes.bar(places[new == made], graphs[new == made], color=colour, label=text("made" if made else "reused"))
    axes.set_xticks(places, [label for label, _ in shown])
    axes.set(xlim=(0.4, CALLS + 0.6), ylim=(0, CALLS + 1), xlabel=text("argument"), ylabel=text("graphs"))
    axes.set_title(text("title", calls=count, graphs=int(graphs[-1])))
    axes.legend(loc="upper left", fontsize=8)


EXPLORABLES = {
    "retracing": Explorable(
        draw_retracing,
        {"kind": Choice(KINDS, start="tensors"), "count": Slider(1, CALLS, 1, start=6, whole=True)},
        size=(7, 3),
    )
}
