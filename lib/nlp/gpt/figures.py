"""Figures of the GPT lab. Thin lines and dots are seeds."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np

from lib.harness.contract.drawing import PALETTE, canvas
from lib.harness.contract.results import Results
from lib.harness.contract.texts import Texts
from lib.harness.judging.intervals import mean_interval

MODEL, COUNTING, GREY = PALETTE[0], PALETTE[1], "#666666"
TEXTS = Texts.beside(__file__)


def _counted(results: Results) -> np.ndarray:
    return np.asarray(results.values("counting", "losses")[0])


def learning(results: Results, config: Any) -> Any:
    """Validation loss by step, from guessing on, with the n-grams as lines that it passes."""
    figure, ((axis,),) = canvas(1, 1, 10, 4.8)
    stages, watched = results.of("gpt")[0].measurements["stages"], results.values("gpt", "watched")
    axis.plot(stages, watched.T, color=MODEL, linewidth=0.8, alpha=0.4)
    axis.plot(stages, watched.mean(axis=0), color=MODEL, marker="o", linewidth=2.4)
    characters = int(results.of("gpt")[0].measurements["vocabulary"])
    guess = np.log(characters)
    axis.axhline(guess, color=GREY, linestyle=":", linewidth=1.2)
    guessing = TEXTS("figures.learning.guessing", characters=characters)
    axis.text(stages[-1], guess, guessing, color=GREY, ha="right", va="bottom")
    for order, loss in enumerate(_counted(results)[:3], 1):
        axis.axhline(loss, color=COUNTING, linestyle="--", linewidth=1)
        axis.text(stages[-1], loss, TEXTS(f"figures.learning.counted-{order}"), color=COUNTING, ha="right", va="bottom")
    last = watched[:, -1].mean()
    axis.annotate(f"{last:.2f}", (stages[-1], last), (6, 0), textcoords="offset points", color=MODEL, va="center")
    axis.set(xlabel=TEXTS("figures.learning.xlabel"), ylabel=TEXTS("labels.loss"), ylim=(0, guess + 0.4))
    axis.set_title(TEXTS("figures.learning.title"))
    return figure


def writing(results: Results, config: Any) -> Any:
    """Draw a table of the text that the model writes at each stage of its training, with its loss."""
    first = results.of("gpt")[0]
    stages, losses = first.measurements["stages"], first.measurements["watched"]
    prompt = first.trial.config.prompt
    rows = []
    for step, loss, text in zip(stages, losses, first.measurements["written"], strict=True):
        shown = (prompt + text).replace("\n", " / ")
        rows.append((step, loss, textwrap.wrap(shown, 92, drop_whitespace=False) or [""]))
    height = sum(len(lines) + 0.8 for _, _, lines in rows)
    figure, ((axis,),) = canvas(1, 1, 12, 0.9 + 0.23 * height)
    at = 0.0
    for step, loss, lines in rows:
        axis.text(0, at, TEXTS("figures.writing.step", step=step), fontweight="bold", va="top")
        axis.text(0.085, at, TEXTS("figures.writing.loss", loss=loss), color=MODEL, va="top")
        written = "\n".join(line.replace("$", r"\$") for line in lines)
        axis.text(0.165, at, written, family="monospace", fontsize=9.5, va="top", linespacing=1.25)
        at += len(lines) + 0.8
        axis.axhline(at - 0.5, color="#dddddd", linewidth=0.8)
    axis.plot(0, 0, alpha=0)
    axis.set(xlim=(0, 1), ylim=(at - 0.4, -0.4))
    axis.set_axis_off()
    axis.set_title(TEXTS("figures.writing.title", prompt=prompt.strip()))
    return figure


def context(results: Results, config: Any) -> Any:
    """Loss by how many characters the model has read."""
    figure, ((axis,),) = canvas(1, 1, 9, 4.6)
    by_place = results.values("gpt", "by_place")
    read = np.arange(1, by_place.shape[1] + 1)
    axis.plot(read, by_place.T, color=MODEL, linewidth=0.8, alpha=0.4)
    axis.plot(read, by_place.mean(axis=0), color=MODEL, linewidth=2.4, label="GPT")
    counted = _counted(results)
    look: dict[str, Any] = {"color": COUNTING, "markersize": 5, "linewidth": 1}
    axis.plot(np.arange(1, len(counted)), counted[1:], "s--", label=TEXTS("figures.context.counted"), **look)
    axis.legend(loc="upper right")
    axis.set(xscale="log", xlabel=TEXTS("figures.context.xlabel"), ylabel=TEXTS("labels.loss"))
    ticks = [tick for tick in (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024) if tick <= read[-1]]
    axis.set_xticks(ticks, [str(tick) for tick in ticks])
    axis.minorticks_off()
    axis.set_title(TEXTS("figures.context.title"))
    return figure


def counting(results: Results, config: Any) -> Any:
    """Test loss of n-grams by their length, and the model's."""
    figure, ((axis,),) = canvas(1, 1, 9, 4.4)
    counted, model = _counted(results), results.values("gpt", "test_loss")
    axis.bar(np.arange(1, len(counted) + 1), counted, color=COUNTING, alpha=0.4, width=0.7)
    for order, loss in enumerate(counted, 1):
        axis.text(order, loss + 0.04, f"{loss:.2f}", color=COUNTING, ha="center")
    at = len(counted) + 1
    center, low, high = mean_interval(model)
    axis.bar(at, center, color=MODEL, alpha=0.4, width=0.7)
    if np.isfinite(low):
        axis.plot((at, at), (low, high), color=MODEL, linewidth=3, solid_capstyle="butt")
    axis.plot(np.full(len(model), at), model, "o", color=MODEL, markersize=4)
    axis.text(at, model.max() + 0.06, f"{center:.2f}", color=MODEL, ha="center", fontweight="bold")
    names = [f"{order - 1}" for order in range(1, len(counted) + 1)]
    axis.set_xticks(range(1, at + 1), [*names, f"GPT\n({config.context})"])
    axis.set(xlabel=TEXTS("figures.counting.xlabel"), ylabel=TEXTS("labels.loss"))
    axis.set_title(TEXTS("figures.counting.title"))
    axis.grid(axis="x", visible=False)
    return figure
