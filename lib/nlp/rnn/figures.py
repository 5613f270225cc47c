"""The pictures of the rnn lab. Bands are 95 % intervals of the (geometric) mean, dots and thin lines are seeds."""

from __future__ import annotations

from typing import Any

import numpy as np

from lib.harness.contract.drawing import PALETTE, canvas, shared_legend
from lib.harness.contract.results import Results
from lib.harness.judging.intervals import mean_interval
from lib.nlp.rnn import lags as rnn_lags
from lib.nlp.rnn.claims import KEPT, LAG, VANISHED, per_step
from lib.nlp.rnn.tasks import GUESSED

GREY = "#666666"
COLOURS = {
    "rnn": PALETTE[1],
    "rnn orthogonal": PALETTE[4],
    "lstm": PALETTE[5],
    "lstm forget 1": PALETTE[0],
    "gru": PALETTE[2],
}
NAMES = {
    "rnn": "vanilla",
    "rnn orthogonal": "vanilla, orthogonal start",
    "lstm": "LSTM",
    "lstm forget 1": "LSTM, forget bias 1",
    "gru": "GRU",
}


def _band(axis: Any, x: Any, values: np.ndarray, **look: Any) -> None:
    """The geometric mean of `values` (seeds, x) as a line and its interval."""
    center, low, high = 10 ** np.array([mean_interval(column) for column in np.log10(values).T]).T
    axis.plot(x, center, **look)
    if np.isfinite(high).all():
        axis.fill_between(x, low, high, color=look["color"], alpha=0.2, linewidth=0)


def _at_start(results: Results, name: str) -> np.ndarray:
    return np.array([found[name] for found in results.values("start", "gradient")])


def lags(results: Results, config: Any) -> Any:
    """The gradient's size by lag of seven starts; on the left vanilla networks, on the right gates."""
    figure, (axes,) = canvas(1, 2, 12, 4.8, sharey=True)
    vanilla = (
        ("normal 3", "spectral radius 3", PALETTE[3]),
        ("orthogonal 1", "orthogonal: radius 1", COLOURS["rnn orthogonal"]),
        ("rnn", "as torch starts it: 0.58", COLOURS["rnn"]),
    )
    gates = (
        ("lstm 3", "LSTM, forget bias 3", PALETTE[6]),
        ("lstm 1", "LSTM, forget bias 1", COLOURS["lstm forget 1"]),
        ("lstm 0", "LSTM as torch starts it", COLOURS["lstm"]),
        ("gru 0", "GRU as torch starts it", COLOURS["gru"]),
        ("rnn", "vanilla as torch starts it", COLOURS["rnn"]),
    )
    titles = (
        "Vanilla: as it comes, the gradient vanishes\nwith a larger recurrent matrix it stays, or explodes",
        "Gates: half open they lose it almost as fast\nit stays when they start open",
    )
    for axis, curves, title in zip(axes, (vanilla, gates), titles, strict=True):
        for name, label, colour in curves:
            if name in results.of("start")[0].measurements["gradient"]:
                style = "--" if name == "gru 0" else "-"
                values = _at_start(results, name)[:, :41]
                _band(axis, np.arange(values.shape[1]), values, color=colour, label=label, linestyle=style)
        for level, text in ((KEPT, "a hundredth"), (VANISHED, "a thousandth")):
            axis.axhline(10**level, color=GREY, linewidth=0.8, linestyle=":")
            axis.text(0.3, 10 ** (level + 0.1), text, color=GREY, fontsize=8)
        axis.axvline(LAG, color=GREY, linewidth=0.8, linestyle=":")
        axis.set(yscale="log", ylim=(1e-9, 1e6), xlabel="steps back from the loss", title=title)
        axis.legend(loc="lower left")
    axes[0].set(ylabel="size of the loss's gradient\nrelative to that at the last step")
    return figure


def starts(results: Results, config: Any) -> Any:
    """The factor per step by the recurrent matrix's radius, and by the bias of the gate that keeps."""
    figure, ((left, right),) = canvas(1, 2, 12, 4.6)
    variance = rnn_lags.torch_input_variance(config.inputs, config.units)
    radii = np.linspace(min(config.radii), max(config.radii), 60)
    theory = [rnn_lags.theory(g, variance) for g in radii]
    left.plot(radii, theory, color="black", linewidth=1.2, label="theory: radius x tanh's derivative")
    left.plot(radii, radii, color=GREY, linewidth=1, linestyle=":", label="without tanh: the radius")
    for kind, colour, shift in (("orthogonal", COLOURS["rnn orthogonal"], -0.02), ("normal", PALETTE[3], 0.02)):
        for place, g in enumerate(config.radii):
            label = f"measured, {kind} matrix" if place == 0 else None
            _dots(left, g + shift, per_step(f"{kind} {g:g}")(results), colour, label)
    _dots(left, 3**-0.5, per_step("rnn")(results), COLOURS["rnn"], "measured, torch's start")
    left.axhline(1, color="black", linewidth=0.8)
    left.text(max(radii), 1.01, "explodes above", fontsize=8, color=GREY, horizontalalignment="right")
    left.text(max(radii), 0.99, "vanishes below", fontsize=8, color=GREY, **{"ha": "right", "va": "top"})
    left.set(xlabel="spectral radius of the recurrent matrix", ylabel="factor per step back", ylim=(0.3, 1.7))
    left.set_title("Vanilla: the recurrent matrix decides,\nand tanh takes its part")
    left.legend(loc="upper left")
    biases = np.linspace(min(config.biases), max(config.biases), 60)
    right.plot(biases, 1 / (1 + np.exp(-biases)), color="black", linewidth=1.2, label="the gate alone: σ(bias)")
    for kind, label, colour in (("lstm", "LSTM, forget gate", PALETTE[0]), ("gru", "GRU, update gate", PALETTE[2])):
        for place, b in enumerate(config.biases):
            values = per_step(f"{kind} {b:g}")(results)
            _dots(right, b, values, colour, f"measured, {label}" if place == 0 else None)
    right.axhline(1, color="black", linewidth=0.8)
    right.set(xlabel="bias of the gate that keeps", ylabel="factor per step back", ylim=(0.3, 1.1))
    right.set_title("Gates: how open they start decides")
    right.legend(loc="lower right")
    return figure


def _dots(axis: Any, x: float, values: np.ndarray, colour: str, label: str | None) -> None:
    """Every seed as a faint dot, their mean and its interval."""
    center, low, high = mean_interval(values)
    axis.plot(np.full(len(values), x), values, ".", color=colour, alpha=0.25, markersize=4)
    bar = None if not np.isfinite(low) else [[center - low], [high - center]]
    axis.errorbar(x, center, yerr=bar, fmt="o", color=colour, markersize=5, capsize=3, label=label)


WHAT = {
    "adding": ("Adding two numbers, with others in between", "squared error that is gone (%)"),
    "copy": ("Telling the first symbol, only blanks in between", "right answers (%)"),
}


def distance(results: Results, config: Any) -> Any:
    """Test scores by distance, a line for every seed; each goes on until it fails. Large dots: means of all seeds."""
    tasks = [task for task in WHAT if results.variants(f"{task}/")]
    figure, (axes,) = canvas(1, len(tasks), 6 * len(tasks), 4.8)
    for axis, task in zip(axes, tasks, strict=True):
        for offset, variant in enumerate(results.variants(f"{task}/")):
            network = variant.removeprefix(f"{task}/")
            scores: dict[int, list[float]] = {d: [] for d in config.distances}
            look = {"color": COLOURS[network]}
            for result in results.of(variant):
                tried = result.measurements["tried"]
                values = 100 * np.array(result.measurements["scores"])
                x = np.array(tried) * (1 + 0.03 * (offset - 2))
                axis.plot(x, values, marker=".", markersize=4, linewidth=0.8, alpha=0.5, **look)
                for d, value in zip(tried, values, strict=True):
                    scores[d].append(value)
            means = {d: np.mean(found) for d, found in scores.items() if len(found) == len(results.of(variant))}
            x = np.array(list(means)) * (1 + 0.03 * (offset - 2))
            axis.plot(x, list(means.values()), "o", label=NAMES[network], markersize=7, **look)
        axis.axhline(100 * config.learned, color=GREY, linewidth=0.8, linestyle=":")
        axis.text(max(config.distances), 100 * config.learned + 1, "learned", color=GREY, fontsize=8, ha="right")
        if task == "adding":
            axis.axhline(50, color=GREY, linewidth=0.8, linestyle="--")
            axis.text(min(config.distances), 51, "only the last number is known", color=GREY, fontsize=8)
        axis.axhline(100 * GUESSED[task], color=GREY, linewidth=0.8, linestyle="--")
        axis.text(min(config.distances), 100 * GUESSED[task] + 1, "guessed", color=GREY, fontsize=8)
        axis.set(xscale="log", ylim=(-5, 105), xlabel="distance (steps)", ylabel=WHAT[task][1], title=WHAT[task][0])
        axis.set_xticks(config.distances, [str(d) for d in config.distances])
        axis.minorticks_off()
    shared_legend(figure, axes[0])
    return figure


def text(results: Results, config: Any) -> Any:
    """Left: the gradient by lag before and after learning text. Right: the loss by the characters that are shown."""
    figure, ((left, right),) = canvas(1, 2, 12, 4.6)
    for variant in results.variants("text/"):
        network = variant.removeprefix("text/")
        look = {"color": COLOURS[network]}
        for measurement, style, suffix in (("before", ":", ", at the start"), ("gradient", "-", ", learned")):
            values = results.values(variant, measurement)[:, :41]
            for place, row in enumerate(values):
                label = None if place else NAMES[network] + suffix
                left.plot(np.arange(len(row)), row, linestyle=style, linewidth=1, label=label, **look)
        contexts = results.values(variant, "contexts")[0]
        losses = results.values(variant, "losses") / np.log(2)
        for row in losses:
            right.plot(contexts, row, linewidth=0.6, alpha=0.4, **look)
        right.plot(contexts, losses.mean(axis=0), marker="o", markersize=4, label=NAMES[network], **look)
    left.axhline(10**VANISHED, color=GREY, linewidth=0.8, linestyle=":")
    left.text(40, 10 ** (VANISHED + 0.1), "a thousandth", color=GREY, fontsize=8, horizontalalignment="right")
    left.axvline(LAG, color=GREY, linewidth=0.8, linestyle=":")
    left.set(yscale="log", ylim=(1e-13, 10), xlabel="characters back", ylabel="size of the gradient, relative to lag 0")
    left.set_title("How much a guess hears of earlier characters")
    left.legend(loc="lower left", fontsize=8, ncols=2)
    right.set_xscale("log", base=2)
    right.set_xticks(contexts, [f"{context:g}" for context in contexts])
    right.set(xlabel="characters shown before the one to guess", ylabel="loss on test text (bits per character)")
    right.set_title("What is farther back helps little so far")
    right.legend()
    return figure
