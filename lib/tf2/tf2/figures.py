"""The pictures of the tf2 lab. Thin lines are seeds; speeds are medians, other times of one trial."""

from __future__ import annotations

import re
import textwrap
from typing import Any

import numpy as np

from lib.harness.contract.drawing import PALETTE, canvas, shared_legend
from lib.harness.contract.results import Results
from lib.harness.contract.texts import Texts
from lib.tf2.tf2.agreement import MODES, TOLERANCE
from lib.tf2.tf2.claims import speeds
from lib.tf2.tf2.levels import LEVELS, lines_of_code, source

EAGER, COMPILED, BAD, GOOD, GREY = PALETTE[1], PALETTE[0], PALETTE[1], PALETTE[2], "#666666"
LEVEL_COLOURS = dict(zip(LEVELS, PALETTE, strict=False))
TEXTS = Texts.beside(__file__)


def levels(results: Results, config: Any) -> Any:
    """Lines of code, steps per second, and traces of each level."""
    figure, (axes,) = canvas(1, 3, 13, 3.6, sharey=True, width_ratios=(2, 4, 3))
    _lines(axes[0])
    _speeds(axes[1], results)
    _traces(axes[2], results)
    for axis in axes[:2]:
        axis.grid(axis="y", visible=False)
    return figure


def _lines(axis: Any) -> None:
    rows = range(len(LEVELS))
    lines = [lines_of_code(source(level)) for level in LEVELS]
    axis.barh(rows, lines, color=[LEVEL_COLOURS[level] for level in LEVELS], height=0.6)
    for row, number in zip(rows, lines, strict=True):
        axis.text(number - 1, row, str(number), color="white", verticalalignment="center", horizontalalignment="right")
    axis.set_yticks(rows, [textwrap.fill(TEXTS(f"labels.{level}"), 24) for level in LEVELS])
    axis.set(title=TEXTS("figures.levels.lines-title"), xlabel=TEXTS("figures.levels.lines"))


def _speeds(axis: Any, results: Results) -> None:
    speed = speeds(results)
    for row, level in enumerate(LEVELS):
        for mode, colour, offset in (("eager", EAGER, -0.14), ("compiled", COMPILED, 0.14)):
            value = speed[f"{level}.{mode}"]
            label = TEXTS(f"labels.{mode}") if row == 0 else None
            axis.barh(row + offset, value, color=colour, height=0.26, alpha=0.85, label=label)
            axis.annotate(f"{value:.0f}", (value, row + offset), (5, 0), textcoords="offset points",
                          verticalalignment="center")  # fmt: skip
        gain = speed[f"{level}.compiled"] / speed[f"{level}.eager"]
        axis.text(0.99, row, TEXTS("figures.levels.gain", gain=gain), transform=axis.get_yaxis_transform(),
                  horizontalalignment="right", verticalalignment="center", color=COMPILED,
                  fontweight="bold")  # fmt: skip
    axis.set_xlim(0, 1.3 * max(speed.values()))
    batch = results.of("agree/float32")[0].trial.config.batch_size
    axis.set(title=TEXTS("figures.levels.speed-title"), xlabel=TEXTS("figures.levels.speed", batch=batch))
    axis.legend(loc="center", bbox_to_anchor=(0.68, 0.36), fontsize=8)


def _traces(axis: Any, results: Results) -> None:
    traces = results.of("agree/float32")[0].measurements["traces"]
    for row, level in enumerate(LEVELS):
        for column, count in enumerate(traces[f"{level}.compiled"]):
            axis.text(column, row, str(count), fontsize=14, horizontalalignment="center", verticalalignment="center",
                      color="black" if count == 1 else BAD)  # fmt: skip
    axis.set_xticks(range(3), [TEXTS(f"figures.levels.{size}-size") for size in ("first", "second", "third")])
    axis.set(xlim=(-0.5, 2.5), ylim=(len(LEVELS) - 0.5, -0.5), xlabel=TEXTS("figures.levels.size"))
    axis.set_title(TEXTS("figures.levels.traces-title"))
    axis.grid(visible=False)


def agreement(results: Results, config: Any) -> Any:
    """The difference of each level's weights from those of level 1, step by step, in float32 and in float64."""
    variants = [variant for variant in ("agree/float64", "agree/float32") if variant in results.variants()]
    figure, (axes,) = canvas(1, len(variants), 12, 4.6, sharey=True)
    floor = 1e-18
    for axis, variant in zip(axes, variants, strict=True):
        for level, colour in LEVEL_COLOURS.items():
            for mode, line in zip(MODES, (":", "-"), strict=True):
                for i, result in enumerate(results.of(variant)):
                    values = np.array(result.measurements["from_reference"][f"{level}.{mode}"])
                    arm = TEXTS("figures.agreement.arm", level=TEXTS(f"labels.{level}"), mode=TEXTS(f"labels.{mode}"))
                    shift = floor * 1.6 ** list(LEVELS).index(level)
                    axis.plot(np.arange(1, len(values) + 1), np.where(values == 0, shift, values), line, color=colour,
                              linewidth=1.3, label=arm if i == 0 else None)  # fmt: skip
        axis.axhline(TOLERANCE, color=GREY, linewidth=1)
        axis.text(1, 1.5 * TOLERANCE, "1e-5", color=GREY)
        axis.set(yscale="log", ylim=(floor / 3, 1), xlabel=TEXTS("figures.agreement.step"))
        axis.set_title(TEXTS("figures.agreement.title", dtype=variant.removeprefix("agree/")))
    axes[0].set(ylabel=TEXTS("figures.agreement.ylabel"))
    ticks = [1e-18, 1e-15, 1e-12, 1e-9, 1e-6, 1e-3]
    axes[0].set_yticks(ticks, [TEXTS("figures.agreement.equal"), *(f"{tick:.0e}" for tick in ticks[1:])])
    shared_legend(figure, axes[0], columns=2)
    for text in figure.legends[0].get_texts():
        text.set_fontsize(7)
    return figure


def parting(results: Results, config: Any) -> Any:
    """The difference between two levels' weights, step by step, in float32 and in float64; every seed."""
    figure, ((axis,),) = canvas(1, 1, 8.5, 4.6)
    for variant, colour in (("part/float32", BAD), ("part/float64", COMPILED)):
        for i, result in enumerate(results.of(variant)):
            apart, parted = np.array(result.measurements["apart"]), result.measurements["parted"]
            label = None if i else TEXTS("figures.parting.line", dtype=variant.removeprefix("part/"))
            axis.plot(range(1, len(apart) + 1), np.maximum(apart, 1e-18), color=colour, alpha=0.7, label=label)
            if np.isfinite(parted):
                axis.plot(parted, apart[int(parted) - 1], "o", color=colour, markersize=5)
    axis.axhline(TOLERANCE, color=GREY, linewidth=1)
    axis.text(1, 1.5 * TOLERANCE, "1e-5", color=GREY)
    axis.set(yscale="log", xlabel=TEXTS("figures.agreement.step"), ylabel=TEXTS("figures.parting.ylabel"))
    axis.set_title(TEXTS("figures.parting.title"))
    axis.legend(loc="center right")
    return figure


def answers(results: Results, config: Any) -> Any:
    """The answers of a graph and of Python: steps of `collatz` by its argument, and all programs."""
    measured = results.of("autograph")[0].measurements
    figure, ((left, right),) = canvas(1, 2, 12, 4.4)
    name = "while, if, else"
    python, _, graph = np.array(measured["answers"][name])
    left.plot(measured["first"][name], python, "o", color=GREY, markersize=9, fillstyle="none", label=_way("python"))
    left.plot(measured["first"][name], graph, ".", color=COMPILED, label=_way("graph"))
    left.set(xlabel=TEXTS("figures.answers.argument"), ylabel=TEXTS("figures.answers.steps"))
    left.set_title(TEXTS("figures.answers.collatz"))
    left.set_ylim(top=1.3 * python.max())
    left.legend(loc="upper left")
    ends = [np.inf, -np.inf]
    for colour, marker, (program, rows) in zip(PALETTE, "osD^v", measured["answers"].items(), strict=False):
        python, _, graph = np.array(rows)
        ends = [min(ends[0], python.min()), max(ends[1], python.max())]
        right.plot(python, graph, marker, color=colour, markersize=4, alpha=0.7, label=_program(program))
    right.plot(ends, ends, color=GREY, linewidth=1, zorder=0)
    right.set(xscale="symlog", yscale="symlog", xlabel=_way("python"), ylabel=_way("graph"))
    right.set_title(TEXTS("figures.answers.all"))
    right.legend(loc="upper left", fontsize=9)
    return figure


def _way(name: str) -> str:
    return TEXTS(f"figures.answers.{name}")


def _program(name: str) -> str:
    return TEXTS(f"labels.{name}")


Mark = tuple[str, str]
"""What became of something: ``good``, ``bad`` or ``other``, and a word for it."""
MARKS = {"good": ("o", GOOD), "bad": ("X", BAD), "other": ("D", PALETTE[4])}


def _outcome(error: str) -> Mark:
    """An error by its class; nothing where there is none."""
    return ("bad", error.partition(":")[0]) if error else ("good", "")


def _missing(error: str) -> Mark:
    """An error by its class and the last name that it quotes: what there is no more."""
    kind, word = _outcome(error)
    quoted = re.findall(r"'([^']+)'", error)
    return kind, f"{word}: {quoted[-1]}" if quoted else word


def _marks(headings: list[str], rows: dict[str, list[Mark]], title: str) -> Any:
    """A table of marks: a heading for each column, and in each row a name and what became of it in each column."""
    figure, ((axis,),) = canvas(1, 1, 11, 0.36 * len(rows) + 1.3)
    for row, marks in enumerate(rows.values()):
        for column, (kind, word) in enumerate(marks):
            marker, colour = MARKS[kind]
            axis.plot(column, row, marker, color=colour, markersize=9)
            axis.text(column + 0.06, row, word, color=colour, verticalalignment="center")
    axis.set_yticks(range(len(rows)), rows)
    axis.set_xticks(range(len(headings)), headings)
    axis.xaxis.tick_top()
    axis.set(xlim=(-0.15, len(headings) - 0.4), ylim=(len(rows) - 0.5, -0.5))
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    axis.grid(axis="x", visible=False)
    figure.suptitle(title)
    return figure


def limits(results: Results, config: Any) -> Any:
    """Programs that a graph repeats, that TensorFlow refuses, and whose graph keeps an old value."""
    measured = results.of("autograph")[0].measurements
    fine: Mark = ("good", "")
    rows: dict[str, list[Mark]] = {}
    for name, deviation in measured["deviations"].items():
        rows[_program(name)] = [fine, ("other", TEXTS("figures.limits.other")) if deviation else fine]
    for name, error in measured["refused"].items():
        rows[_program(name)] = [fine, _outcome(error)]
    for name, stays in measured["frozen"].items():
        rows[_program(name)] = [fine, ("other", TEXTS("figures.limits.other")) if stays else fine]
    return _marks([TEXTS("labels.eager"), TEXTS("labels.compiled")], rows, TEXTS("figures.limits.title"))


def cost(results: Results, config: Any) -> Any:
    """Left: a call of a loop in Python, eagerly, as a graph, traced. Right: traces by calls."""
    figure, ((left, right),) = canvas(1, 2, 12, 4.2)
    trial = results.of("autograph")[0]
    bars = {"python": GREY, "eager": EAGER, "graph": COMPILED, "first": PALETTE[3]}
    for row, (key, colour) in enumerate(bars.items()):
        time = 1000 * trial.timings[key]
        left.barh(row, time, color=colour, height=0.6)
        left.text(1.25 * time, row, TEXTS("figures.cost.milliseconds", time=time), verticalalignment="center")
    left.set_yticks(range(len(bars)), [TEXTS(f"figures.cost.{key}") for key in bars])
    left.set(xscale="log", xlabel=TEXTS("figures.cost.time"), ylim=(3.6, -0.6))
    left.set_xlim(right=12 * left.get_xlim()[1])
    left.set_title(TEXTS("figures.cost.time-title"))
    left.grid(axis="y", visible=False)
    for kind, colour in (("numbers", BAD), ("tensors", COMPILED)):
        counts = trial.measurements[f"traces_{kind}"]
        right.step(range(1, len(counts) + 1), counts, where="mid", color=colour)
        label = TEXTS(f"figures.cost.{kind}", traces=counts[-1])
        right.text(len(counts) + 0.4, counts[-1], label, color=colour, verticalalignment="center")
    half, most = len(counts) // 2, max(trial.measurements["traces_numbers"])
    right.axvline(half + 0.5, color=GREY, linestyle=":", linewidth=1)
    right.text(half + 0.8, 0.4 * most, TEXTS("figures.cost.again"), color=GREY)
    right.set(xlabel=TEXTS("figures.cost.calls"), ylabel=TEXTS("figures.cost.traces"), xlim=(0.5, 1.45 * len(counts)))
    right.set_ylim(0)
    right.set_title(TEXTS("figures.cost.traces-title"))
    return figure


def old_code(results: Results, config: Any) -> Any:
    """Programs of TensorFlow 1 and the Keras code that replaces them: which of them run today."""
    measured = results.of("old code")[0].measurements
    errors = measured["old_errors"], measured["new_errors"]
    rows = {_program(name): [_missing(error[name]) for error in errors] for name in errors[0]}
    failed = [sum(map(bool, error.values())) for error in errors]
    headings = [
        TEXTS(f"figures.old_code.{code}", failed=number, programs=len(rows))
        for code, number in zip(("then", "now"), failed, strict=True)
    ]
    return _marks(headings, rows, TEXTS("figures.old_code.title"))


def portable(results: Results, config: Any) -> Any:
    """The uses of one Keras model on two backends."""
    measured = results.of("portable")[0].measurements
    sides = [measured[f"uses_{backend}"] for backend in ("tensorflow", "torch")]
    rows = {_program(name): [_outcome(side[name]) for side in sides] for name in sides[0]}
    working = sum(not any(side[name] for side in sides) for name in sides[0])
    logits, losses = measured["torch_logits"], measured["torch_losses"]
    title = TEXTS("figures.portable.title", working=working, uses=len(rows), logits=logits, losses=losses)
    return _marks(["TensorFlow", "torch"], rows, title)
