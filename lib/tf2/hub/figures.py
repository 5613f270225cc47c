"""The pictures of the hub lab. Bands and lines on bars are 95 % intervals of the mean, dots are seeds."""

from __future__ import annotations

from typing import Any

import numpy as np

from lib.harness.contract.drawing import PALETTE, canvas
from lib.harness.contract.results import Results
from lib.harness.contract.seeds import Seed
from lib.harness.contract.texts import Texts
from lib.harness.judging.intervals import mean_interval
from lib.tf2.hub.claims import LAYERS, TOLERANCE, WAYS, accuracies
from lib.tf2.hub.pictures import SOURCES, task

COLOURS = dict(zip(WAYS, (PALETTE[2], PALETTE[0], PALETTE[4], PALETTE[3], PALETTE[1]), strict=True))
GREY = "#666666"
TEXTS = Texts.beside(__file__)


def _shots(results: Results) -> np.ndarray:
    return np.array(results[0].trial.config.shots)


def _title(config: Any, source: str) -> str:
    """The new classes, and what the module was trained on."""
    return TEXTS(f"labels.given-{source}") if config.module else TEXTS(f"labels.{source}")


def seen(results: Results, config: Any) -> Any:
    """Draw the pictures that a module is trained on and those that it is reused for, for one seed."""
    figure, axes = canvas(2, 2, 11, 4.6)
    for row, source in zip(axes, SOURCES, strict=True):
        pictures = task(source, 2000, 1, 1, Seed(0))
        for axis, (images, labels), use in zip(row, (pictures.seen, pictures.pool), ("trained", "reused"), strict=True):
            axis.imshow(_sheet(images, labels, 4, 14), cmap="gray_r", interpolation="nearest")
            axis.set_axis_off()
            axis.set_title(TEXTS(f"figures.seen.{use}", classes=len(np.unique(labels))))
    return figure


def _sheet(images: np.ndarray, labels: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Pictures side by side, kind after kind as long as there are new ones: (rows * 28, columns * 28)."""
    nth = np.zeros(len(labels), dtype=int)  # of its kind
    for kind in np.unique(labels):
        nth[labels == kind] = np.arange((labels == kind).sum())
    chosen = np.lexsort((labels, nth))[: rows * columns]
    return np.vstack([np.hstack(list(row)) for row in images[chosen].reshape(rows, columns, *images.shape[1:])])


def few_shot(results: Results, config: Any) -> Any:
    """Accuracy on the digits by the number of pictures, for each way."""
    figure, ((axis,),) = canvas(1, 1, 8.5, 5)
    _by_shots(axis, results, config, "letters" if "letters" in results.variants() else results.variants()[0])
    return figure


def _by_shots(axis: Any, results: Results, config: Any, source: str) -> None:
    shots = _shots(results)
    ends = []
    for i, (way, colour) in enumerate(COLOURS.items()):
        values = 100 * accuracies(results, source, way)
        center, low, high = np.array([mean_interval(column) for column in values.T]).T
        axis.plot(shots, center, color=colour, marker="o", markersize=4)
        if np.isfinite(low).all():
            axis.fill_between(shots, low, high, color=colour, alpha=0.13, linewidth=0)
        for row in values:
            axis.plot(shots * 1.03 ** (i - 1.5), row, ".", color=colour, markersize=4, alpha=0.5)
        ends.append((center[-1], way, colour))
    heights = [end[0] for end in sorted(ends)]
    for i in range(1, len(heights)):
        heights[i] = max(heights[i], heights[i - 1] + 4)
    for height, (_, way, colour) in zip(heights, sorted(ends), strict=True):
        axis.text(shots[-1] * 1.1, height, TEXTS(f"labels.{way}"), color=colour, verticalalignment="center")
    chance = 100 / len(results.of(source)[0].measurements["new_kinds"])
    axis.axhline(chance, color=GREY, linestyle=":", linewidth=1)
    axis.text(shots[0], chance + 0.6, TEXTS("figures.few_shot.chance"), color=GREY, fontsize=8)
    axis.set(xscale="log", xlabel=TEXTS("labels.shots"), ylabel=TEXTS("figures.few_shot.ylabel"))
    axis.set_xticks(shots, [str(n) for n in shots])
    axis.minorticks_off()
    axis.set_xlim(shots[0] / 1.15, shots[-1] * 3)
    axis.set_ylim(top=max(axis.get_ylim()[1], heights[-1] + 3))
    axis.set_title(_title(config, source))


def advantage(results: Results, config: Any) -> Any:
    """Draw the module's gain over a network from scratch, by the number of pictures, for each source."""
    sources = results.variants()
    figure, (axes,) = canvas(1, len(sources), 6.5 * len(sources), 4.8)
    shots = _shots(results)
    for axis, source in zip(axes, sources, strict=True):
        scratch = accuracies(results, source, "from scratch")
        for i, way in enumerate(WAYS[:-1]):
            gains = 100 * (accuracies(results, source, way) - scratch)
            center, low, high = np.array([mean_interval(column) for column in gains.T]).T
            x = np.arange(len(shots)) + 0.2 * (i - 1.5)
            axis.bar(x, center, width=0.18, color=COLOURS[way], alpha=0.8, label=TEXTS(f"labels.{way}"))
            if np.isfinite(low).all():
                axis.vlines(x, low, high, color="black", linewidth=1.2)
            for row in gains:
                axis.plot(x, row, ".", color="black", markersize=3, alpha=0.5)
        axis.axhline(0, color="black", linewidth=1)
        axis.set_xticks(range(len(shots)), [str(n) for n in shots])
        axis.set(xlabel=TEXTS("labels.shots"), ylabel=TEXTS("figures.advantage.ylabel"), title=_title(config, source))
        axis.legend(ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.16), fontsize=8)
        axis.grid(axis="x", visible=False)
    return figure


def layers(results: Results, config: Any) -> Any:
    """Accuracy of a head on each layer of the module and of random weights, with the most pictures."""
    sources = [source for source in results.variants() if "layers" in results.of(source)[0].measurements]
    figure, (axes,) = canvas(1, max(1, len(sources)), 6 * max(1, len(sources)), 4.4, sharey=True)
    looks = {"module": COLOURS["frozen module"], "random": COLOURS["frozen random"]}
    for axis, source in zip(axes, sources, strict=False):
        measured = [r.measurements["layers"] for r in results.of(source)]
        for name, colour in looks.items():
            values = 100 * np.array([by_network[name] for by_network in measured])
            axis.plot(values.T, ".", color=colour, markersize=4, alpha=0.5)
            axis.plot(values.mean(axis=0), "o-", color=colour, label=TEXTS(f"figures.layers.{name}"))
        axis.set_xticks(range(len(LAYERS)), LAYERS)
        axis.set(xlabel=TEXTS("figures.layers.xlabel"), ylabel=TEXTS("figures.few_shot.ylabel"))
        axis.set_title(_title(config, source))
        axis.legend()
    return figure


DOORS = ("hub.load", "TFSMLayer", "KerasLayer, Keras 2", "KerasLayer, Keras 3")


def doors(results: Results, config: Any) -> Any:
    """The largest difference of a feature through each way to load a module, a dot for each trial; or the refusal."""
    figure, ((axis,),) = canvas(1, 1, 8.5, 3.6)
    made = [r.measurements for r in results if r.status == "FINISHED" and "doors" in r.measurements]
    deviations = {
        "hub.load": [m["doors"]["hub.load"] for m in made],
        "TFSMLayer": [m["doors"]["TFSMLayer"] for m in made],
        "KerasLayer, Keras 2": [m["keras_layer"]["deviation"] for m in made],
    }
    for row, values in enumerate(deviations.values()):
        axis.plot(values, np.full(len(values), row), "o", color=PALETTE[2], alpha=0.6)
    refusals = sum(bool(m["keras_layer"]["error"]) for m in made)
    row = len(DOORS) - 1
    text = (
        TEXTS("figures.doors.refused", refusals=refusals, trials=len(made))
        if made
        else TEXTS("figures.doors.not-tried")
    )
    axis.text(0, row, text, color=PALETTE[1], verticalalignment="center")
    axis.plot(0, row, alpha=0)
    axis.axvline(TOLERANCE, color=GREY, linestyle="--", linewidth=1)
    axis.text(TOLERANCE, -0.45, TEXTS("figures.doors.same"), color=GREY, fontsize=8, ha="right")
    axis.set_yticks(range(len(DOORS)), DOORS)
    axis.set(ylim=(row + 0.5, -0.7), xlabel=TEXTS("figures.doors.xlabel"))
    axis.set_xscale("symlog", linthresh=1e-8)
    axis.set_xlim(left=0)
    axis.grid(axis="y", visible=False)
    axis.set_title(TEXTS("figures.doors.title"))
    return figure


FIGURES = {"seen": seen, "few_shot": few_shot, "advantage": advantage, "layers": layers, "doors": doors}
