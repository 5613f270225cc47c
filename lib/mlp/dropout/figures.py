"""The pictures of the dropout lab. Bands and bars are 95 % intervals of the mean, dots and thin lines are seeds."""

from __future__ import annotations

from typing import Any

import numpy as np

from lib.harness.contract.drawing import PALETTE, canvas
from lib.harness.contract.results import Results
from lib.harness.contract.series import Series
from lib.harness.contract.texts import Texts
from lib.harness.judging.intervals import mean_interval
from lib.mlp.dropout.claims import EQUAL_FIT, TENTH, best, decays, dropouts, gaps, pair, ratio

TRAIN, TEST, ACCURACY, CLEAN = PALETTE[0], PALETTE[1], PALETTE[2], PALETTE[5]
WITHOUT, WITH = PALETTE[6], PALETTE[3]
GREY = "#666666"
TEXTS = Texts.beside(__file__)


def _strength(results: Results) -> float:
    """The dropout of the arm that has it."""
    return float(results.of("with")[0].trial.config.rate)


def _without() -> str:
    return TEXTS("labels.without")


def _with(results: Results) -> str:
    return TEXTS("labels.with", rate=_strength(results))


def _noisy(results: Results) -> str:
    return TEXTS("labels.noisy", share=100 * results.of("with")[0].trial.config.label_noise)


def _band(axis: Any, x: Any, values: np.ndarray, **look: Any) -> None:
    """The mean of `values` (seeds, x) as a line and its interval."""
    center, low, high = np.array([mean_interval(column) for column in values.T]).T
    axis.plot(x, center, **look)
    if np.isfinite(low).all():
        axis.fill_between(x, low, high, color=look["color"], alpha=0.2, linewidth=0)


def _pairs(axis: Any, values: tuple[Series, Series], colour: str, label: str = "") -> None:
    """A thin line for every seed from without to with, and the two means."""
    for both in zip(*values, strict=True):
        axis.plot((0, 1), both, color=colour, linewidth=0.8, alpha=0.45, marker=".", markersize=4)
    axis.plot((0, 1), [v.mean() for v in values], color=colour, linewidth=2.6, marker="o", markersize=7, label=label)
    digits = 2 if np.max(values) < 10 else 1
    for at, side in ((0, "right"), (1, "left")):
        mean = values[at].mean()
        look = {"color": colour, "horizontalalignment": side, "verticalalignment": "center"}
        axis.text(at + (-0.07, 0.07)[at], mean, f"{mean:.{digits}f}", **look)


def _spread(axis: Any, place: float, values: np.ndarray, colour: str) -> None:
    """Every seed as a dot, beside it the mean with its interval."""
    center, low, high = mean_interval(values)
    axis.plot(np.full(len(values), place - 0.12), values, "o", color=colour, markersize=4, alpha=0.5)
    if np.isfinite(low):
        axis.plot([place + 0.12] * 2, [low, high], color=colour, linewidth=5, alpha=0.4, solid_capstyle="butt")
    axis.plot(place + 0.12, center, "_", color=colour, markersize=14, markeredgewidth=2)
    axis.annotate(f"{center:.1f}", (place + 0.28, center), va="center", fontsize=8, color=colour)


def gap(results: Results, config: Any) -> Any:
    """Losses and their gap without and with dropout; test accuracy at the end and of the best of each kind."""
    figure, (axes,) = canvas(1, 3, 14, 4.8, width_ratios=(3, 2, 4))
    for split, colour in (("test", TEST), ("train", TRAIN)):
        _pairs(axes[0], pair(results, f"{split}_loss"), colour, TEXTS(f"labels.{split}"))
    axes[0].set(ylabel=TEXTS("labels.loss"), ylim=(-0.1, None), title=TEXTS("figures.gap.loss_title"))
    axes[0].legend(loc="upper right")
    _pairs(axes[1], gaps(results), GREY)
    axes[1].set(ylabel=TEXTS("figures.gap.ylabel"), ylim=(0, None), title=TEXTS("figures.gap.title"))
    for axis in axes[:2]:
        axis.set_xticks((0, 1), [_without(), _with(results)])
        axis.set_xlim(-0.45, 1.45)
    arms = {
        TEXTS("figures.gap.end"): (results.series("without", "test_true_error"), WITHOUT),
        TEXTS("figures.gap.dropout_end", rate=_strength(results)): (results.series("with", "test_true_error"), WITH),
        TEXTS("figures.gap.stopped"): (results.series("without", "stopped_true_error"), WITHOUT),
        TEXTS("figures.gap.decay"): (best(results, decays(results), "stopped_true_error"), ACCURACY),
        TEXTS("figures.gap.dropout"): (best(results, dropouts(results), "stopped_true_error"), WITH),
    }
    for place, (errors, colour) in enumerate(arms.values()):
        _spread(axes[2], place, 100 - 100 * errors.values, colour)
    axes[2].set_xticks(range(len(arms)), list(arms), fontsize=8)
    axes[2].set(ylabel=TEXTS("labels.accuracy"), title=TEXTS("figures.gap.accuracy_title"), xlim=(-0.5, 4.7))
    for axis in axes:
        axis.grid(axis="x", visible=False)
    return figure


def curves(results: Results, config: Any) -> Any:
    """Losses by epoch, without and with dropout; validation accuracy by training loss."""
    figure, (axes,) = canvas(1, 3, 15, 4.6)
    axes[1].sharey(axes[0])
    lines = (("validation", TEXTS("figures.curves.validation"), TEST), ("train", TEXTS("labels.train"), TRAIN))
    arms = {"without": (_without(), WITHOUT), "with": (_with(results), WITH)}
    for axis, (variant, (title, colour)) in zip(axes, arms.items(), strict=False):
        finished = results.of(variant)
        looks = finished[0].measurements["looks"]
        paths = [r.measurements["path"] for r in finished]
        for key, label, of_split in lines:
            _band(axis, looks, np.array([path[f"{key}_loss"] for path in paths]), color=of_split, label=label)
        axis.set(xlabel=TEXTS("figures.curves.xlabel"), title=title)
        for path in paths:
            accuracy = 100 - 100 * np.array(path["validation_true_error"])
            axes[2].plot(path["train_loss"], accuracy, color=colour, linewidth=0.7, alpha=0.4)
        fit, errors = (np.mean([path[name] for path in paths], 0) for name in ("train_loss", "validation_true_error"))
        axes[2].plot(fit, 100 - 100 * errors, color=colour, label=title)
    axes[0].set(ylabel=TEXTS("labels.loss"), ylim=(0, None))
    axes[1].legend(loc="upper right")
    axes[2].axvline(results.values("with", "train_loss").mean(), color=GREY, linestyle=":", linewidth=1)
    axes[2].set(xscale="log", xlabel=TEXTS("figures.curves.fit"), ylabel=TEXTS("figures.curves.accuracy"))
    axes[2].xaxis.set_major_formatter("{x:g}")
    axes[2].invert_xaxis()
    axes[2].set_title(TEXTS("figures.curves.fit_title"))
    axes[2].legend(loc="lower right", fontsize=9)
    return figure


def strength(results: Results, config: Any) -> Any:
    """Losses and accuracy by the strength of dropout, at the end and stopped in time."""
    arms = {0.0: "without", _strength(results): "with"}
    arms |= {float(v.removeprefix("rate/")): v for v in results.variants("rate/")}
    arms = dict(sorted(arms.items()))
    dots: dict[str, Any] = {"marker": "o", "markersize": 4}
    figure, ((left, right),) = canvas(1, 2, 12, 4.6)
    for split, colour in (("test", TEST), ("train", TRAIN)):
        values = np.stack([results.values(v, f"{split}_loss") for v in arms.values()], axis=1)
        _band(left, list(arms), values, color=colour, label=TEXTS(f"labels.{split}"), **dots)
    left.set(ylabel=TEXTS("labels.loss"), ylim=(0, None), title=TEXTS("figures.strength.loss_title"))
    for when, colour, label in (("test", ACCURACY, _noisy(results)), ("stopped", WITHOUT, TEXTS("labels.stopped"))):
        accuracy = 100 - 100 * np.stack([results.values(v, f"{when}_true_error") for v in arms.values()], axis=1)
        _band(right, list(arms), accuracy, color=colour, label=label, **dots)
    clean = 100 - 100 * np.array(pair(results, "test_true_error", "clean labels/"))
    _band(right, (0.0, _strength(results)), clean.T, color=CLEAN, label=TEXTS("labels.clean"), **dots)
    right.set(ylabel=TEXTS("labels.accuracy"), title=TEXTS("figures.strength.accuracy_title"))
    for axis in (left, right):
        axis.set(xlabel=TEXTS("figures.strength.xlabel"))
        axis.legend()
    return figure


MEASURES = ("effective_rank", "stable_rank", "participation_ratio", "norm", "input_gradient", "sensitivity")


def simplicity(results: Results, config: Any) -> Any:
    """Left: measures of simplicity, with over without, at equal fit and after as many epochs. Right: the spectra."""
    from matplotlib.ticker import NullLocator

    figure, ((left, right),) = canvas(1, 2, 12, 5.2, width_ratios=(3, 2))
    for row, name in enumerate(MEASURES):
        values = ratio(results, name).values
        equal_epochs = float(np.mean(ratio(results, name, "without").values))
        center, low, high = mean_interval(values)
        colour = ACCURACY if center < 1 else TEST
        if np.isfinite(low):
            left.plot((low, high), (row, row), color=colour, linewidth=6, alpha=0.35, solid_capstyle="butt")
        left.plot(values, np.full(len(values), row), "o", color=colour, markersize=4, alpha=0.6)
        left.plot(center, row, "|", color=colour, markersize=20, markeredgewidth=2.4)
        label = TEXTS("figures.simplicity.epochs") if row == 0 else None
        left.plot(equal_epochs, row, "D", color=GREY, fillstyle="none", markersize=7, label=label, linestyle="none")
        number = left.text(center, row - 0.3, f"× {center:.2f}", color=colour, horizontalalignment="center")
        number.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 1})
    left.axvline(1, color="black", linewidth=1)
    left.axvline(1 - TENTH, color=GREY, linewidth=0.8, linestyle=":")
    left.set_yticks(range(len(MEASURES)), [TEXTS(f"figures.simplicity.{name}") for name in MEASURES])
    left.set(ylim=(len(MEASURES) - 0.4, -0.75), xlabel=TEXTS("figures.simplicity.xlabel"))
    left.set_title(TEXTS("figures.simplicity.title"))
    left.legend(loc="lower right")
    for variant, label, colour in ((EQUAL_FIT, _without(), WITHOUT), ("with", _with(results), WITH)):
        spectra = 100 * results.values(variant, "spectrum")
        _band(right, np.arange(1, spectra.shape[1] + 1), spectra, color=colour, label=label)
    right.set(xscale="log", yscale="log", title=TEXTS("figures.simplicity.spectrum_title"))
    right.set(xlabel=TEXTS("figures.simplicity.spectrum_xlabel"), ylabel=TEXTS("figures.simplicity.spectrum_ylabel"))
    for axis, ticks in ((right.xaxis, (1, 3, 10, 30, 100)), (right.yaxis, (0.1, 0.2, 0.5, 1, 2, 5, 10))):
        axis.set_ticks(ticks, [f"{tick:g}" for tick in ticks])
        axis.set_minor_locator(NullLocator())
    right.legend()
    return figure
