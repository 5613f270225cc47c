"""Figures of the FastText lab. Bars and lines are means over seeds, dots are seeds, bands 95% intervals."""

from __future__ import annotations

from typing import Any

import numpy as np

from lib.harness.contract.drawing import PALETTE, canvas
from lib.harness.contract.results import Results
from lib.harness.contract.texts import Texts
from lib.harness.judging.intervals import mean_interval

WORD2VEC, FASTTEXT, SPELLING, GENSIM = PALETTE[7], PALETTE[0], PALETTE[1], PALETTE[5]
SYLLABLES = PALETTE[2]
GREY = "#666666"
TEXTS = Texts.beside(__file__)


def _bars(axis: Any, groups: list[str], series: dict[str, tuple[np.ndarray, str]]) -> None:
    """Grouped bars of shares in percent; each series is (seeds, groups) and its colour. Dots are seeds."""
    width = 0.8 / len(series)
    for i, (label, (values, colour)) in enumerate(series.items()):
        x = np.arange(len(groups)) + (i - (len(series) - 1) / 2) * width
        means = 100 * values.mean(axis=0)
        axis.bar(x, means, 0.92 * width, color=colour, label=label)
        for row in values:
            axis.plot(x, 100 * row, ".", color="black", markersize=3, alpha=0.5)
        for at, mean, top in zip(x, means, 100 * values.max(axis=0), strict=True):
            look = {"horizontalalignment": "center", "verticalalignment": "bottom", "fontsize": 8, "color": GREY}
            axis.text(at, top + 1, f"{mean:.0f}", **look)
    axis.set_xticks(range(len(groups)), groups)
    axis.grid(axis="x", visible=False)
    axis.set(ylabel=TEXTS("labels.top10"), ylim=(0, 112))


def _by_kind(measurements: Any, kinds: list[str]) -> np.ndarray:
    """Recovery over all typos and by kind: (seeds, 1 + kinds)."""
    return np.array([[each["top10"], *(each["by_kind"][name] for name in kinds)] for each in measurements])


def _measured(results: Results, variant: str) -> list[Any]:
    return [result.measurements for result in results.of(variant)]


def _kinds(results: Results, variant: str, order: tuple[str, ...]) -> list[str]:
    """The kinds of typos that all seeds of a variant have, in this order."""
    have = [measured["by_kind"].keys() for measured in _measured(results, variant)]
    return [name for name in order if all(name in each for each in have)]


def recovery(results: Results, config: Any) -> Any:
    """The share of misspellings whose word is among the ten nearest, by kind of typo."""
    figure, ((axis,),) = canvas(1, 1, 11, 4.6)
    kinds = _kinds(results, "ours/subwords", ("swap", "drop", "insert", "substitute", "several"))
    counts = results.of("ours/subwords")[0].measurements["misspellings"]
    series = {
        TEXTS("labels.spelling"): (_by_kind(results.values("ours/words", "spelling"), kinds), SPELLING),
        TEXTS("labels.fasttext"): (_by_kind(_measured(results, "ours/subwords"), kinds), FASTTEXT),
        TEXTS("labels.word2vec"): (_by_kind(_measured(results, "ours/words"), kinds), WORD2VEC),
    }
    names = [TEXTS(f"figures.recovery.{name}") for name in ("all", *kinds)]
    numbers = [sum(counts.values()), *(counts[name] for name in kinds)]
    _bars(axis, [f"{name}\n({number})" for name, number in zip(names, numbers, strict=True)], series)
    axis.set(xlabel=TEXTS("figures.recovery.xlabel"), title=TEXTS("figures.recovery.title"))
    figure.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def sentiment(results: Results, config: Any) -> Any:
    """Accuracy of the sentiment classifier by the share of words with a typo, and the accuracy that typos cost."""
    figure, ((left, right),) = canvas(1, 2, 12, 4.4)
    x = 100 * np.array(config.typo_shares)
    for label, variant, key, colour in (
        ("fasttext", "ours/subwords", "accuracy", FASTTEXT),
        ("spelling", "ours/words", "spelling_accuracy", SPELLING),
        ("word2vec", "ours/words", "accuracy", WORD2VEC),
    ):
        values = 100 * results.values(variant, key)
        for axis, shown in ((left, values), (right, values[:, :1] - values)):
            center, low, high = np.array([mean_interval(column) for column in shown.T]).T
            axis.plot(x, center, color=colour, marker="o", markersize=4, label=TEXTS(f"labels.{label}"))
            if np.isfinite(low).all():
                axis.fill_between(x, low, high, color=colour, alpha=0.2, linewidth=0)
    left.axhline(50, color=GREY, linewidth=0.8, linestyle=":")
    left.text(x[-1], 50.2, TEXTS("figures.sentiment.chance"), color=GREY, fontsize=8, ha="right", va="bottom")
    left.set(ylabel=TEXTS("figures.sentiment.accuracy-axis"), title=TEXTS("figures.sentiment.accuracy"))
    right.set(ylabel=TEXTS("figures.sentiment.lost-axis"), title=TEXTS("figures.sentiment.lost"))
    for axis in (left, right):
        axis.set(xlabel=TEXTS("figures.sentiment.xlabel"))
    right.legend(loc="upper left")
    return figure


def korean(results: Results, config: Any) -> Any:
    """The same recovery in Korean: whole words, n-grams of syllables, of jamo, and the nearest spelling."""
    figure, ((axis,),) = canvas(1, 1, 11, 4.6)
    kinds = _kinds(results, "korean/jamo", ("swap", "drop", "double", "neighbour"))
    shares = {
        "spelling": (_by_kind(results.values("korean/words", "spelling"), kinds), SPELLING),
        "jamo": (_by_kind(_measured(results, "korean/jamo"), kinds), FASTTEXT),
        "syllables": (_by_kind(_measured(results, "korean/syllables"), kinds), SYLLABLES),
        "words": (_by_kind(_measured(results, "korean/words"), kinds), WORD2VEC),
    }
    names = [TEXTS(f"figures.korean.{name}") for name in ("all", *kinds)]
    _bars(axis, names, {TEXTS(f"figures.korean.{name}"): each for name, each in shares.items()})
    axis.set(xlabel=TEXTS("figures.korean.xlabel"), title=TEXTS("figures.korean.title"))
    figure.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def compared_with_gensim(results: Results, config: Any) -> Any:
    """Correlation with human ratings, and recovery, of ours and of gensim's; with every seed and interval."""
    figure, ((left, right),) = canvas(1, 2, 12, 4, width_ratios=(3, 2))
    rows = {
        "gensim/words": GENSIM, "ours/words": FASTTEXT, "gensim/subwords": GENSIM, "ours/subwords": FASTTEXT,
    }  # fmt: skip
    for axis, key, scale, only in ((left, "wordsim", 1, ""), (right, "top10", 100, "subwords")):
        shown = {variant: colour for variant, colour in rows.items() if variant.endswith(only)}
        for row, (variant, colour) in enumerate(shown.items()):
            values = scale * results.values(variant, key)
            center, low, high = mean_interval(values)
            if np.isfinite(low):
                axis.plot((low, high), (row, row), color=colour, linewidth=7, alpha=0.35, solid_capstyle="butt")
            axis.plot(values, np.full(len(values), row), "o", color=colour, markersize=4, alpha=0.7)
            axis.plot(center, row, "|", color=colour, markersize=18, markeredgewidth=2.4)
            text = f"{center:.2f}" if scale == 1 else f"{center:.0f}%"
            axis.text(center, row - 0.27, text, color=GREY, horizontalalignment="center")
        axis.set_yticks(range(len(shown)), [TEXTS(f"figures.gensim.{name.replace('/', '-')}") for name in shown])
        axis.set(ylim=(len(shown) - 0.5, -0.6))
        axis.grid(axis="y", visible=False)
    pairs = results.of("ours/words")[0].measurements["wordsim_pairs"]
    left.set(xlabel=TEXTS("figures.gensim.wordsim-axis", pairs=pairs), title=TEXTS("figures.gensim.wordsim"))
    right.set(xlabel=TEXTS("labels.top10"), xlim=(0, 100), title=TEXTS("figures.gensim.recovery"))
    return figure


def never_seen(results: Results, config: Any) -> Any:
    """The nearest words to words that were never seen, of the first seed."""
    neighbours = results.of("ours/subwords")[0].measurements["never_seen"]
    figure, ((axis,),) = canvas(1, 1, 11, 0.7 + 0.38 * (len(neighbours) + 1))
    axis.set_axis_off()
    cells = [[word, *near] for word, near in neighbours.items()]
    columns = ("word", "nearest", "second", "third", "fourth", "fifth")[: len(cells[0])]
    heads = [TEXTS(f"figures.never-seen.{name}") for name in columns]
    table = axis.table(cells, colLabels=heads, cellLoc="left", edges="horizontal", bbox=[0, 0, 1, 1])
    table.auto_set_font_size(False)
    table.set_fontsize(11)
    for (row, column), cell in table.get_celld().items():
        cell.set_edgecolor("#cccccc")
        cell.get_text().set_color("black" if column == 0 and row else GREY if row == 0 else FASTTEXT)
        cell.get_text().set_fontweight("bold" if column == 0 or row == 0 else "normal")
    axis.set_title(TEXTS("figures.never-seen.title"))
    return figure
