"""The pictures of the dropout lab. Bands and bars are 95 % intervals of the mean, dots and thin lines are seeds."""

from __future__ import annotations

from typing import Any

import numpy as np

from lib.harness.contract.drawing import PALETTE, canvas
from lib.harness.contract.results import Results
from lib.harness.contract.series import Series
from lib.harness.contract.texts import Texts
from lib.harness.judging.intervals import mean_interval
from lib.mlp.dropout.claims import TENTH, gaps, pair, ratio

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


def gap(results: Results, config: Any) -> Any:
    """Losses and accuracy without and with dropout, every seed."""
    figure, (axes,) = canvas(1, 3, 12, 4.6, width_ratios=(3, 2, 2))
    for split, colour in (("test", TEST), ("train", TRAIN)):
        _pairs(axes[0], pair(results, f"{split}_loss"), colour, TEXTS(f"labels.{split}"))
    axes[0].set(ylabel=TEXTS("labels.loss"), ylim=(-0.1, None), title=TEXTS("figures.gap.loss_title"))
    axes[0].legend(loc="upper right")
    _pairs(axes[1], gaps(results), GREY)
    axes[1].set(ylabel=TEXTS("figures.gap.ylabel"), ylim=(0, None), title=TEXTS("figures.gap.title"))
    for prefix, label, colour in (("clean labels/", TEXTS("labels.clean"), CLEAN), ("", _noisy(results), ACCURACY)):
        errors = pair(results, "test_true_error", prefix)
        _pairs(axes[2], (100 - 100 * errors[0], 100 - 100 * errors[1]), colour, label)
    axes[2].set(ylabel=TEXTS("labels.accuracy"), title=TEXTS("figures.gap.accuracy_title"))
    axes[2].legend(loc="upper right", bbox_to_anchor=(1, 0.86))
    for axis in axes:
        axis.set_xticks((0, 1), [_without(), _with(results)])
        axis.set_xlim(-0.45, 1.45)
        axis.grid(axis="x", visible=False)
    return figure


def curves(results: Results, config: Any) -> Any:
    """Losses by epoch, without and with dropout."""
    figure, (axes,) = canvas(1, 2, 12, 4.4, sharey=True)
    lines = (("validation", TEXTS("figures.curves.validation"), TEST), ("train", TEXTS("labels.train"), TRAIN))
    for axis, (variant, title) in zip(axes, {"without": _without(), "with": _with(results)}.items(), strict=True):
        finished = results.of(variant)
        looks = finished[0].measurements["looks"]
        ends = []
        for key, label, colour in lines:
            values = np.array([r.measurements["path"][f"{key}_loss"] for r in finished])
            _band(axis, looks, values, color=colour, label=label)
            ends.append(values[:, -1].mean())
        axis.annotate("", (looks[-1], ends[1]), (looks[-1], ends[0]), arrowprops={"arrowstyle": "<->", "color": GREY})
        text = TEXTS("figures.curves.gap", gap=ends[0] - ends[1])
        axis.text(0.97 * looks[-1], np.mean(ends), text, color=GREY, horizontalalignment="right")
        axis.set(xlabel=TEXTS("figures.curves.xlabel"), title=title)
    axes[0].set(ylabel=TEXTS("labels.loss"), ylim=(0, None))
    axes[1].legend(loc="upper right")
    return figure


def strength(results: Results, config: Any) -> Any:
    """Losses and accuracy by the strength of dropout."""
    arms = {0.0: "without", _strength(results): "with"}
    arms |= {float(v.removeprefix("rate/")): v for v in results.variants("rate/")}
    arms = dict(sorted(arms.items()))
    dots: dict[str, Any] = {"marker": "o", "markersize": 4}
    figure, ((left, right),) = canvas(1, 2, 12, 4.4)
    for split, colour in (("test", TEST), ("train", TRAIN)):
        values = np.stack([results.values(v, f"{split}_loss") for v in arms.values()], axis=1)
        _band(left, list(arms), values, color=colour, label=TEXTS(f"labels.{split}"), **dots)
    left.set(ylabel=TEXTS("labels.loss"), ylim=(0, None), title=TEXTS("figures.strength.loss_title"))
    accuracy = 100 - 100 * np.stack([results.values(v, "test_true_error") for v in arms.values()], axis=1)
    _band(right, list(arms), accuracy, color=ACCURACY, label=_noisy(results), **dots)
    for row in accuracy:
        right.plot(list(arms), row, ".", color=ACCURACY, markersize=4, alpha=0.4)
    clean = 100 - 100 * np.array(pair(results, "test_true_error", "clean labels/"))
    _band(right, (0.0, _strength(results)), clean.T, color=CLEAN, label=TEXTS("labels.clean"), **dots)
    right.set(ylabel=TEXTS("labels.accuracy"), title=TEXTS("figures.strength.accuracy_title"))
    for axis in (left, right):
        axis.set(xlabel=TEXTS("figures.strength.xlabel"))
        axis.legend()
    return figure


MEASURES = ("effective_rank", "norm", "input_gradient", "sensitivity")


def simplicity(results: Results, config: Any) -> Any:
    """Left: four measures of simplicity, with over without. Right: the spectra behind the first."""
    from matplotlib.ticker import NullLocator

    figure, ((left, right),) = canvas(1, 2, 12, 4.4, width_ratios=(3, 2))
    for row, name in enumerate(MEASURES):
        values = ratio(name)(results).values
        center, low, high = mean_interval(values)
        colour = ACCURACY if center < 1 else TEST
        if np.isfinite(low):
            left.plot((low, high), (row, row), color=colour, linewidth=6, alpha=0.35, solid_capstyle="butt")
        left.plot(values, np.full(len(values), row), "o", color=colour, markersize=4, alpha=0.6)
        left.plot(center, row, "|", color=colour, markersize=20, markeredgewidth=2.4)
        left.text(center, row - 0.3, f"× {center:.2f}", color=colour, horizontalalignment="center")
    left.axvline(1, color="black", linewidth=1)
    left.axvline(1 - TENTH, color=GREY, linewidth=0.8, linestyle=":")
    left.set_yticks(range(len(MEASURES)), [TEXTS(f"figures.simplicity.{name}") for name in MEASURES])
    left.set(ylim=(len(MEASURES) - 0.4, -0.75), xlabel=TEXTS("figures.simplicity.xlabel"))
    left.set_title(TEXTS("figures.simplicity.title"))
    for variant, label, colour in (("without", _without(), WITHOUT), ("with", _with(results), WITH)):
        spectra = 100 * results.values(variant, "spectrum")
        _band(right, np.arange(1, spectra.shape[1] + 1), spectra, color=colour, label=label)
    right.set(xscale="log", yscale="log", title=TEXTS("figures.simplicity.spectrum_title"))
    right.set(xlabel=TEXTS("figures.simplicity.spectrum_xlabel"), ylabel=TEXTS("figures.simplicity.spectrum_ylabel"))
    for axis, ticks in ((right.xaxis, (1, 3, 10, 30, 100)), (right.yaxis, (0.1, 0.2, 0.5, 1, 2, 5, 10))):
        axis.set_ticks(ticks, [f"{tick:g}" for tick in ticks])
        axis.set_minor_locator(NullLocator())
    right.legend()
    return figure
