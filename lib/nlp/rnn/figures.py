"""Figures of the rnn lab. Bands are 95 % intervals of the (geometric) mean, dots and thin lines are seeds."""

from __future__ import annotations

from typing import Any

import numpy as np

from lib.harness.contract.drawing import PALETTE, canvas, shared_legend
from lib.harness.contract.results import Results
from lib.harness.contract.texts import Texts
from lib.harness.judging.intervals import mean_interval
from lib.nlp.rnn import lags as rnn_lags
from lib.nlp.rnn.claims import KEPT, LAG, VANISHED, per_step
from lib.nlp.rnn.tasks import GUESSED, TASKS

GREY = "#666666"
COLOURS = {
    "rnn": PALETTE[1],
    "rnn orthogonal": PALETTE[4],
    "lstm": PALETTE[5],
    "lstm forget 1": PALETTE[0],
    "gru": PALETTE[2],
}
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


def lags(results: Results, config: Any) -> Any:
    """The gradient's size by lag of seven starts; on the left vanilla networks, on the right gates."""
    figure, (axes,) = canvas(1, 2, 12, 4.8, sharey=True)
    vanilla = (
        ("normal 3", "radius", PALETTE[3]),
        ("orthogonal 1", "orthogonal", COLOURS["rnn orthogonal"]),
        ("rnn", "default", COLOURS["rnn"]),
    )
    gates = (
        ("lstm 3", "lstm-bias", PALETTE[6]),
        ("lstm 1", "lstm-bias", COLOURS["lstm forget 1"]),
        ("lstm 0", "lstm-default", COLOURS["lstm"]),
        ("gru 0", "gru-default", COLOURS["gru"]),
        ("rnn", "rnn-default", COLOURS["rnn"]),
    )
    for axis, curves, title in zip(axes, (vanilla, gates), ("vanilla", "gates"), strict=True):
        for name, key, colour in curves:
            if name in results.of("start")[0].measurements["gradient"]:
                style = "--" if name == "gru 0" else "-"
                values = _at_start(results, name)[:, :41]
                label = TEXTS(f"figures.lags.{key}", bias=name.split()[-1])
                _band(axis, np.arange(values.shape[1]), values, color=colour, label=label, linestyle=style)
        for level, height in LEVELS.items():
            axis.axhline(10**height, color=GREY, linewidth=0.8, linestyle=":")
            axis.text(0.3, 10 ** (height + 0.1), TEXTS(f"labels.{level}"), color=GREY, fontsize=8)
        axis.axvline(LAG, color=GREY, linewidth=0.8, linestyle=":")
        axis.set(yscale="log", ylim=(1e-9, 1e6), xlabel=TEXTS("figures.lags.xlabel"))
        axis.set_title(TEXTS(f"figures.lags.{title}"))
        axis.legend(loc="lower left")
    axes[0].set(ylabel=TEXTS("figures.lags.ylabel"))
    return figure


def starts(results: Results, config: Any) -> Any:
    """The factor per step by the recurrent matrix's radius, and by the bias of the gate that keeps."""
    figure, ((left, right),) = canvas(1, 2, 12, 4.6)
    variance = rnn_lags.torch_input_variance(config.inputs, config.units)
    radii = np.linspace(min(config.radii), max(config.radii), 60)
    theory = [rnn_lags.theory(g, variance) for g in radii]
    left.plot(radii, theory, color="black", linewidth=1.2, label=TEXTS("figures.starts.theory"))
    left.plot(radii, radii, color=GREY, linewidth=1, linestyle=":", label=TEXTS("figures.starts.radius"))
    for kind, colour, shift in (("orthogonal", COLOURS["rnn orthogonal"], -0.02), ("normal", PALETTE[3], 0.02)):
        for place, g in enumerate(config.radii):
            label = None if place else TEXTS(f"figures.starts.{kind}")
            _dots(left, g + shift, per_step(f"{kind} {g:g}")(results).values, colour, label)
    _dots(left, 3**-0.5, per_step("rnn")(results).values, COLOURS["rnn"], TEXTS("figures.starts.default"))
    left.axhline(1, color="black", linewidth=0.8)
    left.text(max(radii), 1.01, TEXTS("figures.starts.explodes"), fontsize=8, color=GREY, ha="right")
    left.text(max(radii), 0.99, TEXTS("figures.starts.vanishes"), fontsize=8, color=GREY, ha="right", va="top")
    left.set(xlabel=TEXTS("figures.starts.radius-axis"), ylabel=TEXTS("figures.starts.factor"), ylim=(0.3, 1.7))
    left.set_title(TEXTS("figures.starts.vanilla"))
    left.legend(loc="lower right")
    biases = np.linspace(min(config.biases), max(config.biases), 60)
    right.plot(biases, 1 / (1 + np.exp(-biases)), color="black", linewidth=1.2, label=TEXTS("figures.starts.gate"))
    for kind, colour in (("lstm", PALETTE[0]), ("gru", PALETTE[2])):
        for place, b in enumerate(config.biases):
            label = None if place else TEXTS(f"figures.starts.{kind}")
            _dots(right, b, per_step(f"{kind} {b:g}")(results).values, colour, label)
    right.axhline(1, color="black", linewidth=0.8)
    right.set(xlabel=TEXTS("figures.starts.bias-axis"), ylabel=TEXTS("figures.starts.factor"), ylim=(0.3, 1.1))
    right.set_title(TEXTS("figures.starts.gates"))
    right.legend(loc="lower right")
    return figure


def _dots(axis: Any, x: float, values: np.ndarray, colour: str, label: str | None) -> None:
    """Every seed as a faint dot, their mean and its interval."""
    center, low, high = mean_interval(values)
    axis.plot(np.full(len(values), x), values, ".", color=colour, alpha=0.25, markersize=4)
    bar = None if not np.isfinite(low) else [[center - low], [high - center]]
    axis.errorbar(x, center, yerr=bar, fmt="o", color=colour, markersize=5, capsize=3, label=label)


def distance(results: Results, config: Any) -> Any:
    """Test scores by distance, a line for every seed; each goes on until it fails. Large dots: means of all seeds."""
    tasks = [task for task in TASKS if results.variants(f"{task}/")]
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
            means = {d: np.mean(seeds) for d, seeds in scores.items() if len(seeds) == len(results.of(variant))}
            x = np.array(list(means)) * (1 + 0.03 * (offset - 2))
            axis.plot(x, list(means.values()), "o", label=_name(network), markersize=7, **look)
        levels = [("learned", 100 * config.learned, ":"), ("chance", 100 * GUESSED[task], "--")]
        if task == "adding":
            levels.append(("last-only", 50, "--"))
        for name, height, style in levels:
            axis.axhline(height, color=GREY, linewidth=0.8, linestyle=style)
            beside = {"transform": axis.get_yaxis_transform(), "verticalalignment": "center"}
            axis.text(1.01, height, TEXTS(f"figures.distance.{name}"), color=GREY, fontsize=8, **beside)
        axis.set(xscale="log", ylim=(-5, 105), xlabel=TEXTS("figures.distance.xlabel"))
        axis.set(ylabel=TEXTS(f"figures.distance.{task}-score"), title=TEXTS(f"figures.distance.{task}"))
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
        for measurement, style in (("before", ":"), ("gradient", "-")):
            for row in results.values(variant, measurement)[:, :41]:
                left.plot(np.arange(len(row)), row, linestyle=style, linewidth=1, **look)
        contexts = results.values(variant, "contexts")[0]
        losses = results.values(variant, "losses") / np.log(2)
        for row in losses:
            right.plot(contexts, row, linewidth=0.6, alpha=0.4, **look)
        right.plot(contexts, losses.mean(axis=0), marker="o", markersize=4, label=_name(network), **look)
    left.axhline(10**VANISHED, color=GREY, linewidth=0.8, linestyle=":")
    left.text(40, 10 ** (VANISHED + 0.1), TEXTS("labels.thousandth"), color=GREY, fontsize=8, ha="right")
    left.axvline(LAG, color=GREY, linewidth=0.8, linestyle=":")
    left.set(yscale="log", ylim=(1e-13, 10))
    left.set(xlabel=TEXTS("figures.text.lag-axis"), ylabel=TEXTS("figures.text.size-axis"))
    left.set_title(TEXTS("figures.text.gradient"))
    for key, style in (("before", ":"), ("after", "-")):
        left.plot([], [], linestyle=style, linewidth=1, color=GREY, label=TEXTS(f"figures.text.{key}"))
    left.legend(loc="upper right")
    right.set_xscale("log", base=2)
    right.set_xticks(contexts, [f"{context:g}" for context in contexts])
    right.set(xlabel=TEXTS("figures.text.context-axis"), ylabel=TEXTS("figures.text.loss-axis"))
    right.set_title(TEXTS("figures.text.losses"))
    shared_legend(figure, right)
    return figure
