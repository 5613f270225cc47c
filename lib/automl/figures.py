"""Pictures of the automl lab: the best so far by epochs spent, what the winners know, and where was searched."""

from __future__ import annotations

from typing import Any

import numpy as np

from lib.automl.claims import ARMS, Arm, gain, spent, trials_of
from lib.harness.contract.drawing import PALETTE, canvas, shared_legend
from lib.harness.contract.results import Results
from lib.harness.judging.intervals import mean_interval

COLOURS: dict[Arm, str] = {"default": PALETTE[7], "random": PALETTE[0], "tpe": PALETTE[1]}
NAMES: dict[Arm, str] = {
    "default": "the default, more starts",
    "random": "random search",
    "tpe": "TPE with pruning",
}

LABELS: dict[Arm, str] = {
    "default": "the default,\nmore starts",
    "random": "random\nsearch",
    "tpe": "TPE with\npruning",
}
SHOWN_POINTS = 20
"""Of accuracy, below the best; what a search begins with may lie far below."""


def best_so_far(results: Results, config: Any) -> Any:
    """The best validation accuracy by epochs spent: every search and the mean of each arm."""
    figure, ((axis,),) = canvas(1, 1, 9, 5)
    epochs = np.arange(config.epochs, config.budget + 1)
    for arm in ARMS:
        curves = np.array([_curve(results, arm, seed, epochs) for seed in range(config.seeds)])
        look = {"color": COLOURS[arm], "drawstyle": "steps-post"}
        axis.plot(epochs, 100 * curves.T, **look, linewidth=0.7, alpha=0.35)
        axis.plot(epochs, 100 * np.mean(curves, axis=0), **look, linewidth=2.4, label=NAMES[arm])
    top = max(line.get_ydata()[-1] for line in axis.get_lines())
    axis.set(xlabel="epochs spent", ylabel="best accuracy so far on validation pictures in %")
    axis.set(ylim=(top - SHOWN_POINTS, top + 1))
    axis.set_title("The same epochs, spent in three ways (thin: each search, thick: mean)")
    shared_legend(figure, axis, columns=3)
    return figure


def _curve(results: Results, arm: Arm, seed: int, epochs: np.ndarray) -> np.ndarray:
    """The best validation accuracy of a search after each of these numbers of epochs; NaN before there is one."""
    used, best, curve = 0, np.nan, np.full(len(epochs), np.nan)
    for result in trials_of(results, arm, seed):
        used += spent(result)
        if result.status == "FINISHED":
            best = np.fmax(best, result.measurements["validation_accuracy"])
        curve[epochs >= used] = best
    return curve


def winners(results: Results, config: Any) -> Any:
    """Test accuracy of each arm's best training, a line for each search; and the paired differences."""
    figure, (axes,) = canvas(1, 2, 11, 4.6, width_ratios=(1, 1.2))
    arms = [arm for arm in ARMS if f"final/{arm}" in results.variants()]
    found = {arm: {r.trial.seed: r.measurements["test_accuracy"] for r in results.of(f"final/{arm}")} for arm in arms}
    for seed in range(config.seeds):
        each = [100 * found[arm].get(seed, np.nan) for arm in arms]
        axes[0].plot(range(len(arms)), each, "o-", color="#bbbbbb", linewidth=1, markersize=4)
    for place, arm in enumerate(arms):
        axes[0].plot(place, 100 * np.mean([*found[arm].values()]), "_", color=COLOURS[arm], markersize=34, mew=3)
    axes[0].set_xticks(range(len(arms)), [LABELS[arm] for arm in arms])
    axes[0].set(xlim=(-0.5, len(arms) - 0.5), ylabel="test accuracy in % (bar: mean)")
    axes[0].set_title("What the best training of each search knows")
    pairs: tuple[tuple[Arm, Arm], ...] = (("tpe", "default"), ("random", "default"), ("tpe", "random"))
    for row, (better, worse) in enumerate(pairs):
        values = 100 * gain(better, worse)(results).values
        center, low, high = mean_interval(values)
        if np.isfinite(low):
            axes[1].plot([low, high], [row, row], color=COLOURS[better], linewidth=8, alpha=0.3, solid_capstyle="butt")
        axes[1].plot(values, np.full(len(values), row), "o", color=COLOURS[better], markersize=4)
        axes[1].plot(center, row, "|", color=COLOURS[better], markersize=22, mew=2.5)
    axes[1].axvline(0, color="black", linewidth=1)
    axes[1].set_yticks(range(len(pairs)), [f"{a} − {b}" for a, b in pairs])
    axes[1].set(ylim=(len(pairs) - 0.5, -0.5), xlabel="points of test accuracy (mean, 95 % interval, every search)")
    axes[1].grid(axis="y", visible=False)
    axes[1].set_title("Paired differences: right of 0 the first one is better")
    return figure


def searched(results: Results, config: Any) -> Any:
    """Where the two searches have been: learning rate and validation accuracy of every trial."""
    figure, (axes,) = canvas(1, 2, 11, 4.6, sharey=True, sharex=True)
    searches: tuple[Arm, ...] = ("random", "tpe")
    for axis, arm in zip(axes, searches, strict=True):
        trials = [r for seed in range(config.seeds) for r in trials_of(results, arm, seed) if r.reports]
        for variant, marker in (("modern", "o"), ("original", "s")):
            for pruned, colour in ((True, PALETTE[7]), (False, COLOURS[arm])):
                shown = [r for r in trials if _is(r.trial.config, variant) and (r.status == "PRUNED") is pruned]
                if shown:
                    rates = [_rate(r.trial.config) for r in shown]
                    reached = [100 * r.reports[-1] for r in shown]
                    axis.plot(rates, reached, marker, color=colour, markersize=4.5, alpha=0.75)
        whole = sum(r.status == "FINISHED" for r in trials)
        axis.set(xscale="log", xlabel="learning rate")
        axis.set_title(f"{NAMES[arm]}: {len(trials)} trials, {whole} of them whole")
        axis.axvline(1e-3, color="black", linewidth=0.8, linestyle=":")
        axis.annotate("default", (1e-3, 97), (4, 0), textcoords="offset points", va="top", fontsize=8.5)
    for marker, colour, label in (
        ("o", PALETTE[6], "modern: ReLU, max pooling"),
        ("s", PALETTE[6], "original: sigmoid, average pooling"),
        ("D", PALETTE[7], "grey: pruned, at its last epoch"),
    ):
        axes[0].plot([], [], marker, color=colour, markersize=4.5, label=label)
    shared_legend(figure, axes[0], columns=3)
    axes[0].set(ylabel="last validation accuracy in %", ylim=(0, 100))
    return figure


def _is(config: Any, variant: str) -> bool:
    return bool(config.variant == variant)


def _rate(config: Any) -> float:
    return float(config.learning_rate)


FIGURES = {"best_so_far": best_so_far, "winners": winners, "searched": searched}
