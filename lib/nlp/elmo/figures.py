"""The pictures of the ELMo lab. Dots are seeds, bars their mean."""

from __future__ import annotations

from typing import Any

import numpy as np

from lib.harness.contract.drawing import PALETTE, canvas
from lib.harness.contract.results import Results
from lib.harness.judging.intervals import mean_interval
from lib.nlp.elmo.claims import accuracies

STATIC, CONTEXT, GREY = PALETTE[1], PALETTE[0], "#666666"
TAGS = {
    "pp$": "possessive (her book)",
    "ppo": "object (saw her)",
    "cs": "conjunction (said that ...)",
    "dt": "determiner (that man)",
    "nn": "noun",
    "vb": "verb",
}


def _interval(axis: Any, row: float, values: np.ndarray, colour: str) -> None:
    """A bar to the mean, its interval, and a dot for each seed."""
    center, low, high = mean_interval(values)
    axis.barh(row, center, color=colour, alpha=0.35, height=0.7)
    if np.isfinite(low):
        axis.plot((low, high), (row, row), color=colour, linewidth=3, solid_capstyle="butt")
    axis.plot(values, np.full(len(values), row), "o", color=colour, markersize=4, alpha=0.8)
    axis.text(1, row, f"{center:.0f} %", color=colour, va="center", fontweight="bold")


def part_of_speech(results: Results, config: Any) -> Any:
    """Accuracy by kind of vector, on known and on new words."""
    figure, ((left, right),) = canvas(1, 2, 12.5, 4.4, width_ratios=(3, 2))
    depth = sum(name.startswith("layer ") for name in results.of("biLM")[0].measurements["accuracy"])
    rows = {
        "most frequent tag": ("always the word's most frequent tag", GREY),
        "static": ("one vector for each word", STATIC),
        "mean": ("mean of its vectors over contexts", STATIC),
        "untrained": ("context, network untrained", PALETTE[4]),
        **{f"layer {j}": (f"context, layer {j}", CONTEXT) for j in range(1, depth + 1)},
        "mix": ("context, layers mixed", CONTEXT),
    }
    for row, (name, (_, colour)) in enumerate(rows.items()):
        _interval(left, row, 100 * accuracies(results, name), colour)
    left.set_yticks(range(len(rows)), [label for label, _ in rows.values()])
    left.set_title("An ambiguous word's part of speech, by what tells it")
    two = {"static": ("one vector\nfor each word", STATIC), "mix": ("context,\nlayers mixed", CONTEXT)}
    for row, (name, (_, colour)) in enumerate(two.items()):
        _interval(right, row, 100 * accuracies(results, name, "new_words"), colour)
    right.set_yticks(range(2), [label for label, _ in two.values()])
    right.set_title("Of words that the probe never met")
    for axis in (left, right):
        axis.invert_yaxis()
        axis.set(xlim=(0, 100), xlabel="part of speech right (%), new sentences")
        axis.grid(axis="y", visible=False)
    return figure


def one_word(results: Results, config: Any) -> Any:
    """The vectors of three words in their sentences, on two principal components, by part of speech."""
    shown = results.of("biLM")[0].measurements["pictures"]
    figure, (axes,) = canvas(1, max(1, len(shown)), 12.5, 4.6)
    for axis, (word, found) in zip(axes, shown.items(), strict=False):
        at, tags = np.asarray(found["at"]), np.array(found["tags"])
        for tag, colour, marker in zip(np.unique(tags), PALETTE, "os^D", strict=False):
            here = tags == tag
            label = TAGS.get(tag, tag)
            axis.plot(*at[here].T, marker, color=colour, markersize=5, alpha=0.7, label=label)
        axis.plot(0, 0, "*", color="black", markersize=15, label="static: one point for all")
        axis.set(title=f'"{word}" in {len(at)} sentences', xlabel="first principal component")
        axis.margins(0.08, 0.3)
        axis.legend(loc="upper center", fontsize=8, ncols=2, columnspacing=0.8, handletextpad=0.2)
    axes[0].set(ylabel="second principal component")
    figure.suptitle("One word, many vectors: its occurrences in new sentences, by part of speech", fontsize=12)
    return figure


def likeness(results: Results, config: Any) -> Any:
    """Left: cosine of two occurrences by layer. Middle: accuracy by layer. Right: the mixture's weights."""
    figure, (axes,) = canvas(1, 3, 12.5, 4.2)
    same, different = (results.values("biLM", f"cosine_{kind}") for kind in ("same", "different"))
    names = ["static", *(f"layer {j}" for j in range(1, same.shape[1]))]
    x = np.arange(len(names))
    for values, label, colour in (
        (same, "same part of speech", PALETTE[2]),
        (different, "another part of speech", PALETTE[3]),
    ):
        axes[0].plot(x, values.T, color=colour, linewidth=0.8, alpha=0.4)
        axes[0].plot(x, values.mean(axis=0), color=colour, marker="o", linewidth=2.4, label=label)
    axes[0].set(ylabel="mean cosine of two occurrences", ylim=(0, 1.05))
    axes[0].set_title("Two occurrences of one word:\nthe less alike, the more context")
    axes[0].legend(loc="lower left")
    right = 100 * np.array([accuracies(results, name) for name in names])
    axes[1].plot(x, right, color=CONTEXT, linewidth=0.8, alpha=0.4)
    axes[1].plot(x, right.mean(axis=1), color=CONTEXT, marker="o", linewidth=2.4)
    for at, value in zip(x, right.mean(axis=1), strict=True):
        axes[1].text(at, value + 1.5, f"{value:.0f}", color=CONTEXT, ha="center", fontweight="bold")
    axes[1].set(ylabel="part of speech right (%)", ylim=(right.min() - 5, right.max() + 7))
    axes[1].set_title(f"{names[right.mean(axis=1).argmax()].capitalize()} tells the part of speech best")
    weights = results.values("biLM", "mixture")
    axes[2].bar(x, weights.mean(axis=0), color=PALETTE[5], alpha=0.6)
    for row in weights:
        axes[2].plot(x, row, "o", color=PALETTE[6], markersize=4, alpha=0.6)
    axes[2].axhline(1 / len(names), color=GREY, linestyle=":", linewidth=1)
    axes[2].text(x[-1] + 0.45, 1 / len(names), "equal ", color=GREY, va="bottom", ha="right")
    axes[2].set(ylabel="weight in the mixture (sum 1)", ylim=(0, None))
    axes[2].set_title("What the probe takes from each layer\nof the mixture")
    for axis in axes:
        axis.set_xticks(x, names)
        axis.set_xlim(-0.5, len(names) - 0.5)
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
    for column, label, colour in ((0, "one vector for each word", STATIC), (1, "context, layers mixed", CONTEXT)):
        at = [means[word][column] for word in chosen]
        axis.plot(at, range(len(chosen)), "o", color=colour, label=label)
    axis.set_yticks(range(len(chosen)), chosen)
    axis.set(xlabel="part of speech right (%), mean over seeds", xlim=(-3, 103), ylim=(-0.7, len(chosen) - 0.3))
    most = f"the {len(chosen) - 4} that gain most, the 4 that gain least" if len(ordered) > 24 else "all"
    axis.set_title(f"Which words need context: {most}")
    figure.legend(loc="outside lower center", ncols=2)
    return figure
