"""The pictures of the convolution lab, drawn from its measurements alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lib.cnn.convolution.filters import SOBEL_X
from lib.cnn.convolution.growth import stack
from lib.cnn.convolution.training import lead
from lib.harness.contract.claim import largest, smallest
from lib.harness.contract.drawing import PALETTE, canvas
from lib.harness.contract.results import Results
from lib.harness.contract.texts import Texts
from lib.harness.judging.intervals import mean_interval

BLUE, RED, GREEN, PINK, ORANGE, SKY, BLACK, GREY = PALETTE
TEXTS = Texts.beside(__file__)


def mosaic(layout: Any, width: float, height: float, **keywords: Any) -> tuple[Any, Any]:
    """A figure of this size in inches, and its axes by the names in `layout`."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplot_mosaic(layout, **keywords)


def show(axis: Any, image: Any, title: str = "", limit: float | None = None, signed: bool = False) -> None:
    """A picture without ticks. `signed`: grey is zero, white is `limit`, black is -`limit`."""
    values = np.asarray(image)
    limit = float(np.abs(values).max()) if limit is None else limit
    axis.imshow(values, cmap="gray", vmin=-limit if signed else 0, vmax=limit, interpolation="nearest")
    axis.set_title(title)
    axis.set_xticks([])
    axis.set_yticks([])
    axis.grid(False)
    axis.spines[:].set_visible(False)


def brightest(image: Any) -> float:
    """A limit for `show` that lets a few pixels be too bright."""
    return float(np.quantile(np.abs(image), 0.985))


def shift_multiply_sum(results: Results, config: Any) -> Any:
    """Left: nine shifted and weighted copies of a picture. Middle: their sum. Right: every way gives the same."""
    found = {name: results.of(name)[0].measurements for name in ("torch", "tensorflow")}
    grey = np.array(found["torch"]["picture"]["grey"])
    side = len(grey) - 2
    names = [[f"{a}{b}" for b in range(3)] for a in range(3)]
    figure, axes = mosaic([[*row, "sum", "sum", "sum", "same", "same", "same"] for row in names], 15, 5.2)
    total = np.zeros((side, side))
    for a, b in np.ndindex(3, 3):
        weight = int(8 * SOBEL_X[a, b])
        copy = weight * grey[a : a + side, b : b + side]
        total += copy
        show(axes[f"{a}{b}"], copy, f"× {weight}".replace("-", "−"), 2.0, signed=True)
    show(axes["sum"], total, TEXTS("figures.shift-multiply-sum.sum"), 2.0, True)
    rows = {
        "shifts": ("torch", "tensorflow"),
        "fft": ("torch", "tensorflow"),
        "torch": ("torch",),
        "tensorflow": ("tensorflow",),
        "gradients": ("torch", "tensorflow"),
    }
    axis = axes["same"]
    for dtype, look in (("float32", {"markerfacecolor": "white"}), ("float64", {})):
        worst = [largest(found[v]["worst"][way][dtype] for v in variants) for way, variants in rows.items()]
        axis.plot(
            worst,
            range(len(rows)),
            "o",
            color=BLUE,
            label=TEXTS("figures.shift-multiply-sum.worst", dtype=dtype),
            **look,
        )
    least = smallest(m["unturned"] for m in found.values())
    axis.plot(least, len(rows), "X", color=RED, markersize=9, label=TEXTS("figures.shift-multiply-sum.other"))
    axis.axvline(1e-5, color=BLACK, linewidth=0.8, linestyle="--")
    axis.text(1.5e-5, -0.65, TEXTS("figures.shift-multiply-sum.tolerance"), fontsize=8)
    ways = [TEXTS(f"figures.shift-multiply-sum.ways.{way}") for way in (*rows, "unturned")]
    axis.set_yticks(range(len(ways)), ways)
    axis.set(xscale="log", xlim=(1e-17, 30), ylim=(7.6, -1), xlabel=TEXTS("figures.shift-multiply-sum.xlabel"))
    axis.set_title(TEXTS("figures.shift-multiply-sum.same"))
    axis.legend(loc="lower left", fontsize=8)
    figure.suptitle(TEXTS("figures.shift-multiply-sum.title"))
    return figure


def features(results: Results, config: Any) -> Any:
    """Above: features found by filters made by hand. Below: by filters that are learned."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(15, 12.4), layout="constrained")
    parts: Any = figure.subfigures(2, 1, height_ratios=(6.9, 5.2))
    above, below = parts
    edges(above, results)
    cnn_and_mlp(below, results, config)
    figure.suptitle(TEXTS("figures.features.title"))
    return figure


def edges(figure: Any, results: Results) -> None:
    """Above: what four filters see of the temple. Below: upright edges by clothes, and the tuning of Gabor filters."""
    found = results.of("edges")[0].measurements
    names = ["photograph", "upright", "level", "gabor 45", "gabor 135"]
    layout = [[name for name in names for _ in range(2)], [*["clothes"] * 5, *["tuning"] * 5]]
    axes = figure.subplot_mosaic(layout, height_ratios=(1, 1.7))
    sobel, gabor = (max(brightest(found["pictures"][name]) for name in pair) for pair in (names[1:3], names[3:5]))
    for name, limit in zip(names, (1.0, sobel, sobel, gabor, gabor), strict=True):
        show(axes[name], found["pictures"][name], TEXTS(f"figures.features.{name.replace(' ', '-')}"), limit)
    axis = axes["clothes"]
    kinds = sorted(found["upright"], key=lambda name: float(np.median(found["upright"][name])))
    for row, kind in enumerate(kinds):
        values = 100 * np.array(found["upright"][kind])
        colour = {"trouser": BLUE, "sneaker": RED}.get(kind, GREY)
        axis.plot(values, row + np.linspace(-0.28, 0.28, len(values)), ".", color=colour, markersize=3, alpha=0.5)
        axis.plot(np.median(values), row, "|", color=BLACK, markersize=16, markeredgewidth=2)
    axis.axvline(50, color=BLACK, linewidth=0.8)
    axis.set_yticks(range(len(kinds)), [TEXTS(f"labels.{kind.replace(' ', '-')}") for kind in kinds])
    axis.set(xlabel=TEXTS("figures.features.clothes_xlabel"), xlim=(0, 100))
    axis.set_title(TEXTS("figures.features.clothes_title"))
    axis = axes["tuning"]
    for (name, tuned), colour in zip(found["gabor"].items(), (ORANGE, GREEN), strict=True):
        number = len(tuned["tuning"])
        angles = (np.arange(number + 1) - number // 2) * 180 / number
        values = np.roll(tuned["tuning"], number // 2)
        axis.plot(
            angles,
            100 * np.append(values, values[0]),
            "o-",
            color=colour,
            label=TEXTS("figures.features.edges", name=TEXTS(f"labels.{name}"), number=tuned["edges"]),
        )
    axis.set_xticks(range(-90, 91, 30))
    axis.set(
        xlabel=TEXTS("figures.features.tuning_xlabel"), ylabel=TEXTS("figures.features.tuning_ylabel"), ylim=(0, 105)
    )
    axis.set_title(TEXTS("figures.features.tuning_title"))
    axis.legend(loc="lower center")
    figure.suptitle(TEXTS("figures.features.edges_title"))


def learned(results: Results, config: Any) -> Any:
    """LeNet's first filters before and after training, and what they make of three pictures; seed 0."""
    found = results.of("training/cnn")[0].measurements
    examples = found["maps"]
    start, end = (np.array(found["filters"][name]) for name in ("start", "learned"))
    share = 100 * np.linalg.norm(end - start) / np.linalg.norm(start)
    rows = (
        (TEXTS("figures.learned-features.start"), start, np.abs(end).max()),
        (TEXTS("figures.learned-features.change", share=share), end - start, np.abs(end - start).max()),
        (TEXTS("figures.learned-features.end"), end, np.abs(end).max()),
    )
    figure, axes = canvas(len(rows) + len(examples), 7, 11, 10)
    for row, (name, kernels, limit) in enumerate(rows):
        axes[row, 0].text(0.5, 0.5, name, ha="center", va="center")
        axes[row, 0].set_axis_off()
        for axis, kernel in zip(axes[row, 1:], kernels, strict=True):
            show(axis, kernel, "", limit, signed=True)
    for row, example in enumerate(examples, len(rows)):
        first = row == len(rows)
        show(axes[row, 0], example["picture"], TEXTS("figures.learned-features.picture") if first else "")
        limit = float(np.max(example["conv1"]))
        for column, image in enumerate(example["conv1"], 1):
            name = TEXTS("figures.learned-features.map", number=column) if first else ""
            show(axes[row, column], image, name, limit)
    figure.suptitle(TEXTS("figures.learned-features.title"))
    return figure


def cnn_and_mlp(figure: Any, results: Results, config: Any) -> None:
    """Accuracy by how far the pictures are moved; LeNet's lead in each situation; a linear classifier on features."""
    by_distance, leads, linear = figure.subplots(1, 3)
    for arm, colour in (("cnn", BLUE), ("mlp", RED)):
        values = 100 * results.values(f"training/{arm}", "test_accuracy")
        distances = np.arange(values.shape[1])
        by_distance.plot(distances, values.T, color=colour, linewidth=0.7, alpha=0.5)
        by_distance.plot(distances, values.mean(axis=0), "o-", color=colour, label=TEXTS(f"figures.features.{arm}"))
    by_distance.set_xticks(distances)
    by_distance.set(xlabel=TEXTS("figures.features.distance"), ylabel=TEXTS("labels.accuracy"))
    by_distance.set_title(TEXTS("figures.features.distance_title"))
    by_distance.legend(loc="lower left")
    situations = {
        TEXTS("figures.features.centred"): lead(results)[:, 0].values,
        TEXTS("figures.features.moved", shift=config.shift): lead(results)[:, 1:].mean(axis=1).values,
        TEXTS("figures.features.shuffled"): lead(results, "-shuffled")[:, 0].values,
    }
    dots(leads, situations, (BLUE, BLUE, GREY))
    leads.axhline(0, color=BLACK, linewidth=0.8)
    leads.set(ylabel=TEXTS("figures.features.lead"))
    leads.set_title(TEXTS("figures.features.lead_title"))
    accuracies = results.values("training/cnn", "linear")
    views = {
        TEXTS(f"figures.features.views.{name}"): 100 * np.array([each[name] for each in accuracies])
        for name in ("pixels", "start", "learned")
    }
    dots(linear, views, (GREY, SKY, BLUE))
    linear.set(ylabel=TEXTS("labels.accuracy"))
    linear.set_title(TEXTS("figures.features.linear_title"))
    figure.suptitle(TEXTS("figures.features.learned_title", pictures=config.pictures))


def dots(axis: Any, groups: dict[str, np.ndarray], colours: Sequence[str]) -> None:
    """Every seed as a dot, beside it the mean with its 95 % interval."""
    for place, (values, colour) in enumerate(zip(groups.values(), colours, strict=True)):
        center, low, high = mean_interval(values)
        axis.plot(np.full(len(values), place - 0.12), values, "o", color=colour, markersize=5, alpha=0.6)
        if np.isfinite(low):
            axis.plot([place + 0.12] * 2, [low, high], color=colour, linewidth=5, alpha=0.4, solid_capstyle="butt")
        axis.plot(place + 0.12, center, "_", color=colour, markersize=18, markeredgewidth=2)
        axis.annotate(f"{center:.1f}".replace("-", "−"), (place + 0.28, center), va="center", fontsize=9)
    axis.set_xticks(range(len(groups)), list(groups))
    axis.set_xlim(-0.5, len(groups) - 0.3)


def order(results: Results, config: Any) -> Any:
    """Left: 3 x 3 and 5 x 5 merge into 7 x 7. Right: where two filters are not one, by distance from the border."""
    from matplotlib.patches import Rectangle

    found = results.of("order")[0].measurements
    kernels = found["maps"]["kernels"]
    figure, axes = mosaic([["3", "5", "7", "rings", "rings", "rings"]], 15, 4.4)
    for name in ("3", "5", "7"):
        image = np.full((7, 7), np.nan)
        side = int(name)
        start = (7 - side) // 2
        image[start : start + side, start : start + side] = kernels[name]
        limit = float(np.nanmax(np.abs(image)))
        show(axes[name], image, TEXTS(f"figures.order.kernels.{name}"), limit, signed=True)
        axes[name].add_patch(
            Rectangle((start - 0.5, start - 0.5), side, side, fill=False, linewidth=1, edgecolor=BLACK)
        )
    axis = axes["rings"]
    for name, colour, marker in (("relu", RED, "s"), ("padded", BLUE, "o"), ("swapped", SKY, "^")):
        values = np.maximum(found["maps"]["rings"][name], 1e-17)
        axis.semilogy(range(len(values)), values, marker=marker, color=colour, label=TEXTS(f"figures.order.{name}"))
    axis.axhline(1e-12, color=BLACK, linewidth=0.8, linestyle="--")
    axis.text(7, 2e-12, TEXTS("figures.order.rounding"), ha="right", fontsize=9)
    axis.set(
        xlabel=TEXTS("figures.order.xlabel"),
        ylabel=TEXTS("figures.order.ylabel"),
        ylim=(1e-17, 30),
    )
    axis.legend(loc="center right", bbox_to_anchor=(1, 0.62))
    axis.set_title(TEXTS("figures.order.rings_title"))
    figure.suptitle(TEXTS("figures.order.title"))
    return figure


def growth(results: Results, config: Any) -> Any:
    """Filters that grow by being stacked, the edges that come out, and how size grows with depth."""
    found = results.of("size")[0].measurements
    size, pictures = found["size"], found["picture"]
    depths = [int(name) for name in pictures if name != "photograph"]
    columns = ["photograph", *map(str, depths)]
    layout = [
        [*(f"kernel {name}" for name in columns[1:]), "size"],
        [*(f"edges {name}" for name in columns[1:]), "size"],
    ]
    figure, axes = mosaic(layout, 15, 5.7, width_ratios=(1, 1, 1, 1.45), height_ratios=(1.2, 1))
    widest = 2 * max(depths) + 1
    for depth in depths:
        kernel = stack(depth)
        frame = np.pad(kernel, (widest - len(kernel)) // 2)
        title = TEXTS("figures.growth.one" if depth == 1 else "figures.growth.several", depth=depth, side=len(kernel))
        show(axes[f"kernel {depth}"], frame, title)
        image = np.array(pictures[str(depth)])
        show(axes[f"edges {depth}"], image, TEXTS("figures.growth.edges"), brightest(image))
    axis = axes["size"]
    axis.loglog(size["depth"], size["side"], "o-", color=BLUE, base=2)
    axis.loglog(size["depth"], size["wavelength"], "s-", color=RED, base=2)
    axis.loglog(size["depth"], size["deviation"], "^-", color=GREEN, base=2)
    for name, colour in (("side", BLUE), ("wavelength", RED), ("deviation", GREEN)):
        axis.annotate(
            TEXTS(f"figures.growth.{name}"),
            (17, size[name][-1]),
            color=colour,
            va="center",
            fontsize=9,
            annotation_clip=False,
        )
    axis.set_xticks(size["depth"], [str(depth) for depth in size["depth"]])
    axis.set_yticks([1, 2, 4, 8, 16, 32], ["1", "2", "4", "8", "16", "32"])
    axis.set(xlabel=TEXTS("figures.growth.xlabel"), ylabel=TEXTS("figures.growth.ylabel"), xlim=(0.9, 64))
    axis.set_title(TEXTS("figures.growth.size_title"))
    figure.suptitle(TEXTS("figures.growth.title"))
    return figure


def receptive_fields(results: Results, config: Any) -> Any:
    """Pixels at which the gradient of one unit of each of LeNet's layers is not zero, and the formula's square."""
    from matplotlib.patches import Rectangle

    found = results.of("field")[0].measurements
    figure, axes = canvas(2, 5, 15, 7)
    for row, pooling in enumerate(("average", "maximum")):
        for axis, (name, side) in zip(axes[row], found["formula"].items(), strict=True):
            gradient = np.array(found["gradient"][pooling][name])
            visible = np.where(gradient > 0, 0.25 + 0.75 * np.sqrt(gradient / gradient.max()), 0)
            layer = TEXTS(f"figures.receptive-field.{name}")
            show(
                axis, visible, TEXTS("figures.receptive-field.formula", layer=layer, side=side) if row == 0 else "", 1.0
            )
            rows, columns = np.nonzero(found["gradient"]["average"][name])
            corner = (columns.min() - 0.5, rows.min() - 0.5)
            axis.add_patch(Rectangle(corner, side, side, fill=False, edgecolor=ORANGE, linewidth=2.5))
            number = np.count_nonzero(gradient)
            axis.set_xlabel(TEXTS("figures.receptive-field.matter", number=number, all=side * side))
    axes[0, 0].set_ylabel(TEXTS("figures.receptive-field.average"))
    axes[1, 0].set_ylabel(TEXTS("figures.receptive-field.maximum"))
    figure.suptitle(TEXTS("figures.receptive-field.title"))
    return figure


FIGURES = {
    "shift-multiply-sum": shift_multiply_sum,
    "features": features,
    "learned-features": learned,
    "order": order,
    "growth": growth,
    "receptive-field": receptive_fields,
}
"""Name of the file to function."""
