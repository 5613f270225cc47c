"""The pictures of the convolution lab, drawn from its measurements alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lib.cnn.convolution.filters import SOBEL_X
from lib.cnn.convolution.growth import stack
from lib.cnn.convolution.training import lead
from lib.harness.contract.drawing import PALETTE, canvas
from lib.harness.contract.results import Results
from lib.harness.judging.intervals import mean_interval

BLUE, RED, GREEN, PINK, ORANGE, SKY, BLACK, GREY = PALETTE


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
    show(
        axes["sum"],
        total,
        "summed: bright and dark where the picture\ngets brighter and darker to the right",
        2.0,
        True,
    )
    rows = [
        ("shifting, multiplying, summing", "shifts", ("torch", "tensorflow")),
        ("multiplying spectra (FFT)", "fft", ("torch", "tensorflow")),
        ("torch's conv2d, kernel turned", "torch", ("torch",)),
        ("TensorFlow's conv2d, kernel turned", "tensorflow", ("tensorflow",)),
        ("gradients: by hand and theirs", "gradients", ("torch", "tensorflow")),
    ]
    axis = axes["same"]
    for dtype, look in (("float32", {"markerfacecolor": "white"}), ("float64", {})):
        worst = [max(found[v]["worst"][way][dtype] for v in variants) for _, way, variants in rows]
        axis.plot(worst, range(len(rows)), "o", color=BLUE, label=f"{dtype}, worst of all cases", **look)
    least = min(m["unturned"] for m in found.values())
    axis.plot(least, len(rows), "X", color=RED, markersize=9, label="another operation: cross-correlation")
    axis.axvline(1e-5, color=BLACK, linewidth=0.8, linestyle="--")
    axis.text(1.5e-5, -0.65, "tolerance", fontsize=8)
    axis.set_yticks(range(len(rows) + 1), [name for name, *_ in rows] + ["conv2d, kernel not turned"])
    axis.set(xscale="log", xlabel="relative deviation from the formula's loops", xlim=(1e-17, 30), ylim=(7.6, -1))
    axis.set_title("however it is computed, it is the same")
    axis.legend(loc="lower left", fontsize=8)
    figure.suptitle(
        "Shift the picture, multiply it by a weight, sum the nine copies: Sobel's filter, and every convolution"
    )
    return figure


def edges(results: Results, config: Any) -> Any:
    """Above: what four filters see of the temple. Below: upright edges by clothes, and the tuning of Gabor filters."""
    found = results.of("edges")[0].measurements
    titles = {
        "photograph": "photograph",
        "upright": "Sobel: upright edges",
        "level": "Sobel: level edges",
        "gabor 45": "Gabor: edges like /",
        "gabor 135": "Gabor: edges like \\",
    }
    names = list(titles)
    figure, axes = mosaic(
        [[name for name in names for _ in range(2)], [*["clothes"] * 5, *["tuning"] * 5]],
        15,
        6.9,
        height_ratios=(1, 1.7),
    )
    sobel, gabor = (max(brightest(found["pictures"][name]) for name in pair) for pair in (names[1:3], names[3:5]))
    for name, limit in zip(names, (1.0, sobel, sobel, gabor, gabor), strict=True):
        show(axes[name], found["pictures"][name], titles[name], limit)
    axis = axes["clothes"]
    kinds = sorted(found["upright"], key=lambda name: float(np.median(found["upright"][name])))
    for row, kind in enumerate(kinds):
        values = 100 * np.array(found["upright"][kind])
        colour = {"trouser": BLUE, "sneaker": RED}.get(kind, GREY)
        axis.plot(values, row + np.linspace(-0.28, 0.28, len(values)), ".", color=colour, markersize=3, alpha=0.5)
        axis.plot(np.median(values), row, "|", color=BLACK, markersize=16, markeredgewidth=2)
    axis.axvline(50, color=BLACK, linewidth=0.8)
    axis.set_yticks(range(len(kinds)), kinds)
    axis.set(xlabel="upright share of a picture's edges in % (each dot a picture, bar: median)", xlim=(0, 100))
    axis.set_title("Sobel finds that trousers are upright and sneakers level")
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
            label=f"{name}, {tuned['edges']:,} edge pixels",
        )
    axis.set_xticks(range(-90, 91, 30))
    axis.set(
        xlabel="angle between filter and edge in degrees", ylabel="response in % of the fitting filter's", ylim=(0, 105)
    )
    axis.set_title("A Gabor filter responds to edges of its own direction")
    axis.legend(loc="lower center")
    figure.suptitle("Filters made by hand extract the edges of a picture, each those of its direction")
    return figure


def learned(results: Results, config: Any) -> Any:
    """LeNet's first filters before and after training, and what they make of three pictures; seed 0."""
    found = results.of("training/cnn")[0].measurements
    examples = found["maps"]
    start, end = (np.array(found["filters"][name]) for name in ("start", "learned"))
    share = 100 * np.linalg.norm(end - start) / np.linalg.norm(start)
    rows = (
        ("the six filters\nat the start:\nrandom", start, np.abs(end).max()),
        (f"what training\nadds to them:\n{share:.0f} %, shown\nbrighter", end - start, np.abs(end - start).max()),
        ("the six filters,\nlearned", end, np.abs(end).max()),
    )
    figure, axes = canvas(len(rows) + len(examples), 7, 11, 10)
    for row, (words, kernels, limit) in enumerate(rows):
        axes[row, 0].text(0.5, 0.5, words, ha="center", va="center")
        axes[row, 0].set_axis_off()
        for axis, kernel in zip(axes[row, 1:], kernels, strict=True):
            show(axis, kernel, "", limit, signed=True)
    for row, example in enumerate(examples, len(rows)):
        first = row == len(rows)
        show(axes[row, 0], example["picture"], "picture" if first else "")
        limit = float(np.max(example["conv1"]))
        for column, image in enumerate(example["conv1"], 1):
            show(axes[row, column], image, f"map of filter {column}" if first else "", limit)
    figure.suptitle(
        "LeNet's six filters (5 × 5; white: positive, black: negative) and the map that each makes of a picture:\n"
        "outlines of one side, surfaces, stripes (after ReLU; white: found here)"
    )
    return figure


def cnn_and_mlp(results: Results, config: Any) -> Any:
    """Accuracy by how far the pictures are moved; LeNet's lead in each situation; a linear classifier on features."""
    figure, (axes,) = canvas(1, 3, 15, 4.8)
    by_distance, leads, linear = axes
    looks = {"cnn": ("LeNet", BLUE), "mlp": ("MLP, as many parameters", RED)}
    for arm, (words, colour) in looks.items():
        values = 100 * results.values(f"training/{arm}", "test_accuracy")
        distances = np.arange(values.shape[1])
        by_distance.plot(distances, values.T, color=colour, linewidth=0.7, alpha=0.5)
        by_distance.plot(distances, values.mean(axis=0), "o-", color=colour, label=words)
    by_distance.set_xticks(distances)
    by_distance.set(xlabel="pixels by which the test pictures are moved", ylabel="test accuracy in %")
    by_distance.set_title("LeNet loses less when the clothes are moved")
    by_distance.legend(loc="lower left")
    situations = {
        "pictures\nas they are": lead(results)[:, 0],
        f"moved, mean of\n1 to {config.shift} pixels": lead(results)[:, 1:].mean(axis=1),
        "pixels\nshuffled": lead(results, "-shuffled")[:, 0],
    }
    dots(leads, situations, (BLUE, BLUE, GREY))
    leads.axhline(0, color=BLACK, linewidth=0.8)
    leads.set(ylabel="points of accuracy over the MLP")
    leads.set_title("its lead grows with the move, and needs neighbours")
    found = results.values("training/cnn", "linear")
    views = {
        "pixels": "784 pixels",
        "start": "400 features of\nrandom filters",
        "learned": "400 features of\nlearned filters",
    }
    dots(
        linear,
        {words: 100 * np.array([each[name] for each in found]) for name, words in views.items()},
        (GREY, SKY, BLUE),
    )
    linear.set(ylabel="test accuracy in %")
    linear.set_title("what a linear classifier makes of features")
    figure.suptitle(
        f"Convolutions extract features: Fashion-MNIST, {config.pictures:,} training pictures, LeNet and an MLP "
        "of its size (dots: seeds; bars: mean and 95 % interval)"
    )
    return figure


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
    for name, title in (("3", "first filter: 3 × 3"), ("5", "∗ second filter: 5 × 5"), ("7", "= both in one: 7 × 7")):
        image = np.full((7, 7), np.nan)
        side = int(name)
        start = (7 - side) // 2
        image[start : start + side, start : start + side] = kernels[name]
        limit = float(np.nanmax(np.abs(image)))
        show(axes[name], image, title, limit, signed=True)
        axes[name].add_patch(
            Rectangle((start - 0.5, start - 0.5), side, side, fill=False, linewidth=1, edgecolor=BLACK)
        )
    axis = axes["rings"]
    for name, words, colour, marker in (
        ("relu", "ReLU between the two", RED, "s"),
        ("padded", "padded with zeros, 3 × 3 first", BLUE, "o"),
        ("swapped", "padded with zeros, 5 × 5 first", SKY, "^"),
    ):
        values = np.maximum(found["maps"]["rings"][name], 1e-17)
        axis.semilogy(range(len(values)), values, marker=marker, color=colour, label=words)
    axis.axhline(1e-12, color=BLACK, linewidth=0.8, linestyle="--")
    axis.text(7, 2e-12, "below: rounding", ha="right", fontsize=9)
    axis.set(
        xlabel="distance from the border in pixels",
        ylabel="difference from the one filter\n(share of its output)",
        ylim=(1e-17, 30),
    )
    axis.legend(loc="center right", bbox_to_anchor=(1, 0.62))
    axis.set_title("inside they are one, in either order; near the border and after a ReLU they are not")
    figure.suptitle("Two convolutions in a row are one with a larger filter, as long as nothing comes between them")
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
        words = "one filter: 3 × 3" if depth == 1 else f"{depth} in a row: {len(kernel)} × {len(kernel)}"
        show(axes[f"kernel {depth}"], frame, words)
        image = np.array(pictures[str(depth)])
        show(axes[f"edges {depth}"], image, "edges behind it", brightest(image))
    axis = axes["size"]
    axis.loglog(size["depth"], size["side"], "o-", color=BLUE, base=2)
    axis.loglog(size["depth"], size["wavelength"], "s-", color=RED, base=2)
    axis.loglog(size["depth"], size["deviation"], "^-", color=GREEN, base=2)
    for name, words, colour in (
        ("side", "side of the merged filter,\n2n + 1", BLUE),
        ("wavelength", "stripes that its edges prefer,\nin pixels", RED),
        ("deviation", "width of its bell (standard\ndeviation), √(n/2)", GREEN),
    ):
        axis.annotate(words, (17, size[name][-1]), color=colour, va="center", fontsize=9, annotation_clip=False)
    axis.set_xticks(size["depth"], [str(depth) for depth in size["depth"]])
    axis.set_yticks([1, 2, 4, 8, 16, 32], ["1", "2", "4", "8", "16", "32"])
    axis.set(xlabel="filters in a row, n", ylabel="pixels", xlim=(0.9, 64))
    axis.set_title("the filter grows with n, its bell with √n")
    figure.suptitle("Convolutions in a row make a larger filter: behind it fine edges vanish and coarse ones remain")
    return figure


def receptive_fields(results: Results, config: Any) -> Any:
    """Where the gradient of one unit of each of LeNet's layers is not zero, and the square that the formula gives."""
    from matplotlib.patches import Rectangle

    found = results.of("field")[0].measurements
    figure, axes = canvas(2, 5, 15, 7)
    layers = {
        "conv1": "first convolution",
        "pool1": "first pooling",
        "conv2": "second convolution",
        "pool2": "second pooling",
        "dense1": "first dense layer",
    }
    for row, pooling in enumerate(("average", "maximum")):
        for axis, (name, side) in zip(axes[row], found["formula"].items(), strict=True):
            gradient = np.array(found["gradient"][pooling][name])
            visible = np.where(gradient > 0, 0.25 + 0.75 * np.sqrt(gradient / gradient.max()), 0)
            show(axis, visible, f"{layers[name]}\nformula: {side} pixels" if row == 0 else "", 1.0)
            rows, columns = np.nonzero(found["gradient"]["average"][name])
            corner = (columns.min() - 0.5, rows.min() - 0.5)
            axis.add_patch(Rectangle(corner, side, side, fill=False, edgecolor=ORANGE, linewidth=2.5))
            axis.set_xlabel(f"{np.count_nonzero(gradient)} of {side * side} pixels matter")
    axes[0, 0].set_ylabel("average pooling")
    axes[1, 0].set_ylabel("max pooling and ReLU,\none picture: the winners")
    figure.suptitle(
        "What one unit of LeNet sees grows with depth: the pixels whose gradient is not zero (grey to white), "
        "and the formula's square (orange)"
    )
    return figure


FIGURES = {
    "shift-multiply-sum": shift_multiply_sum,
    "edges": edges,
    "learned-features": learned,
    "cnn-and-mlp": cnn_and_mlp,
    "order": order,
    "growth": growth,
    "receptive-field": receptive_fields,
}
"""Name of the file to function."""
