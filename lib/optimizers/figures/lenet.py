"""LeNet-5 on Fashion-MNIST: sensitivity to the learning rate, training curves, and what the test pictures say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lib.harness.contract.drawing import canvas, shared_legend
from lib.harness.contract.results import Results
from lib.harness.judging.intervals import of_items
from lib.optimizers.experiments.arms import arm, schedule
from lib.optimizers.experiments.config import LECTURE, Schedule
from lib.optimizers.figures.common import BLACK, BLUE, RED, TEXTS, draw_estimate, look, mark_beyond, name_of

SCHEDULES: tuple[Schedule, ...] = ("constant", "cosine", "warm-up")
MOST = 2.6
"""The highest loss that is drawn: a little more than guessing among ten kinds costs."""
BELOW = 6
"""Per cent below the middle one of the arms' worst seeds: there the picture of the accuracies begins."""


def present(results: Results, names: Sequence[str]) -> list[str]:
    """Those of the arms that have trained to the end."""
    return [name for name in names if f"lenet/{name}" in results.variants("lenet/")]


def sensitivity(results: Results, config: Any) -> Any:
    """Validation loss by learning rate after the short training of the grid."""
    figure, axes = canvas(1, 1, 8, 5.4)
    axis = axes[0, 0]
    for name in (*LECTURE, "AdamW", "Lion", "Muon"):
        points = []
        for variant in results.variants(f"lenet/grid/{name}/"):
            rate = results.of(variant)[0].trial.config.learning_rates["lenet"]
            loss = results.series(variant, "validation_loss").mean()
            points.append((rate, loss if loss < MOST else MOST))  # NaN as well
        if points:
            axis.semilogx(*zip(*sorted(points), strict=True), marker="o", markersize=4, **look(name))
    axis.axhline(np.log(10), color="#666666", linewidth=0.8, linestyle=":")
    axis.set(xlabel=TEXTS("labels.learning_rate"), ylabel=TEXTS("figures.lenet-sensitivity.ylabel"), ylim=(None, 2.65))
    axis.set_title(TEXTS("figures.lenet-sensitivity.title", images=config.lenet_subset, epochs=config.lenet_epochs))
    shared_legend(figure, axis, columns=4)
    return figure


def draw_losses(axis: Any, results: Results, names: Sequence[str]) -> None:
    """The training loss by step of several arms, mean over the seeds that did not diverge."""
    for name in present(results, names):
        whole = [
            np.array(r.measurements["train"]) for r in results.of(f"lenet/{name}") if not r.measurements["diverged"]
        ]
        if whole:
            step, loss = np.mean(whole, axis=0).T
            axis.plot(step, loss, **look(name))
    axis.set(xlabel=TEXTS("labels.step"), ylabel=TEXTS("labels.training_loss"), yscale="log")
    axis.yaxis.set_major_formatter("{x:.1f}")
    axis.yaxis.set_minor_formatter("{x:.1f}")


def draw_accuracies(axis: Any, results: Results, rows: Mapping[str, tuple[str, str]]) -> None:
    """The test accuracy of arms in per cent with the interval over seeds and pictures; `rows`: names and colours.

    A seed far below the others, as one that diverged, is a triangle at the edge.
    """
    names = present(results, list(rows))
    items = {name: 100 * results.items(f"lenet/{name}", "test_right").values for name in names}
    seeds = {name: values.mean(axis=1) for name, values in items.items()}
    for row, name in enumerate(names):
        draw_estimate(axis, row, of_items(items[name]), seeds[name], rows[name][1])
    axis.set_yticks(range(len(names)), [rows[name][0] for name in names])
    if names:
        lowest = {name: float(np.min(values)) for name, values in seeds.items()}
        left = float(np.median(list(lowest.values()))) - BELOW
        for row, name in enumerate(names):
            if lowest[name] < left:
                mark_beyond(axis, row, "left", rows[name][1])
        axis.set_xlim(max(0.0, left), max(float(np.max(values)) for values in seeds.values()) + 2)
        axis.set_ylim(len(names) - 0.5, -0.5)
    else:
        axis.text(0.5, 0.5, TEXTS("labels.not_trained"), ha="center", transform=axis.transAxes)
        axis.set_axis_off()
    axis.set_xlabel(TEXTS("labels.accuracy"))


def _curves(results: Results, config: Any, names: Sequence[str]) -> Any:
    figure, (axes,) = canvas(1, 2, 12, 5)
    training, test = axes
    draw_losses(training, results, names)
    training.set_title(TEXTS("figures.lenet-curves.title", images=config.lenet_pictures, batch=config.lenet_batch))
    training.legend(ncols=2)
    draw_accuracies(test, results, {name: (name_of(name), look(name)["color"]) for name in names})
    test.set_title(TEXTS("figures.lenet-curves.accuracy_title", epochs=config.lenet_epochs))
    return figure


def curves(results: Results, config: Any) -> Any:
    """The lecture's optimizers. Left: training loss by step. Right: test accuracy with its interval and every seed."""
    return _curves(results, config, LECTURE)


def after_adam(results: Results, config: Any) -> Any:
    """The same of Adam and of what came after it."""
    return _curves(results, config, ("Adam", "AdamW", "Lion", "Muon"))


def schedules(results: Results, config: Any) -> Any:
    """Left: the learning rate by step. Right: test accuracy by optimizer and schedule, each at its own best rate."""
    figure, (axes,) = canvas(1, 2, 12, 4.6)
    rate, test = axes
    steps = config.lenet_epochs * (config.lenet_pictures // config.lenet_batch)
    colours = dict(zip(SCHEDULES, (BLACK, BLUE, RED), strict=True))
    for kind in SCHEDULES:
        label = TEXTS(f"figures.schedules.{kind}")
        rate.plot([schedule(kind, 1.0, steps)(step) for step in range(steps)], color=colours[kind], label=label)
    rate.set(xlabel=TEXTS("labels.step"), ylabel=TEXTS("figures.schedules.ylabel"), ylim=(0, 1.3))
    rate.set_title(TEXTS("figures.schedules.title"))
    rate.legend(ncols=3, loc="upper center")
    rows = {
        arm(name, kind): (f"{name}, {TEXTS(f'figures.schedules.{kind}')}", colours[kind])
        for name in config.lenet_scheduled or ("Momentum", "Adam")
        for kind in SCHEDULES
    }
    draw_accuracies(test, results, rows)
    test.set_title(TEXTS("figures.lenet-curves.accuracy_title", epochs=config.lenet_epochs))
    return figure
