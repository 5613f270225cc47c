"""Figures of the rnn lab. Bands are 95 % intervals of the (geometric) mean, dots and thin lines are seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lib.harness.contract.drawing import PALETTE, canvas, shared_legend
from lib.harness.contract.results import Results
from lib.harness.contract.texts import Texts
from lib.harness.judging.intervals import mean_interval
from lib.nlp.rnn import lags as rnn_lags
from lib.nlp.rnn.claims import KEPT, LAG, VANISHED, per_step, steps_at
from lib.nlp.rnn.tasks import TASKS

GREY = "#666666"
COLOURS = {
    "rnn": PALETTE[1],
    "rnn orthogonal": PALETTE[4],
    "lstm": PALETTE[5],
    "lstm forget 1": PALETTE[0],
    "lstm chrono": PALETTE[0],
    "gru": PALETTE[2],
    "gru chrono": PALETTE[2],
}
SHOWN = 41
"""Lags in pictures."""
LEVELS = {"hundredth": KEPT, "thousandth": VANISHED}
TEXTS = Texts.beside(__file__)


def _name(network: str) -> str:
    """The name of a network in the current language."""
    return TEXTS(f"labels.{network.replace(' ', '-')}")


def _band(axis: Any, x: Any, values: np.ndarray, **look: Any) -> None:
    """The geometric mean of `values` (seeds, x) as a line and its interval."""
    center, low, high = 10 ** np.array([mean_interval(column) for column in np.log10(values).T]).T
    axis.plot(x, center, **look)
    if np.isfinite(high).all():
        axis.fill_between(x, low, high, color=look["color"], alpha=0.2, linewidth=0)


def _at_start(results: Results, name: str) -> np.ndarray:
    """The gradient by lag of a start: (seeds, lags)."""
    return results.series("start", "gradient").map(lambda gradients: gradients[name]).values


def _levels(axis: Any) -> None:
    """The lines of what has vanished and what is kept, and the lag at which they count."""
    for level, height in LEVELS.items():
        axis.axhline(10**height, color=GREY, linewidth=0.8, linestyle=":")
        box = {"facecolor": "white", "edgecolor": "none", "pad": 0.5, "alpha": 0.8}
        axis.text(0.3, 10 ** (height + 0.1), TEXTS(f"labels.{level}"), color=GREY, fontsize=8, bbox=box)
    axis.axvline(LAG, color=GREY, linewidth=0.8, linestyle=":")
    axis.set(yscale="log", ylabel=TEXTS("labels.size"))


def _lags_at_start(axis: Any, results: Results, curves: Sequence[tuple[str, str, str, str]]) -> None:
    """The gradient's size by lag of some starts: their name, text, colour and style."""
    for name, text, colour, style in curves:
        if name in results.of("start")[0].measurements["gradient"]:
            values = _at_start(results, name)[:, :SHOWN]
            _band(axis, np.arange(values.shape[1]), values, color=colour, label=TEXTS(text), linestyle=style)
    _levels(axis)
    axis.set(ylim=(1e-9, 1e6), xlabel=TEXTS("labels.lag"))
    axis.legend(loc="lower left", fontsize=8)


def _lags_in_text(axis: Any, results: Results, networks: Sequence[str]) -> None:
    """The gradient's size by lag before and after learning text, a line for each seed."""
    for network in networks:
        look = {"color": COLOURS[network], "linewidth": 1}
        for measurement, style in (("before", ":"), ("gradient", "-")):
            for row in results.values(f"text/{network}", measurement)[:, :SHOWN]:
                axis.plot(np.arange(len(row)), row, linestyle=style, **look)
        axis.plot([], [], color=COLOURS[network], label=_name(network))
    for key, style in (("before", ":"), ("after", "-")):
        axis.plot([], [], linestyle=style, linewidth=1, color=GREY, label=TEXTS(f"labels.{key}"))
    _levels(axis)
    axis.set(ylim=(1e-13, 10), xlabel=TEXTS("labels.characters-back"))
    axis.legend(loc="lower left", fontsize=8)


def vanishing(results: Results, config: Any) -> Any:
    """The vanilla network's gradient by lag: at the start, and before and after learning text."""
    figure, (axes,) = canvas(1, 2, 12, 4.6)
    _lags_at_start(axes[0], results, [("rnn", "labels.rnn-default", COLOURS["rnn"], "-")])
    lags = np.arange(SHOWN)
    axes[0].plot(lags, 3 ** (-lags / 2), color="black", linewidth=1, label=TEXTS("figures.vanishing.radius"))
    axes[0].legend(loc="lower left", fontsize=8)
    axes[0].set_title(TEXTS("figures.vanishing.start"))
    _lags_in_text(axes[1], results, [n for n in ("rnn",) if f"text/{n}" in results.variants()])
    axes[1].set_title(TEXTS("figures.vanishing.text"))
    return figure


def starts(results: Results, config: Any) -> Any:
    """Vanilla networks by their recurrent matrix: the gradient by lag, and the factor per step with its theory."""
    figure, ((left, right),) = canvas(1, 2, 12, 4.6)
    curves = (
        ("normal 3", "figures.starts.radius-3", PALETTE[3], "-"),
        ("orthogonal 1", "figures.starts.orthogonal-1", COLOURS["rnn orthogonal"], "-"),
        ("rnn", "labels.rnn-default", COLOURS["rnn"], "-"),
    )
    _lags_at_start(left, results, curves)
    left.set_title(TEXTS("figures.starts.lags"))
    variance = rnn_lags.torch_input_variance(config.inputs, config.units)
    radii = np.linspace(min(config.radii), max(config.radii), 60)
    theory = [rnn_lags.theory(g, variance) for g in radii]
    right.plot(radii, theory, color="black", linewidth=1.2, label=TEXTS("figures.starts.theory"))
    right.plot(radii, radii, color=GREY, linewidth=1, linestyle=":", label=TEXTS("figures.starts.radius"))
    for kind, colour, shift in (("orthogonal", COLOURS["rnn orthogonal"], -0.02), ("normal", PALETTE[3], 0.02)):
        for place, g in enumerate(config.radii):
            label = None if place else TEXTS(f"figures.starts.{kind}")
            _dots(right, g + shift, per_step(f"{kind} {g:g}")(results).values, colour, label)
    _dots(right, 3**-0.5, per_step("rnn")(results).values, COLOURS["rnn"], TEXTS("figures.starts.default"))
    right.axhline(1, color="black", linewidth=0.8)
    right.text(max(radii), 1.01, TEXTS("figures.starts.explodes"), fontsize=8, color=GREY, ha="right")
    right.text(max(radii), 0.99, TEXTS("figures.starts.vanishes"), fontsize=8, color=GREY, ha="right", va="top")
    right.set(xlabel=TEXTS("figures.starts.radius-axis"), ylabel=TEXTS("labels.factor"), ylim=(0.3, 1.7))
    right.set_title(TEXTS("figures.starts.factors"))
    right.legend(loc="lower right")
    return figure


def gates(results: Results, config: Any) -> Any:
    """Gated networks: the gradient by lag at several starts, the factor by the gate's bias, and after learning text."""
    figure, ((left, middle, right),) = canvas(1, 3, 16, 4.6)
    curves = (
        ("lstm chrono", "labels.lstm-chrono", COLOURS["lstm chrono"], "-"),
        ("gru chrono", "labels.gru-chrono", COLOURS["gru chrono"], "-"),
        ("lstm 1", "labels.lstm-forget-1", COLOURS["lstm forget 1"], "-."),
        ("lstm 0", "figures.gates.lstm-default", COLOURS["lstm"], "--"),
        ("gru 0", "figures.gates.gru-default", COLOURS["gru"], "--"),
        ("rnn", "labels.rnn-default", COLOURS["rnn"], "--"),
    )
    _lags_at_start(left, results, curves)
    left.set_title(TEXTS("figures.gates.start"))
    biases = np.linspace(min(config.biases), max(config.biases), 60)
    middle.plot(biases, 1 / (1 + np.exp(-biases)), color="black", linewidth=1.2, label=TEXTS("figures.gates.gate"))
    for kind, colour in (("lstm", PALETTE[0]), ("gru", PALETTE[2])):
        for place, b in enumerate(config.biases):
            label = None if place else TEXTS(f"figures.gates.{kind}")
            _dots(middle, b, per_step(f"{kind} {b:g}")(results).values, colour, label)
    middle.axhline(1, color="black", linewidth=0.8)
    middle.set(xlabel=TEXTS("figures.gates.bias-axis"), ylabel=TEXTS("labels.factor"), ylim=(0.3, 1.1))
    middle.set_title(TEXTS("figures.gates.factors"))
    middle.legend(loc="lower right")
    _lags_in_text(right, results, [variant.removeprefix("text/") for variant in results.variants("text/")])
    right.set_title(TEXTS("figures.gates.text"))
    return figure


def _dots(axis: Any, x: float, values: np.ndarray, colour: str, label: str | None) -> None:
    """Every seed as a faint dot, their mean and its interval."""
    center, low, high = mean_interval(values)
    axis.plot(np.full(len(values), x), values, ".", color=colour, alpha=0.25, markersize=4)
    bar = None if not np.isfinite(low) else [[center - low], [high - center]]
    axis.errorbar(x, center, yerr=bar, fmt="o", color=colour, markersize=5, capsize=3, label=label)


def _steps(axis: Any, results: Results, config: Any, variants: Mapping[str, tuple[str, str]]) -> None:
    """Steps until each distance was learned: dots are seeds, lines join the medians; the top line is never.

    `variants`: their label and colour.
    """
    never = 1.6 * config.training_steps
    for place, (variant, (label, colour)) in enumerate(variants.items()):
        steps = np.array([steps_at(results, variant, d).values for d in config.distances])  # (distances, seeds)
        x = np.array(config.distances) * 1.045 ** (place - (len(variants) - 1) / 2)
        axis.plot(x, np.where(np.isinf(steps), never, steps), ".", color=colour, markersize=5, alpha=0.45)
        axis.plot(
            x, np.minimum(np.median(steps, axis=1), never), "o-", color=colour, markersize=6, linewidth=1.2, label=label
        )
    axis.axhline(never, color=GREY, linewidth=0.8, linestyle="--")
    top = TEXTS("labels.never", steps=config.training_steps)
    axis.text(config.distances[0], never * 1.07, top, color=GREY, fontsize=8, va="bottom")
    axis.set(xscale="log", yscale="log", xlabel=TEXTS("labels.distance"), ylabel=TEXTS("labels.steps"))
    axis.set_ylim(top=never * 1.6)
    axis.set_xticks(config.distances, [str(d) for d in config.distances])
    axis.minorticks_off()


def distance(results: Results, config: Any) -> Any:
    """Steps until two numbers are added, by their distance, for each network; and how far each gets."""
    figure, ((left, right),) = canvas(1, 2, 13, 4.8, width_ratios=(1.5, 1))
    networks = [variant.removeprefix("adding/") for variant in results.variants("adding/")]
    _steps(left, results, config, {f"adding/{name}": (_name(name), COLOURS[name]) for name in networks})
    left.set_title(TEXTS("figures.distance.steps"))
    for row, name in enumerate(networks):
        reaches = results.values(f"adding/{name}", "reach")
        for value, count in zip(*np.unique(reaches, return_counts=True), strict=True):
            right.plot(max(value, config.distances[0] / 2), row, "o", color=COLOURS[name], markersize=5 + 3 * count)
            right.annotate(f"{count}", (max(value, config.distances[0] / 2), row), ha="center", va="center", fontsize=8)
    places = [config.distances[0] / 2, *config.distances]
    right.set(xscale="log", xlim=(places[0] / 1.5, places[-1] * 1.5), ylim=(len(networks) - 0.5, -0.5))
    right.set_xticks(places, [TEXTS("figures.distance.none"), *map(str, config.distances)])
    right.minorticks_off()
    right.set_yticks(range(len(networks)), [_name(name) for name in networks])
    right.set(xlabel=TEXTS("figures.distance.reach"))
    right.set_title(TEXTS("figures.distance.seeds"))
    shared_legend(figure, left, columns=3)
    return figure


def undisturbed(results: Results, config: Any) -> Any:
    """Steps until the vanilla network and others have learned a distance, among other numbers and among blanks."""
    tasks = [task for task in TASKS if f"{task}/rnn" in results.variants()]
    figure, ((axis,),) = canvas(1, 1, 8, 4.8)
    colours = {"adding": PALETTE[1], "copy": PALETTE[0]}
    _steps(
        axis, results, config, {f"{task}/rnn": (TEXTS(f"figures.undisturbed.{task}"), colours[task]) for task in tasks}
    )
    axis.legend(loc="lower right")
    axis.set_title(TEXTS("figures.undisturbed.title"))
    return figure


def text(results: Results, config: Any) -> Any:
    """The loss on new text by the characters that are shown."""
    figure, ((axis,),) = canvas(1, 1, 8, 4.6)
    for variant in results.variants("text/"):
        network = variant.removeprefix("text/")
        look = {"color": COLOURS[network]}
        contexts = results.values(variant, "contexts")[0]
        losses = results.values(variant, "losses") / np.log(2)
        for row in losses:
            axis.plot(contexts, row, linewidth=0.6, alpha=0.4, **look)
        axis.plot(contexts, losses.mean(axis=0), marker="o", markersize=4, label=_name(network), **look)
        axis.set_xscale("log", base=2)
        axis.set_xticks(contexts, [f"{context:g}" for context in contexts])
    axis.set(xlabel=TEXTS("figures.text.context-axis"), ylabel=TEXTS("figures.text.loss-axis"))
    axis.set_title(TEXTS("figures.text.losses"))
    axis.legend()
    return figure


FIGURES = {
    "vanishing": vanishing,
    "starts": starts,
    "gates": gates,
    "distance": distance,
    "undisturbed": undisturbed,
    "text": text,
}
