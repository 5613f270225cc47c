"""The pictures of the activations lab."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from lib.harness.contract.drawing import PALETTE, canvas, shared_legend
from lib.harness.contract.results import Results
from lib.mlp.activations.claims import deep, depths, log_ratios
from lib.mlp.activations.gradients import FLAT, REGION, SCHEMES, USUAL

LOOKS: Mapping[str, tuple[str, str]] = {
    "sigmoid": (PALETTE[1], "sigmoid"),
    "tanh": (PALETTE[0], "tanh"),
    "relu": (PALETTE[2], "ReLU"),
    "leaky": (PALETTE[4], "leaky ReLU"),
    "gelu": (PALETTE[3], "GELU"),
    "selu": (PALETTE[5], "SELU"),
    "sigmoid-shallow": ("#777777", "sigmoid, few layers"),
}
"""Colour and words of each activation, the same in all pictures."""
START = {"xavier": "Xavier", "he": "He", "lecun": "LeCun", "uniform": "uniform ±1/√n"}


def functions(results: Results, config: Any) -> Any:
    """Every activation and its derivative; where the derivative is near 0 the ground is grey."""
    found = results.of("functions")[0].measurements
    figure, axes = canvas(2, 3, 11, 5.6, sharex=True)
    for axis, name in zip(axes.flat, USUAL, strict=True):
        facts = found[name]
        colour, words = LOOKS[name]
        x, value, slope = (np.asarray(facts[key]) for key in ("x", "value", "slope"))
        axis.fill_between(x, -1.9, 3, where=np.abs(slope) < FLAT, color="#999999", alpha=0.25, linewidth=0)
        axis.plot(x, value, color="#555555", linewidth=1.2, linestyle="--", label="output")
        axis.plot(x, slope, color=colour, linewidth=2.4, label="derivative")
        axis.set(xlim=(-REGION, REGION), ylim=(-1.9, 3))
        axis.set_title(f"{words}: derivative near 0 in {100 * facts['flat']:.0f} % (grey)")
        axis.legend(loc="upper left")
    figure.supxlabel("weighted sum of the inputs", fontsize=10)
    figure.suptitle("Near 0 in most regions? True of sigmoid and tanh. The ReLU family keeps one half, on the right")
    return figure


def by_depth(results: Results, config: Any) -> Any:
    """First over last hidden layer by depth: geometric mean and every seed."""
    figure, axes = canvas(1, 1, 8, 5.2)
    axis = axes[0, 0]
    measured = depths(results)
    for name in ("sigmoid", "tanh", "relu"):
        colour, words = LOOKS[name]
        logs = np.array([log_ratios(results, "weight", name, USUAL[name], depth) for depth in measured])
        for seed in logs.T:
            axis.plot(measured, 10**seed, "o", color=colour, markersize=3, alpha=0.3)
        label = f"{words}, {START[USUAL[name]]}'s start"
        axis.plot(measured, 10 ** logs.mean(axis=1), "-", color=colour, linewidth=2.4, label=label)
    x = np.linspace(min(measured), max(measured), 100)
    axis.plot(x, 0.25 ** (x - 1), ":", color="#333333", label="a quarter per layer")
    axis.set(yscale="log", xlabel="hidden layers", ylabel="gradient of the first / of the last hidden layer")
    axis.set_title("Sigmoid loses three quarters of the gradient in every layer; tanh and ReLU keep it")
    axis.legend(loc="lower left")
    return figure


def by_layer(results: Results, config: Any) -> Any:
    """The gradient on its way back through the deepest network, layer by layer."""
    deepest = max(depths(results))
    figure, axes = canvas(1, 1, 8.5, 5)
    axis = axes[0, 0]
    for name in USUAL:
        colour, words = LOOKS[name]
        norms = np.array([result.measurements["layers"][f"{name}/{deepest}"] for result in results.of("gradient")])
        mean = 10 ** np.log10(norms).mean(axis=0)
        axis.plot(range(1, deepest + 1), mean, "-o", markersize=3, color=colour, label=f"{words}, {START[USUAL[name]]}")
    axis.set(yscale="log", xlabel="hidden layer (the gradient comes from the right)")
    axis.set_ylabel("gradient of the layer / of the last one")
    axis.set_title(f"On the way back through {deepest} layers only the sigmoid's gradient vanishes")
    axis.annotate(
        "the way back", (0.42, 0.8), (0.62, 0.8), "axes fraction", va="center", arrowprops={"arrowstyle": "->"}
    )
    shared_legend(figure, axis, columns=3)
    return figure


def grid(results: Results, config: Any) -> Any:
    """Six activations by four starts, deepest net: what arrives at the first layer."""
    from matplotlib.colors import TwoSlopeNorm

    deepest = max(depths(results))
    figure, (axes,) = canvas(1, 2, 13, 4.6)
    panels = (
        ("derivative", "The derivative that reaches the first layer"),
        ("weight", "What the first layer learns: derivative × output"),
    )
    for axis, (what, title) in zip(axes, panels, strict=True):
        values = np.array([[log_ratios(results, what, name, s, deepest).mean() for s in SCHEMES] for name in USUAL])
        image = axis.imshow(np.clip(values, -12, 2), cmap="RdYlBu", norm=TwoSlopeNorm(0, -12, 2), aspect="auto")
        axis.grid(False)
        axis.set_xticks(range(len(SCHEMES)), [START[scheme] for scheme in SCHEMES])
        axis.set_yticks(range(len(USUAL)), [LOOKS[name][1] for name in USUAL])
        for row, name in enumerate(USUAL):
            for column, scheme in enumerate(SCHEMES):
                text = f"{10 ** values[row, column]:.1g}"
                weight = "bold" if USUAL[name] == scheme else "normal"
                dark = values[row, column] < -9
                axis.text(
                    column, row, text, ha="center", va="center", weight=weight, color="white" if dark else "black"
                )
        axis.set(title=title, xlabel="how the weights start (bold: usual for this activation)")
        axis.spines[:].set_visible(False)
    bar = figure.colorbar(image, ax=axes, label="log10 of first / last hidden layer", extend="min")
    bar.set_ticks([-12, -9, -6, -3, 0, 1, 2])
    figure.suptitle(
        f"Not whatever the activation: it takes the activation and the start ({deepest} layers, first / last)"
    )
    return figure


def training(results: Results, config: Any) -> Any:
    """The deep networks on digits: every seed's loss and accuracy by epoch."""
    figure, (axes,) = canvas(1, 2, 11.5, 4.8)
    for variant in results.variants("train/"):
        name = variant.removeprefix("train/")
        colour, words = LOOKS[name]
        if name == "sigmoid-shallow":
            words = f"sigmoid, only {config.shallow} layers"
        for axis, key, factor in zip(axes, ("losses", "validation_accuracies"), (1, 100), strict=True):
            values = factor * results.values(variant, key)
            epochs = range(1, values.shape[1] + 1)
            for seed in values:
                axis.plot(epochs, seed, color=colour, alpha=0.25, linewidth=0.8)
            axis.plot(epochs, np.median(values, axis=0), color=colour, linewidth=2.2, label=words)
    axes[0].axhline(np.log(10), color="#777777", linestyle=":", linewidth=1)
    axes[0].set(yscale="log", xlabel="epoch", ylabel="training loss (dotted: guessing)")
    axes[1].axhline(10, color="#777777", linestyle=":", linewidth=1)
    axes[1].set(xlabel="epoch", ylabel="accuracy on validation digits in % (dotted: guessing)", ylim=(0, 102))
    layers = deep(results)
    figure.suptitle(f"{layers} hidden layers on digits: with sigmoid nothing is learned (median and every seed)")
    shared_legend(figure, axes[0])
    return figure


def dead(results: Results, config: Any) -> Any:
    """Share of dead ReLU units by layer, before and after training."""
    figure, axes = canvas(1, 1, 8.5, 4.6)
    axis = axes[0, 0]
    shares = 100 * results.values("train/relu", "dead")
    layers = np.arange(shares.shape[2])
    for column, (words, colour) in enumerate((("at the start", PALETTE[7]), ("after training", PALETTE[2]))):
        axis.bar(layers + 0.4 * column - 0.2, shares[:, column].mean(axis=0), 0.4, color=colour, label=words)
        for seed in shares[:, column]:
            axis.plot(layers + 0.4 * column - 0.2, seed, ".", color="black", markersize=3, alpha=0.6)
    axis.set_xticks(layers, ["input", *map(str, layers[1:])])
    axis.set(xlabel="layer", ylabel="dead units in %")
    axis.set_title("ReLU's price: units that are off for every picture get no gradient from any")
    axis.legend(loc="upper left", title="dots: every seed")
    return figure


FIGURES: Mapping[str, Callable[[Results, Any], Any]] = {
    "activations": functions,
    "gradient-by-depth": by_depth,
    "gradient-by-layer": by_layer,
    "activation-and-start": grid,
    "training": training,
    "dead-units": dead,
}
