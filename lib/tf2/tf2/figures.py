"""The pictures of the tf2 lab. Dots and thin lines are seeds."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np

from lib.harness.contract.drawing import PALETTE, canvas, shared_legend
from lib.harness.contract.results import Results
from lib.tf2.tf2.agreement import MODES
from lib.tf2.tf2.claims import TOLERANCE, speeds
from lib.tf2.tf2.levels import LEVELS, lines_of_code, source
from lib.tf2.tf2.old_code import PAIRS

EAGER, COMPILED, BAD, GOOD, GREY = PALETTE[1], PALETTE[0], PALETTE[1], PALETTE[2], "#666666"
LEVEL_COLOURS = dict(zip(LEVELS, PALETTE, strict=False))
NAMES = {name: f"{i}  {text}" for i, (name, text) in enumerate(LEVELS.items(), 1)}
SHOWN = ("a dense layer", "train and evaluate", "placeholder and session")


def levels(results: Results, config: Any) -> Any:
    """Lines of code, steps per second, and traces of each level."""
    figure, (axes,) = canvas(1, 3, 13, 3.6, sharey=True, width_ratios=(2, 4, 3))
    rows = range(len(LEVELS))
    found = speeds(results)
    lines = [lines_of_code(source(level)) for level in LEVELS]
    axes[0].barh(rows, lines, color=[LEVEL_COLOURS[level] for level in LEVELS], height=0.6)
    for row, number in zip(rows, lines, strict=True):
        axes[0].text(
            number - 1, row, str(number), color="white", verticalalignment="center", horizontalalignment="right"
        )
    axes[0].set_yticks(rows, [textwrap.fill(NAMES[level], 24) for level in LEVELS])
    axes[0].set(title="Lines of code", xlabel="lines of the level's file")
    for row, level in enumerate(LEVELS):
        for mode, colour, offset in (("eager", EAGER, -0.14), ("compiled", COMPILED, 0.14)):
            values = found[f"{level}.{mode}"]
            middle = float(np.median(values))
            axes[1].barh(row + offset, middle, color=colour, height=0.26, alpha=0.85, label=mode if row == 0 else None)
            axes[1].plot(values, np.full(len(values), row + offset), ".", color="black", markersize=3)
            axes[1].text(1.02 * max(middle, values.max()), row + offset, f"{middle:.0f}", verticalalignment="center")
        gain = float(np.median(found[f"{level}.compiled"] / found[f"{level}.eager"]))
        axes[1].text(0.99, row, f"x {gain:.1f}", transform=axes[1].get_yaxis_transform(), horizontalalignment="right",
                     verticalalignment="center", color=COMPILED, fontweight="bold")  # fmt: skip
    axes[1].set_xlim(0, 1.3 * max(values.max() for values in found.values()))
    batch = results.of("agree/float32")[0].trial.config.batch_size
    axes[1].set(
        title="Compiled is faster, most so by hand", xlabel=f"steps per second (batches of {batch}, one thread)"
    )
    axes[1].legend(loc="center", bbox_to_anchor=(0.68, 0.36), fontsize=8)
    traces = results.of("agree/float32")[0].measurements["traces"]
    texts = ("same size", "a second", "a third")
    for row, level in enumerate(LEVELS):
        for column, count in enumerate(traces[f"{level}.compiled"]):
            axes[2].text(column, row, str(count), fontsize=14, horizontalalignment="center", verticalalignment="center",
                         color="black" if count == 1 else BAD)  # fmt: skip
    axes[2].set_xticks(range(3), texts)
    axes[2].set(xlim=(-0.5, 2.5), ylim=(len(LEVELS) - 0.5, -0.5), xlabel="size of the batch")
    axes[2].set_title("Traces so far: another size of batch\nis another graph")
    axes[2].grid(visible=False)
    for axis in axes[:2]:
        axis.grid(axis="y", visible=False)
    return figure


def agreement(results: Results, config: Any) -> Any:
    """How far each level's weights are from level 1's, step by step, in float32 and in float64."""
    variants = [variant for variant in ("agree/float64", "agree/float32") if variant in results.variants()]
    figure, (axes,) = canvas(1, len(variants), 12, 4.6, sharey=True)
    floor = 1e-18
    for axis, variant in zip(axes, variants, strict=True):
        for level, colour in LEVEL_COLOURS.items():
            for mode, line in zip(MODES, (":", "-"), strict=True):
                for i, result in enumerate(results.of(variant)):
                    values = np.array(result.measurements["from_reference"][f"{level}.{mode}"])
                    label = f"{NAMES[level]}, {mode}" if i == 0 else None
                    shift = floor * 1.6 ** list(LEVELS).index(level)
                    axis.plot(np.arange(1, len(values) + 1), np.where(values == 0, shift, values), line, color=colour,
                              linewidth=1.3, label=label)  # fmt: skip
        axis.axhline(TOLERANCE, color=GREY, linewidth=1)
        axis.text(1, 1.5 * TOLERANCE, "1e-5", color=GREY)
        axis.set(yscale="log", ylim=(floor / 3, 1), xlabel="training step")
    axes[0].set(ylabel="largest difference of a weight\nfrom level 1, compiled")
    ticks = [1e-18, 1e-15, 1e-12, 1e-9, 1e-6, 1e-3]
    axes[0].set_yticks(ticks, ["equal bits", *(f"{tick:.0e}" for tick in ticks[1:])])
    titles = {
        "agree/float64": "float64: all four levels compute the same",
        "agree/float32": "float32: rounding flips a ReLU of the level by hand",
    }
    for axis, variant in zip(axes, variants, strict=True):
        axis.set_title(titles[variant])
    shared_legend(figure, axes[0], columns=2)
    for text in figure.legends[0].get_texts():
        text.set_fontsize(7)
    return figure


def _code(axis: Any, x: float, y: float, text: str, colour: str = "black", *, size: float = 7.5) -> None:
    look = {"family": "monospace", "fontsize": size, "color": colour, "verticalalignment": "top"}
    axis.text(x, y, text.rstrip(), transform=axis.transAxes, **look)


def autograph(results: Results, config: Any) -> Any:
    """A program and the Python that autograph makes of it."""
    found = results.of("autograph")[0].measurements
    code = found["code"].rstrip()
    height = max(3.2, 0.165 * (code.count("\n") + 3))
    figure, ((left, right),) = canvas(1, 2, 13, height, width_ratios=(2, 5))
    for axis in (left, right):
        axis.set_axis_off()
    left.set_title("What is written: an if on a tensor", loc="left")
    right.set_title("What autograph runs: both branches become functions, and ag__.if_stmt puts both into the graph",
                    loc="left", fontsize=10)  # fmt: skip
    _code(left, 0, 0.98, found["source"], COMPILED, size=9)
    wrapped = []
    for line in code.splitlines():
        indent = len(line) - len(line.lstrip())
        wrapped += textwrap.wrap(line, 112, subsequent_indent=" " * (indent + 4), drop_whitespace=False) or [""]
    _code(right, 0, 0.98, "\n".join(wrapped))
    return figure


def cost(results: Results, config: Any) -> Any:
    """Left: a call of a loop in Python, eagerly, as a graph, traced. Right: traces by calls."""
    figure, ((left, right),) = canvas(1, 2, 12, 4.2)
    found = results.of("autograph")
    bars = {
        "python": "Python's numbers,\nno TensorFlow",
        "eager": "tensors, eagerly",
        "graph": "tensors, as a graph",
        "first": "the first call:\ntrace and run",
    }
    for row, (key, colour) in enumerate(zip(bars, (GREY, EAGER, COMPILED, PALETTE[3]), strict=True)):
        values = np.array([1000 * r.timings[key] for r in found])
        middle = float(np.median(values))
        left.barh(row, middle, color=colour, height=0.6)
        left.plot(values, np.full(len(values), row), ".", color="black", markersize=4)
        left.text(1.25 * max(middle, values.max()), row, f"{middle:.3g} ms", verticalalignment="center")
    left.set_yticks(range(len(bars)), list(bars.values()))
    left.set(xscale="log", xlabel="milliseconds for one call of 111 rounds", ylim=(3.6, -0.6))
    left.set_xlim(right=12 * left.get_xlim()[1])
    left.set_title("A graph's loop is faster than an eager one,\nits first call is slower")
    left.grid(axis="y", visible=False)
    for kind, label, colour in (("numbers", "Python's numbers", BAD), ("tensors", "tensors", COMPILED)):
        counts = found[0].measurements[f"traces_{kind}"]
        right.step(range(1, len(counts) + 1), counts, where="mid", color=colour, label=label)
        right.text(len(counts) + 0.4, counts[-1], f"{label}: {counts[-1]}", color=colour, verticalalignment="center")
    half = len(counts) // 2
    right.axvline(half + 0.5, color=GREY, linestyle=":", linewidth=1)
    right.text(half + 0.8, 0.4 * max(found[0].measurements["traces_numbers"]), "the same\nnumbers again", color=GREY)
    right.set(xlabel="calls, each with another number", ylabel="traces so far", xlim=(0.5, 1.45 * len(counts)))
    right.set_ylim(0)
    right.set_title("One trace for all tensors of a type,\none for each new number of Python's")
    return figure


def old_code(results: Results, config: Any) -> Any:
    """Three programs of TensorFlow 1, what they say today, and what replaces them."""
    found = results.of("old code")[0].measurements
    heights = [max(pair.old.count("\n") + 3, pair.new.count("\n")) for pair in (PAIRS[name] for name in SHOWN)]
    figure, axes = canvas(len(SHOWN), 2, 13, 0.21 * sum(heights) + 1.6, height_ratios=[h + 2 for h in heights])
    for (left, right), name in zip(axes, SHOWN, strict=True):
        for axis in (left, right):
            axis.set_axis_off()
        left.set_title(f"{name}: then", loc="left", color=BAD)
        right.set_title("now", loc="left", color=GOOD)
        error = "\n".join(textwrap.wrap(found["old_errors"][name] or "runs", 78))
        _code(left, 0, 1, PAIRS[name].old, size=7.8)
        _code(left, 0, 0.04, error, BAD, size=8)
        for text in left.texts[-1:]:
            text.set_verticalalignment("bottom")
        _code(right, 0, 1, PAIRS[name].new, size=7.8)
    failed = sum(map(bool, found["old_errors"].values()))
    figure.suptitle(f"{failed} of {len(PAIRS)} programs of then fail today; Keras does the same work", fontsize=12)
    return figure


def portable(results: Results, config: Any) -> Any:
    """The uses of one Keras model on two backends, with the errors."""
    found = results.of("portable")[0].measurements
    uses = list(found["uses_tensorflow"])
    figure, ((axis,),) = canvas(1, 1, 13, 0.42 * len(uses) + 1.5)
    axis.set_axis_off()
    axis.set(xlim=(0, 10), ylim=(len(uses) + 0.2, -1.2))
    for x, title in ((0, "what is done with the model"), (2.3, "TensorFlow"), (3.4, "torch"), (4.3, "what torch says")):
        axis.text(x, -0.6, title, fontweight="bold")
    for row, name in enumerate(uses):
        axis.text(0, row, name, verticalalignment="center")
        for x, side in ((2.6, "tensorflow"), (3.5, "torch")):
            error = found[f"uses_{side}"][name]
            axis.plot(x, row, "X" if error else "o", color=BAD if error else GOOD, markersize=9)
        error = textwrap.shorten(found["uses_torch"][name], 100, placeholder=" …")
        look = {"family": "monospace", "fontsize": 7.5, "color": BAD, "verticalalignment": "center"}
        axis.text(4.3, row, error, **look)
    working = sum(not found["uses_torch"][name] for name in uses)
    axis.set_title(
        f"One Keras model, two backends: {working} of {len(uses)} uses work on both; logits differ by "
        f"{found['torch_logits']:.0e}, losses of training by {found['torch_losses']:.0e}"
    )
    return figure
