"""The pictures of the BERT lab. Bands and bars are 95 % intervals of the mean, dots are seeds."""

from __future__ import annotations

from typing import Any

import numpy as np

from lib.harness.contract.drawing import PALETTE, canvas
from lib.harness.contract.results import Results
from lib.harness.judging.intervals import mean_interval
from lib.nlp.bert import senses as bert_senses
from lib.nlp.bert.claims import guessed, mean_over_words, sizes
from lib.nlp.bert.words import BLANKS, PLACES

GREY = "#666666"
WORDS = (*PALETTE[:6], PALETTE[7], "#8c564b")
MODELS = {
    "causal": ("causal (GPT): from the left", PALETTE[1]),
    "bilm": ("biLM (ELMo): one from each side", PALETTE[4]),
    "masked": ("masked (BERT): all words at once", PALETTE[0]),
}
ARMS = {
    "fine-tuned": ("MiniLM, fine-tuned", PALETTE[0]),
    "frozen": ("MiniLM's frozen vectors", PALETTE[5]),
    "tf-idf": ("TF-IDF", PALETTE[4]),
    "scratch": ("BERT from chance", PALETTE[1]),
}


def _interval(axis: Any, x: float, values: np.ndarray, colour: str, size: int = 7) -> float:
    """Every seed as a dot, the mean as a large one, its interval as a bar; returns the mean."""
    center, low, high = mean_interval(values)
    if np.isfinite(low):
        axis.plot((x, x), (low, high), color=colour, linewidth=6, alpha=0.3, solid_capstyle="butt")
    axis.plot(np.full(len(values), x), values, ".", color=colour, markersize=5, alpha=0.6)
    axis.plot(x, center, "o", color=colour, markersize=size)
    return center


def _line(axis: Any, x: Any, values: np.ndarray, colour: str, label: str) -> None:
    """The mean of `values` (seeds, x) as a line, its interval as a band, every seed as a dot."""
    center, low, high = np.array([mean_interval(column) for column in values.T]).T
    axis.plot(x, center, color=colour, marker="o", markersize=5, label=label)
    if np.isfinite(low).all():
        axis.fill_between(x, low, high, color=colour, alpha=0.15, linewidth=0)
    for row in values:
        axis.plot(x, row, ".", color=colour, markersize=4, alpha=0.5)


def hidden_word(results: Results, config: Any) -> Any:
    """Words guessed in the middle, and by the place of the hidden word."""
    figure, ((left, right),) = canvas(1, 2, 12, 4.6, width_ratios=(2, 3))
    means = {}
    for x, (kind, (label, colour)) in enumerate(MODELS.items()):
        values = 100 * guessed(results, kind)
        means[kind] = _interval(left, x, values, colour)
        left.annotate(f"{means[kind]:.1f} %", (x + 0.14, means[kind]), color=colour, verticalalignment="center")
        by_place = np.stack([100 * guessed(results, kind, place) for place in PLACES], axis=1)
        _line(right, list(range(len(PLACES))), by_place, colour, label)
    left.set_xticks(range(3), [label.replace(": ", ":\n") for label, _ in MODELS.values()])
    left.set(xlim=(-0.5, 2.6), ylim=(0, 1.25 * max(means.values())), ylabel="hidden words guessed (%)")
    both = min(means["bilm"], means["masked"]) > means["causal"]
    title = "Who sees both sides guesses more" if both else "A word in the middle of a new sentence is hidden"
    left.set_title(title)
    left.grid(axis="x", visible=False)
    right.set_xticks(range(len(PLACES)), [name if name != "three quarters" else "three\nquarters" for name in PLACES])
    right.set(xlabel="where in the sentence the word is hidden", ylabel="hidden words guessed (%)", ylim=(0, None))
    right.set_title("The same by where in the sentence the word is hidden")
    right.legend()
    return figure


def blanks(results: Results, config: Any) -> Any:
    """What the three models put into blanks, as a table: the first seed's."""
    figure, ((axis,),) = canvas(1, 1, 12, 4.4)
    axis.set_axis_off()
    found = {kind: results.of(kind)[0].measurements["filled"] for kind in MODELS}
    rows = []
    for number, blank in enumerate(BLANKS):
        cells = [
            "\n".join(f"{word}  {100 * share:.0f} %" for word, share in found[kind][number][:3]) for kind in MODELS
        ]
        rows.append([blank.replace("___", "_____"), *cells])
    heads = ["", *(label.replace(": ", "\n") for label, _ in MODELS.values())]
    table = axis.table(rows, colLabels=heads, cellLoc="left", colWidths=[0.4, 0.2, 0.2, 0.2], bbox=[0, 0, 1, 1])
    table.auto_set_font_size(False)
    table.set_fontsize(10)
    colours = [GREY, *(colour for _, colour in MODELS.values())]
    for (row, column), cell in table.get_celld().items():
        cell.set_edgecolor("#cccccc")
        cell.get_text().set_color("black" if column == 0 else colours[column])
        if row == 0:
            cell.set_height(1.2 * cell.get_height())
            cell.get_text().set_fontweight("bold")
    axis.set_title("Fill in the blank: the three most probable words of each small model (one start)")
    return figure


def reviews(results: Results, config: Any) -> Any:
    """Reviews told right by the number of labelled sentences."""
    figure, ((axis,),) = canvas(1, 1, 9, 4.8)
    x = sizes(results)
    last = {}
    for arm, (label, colour) in ARMS.items():
        values = 100 * np.stack([results.values(f"{arm}/{size}", "accuracy") for size in x], axis=1)
        _line(axis, x, values, colour, label)
        last[label] = (values[:, -1].mean(), colour)
    placed: list[float] = []
    for label, (mean, colour) in sorted(last.items(), key=lambda item: item[1][0]):
        y = max(mean, placed[-1] + 1.6) if placed else mean
        placed.append(y)
        axis.annotate(
            f"{label}: {mean:.0f} %", (x[-1], y), (12, 0), textcoords="offset points", color=colour,
            verticalalignment="center", annotation_clip=False,
        )  # fmt: skip
    axis.axhline(50, color=GREY, linewidth=0.8, linestyle=":")
    axis.annotate("guessing", (x[0], 50), (0, 4), textcoords="offset points", color=GREY)
    axis.set_xscale("log")
    axis.set_xticks(x, [str(size) for size in x])
    axis.minorticks_off()
    axis.set_xlim(0.8 * x[0], x[-1] * (x[-1] / x[0] if len(x) > 1 else 2) ** 0.42 * 1.1)
    axis.set(xlabel="labelled film reviews that it learns from", ylabel="new reviews told right (%)")
    first = {arm: results.values(f"{arm}/{x[0]}", "accuracy").mean() for arm in ARMS}
    pays = min(first["fine-tuned"], first["frozen"]) > max(first["tf-idf"], first["scratch"])
    axis.set_title(
        "What was learned from unlabelled text pays where labels are few"
        if pays
        else "Good film or bad? Four ways to learn it from few labelled reviews"
    )
    return figure


def senses(results: Results, config: Any) -> Any:
    """Meanings recognised by MiniLM's layer, and by model."""
    figure, ((left, right),) = canvas(1, 2, 12, 4.6, width_ratios=(3, 2))
    by_layer = results.values("minilm", "by_layer")
    words = list(bert_senses.uses())
    values = np.array([[[layer[word] for word in words] for layer in layers] for layers in by_layer])
    x = list(range(values.shape[1]))
    for number, word in enumerate(words):
        path = 100 * values[:, :, number].mean(axis=0)
        colour = WORDS[number]
        left.plot(x, path, color=colour, linewidth=0.9, alpha=0.8, label=word)
    _line(left, x, 100 * values.mean(axis=2), PALETTE[6], "mean")
    left.axhline(50, color=GREY, linewidth=0.8, linestyle=":")
    left.annotate("guessing", (1, 50), (0, 4), textcoords="offset points", color=GREY)
    left.set(xlabel="layer of MiniLM (0: the word alone and its place)", ylabel="meanings recognised (%)")
    left.set_title("A word's vector takes up its meaning from the sentence, layer by layer")
    left.legend(ncols=3, loc="lower right", bbox_to_anchor=(1, 0.08))
    bars = {
        "static vector\nof the word": (np.array([0.5]), GREY),
        "static vectors\naround it": (mean_over_words(results, "minilm", "around"), GREY),
        **{
            f"small\n{label.partition(' ')[0]}": (mean_over_words(results, kind, "senses"), colour)
            for kind, (label, colour) in MODELS.items()
        },
        "MiniLM": (mean_over_words(results, "minilm", "senses"), PALETTE[6]),
    }
    for place, (seeds, colour) in enumerate(bars.values()):
        center = _interval(right, place, 100 * seeds, colour)
        text = {"color": colour, "horizontalalignment": "center", "verticalalignment": "bottom"}
        right.annotate(f"{center:.0f}", (place, 100 * seeds.max()), (0, 6), textcoords="offset points", **text)
    right.set_xticks(range(len(bars)), list(bars), fontsize=8)
    right.set(ylabel="meanings recognised (%)", ylim=(45, 102))
    right.set_title("Eight words with two meanings, by what tells them")
    right.grid(axis="x", visible=False)
    return figure


def bank(results: Results, config: Any) -> Any:
    """MiniLM's vectors of one word in its sentences, before the first and after the fourth layer."""
    figure, axes = canvas(1, 2, 11, 4.6)
    uses = bert_senses.uses()["bank"]
    found = results.of("minilm")[0].measurements
    titles = {"bank_static": "Before MiniLM's first layer: the word and its place", "bank": "After its fourth layer"}
    for axis, (name, title) in zip(axes[0], titles.items(), strict=True):
        points = np.array(found[name])
        for meaning, (words, colour) in enumerate(zip(uses.meanings, (PALETTE[2], PALETTE[0]), strict=True)):
            own = points[uses.labels == meaning]
            axis.plot(*own.T, "o", color=colour, alpha=0.75, label=f"bank: {words}")
        axis.set(xlabel="first main direction", ylabel="second main direction", title=title)
        axis.set_aspect("equal", adjustable="datalim")
    axes[0][1].legend()
    figure.suptitle("'bank' in 24 sentences: where it stands says nothing, what stands around it does", fontsize=12)
    return figure
