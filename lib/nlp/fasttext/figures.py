"""The pictures of the FastText lab. Bars and lines are means over seeds, dots are seeds, bands 95 % intervals."""

from __future__ import annotations

from typing import Any

import numpy as np

from lib.harness.contract.drawing import PALETTE, canvas
from lib.harness.contract.results import Results
from lib.harness.judging.intervals import mean_interval
from lib.nlp.fasttext.claims import SHARE

WORD2VEC, FASTTEXT, SPELLING, GENSIM = PALETTE[7], PALETTE[0], PALETTE[1], PALETTE[5]
SYLLABLES = PALETTE[2]
GREY = "#666666"
KIND_NAMES = {
    "swap": "two letters\nswapped",
    "drop": "a letter\nmissing",
    "insert": "a letter\ntoo many",
    "substitute": "a wrong\nletter",
    "several": "more than\none edit",
    "double": "a key\ntwice",
    "neighbour": "the key\nbeside",
}


def _bars(axis: Any, groups: list[str], series: dict[str, tuple[np.ndarray, str]]) -> None:
    """Grouped bars of shares in percent; each series is (seeds, groups) and its colour. Dots are seeds."""
    width = 0.8 / len(series)
    for i, (label, (values, colour)) in enumerate(series.items()):
        x = np.arange(len(groups)) + (i - (len(series) - 1) / 2) * width
        means = 100 * values.mean(axis=0)
        axis.bar(x, means, 0.92 * width, color=colour, label=label)
        for row in values:
            axis.plot(x, 100 * row, ".", color="black", markersize=3, alpha=0.5)
        for at, mean in zip(x, means, strict=True):
            look = {"horizontalalignment": "center", "verticalalignment": "bottom", "fontsize": 8, "color": GREY}
            axis.text(at, mean + 1.5, f"{mean:.0f}", **look)
    axis.set_xticks(range(len(groups)), groups)
    axis.grid(axis="x", visible=False)


def _by_kind(found: Any, kinds: list[str]) -> np.ndarray:
    """Recovery over all and by kind: (seeds, 1 + kinds)."""
    return np.array([[each["top10"], *(each["by_kind"][name] for name in kinds)] for each in found])


def _measured(results: Results, arm: str) -> list[Any]:
    return [result.measurements for result in results.of(arm)]


def _kinds(results: Results, arm: str, order: tuple[str, ...]) -> list[str]:
    """The kinds of typos that all seeds of an arm have, in this order."""
    have = [found["by_kind"].keys() for found in _measured(results, arm)]
    return [name for name in order if all(name in each for each in have)]


def recovery(results: Results, config: Any) -> Any:
    """The share of misspellings whose word is among the ten nearest, by kind of typo."""
    figure, ((axis,),) = canvas(1, 1, 11, 4.6)
    kinds = _kinds(results, "ours/subwords", ("swap", "drop", "insert", "substitute", "several"))
    counts = results.of("ours/subwords")[0].measurements["misspellings"]
    series = {
        "word2vec + nearest spelling": (_by_kind(results.values("ours/words", "spelling"), kinds), SPELLING),
        "FastText": (_by_kind(_measured(results, "ours/subwords"), kinds), FASTTEXT),
        "word2vec alone": (_by_kind(_measured(results, "ours/words"), kinds), WORD2VEC),
    }
    names = [f"all\n \n({sum(counts.values())})", *(f"{KIND_NAMES[name]}\n({counts[name]})" for name in kinds)]
    _bars(axis, names, series)
    found, peer = (100 * series[name][0][:, 0].mean() for name in ("FastText", "word2vec + nearest spelling"))
    axis.set(ylabel="meant word among the ten nearest (%)", ylim=(0, 112))
    axis.set_title(
        f"FastText finds the word behind {found:.0f} of 100 real misspellings, word2vec alone behind none; "
        f"a search for the nearest spelling behind {peer:.0f}"
    )
    axis.set_xlabel("kind of misspelling (how many)")
    figure.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def sentiment(results: Results, config: Any) -> Any:
    """Accuracy of the sentiment classifier by the share of words with a typo, and what typos cost."""
    figure, ((left, right),) = canvas(1, 2, 12, 4.4)
    x = 100 * np.array(config.typo_shares)
    for label, arm, key, colour in (
        ("FastText", "ours/subwords", "accuracy", FASTTEXT),
        ("word2vec + nearest spelling", "ours/words", "spelling_accuracy", SPELLING),
        ("word2vec alone", "ours/words", "accuracy", WORD2VEC),
    ):
        values = 100 * results.values(arm, key)
        for axis, shown in ((left, values), (right, values[:, :1] - values)):
            center, low, high = np.array([mean_interval(column) for column in shown.T]).T
            axis.plot(x, center, color=colour, marker="o", markersize=4, label=label)
            if np.isfinite(low).all():
                axis.fill_between(x, low, high, color=colour, alpha=0.2, linewidth=0)
    left.axhline(50, color=GREY, linewidth=0.8, linestyle=":")
    left.text(x[-1], 50.2, "guessing", color=GREY, fontsize=8, horizontalalignment="right", verticalalignment="bottom")
    left.set(ylabel="film sentences judged rightly (%)", title="A sentiment classifier reads sentences with typos ...")
    lost = {line.get_label(): line.get_ydata()[-1] for line in right.lines}
    right.set(ylabel="accuracy lost (percentage points)")
    right.set_title(f"... and loses least with {min(lost, key=lost.__getitem__)}")
    for axis in (left, right):
        axis.set(xlabel="words of four letters or more with a typo (%)")
    right.legend(loc="upper left")
    return figure


def korean(results: Results, config: Any) -> Any:
    """The same recovery in Korean: whole words, n-grams of syllables, of jamo, and the nearest spelling."""
    figure, ((axis,),) = canvas(1, 1, 11, 4.6)
    kinds = _kinds(results, "korean/jamo", ("swap", "drop", "double", "neighbour"))
    series = {
        "nearest spelling (in jamo)": (_by_kind(results.values("korean/words", "spelling"), kinds), SPELLING),
        "n-grams of jamo": (_by_kind(_measured(results, "korean/jamo"), kinds), FASTTEXT),
        "n-grams of syllables": (_by_kind(_measured(results, "korean/syllables"), kinds), SYLLABLES),
        "whole words": (_by_kind(_measured(results, "korean/words"), kinds), WORD2VEC),
    }
    names = [
        "all typos",
        *(KIND_NAMES[name].replace("two letters", "two keys").replace("a letter", "a key") for name in kinds),
    ]
    _bars(axis, names, series)
    gain = series["n-grams of jamo"][0][:, 0].mean() - series["n-grams of syllables"][0][:, 0].mean()
    axis.set(ylabel="meant word among the ten nearest (%)", ylim=(0, 112), xlabel="error on the keyboard")
    axis.set_title(
        "Korean: one wrong key changes a whole syllable, but few of its letters (jamo), "
        f"so pieces of jamo find {'more' if gain > 0 else 'fewer'}"
    )
    figure.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def beside_gensim(results: Results, config: Any) -> Any:
    """Ours beside gensim's: correlation with people's ratings, and recovery; with every seed and interval."""
    figure, ((left, right),) = canvas(1, 2, 12, 4, width_ratios=(3, 2))
    rows = {
        "word2vec, gensim": ("gensim/words", GENSIM), "word2vec, ours": ("ours/words", FASTTEXT),
        "FastText, gensim": ("gensim/subwords", GENSIM), "FastText, ours": ("ours/subwords", FASTTEXT),
    }  # fmt: skip
    for axis, key, scale, only in ((left, "wordsim", 1, ""), (right, "top10", 100, "subwords")):
        shown = {name: each for name, each in rows.items() if each[0].endswith(only)}
        for row, (arm, colour) in enumerate(shown.values()):
            values = scale * results.values(arm, key)
            center, low, high = mean_interval(values)
            if np.isfinite(low):
                axis.plot((low, high), (row, row), color=colour, linewidth=7, alpha=0.35, solid_capstyle="butt")
            axis.plot(values, np.full(len(values), row), "o", color=colour, markersize=4, alpha=0.7)
            axis.plot(center, row, "|", color=colour, markersize=18, markeredgewidth=2.4)
            text = f"{center:.2f}" if scale == 1 else f"{center:.0f} %"
            axis.text(center, row - 0.27, text, color=colour, horizontalalignment="center")
        axis.set_yticks(range(len(shown)), list(shown))
        axis.set(ylim=(len(shown) - 0.5, -0.6))
        axis.grid(axis="y", visible=False)
    pairs = results.of("ours/words")[0].measurements["wordsim_pairs"]
    left.set(xlabel=f"Spearman's correlation with people's ratings ({pairs} pairs of WordSim-353)")
    better = results.values("ours/subwords", "top10").mean() - results.values("gensim/subwords", "top10").mean()
    left.set_title("As like people's ratings as gensim? Ours, in torch, beside it")
    right.set(xlabel="meant word among the ten nearest (%)", xlim=(0, 100))
    how_many = "as many" if abs(better) < SHARE else "more" if better > 0 else "fewer"
    right.set_title(f"Ours finds the words behind {how_many} misspellings")
    return figure


def never_seen(results: Results, config: Any) -> Any:
    """The nearest words to words that were never seen, of the first seed, and the n-grams behind them."""
    found = results.of("ours/subwords")[0].measurements["never_seen"]
    figure, ((axis,),) = canvas(1, 1, 11, 0.7 + 0.38 * (len(found) + 1))
    axis.set_axis_off()
    cells = [[word, *near] for word, near in found.items()]
    columns = ["never seen", "nearest", "2nd", "3rd", "4th", "5th"][: len(cells[0])]
    table = axis.table(cells, colLabels=columns, cellLoc="left", edges="horizontal", bbox=[0, 0, 1, 1])
    table.auto_set_font_size(False)
    table.set_fontsize(11)
    for (row, column), cell in table.get_celld().items():
        cell.set_edgecolor("#cccccc")
        cell.get_text().set_color("black" if column == 0 and row else GREY if row == 0 else FASTTEXT)
        cell.get_text().set_fontweight("bold" if column == 0 or row == 0 else "normal")
    axis.set_title("A word never seen has a vector, too: the words nearest to it share its pieces")
    return figure
