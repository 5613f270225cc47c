"""Figures of the overfitting lab. Bands and bars are 95 % intervals of the mean over seeds, dots are seeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lib.data.noisy_digits import CLASSES, INPUTS
from lib.harness.contract.drawing import PALETTE, canvas, shared_legend
from lib.harness.contract.results import Results
from lib.harness.contract.texts import Texts
from lib.harness.judging.intervals import mean_interval
from lib.mlp.overfitting.claims import gap, large, narrow, settings, threshold, widths
from lib.models.mlp import parameter_count

TRAIN, TEST, STOPPED = PALETTE[:3]
GREY = "#666666"
TEXTS = Texts.beside(__file__)


def band(axis: Any, x: Sequence[float], values: np.ndarray, colour: str, label: str, *, dots: bool = True) -> None:
    """The mean of `values` (seeds, x) as a line with its interval, and every seed as a dot."""
    center, low, high = np.array([mean_interval(column) for column in values.T]).T
    axis.plot(x, center, color=colour, label=label)
    if np.isfinite(low).all():
        axis.fill_between(x, low, high, color=colour, alpha=0.2, linewidth=0)
    if dots:
        for row in values:
            axis.plot(x, row, ".", color=colour, markersize=4, alpha=0.35)


def plain_ticks(axis: Any, ticks: Sequence[float]) -> None:
    """These ticks on a logarithmic x-axis, as plain numbers."""
    axis.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axis.xaxis.minorticks_off()


def simple_width(results: Results, by: str) -> int:
    """The width below the threshold that is best by a measurement on validation images, in the mean over seeds."""
    best = min(narrow(results, "width"), key=lambda variant: float(results.values(variant, by).mean()))
    return int(best.removeprefix("width/"))


def complexity(results: Results, config: Any) -> Any:
    """Losses and wrong answers by width, and the large network's gap by number of examples."""
    figure, (axes,) = canvas(1, 3, 15, 4.8)
    finished = widths(results)
    lines = (("train", TRAIN, "train_{}"), ("test", TEST, "test_{}"), ("stopped", STOPPED, "stopped_{}"))
    panels = (("loss", "loss", "validation_loss", 1), ("error", "true_error", "validation_true_error", 100))
    for axis, (name, measured, by, unit) in zip(axes, panels, strict=False):
        for split, colour, pattern in lines:
            kind = name if split == "train" else measured  # nobody knows the true digits of what is trained on
            values = np.stack([results.values(f"width/{w}", pattern.format(kind)) for w in finished], axis=1)
            band(axis, finished, unit * values, colour, TEXTS(f"figures.complexity.{split}"))
        for width, text in ((simple_width(results, by), "simple"), (settings(results).large, "large")):
            axis.axvline(width, color=GREY, linestyle=":", linewidth=1)
            at = {"xy": (width, 0.99), "xycoords": ("data", "axes fraction"), "rotation": 90, "color": GREY}
            axis.annotate(TEXTS(f"figures.complexity.{text}"), **at, ha="right", va="top", fontsize=8)
        axis.set(xscale="log", xlabel=TEXTS("labels.width"), ylim=(0, None))
        axis.set(ylabel=TEXTS("labels.loss" if name == "loss" else "labels.wrong"))
        axis.set_title(TEXTS(f"figures.complexity.{name}_title"))
        plain_ticks(axis, finished)
        axis.tick_params(axis="x", labelsize=8)
    shared_legend(figure, axes[0], columns=3)
    sizes = {int(v.removeprefix("examples/")): v for v in results.variants("examples/")}
    sizes = dict(sorted({**sizes, settings(results).examples: large(results)}.items()))
    gaps = np.stack([gap(results, variant).values for variant in sizes.values()], axis=1)
    band(axes[2], list(sizes), gaps, PALETTE[3], "")
    axes[2].set(xscale="log", xlabel=TEXTS("figures.complexity.data_xlabel"), ylim=(0, None))
    axes[2].set(ylabel=TEXTS("figures.complexity.data_ylabel"))
    axes[2].set_title(TEXTS("figures.complexity.data_title", width=settings(results).large))
    plain_ticks(axes[2], list(sizes))
    return figure


def training_length(results: Results, config: Any) -> Any:
    """Losses by epoch of a simple and the large network; wrong answers at the end, stopped, and with weight decay."""
    used = settings(results)
    figure, (axes,) = canvas(1, 3, 15, 4.8)
    axes[1].sharey(axes[0])
    shown = {"simple": simple_width(results, "validation_loss"), "large": used.large}
    for axis, (name, width) in zip(axes, shown.items(), strict=False):
        measured = [r.measurements for r in results.of(f"width/{width}")]
        looks = measured[0]["looks"]
        paths = {key: np.array([m["path"][key] for m in measured]) for key in measured[0]["path"]}
        for split, colour in (("train", TRAIN), ("validation", TEST)):
            band(axis, looks, paths[f"{split}_loss"], colour, TEXTS(f"figures.training-length.{split}"), dots=False)
        stops = [m["best_epoch"] for m in measured]
        lowest, label = paths["validation_loss"].min(axis=1), TEXTS("figures.training-length.stop")
        axis.plot(stops, lowest, "o", color=STOPPED, markersize=6, label=label, alpha=0.7)
        axis.set(xscale="log", xlabel=TEXTS("labels.epoch"))
        axis.set_title(TEXTS(f"figures.training-length.{name}", width=width))
        plain_ticks(axis, [t for t in (1, 3, 10, 30, 100, 300, 1000, 3000) if t <= looks[-1]])
    axes[0].set(ylabel=TEXTS("labels.loss"), ylim=(0, None))
    axes[1].legend(loc="upper left")
    decays = {float(v.removeprefix("decay/")): v for v in results.variants("decay/")}
    arms = {
        TEXTS("figures.training-length.end"): (large(results), "test_true_error", TEST),
        TEXTS("figures.training-length.stopped"): (large(results), "stopped_true_error", STOPPED),
        **{f"{decay:g}": (decays[decay], "test_true_error", PALETTE[3]) for decay in sorted(decays)},
    }
    for place, (variant, name, colour) in enumerate(arms.values()):
        spread(axes[2], place, 100 * results.values(variant, name), colour)
    axes[2].set_xticks(range(len(arms)), list(arms))
    axes[2].set(xlabel=TEXTS("figures.training-length.cures_xlabel"), ylabel=TEXTS("labels.wrong"), ylim=(0, None))
    axes[2].grid(axis="x", visible=False)
    axes[2].set_title(TEXTS("figures.training-length.cures_title", width=used.large))
    return figure


def spread(axis: Any, place: float, values: np.ndarray, colour: str) -> None:
    """Every seed as a dot, beside it the mean with its interval."""
    center, low, high = mean_interval(values)
    axis.plot(np.full(len(values), place - 0.12), values, "o", color=colour, markersize=4, alpha=0.5)
    if np.isfinite(low):
        axis.plot([place + 0.12] * 2, [low, high], color=colour, linewidth=5, alpha=0.4, solid_capstyle="butt")
    axis.plot(place + 0.12, center, "_", color=colour, markersize=14, markeredgewidth=2)


def random_labels(results: Results, config: Any) -> Any:
    """Left: how fast the large network learns true, partly random and all random labels. Right: what it then knows."""
    used = settings(results)
    arms = {
        TEXTS("labels.noisy", share=100 * used.label_noise): (f"width/{used.large}", TRAIN),
        TEXTS("figures.random-labels.all"): ("random labels", TEST),
    }
    figure, ((left, right),) = canvas(1, 2, 11, 4.4, width_ratios=(3, 2))
    for row, (label, (variant, colour)) in enumerate(arms.items()):
        measured = [r.measurements for r in results.of(variant)]
        looks = measured[0]["looks"]
        known = 100 * (1 - np.array([m["path"]["train_error"] for m in measured]))
        band(left, looks, known, colour, label, dots=False)
        for place, (measure, offset) in enumerate((("train_error", -0.17), ("test_true_error", 0.17))):
            values = 100 * (1 - results.values(variant, measure))
            at = row + offset
            right.bar(at, values.mean(), 0.32, color=colour, alpha=(0.9, 0.4)[place])
            right.plot(np.full(len(values), at), values, ".", color="black", markersize=4, alpha=0.6)
            text = TEXTS(f"figures.random-labels.{('seen', 'new')[place]}")
            right.text(at, values.max() + 3, text, horizontalalignment="center", fontsize=8)
    right.axhline(100 / CLASSES, color=GREY, linestyle=":", linewidth=1)
    chance = TEXTS("figures.random-labels.chance")
    right.text(0.5, 100 / CLASSES + 1.5, chance, color=GREY, fontsize=8, horizontalalignment="center")
    right.set_xticks(range(len(arms)), list(arms))
    right.set(ylabel=TEXTS("figures.random-labels.bars_ylabel"), ylim=(0, 119), yticks=range(0, 101, 20))
    right.grid(axis="x", visible=False)
    right.set_title(TEXTS("figures.random-labels.bars_title"))
    left.set(xscale="log", xlabel=TEXTS("labels.epoch"), ylabel=TEXTS("figures.random-labels.ylabel"), ylim=(0, 102))
    plain_ticks(left, [t for t in (1, 3, 10, 30, 100, 300, 1000, 3000) if t <= looks[-1]])
    left.set_title(TEXTS("figures.random-labels.title", width=used.large))
    left.legend(loc="upper left")
    return figure


def double_descent(results: Results, config: Any) -> Any:
    """Errors by number of random features, by width of trained networks, and by the length of their training."""
    from matplotlib import colormaps

    figure, ((left, middle, right),) = canvas(1, 3, 16, 4.8, width_ratios=(4, 4, 3))
    ratios = error_of_features(results, left, (("noisy", "test_error", TEST), ("clean", "test_error", TRAIN)))
    left.set(ylim=(0, 100))
    left.set_title(TEXTS("figures.double-descent.features_title"))
    left.legend(loc="upper right")
    plain_ticks(left, [t for t in RATIOS if ratios[0] <= t <= ratios[-1]])
    finished, edge = widths(results, "descent"), threshold(results)
    test = np.stack([results.values(f"descent/{w}", "test_true_error") for w in finished], axis=1)
    train = np.stack([results.values(f"descent/{w}", "train_error") for w in finished], axis=1)
    band(middle, finished, 100 * test, TEST, TEXTS("figures.double-descent.test"))
    middle.plot(finished, 100 * train.mean(axis=0), "--", color=TRAIN, label=TEXTS("figures.double-descent.train"))
    middle.set(ylabel=TEXTS("labels.error"), ylim=(0, None))
    middle.set_title(TEXTS("figures.double-descent.networks_title"))
    middle.legend(loc="upper right")
    paths = [[r.measurements["path"]["validation_true_error"] for r in results.of(f"descent/{w}")] for w in finished]
    errors = 100 * np.array([np.mean(path, axis=0) for path in paths])
    looks = np.array(results.of(f"descent/{finished[0]}")[0].measurements["looks"])
    lengths = dict.fromkeys(int(abs(looks - share * looks[-1]).argmin()) for share in (0.08, 0.2, 0.4, 1))
    for place, look in enumerate(lengths):
        colour = colormaps["viridis_r"](0.15 + 0.85 * place / len(lengths))
        label = TEXTS("figures.double-descent.epochs", epochs=looks[look])
        right.plot(finished, errors[:, look], ".-", color=colour, label=label)
    right.legend(loc="upper right")
    right.set(ylabel=TEXTS("figures.double-descent.length_ylabel"), ylim=(0, None))
    right.set_title(TEXTS("figures.double-descent.length_title"))
    for axis in (middle, right):
        axis.axvline(edge, color=GREY, linestyle=":", linewidth=1)
        axis.set(xscale="log", xlabel=TEXTS("labels.width"))
        plain_ticks(axis, finished)
    text = TEXTS("figures.double-descent.threshold", weights=parameter_count((INPUTS, edge, CLASSES)))
    middle.text(1.06 * edge, 1, text, color=GREY, fontsize=8, verticalalignment="bottom")
    return figure


RATIOS = (0.05, 0.1, 0.25, 0.5, 1, 2, 4, 10, 50)
"""Ticks of the random features per example."""


def error_of_features(results: Results, axis: Any, lines: Sequence[tuple[str, str, str]]) -> list[float]:
    """Errors by random features per example, each line with its labels, its measurement and its colour."""
    share = 100 * settings(results).label_noise
    measured = [r.measurements for r in results.of("features")]
    ratios: list[float] = measured[0]["ratios"]
    names = {
        ("noisy", "test_error"): TEXTS("labels.noisy", share=share),
        ("clean", "test_error"): TEXTS("labels.clean"),
        ("noisy", "tuned_error"): TEXTS("labels.tuned", share=share),
    }
    for labels, name, colour in lines:
        values = 100 * np.array([m[labels][name] for m in measured])
        band(axis, ratios, values, colour, names[labels, name], dots=False)
    axis.axvline(1, color=GREY, linestyle=":", linewidth=1)
    axis.text(1.05, 1, TEXTS("labels.threshold"), color=GREY, fontsize=8, verticalalignment="bottom")
    axis.set(xscale="log", xlabel=TEXTS("labels.ratio"), ylabel=TEXTS("labels.error"))
    return ratios


def ridge(results: Results, config: Any) -> Any:
    """Left: test error by random features per example, with and without a ridge. Right: the norm of the weights."""
    figure, ((left, right),) = canvas(1, 2, 12, 4.8, width_ratios=(3, 2))
    ratios = error_of_features(results, left, (("noisy", "test_error", TEST), ("noisy", "tuned_error", STOPPED)))
    left.set(ylim=(0, 100))
    left.set_title(TEXTS("figures.ridge.title"))
    shared_legend(figure, left, columns=2)
    for labels, colour in (("noisy", TEST), ("clean", TRAIN)):
        norms = np.array([r.measurements[labels]["norm"] for r in results.of("features")])
        share = 100 * settings(results).label_noise
        label = TEXTS("labels.noisy", share=share) if labels == "noisy" else TEXTS("labels.clean")
        right.loglog(ratios, np.median(norms, axis=0), color=colour, label=label)
        right.plot(ratios, norms.T, ".", color=colour, markersize=4, alpha=0.35)
    right.axvline(1, color=GREY, linestyle=":", linewidth=1)
    right.set(xscale="log", xlabel=TEXTS("labels.ratio"), ylabel=TEXTS("figures.ridge.norm_ylabel"))
    right.set_title(TEXTS("figures.ridge.norm_title"))
    right.legend(loc="upper right")
    for axis in (left, right):
        plain_ticks(axis, [t for t in RATIOS if ratios[0] <= t <= ratios[-1]])
    return figure
