"""Figures of the BERT lab. Bands and bars are 95 % intervals of the mean, dots are seeds."""

from __future__ import annotations

from typing import Any

import numpy as np

from lib.harness.contract.drawing import PALETTE, canvas
from lib.harness.contract.results import Results
from lib.harness.contract.texts import Texts
from lib.harness.judging.intervals import mean_interval
from lib.nlp.bert import senses as bert_senses
from lib.nlp.bert.claims import guessed, mean_over_words, sizes
from lib.nlp.bert.words import BLANKS, PLACES

GREY = "#666666"
WORDS = (*PALETTE[:6], PALETTE[7], "#8c564b")
MODELS = {"causal": PALETTE[1], "bilm": PALETTE[4], "masked": PALETTE[0]}
ARMS = {"fine-tuned": PALETTE[0], "frozen": PALETTE[5], "tf-idf": PALETTE[4], "scratch": PALETTE[1]}
TEXTS = Texts.beside(__file__)


def _model(kind: str) -> str:
    """The name of a small model and what it sees, on several lines."""
    return f"{TEXTS(f'labels.{kind}')}:\n{TEXTS(f'labels.sees-{kind}')}"


def _interval(axis: Any, x: float, values: np.ndarray, colour: str) -> tuple[float, float]:
    """Every seed as a dot, the mean as a large one, its interval as a bar; returns the mean and the top of all that."""
    center, low, high = mean_interval(values)
    if np.isfinite(low):
        axis.plot((x, x), (low, high), color=colour, linewidth=6, alpha=0.3, solid_capstyle="butt")
    axis.plot(np.full(len(values), x), values, ".", color=colour, markersize=5, alpha=0.6)
    axis.plot(x, center, "o", color=colour, markersize=7)
    return center, float(np.nanmax([*values, high if np.isfinite(high) else center]))


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
    for x, (kind, colour) in enumerate(MODELS.items()):
        mean, _ = _interval(left, x, 100 * guessed(results, kind).values, colour)
        left.annotate(f"{mean:.1f}%", (x + 0.14, mean), color=colour, verticalalignment="center")
        by_place = np.stack([100 * guessed(results, kind, place).values for place in PLACES], axis=1)
        _line(right, list(range(len(PLACES))), by_place, colour, _model(kind).replace("\n", " "))
    left.set_xticks(range(len(MODELS)), [_model(kind) for kind in MODELS])
    left.set(xlim=(-0.5, 2.6), ylim=(0, None), ylabel=TEXTS("figures.hidden-word.ylabel"))
    left.set_title(TEXTS("figures.hidden-word.title"))
    left.grid(axis="x", visible=False)
    names = [TEXTS(f"figures.hidden-word.{place.replace(' ', '-')}") for place in PLACES]
    right.set_xticks(range(len(PLACES)), names)
    right.set(xlabel=TEXTS("figures.hidden-word.xlabel"), ylabel=TEXTS("figures.hidden-word.ylabel"), ylim=(0, None))
    right.set_title(TEXTS("figures.hidden-word.place-title"))
    right.legend()
    return figure


def blanks(results: Results, config: Any) -> Any:
    """Draw a table of the words that the three models put into blanks, for the first seed."""
    figure, ((axis,),) = canvas(1, 1, 12, 4.4)
    axis.set_axis_off()
    filled = {kind: results.of(kind)[0].measurements["filled"] for kind in MODELS}
    rows = []
    for number, blank in enumerate(BLANKS):
        cells = [
            "\n".join(f"{word}  {100 * share:.0f}%" for word, share in filled[kind][number][:3]) for kind in MODELS
        ]
        rows.append([blank.replace("___", "_____"), *cells])
    heads = ["", *(TEXTS(f"labels.{kind}") for kind in MODELS)]
    table = axis.table(rows, colLabels=heads, cellLoc="left", colWidths=[0.4, 0.2, 0.2, 0.2], bbox=[0, 0, 1, 1])
    table.auto_set_font_size(False)
    table.set_fontsize(10)
    colours = ["black", *MODELS.values()]
    for (row, column), cell in table.get_celld().items():
        cell.set_edgecolor("#cccccc")
        cell.get_text().set_color(colours[column])
        if row == 0:
            cell.get_text().set_fontweight("bold")
    axis.set_title(TEXTS("figures.blanks.title"))
    return figure


def reviews(results: Results, config: Any) -> Any:
    """Reviews told right by the number of labelled sentences."""
    figure, ((axis,),) = canvas(1, 1, 9, 4.8)
    x = sizes(results)
    last = {}
    for arm, colour in ARMS.items():
        values = 100 * np.stack([results.values(f"{arm}/{size}", "accuracy") for size in x], axis=1)
        label = TEXTS(f"figures.reviews.{arm}")
        _line(axis, x, values, colour, label)
        last[label] = (values[:, -1].mean(), colour)
    placed: list[float] = []
    for label, (mean, colour) in sorted(last.items(), key=lambda item: item[1][0]):
        y = max(mean, placed[-1] + 1.6) if placed else mean
        placed.append(y)
        axis.annotate(
            TEXTS("figures.reviews.end", method=label, percent=mean), (x[-1], y), (12, 0), textcoords="offset points",
            color=colour, verticalalignment="center", annotation_clip=False,
        )  # fmt: skip
    _guessing(axis, x[0])
    axis.set_xscale("log")
    axis.set_xticks(x, [str(size) for size in x])
    axis.minorticks_off()
    axis.set_xlim(0.8 * x[0], x[-1] * (x[-1] / x[0] if len(x) > 1 else 2) ** 0.42 * 1.1)
    axis.set(xlabel=TEXTS("figures.reviews.xlabel"), ylabel=TEXTS("figures.reviews.ylabel"))
    axis.set_title(TEXTS("figures.reviews.title"))
    return figure


def _guessing(axis: Any, x: float) -> None:
    """A line at one half, named at `x`."""
    axis.axhline(50, color=GREY, linewidth=0.8, linestyle=":")
    axis.annotate(TEXTS("labels.guessing"), (x, 50), (0, 4), textcoords="offset points", color=GREY)


def senses(results: Results, config: Any) -> Any:
    """Meanings recognised by MiniLM's layer, and by model."""
    figure, ((left, right),) = canvas(1, 2, 12, 4.6, width_ratios=(3, 2))
    by_layer = results.values("minilm", "by_layer")
    words = list(bert_senses.uses())
    values = np.array([[[layer[word] for word in words] for layer in layers] for layers in by_layer])
    x = list(range(values.shape[1]))
    for number, word in enumerate(words):
        path = 100 * values[:, :, number].mean(axis=0)
        left.plot(x, path, color=WORDS[number], linewidth=0.9, alpha=0.8, label=word)
    _line(left, x, 100 * values.mean(axis=2), PALETTE[6], TEXTS("figures.senses.mean"))
    _guessing(left, 1)
    left.set(xlabel=TEXTS("figures.senses.xlabel"), ylabel=TEXTS("figures.senses.ylabel"))
    left.set_title(TEXTS("figures.senses.title"))
    left.legend(ncols=3, loc="lower right", bbox_to_anchor=(1, 0.08), frameon=True, edgecolor="none", framealpha=1)
    bars = [
        (TEXTS("figures.senses.static"), np.array([0.5]), GREY),
        (TEXTS("figures.senses.around"), mean_over_words(results, "minilm", "around").values, GREY),
    ]
    for kind, colour in MODELS.items():
        model = TEXTS(f"labels.{kind}").replace(" ", "\n")
        label = TEXTS("figures.senses.small", model=model)
        bars.append((label, mean_over_words(results, kind, "senses").values, colour))
    bars.append(("MiniLM", mean_over_words(results, "minilm", "senses").values, PALETTE[6]))
    for place, (_, seeds, colour) in enumerate(bars):
        center, top = _interval(right, place, 100 * seeds, colour)
        text = {"color": colour, "horizontalalignment": "center", "verticalalignment": "bottom"}
        right.annotate(f"{center:.0f}", (place, top), (0, 6), textcoords="offset points", **text)
    right.set_xticks(range(len(bars)), [label for label, _, _ in bars], fontsize=8)
    right.set(ylabel=TEXTS("figures.senses.ylabel"), ylim=(45, 102))
    right.set_title(TEXTS("figures.senses.model-title"))
    right.grid(axis="x", visible=False)
    return figure


def bank(results: Results, config: Any) -> Any:
    """MiniLM's vectors of one word in its sentences, before the first and after the fourth layer."""
    figure, axes = canvas(1, 2, 11, 4.6)
    uses = bert_senses.uses()["bank"]
    measurements = results.of("minilm")[0].measurements
    for axis, (name, title) in zip(axes[0], {"bank_static": "before", "bank": "after"}.items(), strict=True):
        points = np.array(measurements[name])
        for number, (meaning, colour) in enumerate(zip(uses.meanings, (PALETTE[2], PALETTE[0]), strict=True)):
            own = points[uses.labels == number]
            axis.plot(*own.T, "o", color=colour, alpha=0.75, label=TEXTS(f"figures.bank.{meaning}"))
        axis.set(xlabel=TEXTS("figures.bank.xlabel"), ylabel=TEXTS("figures.bank.ylabel"))
        axis.set_title(TEXTS(f"figures.bank.{title}"))
        axis.set_aspect("equal", adjustable="datalim")
    axes[0][1].legend()
    figure.suptitle(TEXTS("figures.bank.title"), fontsize=12)
    return figure
