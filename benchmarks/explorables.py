"""How soon the lessons' pictures follow a control, beside 0.1 s, in which an answer is felt as immediate.

python -m benchmarks.explorables. A control of a picture is moved through its range, the others stay where they begin;
a move is the time from the new value to the finished PNG, in wall time, as the learner waits for it. The limit of
0.1 s: J. Nielsen, Usability Engineering (1993), chapter 5.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from statistics import median
from typing import Any

import numpy as np

from benchmarks.training import Row
from lib.lessons.explore import Choice, Control, Explorable, Grid, Slider, Toggle, Words
from lib.lessons.order import LESSONS
from lib.lessons.texts import of_unit

LIMIT = 0.1
PLACES = 7
"""Of a slider, over its range."""


def run() -> list[Row]:
    """Rows of (what, ours, peer, ours / peer, goal)."""
    rows = []
    for lesson in LESSONS:
        explorables: dict[str, Explorable] = import_module(f"{lesson.module}.explore").EXPLORABLES
        for name, explorable in explorables.items():
            seconds = median(moves(lesson.module, name, explorable))
            what = f"{lesson.stem}: {name}, median of a move : felt as immediate"
            rows.append((what, f"{seconds:.3g} s", f"{LIMIT:g} s", seconds / LIMIT, "<= 1"))
    return rows


def moves(module: str, name: str, explorable: Explorable) -> Iterator[float]:
    """Seconds of each move of a picture, after it was shown once."""

    def text(key: str, **fields: Any) -> str:
        return of_unit(module)(f"explore.{name}.{key}", "en", **fields)

    explorable.render(text)
    for control, kind in explorable.controls.items():
        for value in places(kind):
            start = time.perf_counter()
            with suppress(ValueError):  # by which a picture refuses half a word
                explorable.render(text, **{control: value})
            yield time.perf_counter() - start


def places(control: Control) -> list[Any]:
    """Values to which a control is moved."""
    match control:
        case Slider(low=low, high=high, step=step, whole=whole):
            values = low + np.round((np.linspace(low, high, PLACES) - low) / step) * step
            return [round(each) if whole else float(each) for each in np.unique(values)]
        case Choice(options=options):
            return list(options)
        case Toggle():
            return [True, False]
        case Grid(rows=rows, columns=columns):
            return list(np.eye(rows * columns).reshape(-1, rows, columns))
        case Words(start=start):
            return [start[:length] for length in range(max(1, len(start) - PLACES + 1), len(start) + 1)]
    raise TypeError(f"no moves of {type(control).__name__} are known")
