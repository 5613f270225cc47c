"""Figures of the ELMo lab. Dots are seeds, bars their mean."""

from __future__ import annotations

from typing import Any

import numpy as np

from lib.harness.contract.drawing import PALETTE, canvas
from lib.harness.contract.results import Results
from lib.harness.contract.texts import Texts
from lib.harness.judging.intervals import mean_interval
from lib.nlp.elmo.claims import accuracies

STATIC, CONTEXT, GREY = PALETTE[1], PALETTE[0], "#666666"
TAGS = {
    "pp$": "possessive",
    "ppo": "object",
    "cs": "conjunction",
    "dt": "determiner",
    "nn": "noun",
    "vb": "verb",
}
"""Texts of the tags that the drawn words have."""
TEXTS = Texts.beside(__file__)


def _interval(axis: Any, row: float, values: np.ndarray, colour: str) -> None:
    """A bar to the mean, its interval, and a dot for each seed."""
    center, low, high = mean_interval(values)
    axis.barh(row, center, color=colour, alpha=0.35, height=0.7)
    if np.isfinite(low):
        axis.plot((low, high), (row, row), color=colour, linewidth=3, solid_capstyle="butt")
    axis.plot(values, np.full(len(values), row), "o", color=colour, markersize=4, alpha=0.8)
    axis.text(1, row, f"{center:.0f}%", color=colour, va="center", fontweight="bold")


def part_of_speech(results: Results, config: Any) -> Any:
    """Accuracy by kind of vector, on known and on new words."""
    figure, ((left, right),) = canvas(1, 2, 12.5, 4.4, width_ratios=(3, 2))
    depth = sum(name.startswith("layer ") for name in results.of("biLM")[0].measurements["accuracy"])
    static, mix = TEXTS("labels.static"), TEXTS("labels.mix")
    rows = {
        "most frequent tag": (TEXTS("figures.part_of_speech.most-frequent-tag"), GREY),
        "static": (static, STATIC),
        "mean": (TEXTS("figures.part_of_speech.mean"), STATIC),
        "untrained": (TEXTS("figures.part_of_speech.untrained"), PALETTE[4]),
        **{f"layer {j}": (TEXTS("figures.part_of_speech.layer", number=j), CONTEXT) for j in range(1, depth + 1)},
        "mix": (mix, CONTEXT),
    }
    new_rows = {"static": (static, STATIC), "mix": (mix.replace(", ", ",\n"), CONTEXT)}
    for axis, kinds, measurement in ((left, rows, "accuracy"), (right, new_rows, "new_words")):
        for row, (name, (_, colour)) in enumerate(kinds.items()):
            _interval(axis, row, 100 * accuracies(results, name, measurement).values, colour)
        axis.set_yticks(range(len(kinds)), [label for label, _ in kinds.values()])
        axis.invert_yaxis()
        axis.set(xlim=(0, 100), xlabel=TEXTS("figures.part_of_speech.xlabel"))
        axis.grid(axis="y", visible=False)
    left.set_title(TEXTS("figures.part_of_speech.title"))
    right.set_title(TEXTS("figures.part_of_speech.new-title"))
    return figure


def one_word(results: Results, config: Any) -> Any:
    """The vectors of three words in their sentences, on two principal components, by part of speech."""
    shown = results.of("biLM")[0].measurements["pictures"]
    figure, (axes,) = canvas(1, max(1, len(shown)), 12.5, 4.6)
    for axis, (word, picture) in zip(axes, shown.items(), strict=False):
        at, tags = np.asarray(picture["at"]), np.array(picture["tags"])
        for tag, colour, marker in zip(np.unique(tags), PALETTE, "os^D", strict=False):
            here = tags == tag
            label = TEXTS(f"figures.one_word.{TAGS[tag]}") if tag in TAGS else tag
            axis.plot(*at[here].T, marker, color=colour, markersize=5, alpha=0.7, label=label)
        axis.plot(0, 0, "*", color="black", markersize=15, label=TEXTS("figures.one_word.static"))
        axis.set_title(TEXTS("figures.one_word.word", word=word, sentences=len(at)))
        axis.set(xlabel=TEXTS("figures.one_word.xlabel"))
        axis.margins(0.08, 0.3)
        axis.legend(loc="upper center", fontsize=8, ncols=2, columnspacing=0.8, handletextpad=0.2)
    axes[0].set(ylabel=TEXTS("figures.one_word.ylabel"))
    figure.suptitle(TEXTS("figures.one_word.title"), fontsize=12)
    return figure


def likeness(results: Results, config: Any) -> Any:
    """Left: cosine of two occurrences by layer. Middle: accuracy by layer. Right: the mixture's weights."""
    figure, (axes,) = canvas(1, 3, 12.5, 4.2)
    same, different = (results.values("biLM", f"cosine_{kind}") for kind in ("same", "different"))
    layers = range(1, same.shape[1])
    x = np.arange(same.shape[1])
    for values, kind, colour in ((same, "same", PALETTE[2]), (different, "different", PALETTE[3])):
        label = TEXTS(f"figures.likeness.{kind}")
        axes[0].plot(x, values.T, color=colour, linewidth=0.8, alpha=0.4)
        axes[0].plot(x, values.mean(axis=0), color=colour, marker="o", linewidth=2.4, label=label)
    axes[0].set(ylabel=TEXTS("figures.likeness.cosine"), ylim=(0, 1.05))
    axes[0].set_title(TEXTS("figures.likeness.cosine-title"))
    axes[0].legend(loc="lower left")
    kinds = ("static", *(f"layer {j}" for j in layers))
    right = 100 * np.array([accuracies(results, name).values for name in kinds])
    axes[1].plot(x, right, color=CONTEXT, linewidth=0.8, alpha=0.4)
    axes[1].plot(x, right.mean(axis=1), color=CONTEXT, marker="o", linewidth=2.4)
    for at, value in zip(x, right.mean(axis=1), strict=True):
        axes[1].text(at, value + 1.5, f"{value:.0f}", color=CONTEXT, ha="center", fontweight="bold")
    axes[1].set(ylabel=TEXTS("figures.likeness.accuracy"), ylim=(right.min() - 5, right.max() + 7))
    axes[1].set_title(TEXTS("figures.likeness.accuracy-title"))
    weights = results.values("biLM", "mixture")
    axes[2].bar(x, weights.mean(axis=0), color=PALETTE[5], alpha=0.6)
    for row in weights:
        axes[2].plot(x, row, "o", color=PALETTE[6], markersize=4, alpha=0.6)
    equal = 1 / len(x)
    axes[2].axhline(equal, color=GREY, linestyle=":", linewidth=1)
    axes[2].text(x[-1] + 0.45, equal, TEXTS("figures.likeness.equal"), color=GREY, va="bottom", ha="right")
    axes[2].set(ylabel=TEXTS("figures.likeness.weight"), ylim=(0, None))
    axes[2].set_title(TEXTS("figures.likeness.weight-title"))
    names = [TEXTS("figures.likeness.static"), *(TEXTS("figures.likeness.layer", number=j) for j in layers)]
    for axis in axes:
        axis.set_xticks(x, names)
        axis.set_xlim(-0.5, len(x) - 0.5)
    return figure


def by_word(results: Results, config: Any) -> Any:
    """For single words how often the part of speech is right, static and with context."""
    gathered: dict[str, list[list[float]]] = {}
    for result in results.of("biLM"):
        for word, pair in result.measurements["by_word"].items():
            gathered.setdefault(word, []).append(pair)
    means = {word: 100 * np.mean(pairs, axis=0) for word, pairs in gathered.items()}
    ordered = sorted(means, key=lambda word: (means[word][1] - means[word][0], word))
    chosen = ordered if len(ordered) <= 24 else ordered[:4] + ordered[-20:]
    figure, ((axis,),) = canvas(1, 1, 10, 0.8 + 0.25 * len(chosen))
    for row, word in enumerate(chosen):
        static, context = means[word]
        arrow = {"arrowstyle": "->", "color": CONTEXT if context > static else STATIC, "linewidth": 1.6}
        axis.annotate("", (context, row), (static, row), arrowprops=arrow)
    for column, kind, colour in ((0, "static", STATIC), (1, "mix", CONTEXT)):
        at = [means[word][column] for word in chosen]
        axis.plot(at, range(len(chosen)), "o", color=colour, label=TEXTS(f"labels.{kind}"))
    axis.set_yticks(range(len(chosen)), chosen)
    axis.set(xlabel=TEXTS("figures.by_word.xlabel"), xlim=(-3, 103), ylim=(-0.7, len(chosen) - 0.3))
    axis.set_title(TEXTS("figures.by_word.title" if chosen is ordered else "figures.by_word.title-chosen"))
    figure.legend(loc="outside lower center", ncols=2)
    return figure
