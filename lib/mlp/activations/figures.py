"""Figures of the activations lab."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from lib.harness.contract.drawing import PALETTE, canvas, shared_legend
from lib.harness.contract.results import Results
from lib.harness.contract.texts import Texts
from lib.mlp.activations.claims import deep, depths, log_ratios
from lib.mlp.activations.gradients import FLAT, REGION, SCHEMES, USUAL

COLOURS: Mapping[str, str] = {
    "sigmoid": PALETTE[1],
    "tanh": PALETTE[0],
    "relu": PALETTE[2],
    "leaky": PALETTE[4],
    "gelu": PALETTE[3],
    "selu": PALETTE[5],
    "sigmoid-shallow": "#777777",
}
"""The colour of each activation, the same in all figures."""
TEXTS = Texts.beside(__file__)


def _label(name: str) -> str:
    """The name of an activation or of an initialisation."""
    return TEXTS(f"labels.{name}")


def functions(results: Results, config: Any) -> Any:
    """Every activation and its derivative; where the derivative is near 0 the ground is grey."""
    measured = results.of("functions")[0].measurements
    figure, axes = canvas(2, 3, 11, 5.6, sharex=True)
    for axis, name in zip(axes.flat, USUAL, strict=True):
        facts = measured[name]
        x, value, slope = (np.asarray(facts[key]) for key in ("x", "value", "slope"))
        axis.fill_between(x, -1.9, 3, where=np.abs(slope) < FLAT, color="#999999", alpha=0.25, linewidth=0)
        axis.plot(x, value, color="#555555", linewidth=1.2, linestyle="--", label=TEXTS("figures.activations.output"))
        axis.plot(x, slope, color=COLOURS[name], linewidth=2.4, label=TEXTS("figures.activations.derivative"))
        axis.set(xlim=(-REGION, REGION), ylim=(-1.9, 3))
        axis.set_title(TEXTS("figures.activations.flat", name=_label(name), share=100 * facts["flat"]))
        axis.legend(loc="upper left")
    figure.supxlabel(TEXTS("figures.activations.xlabel"), fontsize=10)
    figure.suptitle(TEXTS("figures.activations.title"))
    return figure


def by_depth(results: Results, config: Any) -> Any:
    """First over last hidden layer by depth: geometric mean and every seed."""
    figure, axes = canvas(1, 1, 8, 5.2)
    axis = axes[0, 0]
    measured = depths(results)
    for name in ("sigmoid", "tanh", "relu"):
        colour = COLOURS[name]
        logs = np.array([log_ratios(results, "weight", name, USUAL[name], depth) for depth in measured])
        for seed in logs.T:
            axis.plot(measured, 10**seed, "o", color=colour, markersize=3, alpha=0.3)
        label = TEXTS("figures.gradient-by-depth.line", activation=_label(name), start=_label(USUAL[name]))
        axis.plot(measured, 10 ** logs.mean(axis=1), "-", color=colour, linewidth=2.4, label=label)
    x = np.linspace(min(measured), max(measured), 100)
    axis.plot(x, 0.25 ** (x - 1), ":", color="#333333", label=TEXTS("figures.gradient-by-depth.quarter"))
    axis.set(yscale="log", xlabel=TEXTS("figures.gradient-by-depth.xlabel"))
    axis.set(ylabel=TEXTS("figures.gradient-by-depth.ylabel"), title=TEXTS("figures.gradient-by-depth.title"))
    axis.legend(loc="lower left")
    return figure


def by_layer(results: Results, config: Any) -> Any:
    """The gradient on its way back through the deepest network, layer by layer."""
    deepest = max(depths(results))
    figure, axes = canvas(1, 1, 8.5, 5)
    axis = axes[0, 0]
    for name in USUAL:
        norms = np.array([result.measurements["layers"][f"{name}/{deepest}"] for result in results.of("gradient")])
        mean = 10 ** np.log10(norms).mean(axis=0)
        label = f"{_label(name)}, {_label(USUAL[name])}"
        axis.plot(range(1, deepest + 1), mean, "-o", markersize=3, color=COLOURS[name], label=label)
    axis.set(yscale="log", xlabel=TEXTS("figures.gradient-by-layer.xlabel"))
    axis.set_ylabel(TEXTS("figures.gradient-by-layer.ylabel"))
    axis.set_title(TEXTS("figures.gradient-by-layer.title", layers=deepest))
    back = TEXTS("figures.gradient-by-layer.back")
    axis.annotate(back, (0.42, 0.8), (0.62, 0.8), "axes fraction", va="center", arrowprops={"arrowstyle": "->"})
    shared_legend(figure, axis, columns=3)
    return figure


def grid(results: Results, config: Any) -> Any:
    """Six activations by four starts, deepest net: what arrives at the first layer."""
    from matplotlib.colors import TwoSlopeNorm

    deepest = max(depths(results))
    figure, (axes,) = canvas(1, 2, 13, 4.6)
    for axis, measurement in zip(axes, ("derivative", "weight"), strict=True):
        values = np.array(
            [[log_ratios(results, measurement, name, s, deepest).mean() for s in SCHEMES] for name in USUAL]
        )
        image = axis.imshow(np.clip(values, -12, 2), cmap="RdYlBu", norm=TwoSlopeNorm(0, -12, 2), aspect="auto")
        axis.grid(False)
        axis.set_xticks(range(len(SCHEMES)), [_label(scheme) for scheme in SCHEMES])
        axis.set_yticks(range(len(USUAL)), [_label(name) for name in USUAL])
        for row, name in enumerate(USUAL):
            for column, scheme in enumerate(SCHEMES):
                text = f"{float(f'{10 ** values[row, column]:.1g}'):g}"
                weight = "bold" if USUAL[name] == scheme else "normal"
                dark = not -9 < values[row, column] < 1.2
                axis.text(
                    column, row, text, ha="center", va="center", weight=weight, color="white" if dark else "black"
                )
        axis.set(title=TEXTS(f"figures.activation-and-start.{measurement}"))
        axis.set(xlabel=TEXTS("figures.activation-and-start.xlabel"))
        axis.spines[:].set_visible(False)
    bar = figure.colorbar(image, ax=axes, label=TEXTS("figures.activation-and-start.bar"), extend="min")
    bar.set_ticks([-12, -9, -6, -3, 0, 1, 2])
    figure.suptitle(TEXTS("figures.activation-and-start.title", layers=deepest))
    return figure


def training(results: Results, config: Any) -> Any:
    """The deep networks on digits: every seed's loss and accuracy by epoch."""
    figure, (axes,) = canvas(1, 2, 11.5, 4.8)
    for variant in results.variants("train/"):
        name = variant.removeprefix("train/")
        shallow = name == "sigmoid-shallow"
        label = TEXTS("figures.training.shallow", layers=config.shallow) if shallow else _label(name)
        for axis, key, factor in zip(axes, ("losses", "validation_accuracies"), (1, 100), strict=True):
            values = factor * results.values(variant, key)
            epochs = range(1, values.shape[1] + 1)
            for seed in values:
                axis.plot(epochs, seed, color=COLOURS[name], alpha=0.25, linewidth=0.8)
            axis.plot(epochs, np.median(values, axis=0), color=COLOURS[name], linewidth=2.2, label=label)
    axes[0].axhline(np.log(10), color="#777777", linestyle=":", linewidth=1)
    axes[0].set(yscale="log", ylabel=TEXTS("figures.training.loss_ylabel"))
    axes[1].axhline(10, color="#777777", linestyle=":", linewidth=1)
    axes[1].set(ylim=(0, 102), ylabel=TEXTS("figures.training.accuracy_ylabel"))
    for axis, panel in zip(axes, ("loss", "accuracy"), strict=True):
        axis.set(xlabel=TEXTS("figures.training.xlabel"))
        axis.set_title(TEXTS(f"figures.training.{panel}", layers=deep(results)))
    shared_legend(figure, axes[0])
    return figure


def dead(results: Results, config: Any) -> Any:
    """Share of dead ReLU units by layer, before and after training."""
    figure, axes = canvas(1, 1, 8.5, 4.6)
    axis = axes[0, 0]
    shares = 100 * results.values("train/relu", "dead")
    layers = np.arange(shares.shape[2])
    for column, (stage, colour) in enumerate((("before", PALETTE[7]), ("after", PALETTE[2]))):
        label = TEXTS(f"figures.dead-units.{stage}")
        axis.bar(layers + 0.4 * column - 0.2, shares[:, column].mean(axis=0), 0.4, color=colour, label=label)
        for seed in shares[:, column]:
            axis.plot(layers + 0.4 * column - 0.2, seed, ".", color="black", markersize=3, alpha=0.6)
    axis.set_xticks(layers, [TEXTS("figures.dead-units.input"), *map(str, layers[1:])])
    axis.set(xlabel=TEXTS("figures.dead-units.xlabel"), ylabel=TEXTS("figures.dead-units.ylabel"))
    axis.set_title(TEXTS("figures.dead-units.title"))
    axis.legend(loc="upper left", title=TEXTS("figures.dead-units.seeds"))
    return figure


FIGURES: Mapping[str, Callable[[Results, Any], Any]] = {
    "activations": functions,
    "gradient-by-depth": by_depth,
    "gradient-by-layer": by_layer,
    "activation-and-start": grid,
    "training": training,
    "dead-units": dead,
}
