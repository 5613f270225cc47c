"""LeNet-5 on Fashion-MNIST: sensitivity to the learning rate, training curves, and what the test pictures say."""

from __future__ import annotations

from typing import Any

import numpy as np

from lib.harness.contract.drawing import canvas, shared_legend
from lib.harness.contract.results import Results
from lib.harness.judging.intervals import mean_interval
from lib.optimizers.experiments.config import LECTURE
from lib.optimizers.figures.common import TEXTS, look, name_of


def sensitivity(results: Results, config: Any) -> Any:
    """Validation loss by learning rate after the short training of the grid."""
    figure, axes = canvas(1, 1, 8, 5.2)
    axis = axes[0, 0]
    for name in LECTURE:
        variants = results.variants(f"lenet/grid/{name}/")
        points = []
        for result in (results.of(variant)[0] for variant in variants):
            rate = result.trial.config.learning_rates["lenet"]
            points.append((rate, min(result.measurements["validation_loss"], 2.6)))
        if points:
            axis.semilogx(*zip(*sorted(points), strict=True), marker="o", markersize=4, **look(name))
    axis.axhline(np.log(10), color="#666666", linewidth=0.8, linestyle=":")
    axis.set(xlabel=TEXTS("labels.learning_rate"), ylabel=TEXTS("figures.lenet-sensitivity.ylabel"), ylim=(None, 2.65))
    axis.set_title(TEXTS("figures.lenet-sensitivity.title", images=config.lenet_subset, epochs=config.lenet_epochs))
    shared_legend(figure, axis, columns=4)
    return figure


def curves(results: Results, config: Any) -> Any:
    """Left: training loss by step, mean over seeds. Right: test accuracy with its 95 % interval and every seed."""
    figure, (axes,) = canvas(1, 2, 12, 5)
    training, test = axes
    names = [name for name in LECTURE if f"lenet/{name}" in results.variants("lenet/")]
    for row, name in enumerate(names):
        trained = results.of(f"lenet/{name}")
        whole = [np.array(r.measurements["train"]) for r in trained if not r.measurements["diverged"]]
        if whole:
            step, loss = np.mean(whole, axis=0).T
            training.plot(step, loss, **look(name))
        accuracy = 100 * results.values(f"lenet/{name}", "test_accuracy")
        center, low, high = mean_interval(accuracy)
        colour = look(name)["color"]
        if np.isfinite(low):
            test.plot([low, high], [row, row], color=colour, linewidth=5, alpha=0.35, solid_capstyle="butt")
        test.plot(accuracy, np.full(len(accuracy), row), "o", color=colour, markersize=4, alpha=0.7)
        test.plot(center, row, "|", color=colour, markersize=18, markeredgewidth=2)
    training.set(xlabel=TEXTS("labels.step"), ylabel=TEXTS("figures.lenet-curves.ylabel"), yscale="log")
    training.set_title(TEXTS("figures.lenet-curves.title", images=config.lenet_pictures, batch=config.lenet_batch))
    training.yaxis.set_major_formatter("{x:.1f}")
    training.yaxis.set_minor_formatter("{x:.1f}")
    training.legend(ncols=2)
    test.set_yticks(range(len(names)), [name_of(name) for name in names])
    test.invert_yaxis()
    values = [100 * results.values(f"lenet/{name}", "test_accuracy") for name in names]
    test.set_xlim(max(0.0, float(np.median(np.min(values, axis=1))) - 2), float(np.max(values)) + 1)
    test.set_xlabel(TEXTS("figures.lenet-curves.accuracy_xlabel"))
    test.set_title(TEXTS("figures.lenet-curves.accuracy_title", epochs=config.lenet_epochs))
    return figure
