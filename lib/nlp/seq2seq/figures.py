"""Figures of the seq2seq lab. Bands and bars are 95% intervals of the mean, dots and thin lines are seeds."""

from __future__ import annotations

import unicodedata
from typing import Any

import numpy as np

from lib.harness.contract.drawing import PALETTE, canvas, shared_legend
from lib.harness.contract.results import Results
from lib.harness.contract.texts import Texts, current
from lib.harness.judging.intervals import mean_interval
from lib.nlp.seq2seq.claims import FIRST, errors_by_length, gain_by_length

TEXTS = Texts.beside(__file__)
ARMS = {"with": PALETTE[0], "without": PALETTE[1]}
MEMORY, BEAM, GREY = PALETTE[7], PALETTE[2], "#666666"
WORDS = ("laughter", "flightless", "apostrophes", "architect")
"""Test words with letters that are silent, or said together, or said in another way than usual."""

INITIALS = "g kk n d tt r m b pp s ss - j jj ch k t p h"
VOWELS = "a ae ya yae eo e yeo ye o wa wae oe yo u wo we wi yu eu ui i"
FINALS = "- k k k n n n t l k m l l l p l m p p t t ng t t k t p t"


def romanised(symbol: str) -> str:
    """A Hangul syllable in Roman letters, on its own (Revised Romanization, without changes between syllables)."""
    if not "가" <= symbol <= "힣":
        return unicodedata.normalize("NFKD", symbol)
    number = ord(symbol) - ord("가")
    places = (number // 588, number // 28 % 21, number % 28)
    parts = (letters.split()[place] for letters, place in zip((INITIALS, VOWELS, FINALS), places, strict=True))
    return "".join(parts).replace("-", "")


def _written(symbol: str) -> str:
    """A symbol of a Korean answer, for readers of the current language."""
    if symbol == " ":
        return TEXTS("labels.space")
    return symbol if current() == "ko" else romanised(symbol)


def _label(arm: str) -> str:
    return TEXTS(f"labels.{arm}")


def _band(axis: Any, x: Any, values: np.ndarray, **look: Any) -> None:
    """The mean of `values` (seeds, x) as a line and its interval."""
    center, low, high = np.array([mean_interval(column) for column in values.T]).T
    axis.plot(x, center, **look)
    if np.isfinite(low).all():
        axis.fill_between(x, low, high, color=look["color"], alpha=0.2, linewidth=0)


def _heat(axis: Any, attended: Any, answer: list[str]) -> Any:
    """The attention of one answer: a row for each symbol written, a column for each one read."""
    source = attended["source"]
    image = axis.imshow(np.array(attended["weights"]), cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axis.set_xticks(range(len(source)), source)
    axis.set_yticks(range(len(answer) + 1), [*answer, TEXTS("labels.end")])
    axis.grid(False)
    return image


def attention(results: Results, config: Any) -> Any:
    """Draw where the network looks while it pronounces four words that it has never seen."""
    figure, axes = canvas(2, 2, 11, 8.4)
    maps = results.of("words/with")[0].measurements["maps"]
    for axis, attended in zip(axes.flat, maps, strict=True):
        image = _heat(axis, attended, attended["answer"])
        correct = attended["answer"] == attended["right"]
        key = "figures.attention.right" if correct else "figures.attention.wrong"
        answer, right = (" ".join(attended[name]) for name in ("answer", "right"))
        axis.set_title(f"{''.join(attended['source'])}: {answer}\n({TEXTS(key, phonemes=right)})", fontsize=10)
        axis.set(xlabel=TEXTS("figures.attention.xlabel"), ylabel=TEXTS("figures.attention.ylabel"))
    figure.colorbar(image, ax=axes, label=TEXTS("labels.weight"), shrink=0.6)
    figure.suptitle(TEXTS("figures.attention.title"), fontsize=12)
    return figure


def length(results: Results, config: Any) -> Any:
    """Errors by the length of the word, with and without attention, and the gain."""
    figure, (axes,) = canvas(1, 2, 12, 4.6, width_ratios=(3, 2))
    for arm, colour in ARMS.items():
        errors = 100 * errors_by_length(results, arm).values
        x = np.arange(FIRST, FIRST + errors.shape[1])
        _band(axes[0], x, errors, color=colour, label=_label(arm), marker="o", markersize=4)
        beyond = 100 * results.values(f"words/{arm}", "beyond")
        center, low, high = mean_interval(beyond)
        at = x[-1] + 2
        axes[0].plot(np.full(len(beyond), at), beyond, ".", color=colour, alpha=0.4, markersize=5)
        axes[0].plot(at, center, "s", color=colour, markersize=6)
        if np.isfinite(low):
            axes[0].plot((at, at), (low, high), color=colour, linewidth=4, alpha=0.35)
    memory = 100 * np.array(results.of("words/memory")[0].measurements["by_length"]["errors"])
    axes[0].plot(x, memory, color=MEMORY, linestyle="--", label=TEXTS("figures.length.memory"))
    axes[0].axvspan(x[-1] + 1, x[-1] + 3, color=GREY, alpha=0.08, linewidth=0)
    longer = TEXTS("figures.length.beyond", letters=x[-1] + 1)
    axes[0].set_xticks([*x, x[-1] + 2], [*map(str, x), longer])
    axes[0].set(xlabel=TEXTS("figures.length.xlabel"), ylabel=TEXTS("figures.length.errors-axis"), ylim=(0, None))
    axes[0].set_title(TEXTS("figures.length.errors"))
    shared_legend(figure, axes[0])
    gains = 100 * gain_by_length(results).values
    for row in gains:
        axes[1].plot(x, row, color=BEAM, linewidth=0.8, alpha=0.45, marker=".", markersize=4)
    _band(axes[1], x, gains, color=BEAM, linewidth=2.6)
    axes[1].axhline(0, color="black", linewidth=1)
    axes[1].set_xticks(x)
    axes[1].set(xlabel=TEXTS("figures.length.xlabel"), ylabel=TEXTS("figures.length.gains-axis"))
    axes[1].set_title(TEXTS("figures.length.gains"))
    return figure


def learning(results: Results, config: Any) -> Any:
    """Loss on new examples by the number of examples seen; and errors with and without the right symbols given."""
    figure, (axes,) = canvas(1, 3, 13.5, 4.4, width_ratios=(3, 3, 2))
    for axis, task in ((axes[0], "words"), (axes[1], "sentences")):
        for arm, colour in ARMS.items():
            paths = [r.measurements["path"] for r in results.of(f"{task}/{arm}")]
            losses = np.array([path["validation_loss"] for path in paths])
            _band(axis, np.array(paths[0]["seen"]) / 1000, losses, color=colour, label=_label(arm), marker=".")
        axis.set(xlabel=TEXTS(f"figures.learning.{task}-axis"), ylabel=TEXTS(f"figures.learning.{task}-loss"))
        axis.set(ylim=(0, None), title=TEXTS(f"figures.learning.{task}"))
        axis.legend(loc="lower left")
    for arm, colour in ARMS.items():
        trained = results.of(f"words/{arm}")
        pairs = 100 * np.array([[r.measurements["forced"]["errors"], r.measurements["errors"]] for r in trained])
        for row in pairs:
            axes[2].plot((0, 1), row, color=colour, linewidth=0.8, alpha=0.45)
        axes[2].plot((0, 1), pairs.mean(axis=0), color=colour, linewidth=2.6, marker="o", markersize=7)
        for at, side in ((0, "right"), (1, "left")):
            text = {"color": colour, "horizontalalignment": side, "verticalalignment": "center"}
            axes[2].text(at + (-0.08, 0.08)[at], pairs[:, at].mean(), f"{pairs[:, at].mean():.0f}", **text)
    axes[2].set_xticks((0, 1), [TEXTS("figures.learning.given"), TEXTS("figures.learning.alone")])
    axes[2].set(xlim=(-0.5, 1.5), ylim=(0, None), ylabel=TEXTS("figures.learning.forced-axis"))
    axes[2].set_title(TEXTS("figures.learning.forced"))
    axes[2].grid(axis="x", visible=False)
    return figure


def translation(results: Results, config: Any) -> Any:
    """One sentence and where the network looks; BLEU with and without attention and by looking up, and by length."""
    figure, (axes,) = canvas(1, 3, 15.5, 5.4, width_ratios=(5, 3, 3))
    attended = results.of("sentences/with")[0].measurements["map"]
    image = _heat(axes[0], attended, [*map(_written, attended["answer"])])
    axes[0].tick_params(axis="x", rotation=35)
    axes[0].tick_params(axis="y", labelsize=8)
    axes[0].set(xlabel=TEXTS("figures.translation.xlabel"), ylabel=TEXTS("figures.translation.ylabel"))
    axes[0].set_title(TEXTS("figures.translation.attention"))
    figure.colorbar(image, ax=axes[0], label=TEXTS("labels.weight"))
    bars = {_label(arm): (results.values(f"sentences/{arm}", "bleu"), colour) for arm, colour in ARMS.items()}
    bars[TEXTS("figures.translation.memory")] = (results.values("sentences/memory", "bleu"), MEMORY)
    for place, (values, colour) in enumerate(bars.values()):
        center, low, high = mean_interval(values)
        axes[1].bar(place, center, color=colour, alpha=0.75, width=0.62)
        if np.isfinite(low):
            axes[1].plot((place, place), (max(low, 0), high), color="black", linewidth=1.4)
        axes[1].plot(np.full(len(values), place), values, ".", color="black", markersize=4)
        axes[1].text(place + 0.06, center, f" {center:.1f}", verticalalignment="bottom")
    axes[1].set_xticks(range(len(bars)), [label.replace(": ", ":\n") for label in bars], fontsize=9)
    axes[1].grid(axis="x", visible=False)
    known = results.of("sentences/memory")[0].measurements["known"]
    axes[1].set(ylabel=TEXTS("figures.translation.bleu-axis"))
    axes[1].set_title(TEXTS("figures.translation.bleu", known=f"{known:,}"))
    for arm, colour in ARMS.items():
        thirds = results.values(f"sentences/{arm}", "bleu_by_length")
        _band(axes[2], range(3), thirds, color=colour, label=_label(arm), marker="o", markersize=4)
    lengths = ("shortest", "middle", "longest")
    axes[2].set_xticks(range(3), [TEXTS(f"figures.translation.{length}") for length in lengths])
    axes[2].set(xlabel=TEXTS("figures.translation.thirds-axis"), ylabel=TEXTS("figures.translation.bleu-axis"))
    axes[2].set(ylim=(0, None), title=TEXTS("figures.translation.thirds"))
    shared_legend(figure, axes[2])
    return figure


def answers(results: Results, config: Any) -> Any:
    """The answers to a dozen test words; and what a wider beam changes."""
    figure, (axes,) = canvas(1, 2, 14, 5, width_ratios=(7, 3))
    first, other = (results.of(f"words/{arm}")[0].measurements["examples"] for arm in ARMS)
    chosen = sorted(range(len(first)), key=lambda i: len(first[i]["source"]))[:: max(1, len(first) // 13)][:13]
    axis = axes[0]
    axis.set_axis_off()
    axis.set_title(TEXTS("figures.answers.table"))
    columns = (0.0, 0.17, 0.43, 0.72)
    bold = {"fontweight": "bold", "transform": axis.transAxes, "verticalalignment": "center"}
    heads = (TEXTS("figures.answers.word"), TEXTS("figures.answers.dictionary"), *map(_label, ARMS))
    for x, text in zip(columns, heads, strict=True):
        axis.text(x, 0.97, text, **bold)
    axis.plot((0, 1), (0.93, 0.93), color="black", linewidth=0.8, transform=axis.transAxes)
    for row, i in enumerate(chosen):
        right = first[i]["right"]
        cells = [(first[i]["source"], "black"), (" ".join(right), "black")]
        cells += [
            (" ".join(examples[i]["answer"]), PALETTE[0] if examples[i]["answer"] == right else PALETTE[1])
            for examples in (first, other)
        ]
        for x, (text, colour) in zip(columns, cells, strict=True):
            look = {"color": colour, "fontsize": 8.5, "transform": axis.transAxes, "verticalalignment": "center"}
            axis.text(x, 0.88 - 0.072 * row, text, **look)
    for arm, colour in ARMS.items():
        beams = results.values(f"words/{arm}", "beam")
        widths = beams[0]["width"]
        wrong = 100 * np.array([beam["wrong"] for beam in beams])
        change = wrong[:, :1] - wrong
        _band(axes[1], range(len(widths)), change, color=colour, label=_label(arm), marker="o", markersize=4)
    axes[1].axhline(0, color="black", linewidth=1)
    greedy = TEXTS("figures.answers.greedy")
    axes[1].set_xticks(range(len(widths)), [f"{width}" if width > 1 else greedy for width in widths])
    axes[1].set(xlabel=TEXTS("figures.answers.xlabel"), ylabel=TEXTS("figures.answers.ylabel"))
    axes[1].set_title(TEXTS("figures.answers.beam"))
    axes[1].legend()
    return figure
