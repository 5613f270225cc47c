"""Pictures of the automl lab: the best so far by epochs spent, the winners on test pictures, and the settings tried."""

from __future__ import annotations

from typing import Any

import numpy as np

from lib.automl.claims import ARMS, COMPARED, PRUNED, RANDOM, SHARE, TPE, Arm, difference, spent, trials_of
from lib.harness.contract.drawing import PALETTE, canvas, shared_legend
from lib.harness.contract.results import Results
from lib.harness.contract.texts import Texts
from lib.harness.judging.intervals import of_items

COLOURS: dict[Arm, str] = {
    "default": PALETTE[7],
    "random": PALETTE[5],
    "random-pruned": PALETTE[0],
    "tpe": PALETTE[4],
    "tpe-pruned": PALETTE[1],
}
SHOWN_POINTS = 20
"""Of accuracy, below the best; what a search begins with may lie far below."""
TEXTS = Texts.beside(__file__)


def _name(arm: Arm) -> str:
    return TEXTS(f"labels.{arm}")


def best_so_far(results: Results, config: Any) -> Any:
    """The best validation accuracy by epochs spent: every search and the mean of each arm."""
    figure, ((axis,),) = canvas(1, 1, 9, 5)
    epochs = np.arange(config.epochs, config.budget + 1)
    for arm in ARMS:
        curves = np.array([_curve(results, arm, seed, epochs) for seed in range(config.seeds)])
        look = {"color": COLOURS[arm], "drawstyle": "steps-post", "linestyle": "--" if arm in PRUNED else "-"}
        axis.plot(epochs, 100 * curves.T, **look, linewidth=0.6, alpha=0.25)
        axis.plot(epochs, 100 * np.mean(curves, axis=0), **look, linewidth=2.2, label=_name(arm))
    top = max(line.get_ydata()[-1] for line in axis.get_lines())
    axis.set(xlabel=TEXTS("figures.best_so_far.xlabel"), ylabel=TEXTS("figures.best_so_far.ylabel"))
    axis.set(ylim=(top - SHOWN_POINTS, top + 1))
    axis.set_title(TEXTS("figures.best_so_far.title"))
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
    figure, (axes,) = canvas(1, 2, 12, 4.8, width_ratios=(1.1, 1))
    arms = [arm for arm in ARMS if f"final/{arm}" in results.variants()]
    reached = {arm: {r.trial.seed: r.measurements["test_accuracy"] for r in results.of(f"final/{arm}")} for arm in arms}
    for seed in range(config.seeds):
        each = [100 * reached[arm].get(seed, np.nan) for arm in arms]
        axes[0].plot(range(len(arms)), each, "o-", color="#bbbbbb", linewidth=1, markersize=4)
    for place, arm in enumerate(arms):
        axes[0].plot(place, 100 * np.mean([*reached[arm].values()]), "_", color=COLOURS[arm], markersize=34, mew=3)
    axes[0].set_xticks(range(len(arms)), [TEXTS(f"figures.winners.{arm}") for arm in arms])
    axes[0].set(xlim=(-0.5, len(arms) - 0.5), ylabel=TEXTS("figures.winners.ylabel"))
    axes[0].set_title(TEXTS("figures.winners.title"))
    compared = [(part, better, worse) for part, better, worse in COMPARED if {*better, *worse} <= {*arms}]
    for row, (_, better, worse) in enumerate(compared):
        by_picture = 100 * difference(results, better, worse).values
        interval, values = of_items(by_picture), by_picture.mean(axis=1)
        low, high = interval.ends()
        colour = COLOURS[better[-1]]
        if np.isfinite(low):
            axes[1].plot([low, high], [row, row], color=colour, linewidth=8, alpha=0.3, solid_capstyle="butt")
        axes[1].plot(values, np.full(len(values), row), "o", color=colour, markersize=4)
        axes[1].plot(interval.center, row, "|", color=colour, markersize=22, mew=2.5)
    axes[1].axvline(100 * SHARE, color="#666666", linewidth=1, linestyle=":", label=TEXTS("figures.winners.smallest"))
    axes[1].legend(loc="lower right", fontsize=8)
    axes[1].axvline(0, color="black", linewidth=1)
    axes[1].set_yticks(range(len(compared)), [TEXTS(f"figures.winners.compared-{part}") for part, _, _ in compared])
    axes[1].set(ylim=(len(compared) - 0.5, -0.5), xlabel=TEXTS("figures.winners.difference_xlabel"))
    axes[1].grid(axis="y", visible=False)
    axes[1].set_title(TEXTS("figures.winners.difference_title"))
    return figure


def searched(results: Results, config: Any) -> Any:
    """Learning rate and validation accuracy of every trial of the four searches."""
    figure, axes = canvas(2, 2, 11, 7.6, sharey=True, sharex=True)
    for axis, arm in zip(axes.flat, (*RANDOM, *TPE), strict=True):
        trials = [r for seed in range(config.seeds) for r in trials_of(results, arm, seed) if r.reports]
        for variant, marker in (("modern", "o"), ("original", "s")):
            for pruned, colour in ((True, PALETTE[7]), (False, COLOURS[arm])):
                shown = [r for r in trials if _is(r.trial.config, variant) and (r.status == "PRUNED") is pruned]
                if shown:
                    rates = [_rate(r.trial.config) for r in shown]
                    reached = [100 * r.reports[-1] for r in shown]
                    axis.plot(rates, reached, marker, color=colour, markersize=4.5, alpha=0.75)
        whole = sum(r.status == "FINISHED" for r in trials)
        axis.set(xscale="log")
        axis.set_title(TEXTS("figures.searched.title", arm=_name(arm), trials=len(trials), whole=whole))
        axis.axvline(1e-3, color="black", linewidth=0.8, linestyle=":")
        axis.annotate(
            TEXTS("figures.searched.default"), (1e-3, 97), (4, 0), textcoords="offset points", va="top", fontsize=8.5
        )
    for marker, colour, label in (
        ("o", PALETTE[6], TEXTS("figures.searched.modern")),
        ("s", PALETTE[6], TEXTS("figures.searched.original")),
        ("D", PALETTE[7], TEXTS("figures.searched.pruned")),
    ):
        axes[0, 0].plot([], [], marker, color=colour, markersize=4.5, label=label)
    shared_legend(figure, axes[0, 0], columns=3)
    for axis in axes[1]:
        axis.set(xlabel=TEXTS("figures.searched.xlabel"))
    for axis in axes[:, 0]:
        axis.set(ylabel=TEXTS("figures.searched.ylabel"), ylim=(0, 100))
    return figure


def _is(config: Any, variant: str) -> bool:
    return bool(config.variant == variant)


def _rate(config: Any) -> float:
    return float(config.learning_rate)


FIGURES = {"best_so_far": best_so_far, "winners": winners, "searched": searched}
