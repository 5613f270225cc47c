"""Figures of the activations lab."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from lib.harness.contract.drawing import PALETTE, canvas, shared_legend
from lib.harness.contract.results import Results
from lib.harness.contract.texts import Texts
from lib.mlp.activations.gradients import BINS, FLAT, REGION, SCHEMES, USUAL, Activation, Start
from lib.mlp.activations.measures import deep, depths, log_ratios
from lib.mlp.activations.very_deep import ARMS

COLOURS: Mapping[str, str] = {
    "sigmoid": PALETTE[1],
    "tanh": PALETTE[0],
    "relu": PALETTE[2],
    "leaky": PALETTE[4],
    "gelu": PALETTE[3],
    "selu": PALETTE[5],
    "sigmoid-shallow": "#777777",
    "sigmoid-as-tanh": "#7F2A8C",
}
"""The colour of each activation, the same in all figures."""
TEXTS = Texts.beside(__file__)


def _label(name: str) -> str:
    """The name of an activation or of an initialisation."""
    return TEXTS(f"labels.{name}")


def functions(results: Results, config: Any) -> Any:
    """Every activation and its derivative; grey: where the derivative is near 0; below: sums that occur."""
    facts = results.of("functions")[0].measurements
    probed = [result.measurements for result in results.of("gradient")]
    figure, axes = canvas(2, 3, 11, 6, sharex=True)
    for axis, name in zip(axes.flat, USUAL, strict=True):
        x, value, slope = (np.asarray(facts[name][key]) for key in ("x", "value", "slope"))
        axis.fill_between(x, -1.9, 3, where=np.abs(slope) < FLAT, color="#999999", alpha=0.25, linewidth=0)
        sums = np.sum([each["sums"][name] for each in probed], axis=0)
        axis.stairs(sums / sums.max() - 1.9, BINS, baseline=-1.9, fill=True, color=COLOURS[name], alpha=0.45)
        axis.plot(x, value, color="#555555", linewidth=1.2, linestyle="--", label=TEXTS("figures.activations.output"))
        axis.plot(x, slope, color=COLOURS[name], linewidth=2.4, label=TEXTS("figures.activations.derivative"))
        axis.set(xlim=(-REGION, REGION), ylim=(-1.9, 3))
        shares = {"share": 100 * facts[name]["flat"], "sums": 100 * np.mean([each["flat"][name] for each in probed])}
        axis.set_title(TEXTS("figures.activations.flat", name=_label(name), **shares))
        axis.legend(loc="upper left")
    figure.supxlabel(TEXTS("figures.activations.xlabel"), fontsize=10)
    figure.suptitle(TEXTS("figures.activations.title"))
    return figure


def _named(name: Activation, start: Start) -> tuple[str, str]:
    """The colour and the label of an activation with these initial weights."""
    colour = COLOURS["sigmoid-as-tanh" if start == "as-tanh" else name]
    return colour, TEXTS("figures.gradient-by-depth.line", activation=_label(name), start=_label(start))


AS_TANH: tuple[Activation, Start] = ("sigmoid", "as-tanh")


def by_depth(results: Results, config: Any) -> Any:
    """First over last hidden layer by depth: geometric mean and every seed."""
    figure, axes = canvas(1, 1, 8, 5.2)
    axis = axes[0, 0]
    measured = depths(results)
    shown: list[tuple[Activation, Start]] = [("sigmoid", "xavier"), AS_TANH, ("tanh", "xavier"), ("relu", "he")]
    for name, start in shown:
        colour, label = _named(name, start)
        logs = np.array([log_ratios(results, "weight", name, start, depth) for depth in measured])
        for seed in logs.T:
            axis.plot(measured, 10**seed, "o", color=colour, markersize=3, alpha=0.3)
        axis.plot(measured, 10 ** logs.mean(axis=1), "-", color=colour, linewidth=2.4, label=label)
    x = np.linspace(min(measured), max(measured), 100)
    axis.plot(x, 0.25 ** (x - 1), ":", color="#333333", label=TEXTS("figures.gradient-by-depth.quarter"))
    axis.set(yscale="log", xlabel=TEXTS("figures.gradient-by-depth.xlabel"))
    axis.set(ylabel=TEXTS("figures.gradient-by-depth.ylabel"), title=TEXTS("figures.gradient-by-depth.title"))
    axis.legend(loc="lower left")
    return figure


def _layers(axis: Any, results: Results, shown: list[tuple[Activation, Start]]) -> int:
    """The gradient on its way back through the deepest networks, layer by layer; returns the number of layers."""
    deepest = max(depths(results))
    for name, start in shown:
        colour, label = _named(name, start)
        key = f"{name}/{start}/{deepest}"
        norms = np.array([result.measurements["layers"][key] for result in results.of("gradient")])
        mean = 10 ** np.log10(norms).mean(axis=0)
        axis.plot(range(1, deepest + 1), mean, "-o", markersize=3, color=colour, label=label)
    axis.set(yscale="log", xlabel=TEXTS("figures.gradient-by-layer.xlabel"))
    axis.set_ylabel(TEXTS("figures.gradient-by-layer.ylabel"))
    axis.set_title(TEXTS("figures.gradient-by-layer.title", layers=deepest))
    return deepest


def by_layer(results: Results, config: Any) -> Any:
    """The gradient on its way back through the deepest network, from all usual starts."""
    figure, axes = canvas(1, 1, 8.5, 5)
    axis = axes[0, 0]
    _layers(axis, results, list(USUAL.items()))
    back = TEXTS("figures.gradient-by-layer.back")
    axis.annotate(back, (0.42, 0.8), (0.62, 0.8), "axes fraction", va="center", arrowprops={"arrowstyle": "->"})
    shared_legend(figure, axis, columns=3)
    return figure


def another_start(results: Results, config: Any) -> Any:
    """The sigmoid from two starts: its gradient before training, and its training."""
    figure, (axes,) = canvas(1, 2, 11.5, 4.8)
    _layers(axes[0], results, [("sigmoid", "xavier"), AS_TANH, ("tanh", "xavier")])
    axes[0].legend(loc="lower right")
    trained: dict[str, tuple[Activation, Start]] = {
        "train/sigmoid": ("sigmoid", "xavier"),
        "train/sigmoid-as-tanh": AS_TANH,
    }
    for variant, (name, start) in trained.items():
        colour, label = _named(name, start)
        _curves(axes[1], 100 * results.values(variant, "validation_accuracies"), colour, label)
    axes[1].axhline(10, color="#777777", linestyle=":", linewidth=1)
    axes[1].set(ylim=(0, 102), xlabel=TEXTS("figures.training.xlabel"))
    axes[1].set_ylabel(TEXTS("figures.training.accuracy_ylabel"))
    axes[1].set_title(TEXTS("figures.training.accuracy", layers=deep(results)))
    axes[1].legend(loc="center right")
    return figure


def grid(results: Results, config: Any) -> Any:
    """Six activations by four starts, and sigmoids as tanh, deepest net: what arrives at the first layer."""
    from matplotlib.colors import TwoSlopeNorm

    deepest = max(depths(results))
    starts: tuple[Start, ...] = (*SCHEMES, "as-tanh")
    figure, (axes,) = canvas(1, 2, 13.5, 4.6)
    for axis, measurement in zip(axes, ("derivative", "weight"), strict=True):
        values = np.full((len(USUAL), len(starts)), np.nan)
        for row, name in enumerate(USUAL):
            for column, start in enumerate(starts):
                if start != "as-tanh" or name == "sigmoid":
                    values[row, column] = log_ratios(results, measurement, name, start, deepest).mean()
        image = axis.imshow(np.clip(values, -12, 2), cmap="RdYlBu", norm=TwoSlopeNorm(0, -12, 2), aspect="auto")
        axis.grid(False)
        axis.set_xticks(range(len(starts)), [_label(start) for start in starts])
        axis.set_yticks(range(len(USUAL)), [_label(name) for name in USUAL])
        for row, name in enumerate(USUAL):
            for column, start in enumerate(starts):
                value = values[row, column]
                weight = "bold" if USUAL[name] == start else "normal"
                colour = "black" if not value > -np.inf or -9 < value < 1.2 else "white"
                text = "–" if np.isnan(value) else f"{float(f'{10**value:.1g}'):g}"
                axis.text(column, row, text, ha="center", va="center", weight=weight, color=colour)
        axis.set(title=TEXTS(f"figures.activation-and-start.{measurement}"))
        axis.set(xlabel=TEXTS("figures.activation-and-start.xlabel"))
        axis.spines[:].set_visible(False)
    bar = figure.colorbar(image, ax=axes, label=TEXTS("figures.activation-and-start.bar"), extend="min")
    bar.set_ticks([-12, -9, -6, -3, 0, 1, 2])
    figure.suptitle(TEXTS("figures.activation-and-start.title", layers=deepest))
    return figure


def _curves(axis: Any, values: np.ndarray, colour: str, label: str) -> None:
    """Curves (seeds, epochs): every seed thin, their median thick."""
    epochs = range(1, values.shape[1] + 1)
    for seed in values:
        axis.plot(epochs, seed, color=colour, alpha=0.25, linewidth=0.8)
    axis.plot(epochs, np.median(values, axis=0), color=colour, linewidth=2.2, label=label)


def training(results: Results, config: Any) -> Any:
    """The deep networks on digits: every seed's loss and accuracy by epoch."""
    figure, (axes,) = canvas(1, 2, 11.5, 4.8)
    for variant in results.variants("train/"):
        name = variant.removeprefix("train/")
        shallow = name == "sigmoid-shallow"
        label = TEXTS("figures.training.shallow", layers=config.shallow) if shallow else _label(name)
        for axis, key, factor in zip(axes, ("losses", "validation_accuracies"), (1, 100), strict=True):
            _curves(axis, factor * results.values(variant, key), COLOURS[name], label)
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
    """Share of dead ReLU units by layer, before and after training at two rates."""
    figure, (axes,) = canvas(1, 2, 12, 4.4, sharey=True)
    for axis, variant in zip(axes, ("train/relu", "high-rate/relu"), strict=True):
        shares = 100 * results.values(variant, "dead")
        rate = results.of(variant)[0].trial.config.learning_rate
        layers = np.arange(shares.shape[2])
        for column, (stage, colour) in enumerate((("before", PALETTE[7]), ("after", PALETTE[2]))):
            label = TEXTS(f"figures.dead-units.{stage}")
            places = layers + 0.4 * column - 0.2
            axis.bar(places, shares[:, column].mean(axis=0), 0.4, color=colour, label=label)
            for seed in shares[:, column]:
                axis.plot(places, seed, ".", color="black", markersize=3, alpha=0.6)
        axis.set_xticks(layers, [TEXTS("figures.dead-units.input"), *map(str, layers[1:])], fontsize=8)
        axis.set(xlabel=TEXTS("figures.dead-units.xlabel"))
        axis.set_title(TEXTS("figures.dead-units.title", rate=rate))
    axes[0].set_ylabel(TEXTS("figures.dead-units.ylabel"))
    axes[0].legend(loc="upper left", title=TEXTS("figures.dead-units.seeds"))
    return figure


ARM_COLOURS: Mapping[str, str] = dict(zip(ARMS, (PALETTE[7], PALETTE[1], PALETTE[5], PALETTE[0]), strict=True))


def hundred_layers(results: Results, config: Any) -> Any:
    """The four networks by depth: accuracy, likeness of different images at the start, and gradient at the start."""
    figure, (axes,) = canvas(1, 3, 15, 4.8)
    accuracy, likeness, ratio = axes
    trained = [variant.split("/")[1:] for variant in results.variants("very-deep/")]
    for place, (arm, colour) in enumerate(ARM_COLOURS.items()):
        of_arm = sorted(int(depth) for name, depth in trained if name == arm)
        label = TEXTS(f"figures.hundred-layers.{arm}")
        for axis, key, factor in ((accuracy, "test_accuracy", 100), (ratio, "ratio", 1)):
            values = [factor * results.values(f"very-deep/{arm}/{depth}", key) for depth in of_arm]
            for depth, seeds in zip(of_arm, values, strict=True):
                axis.plot(np.full(len(seeds), depth + place), seeds, "o", color=colour, markersize=4, alpha=0.5)
            axis.plot(np.array(of_arm) + place, [np.median(seeds) for seeds in values], color=colour, label=label)
        cosines = results.values(f"very-deep/{arm}/{of_arm[-1]}", "likeness")
        likeness.plot(range(cosines.shape[1]), cosines.mean(axis=0), color=colour, label=label)
    accuracy.axhline(10, color="#777777", linestyle=":", linewidth=1)
    accuracy.set(ylim=(0, 102), ylabel=TEXTS("figures.hundred-layers.accuracy"))
    likeness.set(ylabel=TEXTS("figures.hundred-layers.cosine"), xlabel=TEXTS("figures.gradient-by-layer.xlabel"))
    ratio.set(yscale="log", ylabel=TEXTS("figures.gradient-by-depth.ylabel"))
    for axis in (accuracy, ratio):
        axis.set_xlabel(TEXTS("figures.gradient-by-depth.xlabel"))
        axis.set_xticks(of_arm)
        axis.minorticks_off()
    for axis, title in zip(axes, ("accuracy-title", "likeness-title", "ratio-title"), strict=True):
        axis.set_title(TEXTS(f"figures.hundred-layers.{title}", layers=of_arm[-1]))
    shared_legend(figure, accuracy)
    return figure


FIGURES: Mapping[str, Callable[[Results, Any], Any]] = {
    "activations": functions,
    "gradient-by-depth": by_depth,
    "gradient-by-layer": by_layer,
    "activation-and-start": grid,
    "another-start": another_start,
    "training": training,
    "dead-units": dead,
    "hundred-layers": hundred_layers,
}
