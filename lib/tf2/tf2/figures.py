"""The pictures of the tf2 lab. Dots and thin lines are seeds."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np

from lib.harness.contract.drawing import PALETTE, canvas, shared_legend
from lib.harness.contract.results import Results
from lib.harness.contract.texts import Texts
from lib.tf2.tf2.agreement import MODES
from lib.tf2.tf2.claims import TOLERANCE, speeds
from lib.tf2.tf2.levels import LEVELS, lines_of_code, source
from lib.tf2.tf2.old_code import PAIRS

EAGER, COMPILED, BAD, GOOD, GREY = PALETTE[1], PALETTE[0], PALETTE[1], PALETTE[2], "#666666"
LEVEL_COLOURS = dict(zip(LEVELS, PALETTE, strict=False))
TEXTS = Texts.beside(__file__)
SHOWN = ("a dense layer", "train and evaluate", "placeholder and session")


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
            values = speed[f"{level}.{mode}"]
            median = float(np.median(values))
            label = TEXTS(f"labels.{mode}") if row == 0 else None
            axis.barh(row + offset, median, color=colour, height=0.26, alpha=0.85, label=label)
            axis.plot(values, np.full(len(values), row + offset), ".", color="black", markersize=3)
            axis.annotate(f"{median:.0f}", (max(median, values.max()), row + offset), (5, 0),
                          textcoords="offset points", verticalalignment="center")  # fmt: skip
        gain = float(np.median(speed[f"{level}.compiled"] / speed[f"{level}.eager"]))
        axis.text(0.99, row, TEXTS("figures.levels.gain", gain=gain), transform=axis.get_yaxis_transform(),
                  horizontalalignment="right", verticalalignment="center", color=COMPILED,
                  fontweight="bold")  # fmt: skip
    axis.set_xlim(0, 1.3 * max(values.max() for values in speed.values()))
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


def _code(axis: Any, x: float, y: float, text: str, colour: str = "black", *, size: float = 7.5) -> None:
    look = {"family": "monospace", "fontsize": size, "color": colour, "verticalalignment": "top"}
    axis.text(x, y, text.rstrip(), transform=axis.transAxes, **look)


def autograph(results: Results, config: Any) -> Any:
    """A program and the Python that autograph makes of it."""
    measured = results.of("autograph")[0].measurements
    code = measured["code"].rstrip()
    height = max(3.2, 0.145 * (code.count("\n") + 3))
    figure, ((left, right),) = canvas(1, 2, 13, height, width_ratios=(2, 5))
    for axis in (left, right):
        axis.set_axis_off()
    left.set_title(TEXTS("figures.autograph.written"), loc="left")
    right.set_title(TEXTS("figures.autograph.generated"), loc="left")
    _code(left, 0, 0.98, measured["source"], COMPILED, size=9)
    wrapped = []
    for line in code.splitlines():
        indent = len(line) - len(line.lstrip())
        wrapped += textwrap.wrap(line, 112, subsequent_indent=" " * (indent + 4), drop_whitespace=False) or [""]
    _code(right, 0, 0.98, "\n".join(wrapped))
    return figure


def cost(results: Results, config: Any) -> Any:
    """Left: a call of a loop in Python, eagerly, as a graph, traced. Right: traces by calls."""
    figure, ((left, right),) = canvas(1, 2, 12, 4.2)
    trials = results.of("autograph")
    bars = {"python": GREY, "eager": EAGER, "graph": COMPILED, "first": PALETTE[3]}
    for row, (key, colour) in enumerate(bars.items()):
        values = np.array([1000 * trial.timings[key] for trial in trials])
        median = float(np.median(values))
        left.barh(row, median, color=colour, height=0.6)
        left.plot(values, np.full(len(values), row), ".", color="black", markersize=4)
        label = TEXTS("figures.cost.milliseconds", time=median)
        left.text(1.25 * max(median, values.max()), row, label, verticalalignment="center")
    left.set_yticks(range(len(bars)), [TEXTS(f"figures.cost.{key}") for key in bars])
    left.set(xscale="log", xlabel=TEXTS("figures.cost.time"), ylim=(3.6, -0.6))
    left.set_xlim(right=12 * left.get_xlim()[1])
    left.set_title(TEXTS("figures.cost.time-title"))
    left.grid(axis="y", visible=False)
    for kind, colour in (("numbers", BAD), ("tensors", COMPILED)):
        counts = trials[0].measurements[f"traces_{kind}"]
        right.step(range(1, len(counts) + 1), counts, where="mid", color=colour)
        label = TEXTS(f"figures.cost.{kind}", traces=counts[-1])
        right.text(len(counts) + 0.4, counts[-1], label, color=colour, verticalalignment="center")
    half, most = len(counts) // 2, max(trials[0].measurements["traces_numbers"])
    right.axvline(half + 0.5, color=GREY, linestyle=":", linewidth=1)
    right.text(half + 0.8, 0.4 * most, TEXTS("figures.cost.again"), color=GREY)
    right.set(xlabel=TEXTS("figures.cost.calls"), ylabel=TEXTS("figures.cost.traces"), xlim=(0.5, 1.45 * len(counts)))
    right.set_ylim(0)
    right.set_title(TEXTS("figures.cost.traces-title"))
    return figure


def old_code(results: Results, config: Any) -> Any:
    """Three programs of TensorFlow 1, their errors today, and the code that replaces them."""
    errors = results.of("old code")[0].measurements["old_errors"]
    heights = [max(pair.old.count("\n") + 3, pair.new.count("\n")) for pair in (PAIRS[name] for name in SHOWN)]
    figure, axes = canvas(len(SHOWN), 2, 13, 0.15 * sum(heights) + 1.6, height_ratios=heights)
    for (left, right), name in zip(axes, SHOWN, strict=True):
        for axis in (left, right):
            axis.set_axis_off()
        program = TEXTS(f"figures.old_code.{name}")
        left.set_title(TEXTS("figures.old_code.then", program=program), loc="left", color=BAD)
        right.set_title(TEXTS("figures.old_code.now"), loc="left", color=GOOD)
        _code(left, 0, 1, PAIRS[name].old, size=7.8)
        _code(right, 0, 1, PAIRS[name].new, size=7.8)
        outcome = textwrap.fill(errors[name], 78) or TEXTS("figures.old_code.runs")
        left.text(0, 0.04, outcome, transform=left.transAxes, fontsize=8, color=BAD, verticalalignment="bottom")
    failed = sum(map(bool, errors.values()))
    figure.suptitle(TEXTS("figures.old_code.title", failed=failed, programs=len(PAIRS)), fontsize=12)
    return figure


def portable(results: Results, config: Any) -> Any:
    """The uses of one Keras model on two backends, with the errors."""
    measured = results.of("portable")[0].measurements
    uses = list(measured["uses_tensorflow"])
    figure, ((axis,),) = canvas(1, 1, 13, 0.32 * len(uses) + 1.3)
    axis.set_axis_off()
    axis.set(xlim=(0, 10), ylim=(len(uses) - 0.4, -1.2))
    headings = {0: TEXTS("figures.portable.use"), 2.3: "TensorFlow", 3.4: "torch", 4.3: TEXTS("figures.portable.error")}
    for x, heading in headings.items():
        axis.text(x, -0.8, heading, fontweight="bold")
    for row, name in enumerate(uses):
        axis.text(0, row, TEXTS(f"figures.portable.{name}"), verticalalignment="center")
        for x, backend in ((2.6, "tensorflow"), (3.5, "torch")):
            error = measured[f"uses_{backend}"][name]
            axis.plot(x, row, "X" if error else "o", color=BAD if error else GOOD, markersize=9)
        error = textwrap.shorten(measured["uses_torch"][name], 100, placeholder=" …")
        look = {"family": "monospace", "fontsize": 7.5, "color": BAD, "verticalalignment": "center"}
        axis.text(4.3, row, error, **look)
    working = sum(not measured["uses_tensorflow"][name] and not measured["uses_torch"][name] for name in uses)
    logits, losses = measured["torch_logits"], measured["torch_losses"]
    title = TEXTS("figures.portable.title", working=working, uses=len(uses), logits=logits, losses=losses)
    axis.set_title(title)
    return figure
