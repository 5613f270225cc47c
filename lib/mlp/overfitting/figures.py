"""The pictures of the overfitting lab. Bands and bars are 95 % intervals of the mean over seeds, dots are seeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lib.data.noisy_digits import CLASSES, INPUTS
from lib.harness.contract.drawing import PALETTE, canvas
from lib.harness.contract.results import Results
from lib.harness.judging.intervals import mean_interval
from lib.mlp.overfitting.claims import gap, settings, threshold, widths
from lib.models.mlp import parameter_count

TRAIN, TEST, STOPPED = PALETTE[:3]
GREY = "#666666"


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
    used, found = settings(results), widths(results)
    for name, split, colour in (("training", "train_loss", TRAIN), ("test", "test_loss", TEST)):
        band(left, found, np.stack([results.values(f"width/{w}", split) for w in found], axis=1), colour, name)
    means = [[results.values(f"width/{w}", s).mean() for w in found] for s in ("train_loss", "test_loss")]
    left.fill_between(found, *means, color=GREY, alpha=0.1, linewidth=0)
    top = max(means[1])
    for name, width in (("small", used.small), ("large", used.large)):
        low, high = (results.values(f"width/{width}", s).mean() for s in ("train_loss", "test_loss"))
        left.annotate("", (width, low), (width, high), arrowprops={"arrowstyle": "<->", "color": GREY})
        text = f" {name}:\n gap {high - low:.1f}"
        left.text(width * 1.04, low + 0.3 * (high - low), text, color=GREY, verticalalignment="center")
    left.text(found[-1], means[0][-1] + 0.04 * top, "training loss", color=TRAIN, horizontalalignment="right")
    left.text(found[-1], means[1][-1] + 0.06 * top, "test loss", color=TEST, horizontalalignment="right")
    left.set(xscale="log", xlabel="width of the hidden layer (units)", ylabel="cross-entropy (nats)", ylim=(-0.1, None))
    left.set_title("The more complex the network, the better on what it has seen\nand the worse on what it has not")
    plain_ticks(left, found)
    left.tick_params(axis="x", labelsize=8)
    sizes = {int(v.removeprefix("examples/")): v for v in results.variants("examples/")}
    sizes = dict(sorted({**sizes, used.examples: f"width/{used.large}"}.items()))
    band(right, list(sizes), np.stack([gap(results, v) for v in sizes.values()], axis=1), PALETTE[3], "gap")
    right.set(xscale="log", xlabel="training examples", ylabel="gap: test loss - training loss (nats)", ylim=(0, None))
    right.set_title(f"More data narrows the gap\n(width {used.large}, as many steps)")
    plain_ticks(right, list(sizes))
    return figure


def training_length(results: Results, config: Any) -> Any:
    """Losses by epoch of the small and of the large network; where to stop."""
    used = settings(results)
    figure, (axes,) = canvas(1, 2, 12, 4.6, sharey=True)
    for axis, name, width in zip(axes, ("small", "large"), (used.small, used.large), strict=True):
        found = results.of(f"width/{width}")
        looks = found[0].measurements["looks"]
        paths = {key: np.array([r.measurements["path"][key] for r in found]) for key in found[0].measurements["path"]}
        band(axis, looks, paths["train_loss"], TRAIN, "training", dots=False)
        band(axis, looks, paths["validation_loss"], TEST, "validation (new pictures)", dots=False)
        stops = [r.measurements["best_epoch"] for r in found]
        lowest = paths["validation_loss"].min(axis=1)
        axis.plot(stops, lowest, "o", color=STOPPED, markersize=6, label="stop here: lowest, every seed", alpha=0.7)
        axis.set(xscale="log", xlabel="epoch")
        axis.set_title(
            f"The {name} network ({width} units): "
            + ("it cannot learn it all" if name == "small" else "first the digits, then the noise")
        )
        plain_ticks(axis, [t for t in (1, 3, 10, 30, 100, 300, 1000, 3000) if t <= looks[-1]])
    axes[0].set(ylabel="cross-entropy, noisy labels (nats)", ylim=(0, None))
    axes[1].legend(loc="upper left")
    return figure


def random_labels(results: Results, config: Any) -> Any:
    """Left: how fast the large network learns true, partly random and all random labels. Right: what it then knows."""
    used = settings(results)
    arms = {
        f"{100 * used.label_noise:.0f} % random labels": (f"width/{used.large}", TRAIN),
        "all labels random": ("random labels", TEST),
    }
    figure, ((left, right),) = canvas(1, 2, 11, 4.4, width_ratios=(3, 2))
    for row, (label, (variant, colour)) in enumerate(arms.items()):
        found = results.of(variant)
        looks = found[0].measurements["looks"]
        known = 100 * (1 - np.array([r.measurements["path"]["train_error"] for r in found]))
        band(left, looks, known, colour, label, dots=False)
        for place, (measure, offset) in enumerate((("train_error", -0.17), ("test_true_error", 0.17))):
            values = 100 * (1 - results.values(variant, measure))
            at = row + offset
            right.bar(at, values.mean(), 0.32, color=colour, alpha=(0.9, 0.4)[place])
            right.plot(np.full(len(values), at), values, ".", color="black", markersize=4, alpha=0.6)
            text = ("seen:\nits labels", "new:\ndigits")[place]
            right.text(at, values.max() + 3, text, horizontalalignment="center", fontsize=8)
    right.axhline(100 / CLASSES, color=GREY, linestyle=":", linewidth=1)
    right.text(0.5, 100 / CLASSES + 1.5, "chance", color=GREY, fontsize=8, horizontalalignment="center")
    right.set_xticks(range(len(arms)), list(arms))
    right.set(ylabel="right answers (%)", ylim=(0, 119), yticks=range(0, 101, 20))
    right.grid(axis="x", visible=False)
    right.set_title("100 % on what it has seen says nothing")
    left.set(xscale="log", xlabel="epoch", ylabel="training labels that it knows (%)", ylim=(0, 102))
    plain_ticks(left, [t for t in (1, 3, 10, 30, 100, 300, 1000, 3000) if t <= looks[-1]])
    left.set_title(f"A network of {used.large} units learns even pure noise by heart")
    left.legend(loc="upper left")
    return figure


def double_descent_features(results: Results, config: Any) -> Any:
    """Left: test error by random features per example. Right: why; the norm of the weights that fit."""
    used = settings(results)
    found = [r.measurements for r in results.of("features")]
    ratios = found[0]["ratios"]
    noisy = f"{100 * used.label_noise:.0f} % random labels"
    lines = (
        ("noisy", "test_error", TEST, noisy),
        ("clean", "test_error", TRAIN, "clean labels"),
        ("noisy", "tuned_error", STOPPED, f"{noisy}, ridge chosen on validation"),
    )
    figure, ((left, right),) = canvas(1, 2, 12, 4.8, width_ratios=(3, 2))
    for labels, name, colour, text in lines:
        band(left, ratios, 100 * np.array([f[labels][name] for f in found]), colour, text, dots=False)
    train = 100 * np.array([f["noisy"]["train_error"] for f in found])
    left.plot(ratios, train.mean(axis=0), color=TEST, linestyle="--", linewidth=1, label=f"{noisy}: training error")
    for labels, _, colour, text in lines[:2]:
        norms = np.array([f[labels]["norm"] for f in found])
        right.loglog(ratios, np.median(norms, axis=0), color=colour, label=text)
        for row in norms:
            right.plot(ratios, row, ".", color=colour, markersize=4, alpha=0.35)
    for axis in (left, right):
        axis.axvline(1, color=GREY, linestyle=":", linewidth=1)
        axis.set(xscale="log", xlabel="random features per training example")
        plain_ticks(axis, [t for t in (0.05, 0.1, 0.25, 0.5, 1, 2, 4, 10, 50) if ratios[0] <= t <= ratios[-1]])
    left.text(1.05, 96, "threshold: from here on every label is hit", color=GREY, fontsize=8)
    left.set(ylabel="error (%)", ylim=(0, 100))
    left.set_title("Double descent: the error rises up to the threshold, and falls again beyond it")
    left.legend(loc="center right", fontsize=8)
    right.set(ylabel="norm of the output weights")
    right.set_title("Why: at the threshold one solution is left,\nand it is huge; beyond, the smallest is taken")
    right.legend()
    return figure


def double_descent_networks(results: Results, config: Any) -> Any:
    """Left: test error of trained networks by width. Right: the same on validation pictures, by length of training."""
    from matplotlib import colormaps

    found, edge = widths(results, "descent"), threshold(results)
    figure, ((left, right),) = canvas(1, 2, 12, 4.8, sharey=True)
    test = np.stack([results.values(f"descent/{w}", "test_true_error") for w in found], axis=1)
    train = np.stack([results.values(f"descent/{w}", "train_error") for w in found], axis=1)
    band(left, found, 100 * test, TEST, "new pictures (true digit)")
    left.plot(found, 100 * train.mean(axis=0), "--", color=TRAIN, label="training pictures (noisy label)")
    left.set(ylabel="error (%)", ylim=(0, 40))
    left.set_title("Trained networks: up to the threshold the error rises,\nbeyond it falls again")
    left.legend(loc="lower left")
    paths = [[r.measurements["path"]["true_error"] for r in results.of(f"descent/{w}")] for w in found]
    errors = 100 * np.array([np.mean(path, axis=0) for path in paths])
    looks = np.array(results.of(f"descent/{found[0]}")[0].measurements["looks"])
    lengths = dict.fromkeys(int(abs(looks - share * looks[-1]).argmin()) for share in (0.08, 0.2, 0.4, 1))
    for place, look in enumerate(lengths):
        colour = colormaps["viridis_r"](0.15 + 0.85 * place / len(lengths))
        right.plot(found, errors[:, look], ".-", color=colour, label=f"{looks[look]} epochs")
    right.legend(loc="upper right")
    right.set_ylabel("error (%) on validation pictures, mean over seeds")
    right.set_title("Stop early and there is no peak:\nit is the price of knowing every noisy label")
    weights = parameter_count((INPUTS, edge, CLASSES))
    for axis in (left, right):
        axis.axvline(edge, color=GREY, linestyle=":", linewidth=1)
        axis.set(xscale="log", xlabel="width of the hidden layer (units)")
        plain_ticks(axis, found)
    text = f" threshold: {weights:,}\n weights for as\n many numbers"
    left.text(edge, 39.5, text, color=GREY, fontsize=8, verticalalignment="top")
    return figure
