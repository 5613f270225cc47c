"""Pictures of the lenet lab: curves, accuracies, learned filters and maps, and mistakes."""

from __future__ import annotations

from typing import Any

import numpy as np

from lib.data import fashion_mnist
from lib.harness.contract.drawing import PALETTE, canvas, shared_legend
from lib.harness.contract.results import Results
from lib.harness.contract.texts import Texts
from lib.harness.judging.intervals import mean_interval

COLOURS = {"modern": PALETTE[0], "original": PALETTE[1], "recipe": PALETTE[7]}
ROWS = ("clothes/modern", "clothes/original", "recipe/original", "digits/modern", "digits/original")
EXAMPLE = 13
"""The validation picture whose maps are shown: an ankle boot."""
SHOWN = ("clothes/modern", "clothes/original", "recipe/original")
TEXTS = Texts.beside(__file__)


def _class(label: int) -> str:
    """The name of a class of clothes."""
    return TEXTS(f"labels.class-{label}")


def _network(variant: str) -> str:
    """A network's name: modern or original."""
    return TEXTS(f"labels.{variant.partition('/')[2]}")


def _colour(variant: str) -> str:
    stage, name = variant.split("/")
    return COLOURS["recipe" if stage == "recipe" else name]


def curves(results: Results, config: Any) -> Any:
    """Loss on training and validation pictures by epoch, every seed and the mean."""
    figure, (axes,) = canvas(1, 2, 11.5, 4.8)
    for variant in (variant for variant in SHOWN if variant in results.variants()):
        colour = _colour(variant)
        training, loss, accuracies = (
            results.values(variant, f"{name}_curve")
            for name in ("train_loss", "validation_loss", "validation_accuracy")
        )
        epochs = np.arange(1, loss.shape[1] + 1)
        label = TEXTS(f"figures.curves.{variant}")
        axes[0].plot(epochs, training.mean(0), color=colour, linestyle=(0, (2, 1.5)), linewidth=1.2)
        for axis, values in zip(axes, (loss, 100 * accuracies), strict=True):
            axis.plot(epochs, values.T, color=colour, linewidth=0.6, alpha=0.4)
            axis.plot(epochs, values.mean(0), color=colour, label=label)
    axes[0].set(xlabel=TEXTS("figures.curves.xlabel"), ylabel=TEXTS("figures.curves.loss_ylabel"), yscale="log")
    axes[0].set_title(TEXTS("figures.curves.loss_title"))
    axes[0].yaxis.set_major_formatter("{x:.1f}")
    axes[0].yaxis.set_minor_formatter("{x:.1f}")
    axes[0].tick_params(axis="y", which="minor", labelsize=8)
    axes[1].set(xlabel=TEXTS("figures.curves.xlabel"), ylabel=TEXTS("figures.curves.accuracy_ylabel"), ylim=(50, 95))
    axes[1].set_title(TEXTS("figures.curves.accuracy_title"))
    shared_legend(figure, axes[1], columns=2)
    return figure


def accuracy(results: Results, config: Any) -> Any:
    """Test accuracy of every variant: mean, 95 % interval, every seed."""
    figure, ((axis,),) = canvas(1, 1, 9, 4.2)
    rows = [variant for variant in ROWS if variant in results.variants()]
    for row, variant in enumerate(rows):
        values = 100 * results.values(variant, "test_accuracy")
        center, low, high = mean_interval(values)
        colour = _colour(variant)
        if np.isfinite(low):
            axis.plot([low, high], [row, row], color=colour, linewidth=7, alpha=0.3, solid_capstyle="butt")
        axis.plot(values, np.full(len(values), row), "o", color=colour, markersize=4)
        axis.plot(center, row, "|", color=colour, markersize=20, markeredgewidth=2)
        axis.annotate(f"{center:.1f} %", (center, row), (0, 13), textcoords="offset points", ha="center")
    axis.set_yticks(range(len(rows)), [TEXTS(f"figures.accuracy.{variant}") for variant in rows])
    axis.set(ylim=(len(rows) - 0.5, -0.7), xlabel=TEXTS("figures.accuracy.xlabel"))
    axis.grid(axis="y", visible=False)
    axis.set_title(TEXTS("figures.accuracy.title"))
    return figure


def filters(results: Results, config: Any) -> Any:
    """The six 5 x 5 filters of the first layer, of both networks and of the first two seeds."""
    shown = [(v, r) for v in ("clothes/modern", "clothes/original") for r in results.of(v)[:2]]
    figure, axes = canvas(len(shown), 6, 7.6, 1.35 * len(shown) + 0.7)
    for row, (variant, result) in zip(axes, shown, strict=True):
        learned = np.array(result.measurements["filters"])
        for axis, kernel in zip(row, learned, strict=True):
            largest = np.abs(kernel).max()
            axis.imshow(kernel, cmap="RdBu_r", vmin=-largest, vmax=largest)
            _bare(axis)
        name = TEXTS("figures.filters.row", network=_network(variant), seed=result.trial.seed)
        row[0].set_ylabel(name, rotation=0, ha="right", va="center")
    figure.suptitle(TEXTS("figures.filters.title"))
    return figure


def maps(results: Results, config: Any) -> Any:
    """One validation picture on its way through the modern network: the maps of each layer."""
    out = {k: np.array(v) for k, v in results.of("clothes/modern")[0].measurements["maps"].items()}
    picture = fashion_mnist.validation()
    figure, axes = canvas(7, 6, 7.4, 9.6)
    rows = [out["conv1"], out["pool1"], *np.split(out["conv2"][:12], 2), *np.split(out["pool2"][:12], 2)]
    conv1, pool1, conv2, pool2 = (TEXTS(f"figures.maps.{layer}") for layer in ("conv1", "pool1", "conv2", "pool2"))
    for axis in axes[0]:
        axis.set_axis_off()
    first = axes[0, 0]
    first.set_axis_on()
    first.imshow(picture.images[EXAMPLE], cmap="gray_r")
    _bare(first)
    name = TEXTS("figures.maps.picture", name=_class(picture.labels[EXAMPLE]))
    first.set_ylabel(name, rotation=0, ha="right", va="center")
    for row, values, name in zip(axes[1:], rows, (conv1, pool1, conv2, "", pool2, ""), strict=True):
        for axis, image in zip(row, values, strict=True):
            axis.imshow(image, cmap="viridis", vmin=0, vmax=values.max() or 1)
            _bare(axis)
        row[0].set_ylabel(name, rotation=0, ha="right", va="center")
    figure.suptitle(TEXTS("figures.maps.title"))
    return figure


def confusion(results: Results, config: Any) -> Any:
    """Share of each class's test pictures (%) that the modern network assigns to each class, mean over seeds."""
    counts = results.values("clothes/modern", "confusion").mean(0)
    share = 100 * counts / counts.sum(1, keepdims=True)
    figure, ((axis,),) = canvas(1, 1, 7.6, 6.8)
    axis.imshow(np.sqrt(share), cmap="Blues", vmin=0, vmax=10)
    for row in range(10):
        for column in range(10):
            if share[row, column] >= 0.05:
                colour = "white" if share[row, column] > 40 else "black"
                text = f"{share[row, column]:.1f}"
                axis.text(column, row, text, ha="center", va="center", color=colour, fontsize=8.5)
    classes = [_class(label) for label in range(10)]
    axis.set_xticks(range(10), classes, rotation=40, ha="right", rotation_mode="anchor")
    axis.set_yticks(range(10), classes)
    axis.grid(visible=False)
    axis.set(xlabel=TEXTS("figures.confusion.xlabel"), ylabel=TEXTS("figures.confusion.ylabel"))
    axis.set_title(TEXTS("figures.confusion.title"))
    return figure


def worst(results: Results, config: Any) -> Any:
    """The test pictures that the modern network is most wrong about, as it saw them."""
    test = fashion_mnist.test()
    shown = results.of("clothes/modern")[0].measurements["worst"]
    figure, axes = canvas(2, 8, 12, 4.2)
    for axis, (index, answer, sure) in zip(axes.flat, shown, strict=True):
        axis.imshow(test.images[int(index)], cmap="gray_r")
        _bare(axis)
        predicted = TEXTS("figures.worst.predicted", name=_class(int(answer)), share=100 * sure)
        axis.set_title(predicted, fontsize=9, color=PALETTE[1])
        axis.set_xlabel(TEXTS("figures.worst.label", name=_class(test.labels[int(index)])), fontsize=9)
    figure.suptitle(TEXTS("figures.worst.title"))
    return figure


def _bare(axis: Any) -> None:
    """No ticks and no grid: a picture."""
    axis.set_xticks([])
    axis.set_yticks([])
    axis.grid(visible=False)
    for spine in axis.spines.values():
        spine.set_visible(False)


FIGURES = {
    "curves": curves,
    "accuracy": accuracy,
    "filters": filters,
    "maps": maps,
    "confusion": confusion,
    "worst": worst,
}
