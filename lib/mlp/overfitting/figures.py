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
from lib.mlp.overfitting.claims import gap, settings, threshold, widths
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


def complexity(results: Results, config: Any) -> Any:
    """Left: losses by width. Right: the large network's gap by number of examples."""
    figure, ((left, right),) = canvas(1, 2, 12, 4.8, width_ratios=(3, 2))
    used, finished = settings(results), widths(results)
    for split, colour in (("train", TRAIN), ("test", TEST)):
        losses = np.stack([results.values(f"width/{width}", f"{split}_loss") for width in finished], axis=1)
        band(left, finished, losses, colour, TEXTS(f"figures.complexity.{split}"))
    means = [[results.values(f"width/{w}", s).mean() for w in finished] for s in ("train_loss", "test_loss")]
    left.fill_between(finished, *means, color=GREY, alpha=0.1, linewidth=0)
    for name, width in (("small", used.small), ("large", used.large)):
        low, high = (results.values(f"width/{width}", s).mean() for s in ("train_loss", "test_loss"))
        left.annotate("", (width, low), (width, high), arrowprops={"arrowstyle": "<->", "color": GREY})
        text = TEXTS(f"figures.complexity.{name}", gap=high - low)
        at, side = (width * 1.06, "left") if name == "small" else (width / 1.06, "right")
        look = {"color": GREY, "verticalalignment": "center", "horizontalalignment": side}
        left.text(at, low + 0.5 * (high - low), text, **look)
    left.set(xscale="log", xlabel=TEXTS("labels.width"), ylabel=TEXTS("labels.loss"), ylim=(-0.1, None))
    left.set_title(TEXTS("figures.complexity.title"))
    left.legend(loc="upper left")
    plain_ticks(left, finished)
    left.tick_params(axis="x", labelsize=8)
    sizes = {int(v.removeprefix("examples/")): v for v in results.variants("examples/")}
    sizes = dict(sorted({**sizes, used.examples: f"width/{used.large}"}.items()))
    band(right, list(sizes), np.stack([gap(results, v) for v in sizes.values()], axis=1), PALETTE[3], "")
    right.set(xscale="log", xlabel=TEXTS("figures.complexity.data_xlabel"), ylim=(0, None))
    right.set(ylabel=TEXTS("figures.complexity.data_ylabel"))
    right.set_title(TEXTS("figures.complexity.data_title", width=used.large))
    plain_ticks(right, list(sizes))
    return figure


def training_length(results: Results, config: Any) -> Any:
    """Losses by epoch of the small and of the large network; where to stop."""
    used = settings(results)
    figure, (axes,) = canvas(1, 2, 12, 4.6, sharey=True)
    for axis, name, width in zip(axes, ("small", "large"), (used.small, used.large), strict=True):
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
    return figure


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


def double_descent_features(results: Results, config: Any) -> Any:
    """Left: test error by random features per example. Right: why; the norm of the weights that fit."""
    share = 100 * settings(results).label_noise
    measured = [r.measurements for r in results.of("features")]
    ratios = measured[0]["ratios"]
    lines = (
        ("noisy", "test_error", TEST, TEXTS("labels.noisy", share=share)),
        ("clean", "test_error", TRAIN, TEXTS("figures.double-descent-features.clean")),
        ("noisy", "tuned_error", STOPPED, TEXTS("figures.double-descent-features.tuned", share=share)),
    )
    figure, ((left, right),) = canvas(1, 2, 12, 4.8, width_ratios=(3, 2))
    for labels, name, colour, text in lines:
        band(left, ratios, 100 * np.array([m[labels][name] for m in measured]), colour, text, dots=False)
    train = 100 * np.array([m["noisy"]["train_error"] for m in measured])
    label = TEXTS("figures.double-descent-features.train", share=share)
    left.plot(ratios, train.mean(axis=0), color=TEST, linestyle="--", linewidth=1, label=label)
    for labels, _, colour, _ in lines[:2]:
        norms = np.array([m[labels]["norm"] for m in measured])
        right.loglog(ratios, np.median(norms, axis=0), color=colour)
        for row in norms:
            right.plot(ratios, row, ".", color=colour, markersize=4, alpha=0.35)
    for axis in (left, right):
        axis.axvline(1, color=GREY, linestyle=":", linewidth=1)
        axis.set(xscale="log", xlabel=TEXTS("figures.double-descent-features.xlabel"))
        plain_ticks(axis, [t for t in (0.05, 0.1, 0.25, 0.5, 1, 2, 4, 10, 50) if ratios[0] <= t <= ratios[-1]])
    left.text(1.05, 96, TEXTS("figures.double-descent-features.threshold"), color=GREY, fontsize=8)
    left.set(ylabel=TEXTS("labels.error"), ylim=(0, 100))
    left.set_title(TEXTS("figures.double-descent-features.title"))
    right.set(ylabel=TEXTS("figures.double-descent-features.norm_ylabel"))
    right.set_title(TEXTS("figures.double-descent-features.norm_title"))
    shared_legend(figure, left, columns=2)
    return figure


def double_descent_networks(results: Results, config: Any) -> Any:
    """Left: test error of trained networks by width. Right: the same on validation images, by length of training."""
    from matplotlib import colormaps

    finished, edge = widths(results, "descent"), threshold(results)
    figure, ((left, right),) = canvas(1, 2, 12, 4.8, sharey=True)
    test = np.stack([results.values(f"descent/{w}", "test_true_error") for w in finished], axis=1)
    train = np.stack([results.values(f"descent/{w}", "train_error") for w in finished], axis=1)
    band(left, finished, 100 * test, TEST, TEXTS("figures.double-descent-networks.test"))
    label = TEXTS("figures.double-descent-networks.train")
    left.plot(finished, 100 * train.mean(axis=0), "--", color=TRAIN, label=label)
    left.set(ylabel=TEXTS("labels.error"), ylim=(0, 40))
    left.set_title(TEXTS("figures.double-descent-networks.title"))
    left.legend(loc="lower left")
    paths = [[r.measurements["path"]["true_error"] for r in results.of(f"descent/{w}")] for w in finished]
    errors = 100 * np.array([np.mean(path, axis=0) for path in paths])
    looks = np.array(results.of(f"descent/{finished[0]}")[0].measurements["looks"])
    lengths = dict.fromkeys(int(abs(looks - share * looks[-1]).argmin()) for share in (0.08, 0.2, 0.4, 1))
    for place, look in enumerate(lengths):
        colour = colormaps["viridis_r"](0.15 + 0.85 * place / len(lengths))
        label = TEXTS("figures.double-descent-networks.epochs", epochs=looks[look])
        right.plot(finished, errors[:, look], ".-", color=colour, label=label)
    right.legend(loc="upper right")
    right.set_ylabel(TEXTS("figures.double-descent-networks.length_ylabel"))
    right.set_title(TEXTS("figures.double-descent-networks.length_title"))
    weights = parameter_count((INPUTS, edge, CLASSES))
    for axis in (left, right):
        axis.axvline(edge, color=GREY, linestyle=":", linewidth=1)
        axis.set(xscale="log", xlabel=TEXTS("labels.width"))
        plain_ticks(axis, finished)
    text = TEXTS("figures.double-descent-networks.threshold", weights=weights)
    left.text(1.06 * edge, 39.5, text, color=GREY, fontsize=8, verticalalignment="top")
    return figure
