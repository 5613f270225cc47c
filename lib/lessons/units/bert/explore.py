"""The explorable on the blank: what fits by what is left of it, and by both sides.

At first a model guesses that only counts neighbours; after the notebook has lent them, the learner's GPT and BERT.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lib.harness.contract.drawing import PALETTE
from lib.lessons.explore import Choice, Explorable, Words
from lib.lessons.units.counting import counted, text_in

SHOWN = 8
"""Characters with a bar."""
CONTEXT = 32
"""Characters that the learner's models see."""
BLANK = "_"


@dataclass(frozen=True)
class Guess:
    """The characters that may stand in a blank.

    Attributes:
        characters: by number.
        left: their probabilities by what is left of the blank, (kinds,).
        both: by both sides.
    """

    characters: Sequence[str]
    left: np.ndarray
    both: np.ndarray


_lent: list[tuple[Sequence[str], Any, Any]] = []


def lend(characters: Sequence[str], gpt: Any, bert: Any) -> None:
    """Let the picture use the learner's models: from ids (n, T), the mask's number being the last, to logits."""
    _lent[:] = [(tuple(characters), gpt, bert)]


def by_counting(before: str, after: str, language: str) -> Guess:
    """Of counted neighbours. The sides are joined as if, the character given, they knew nothing of each other."""
    characters = text_in(language)[1]
    number = {character: place for place, character in enumerate(characters)}
    forward, backward = counted(language), counted(language, backward=True)
    left = forward.chances([number[each] for each in before if each in number])
    right = backward.chances([number[each] for each in reversed(after) if each in number])
    both = left * right / np.maximum(forward.overall, 1e-9)
    return Guess(characters, left, both / both.sum())


def by_models(before: str, after: str) -> Guess:
    """Of the learner's models. Characters that they do not know are hidden from them."""
    import torch

    characters, gpt, bert = _lent[0]
    mask = len(characters)
    number = {character: place for place, character in enumerate(characters)}
    ids = [number.get(each, mask) for each in f"{before}{BLANK}{after}"]
    place = len(before)
    ids[place] = mask
    start = max(0, min(place - CONTEXT // 2, len(ids) - CONTEXT))
    seen = torch.tensor([ids[max(0, place - CONTEXT) : place]], dtype=torch.int64)
    with torch.no_grad():
        around = bert(torch.tensor([ids[start : start + CONTEXT]]))[0, place - start]
        before_it = gpt(seen)[0, -1] if place else torch.zeros(mask)
    left, both = (torch.softmax(each.double(), dim=-1).numpy() for each in (before_it, around))
    return Guess(characters, left, both)


def draw_blank(figure: Any, text: Callable[..., str], *, sentence: str, model: str) -> None:
    """Left: by the left side. Right: by both."""
    sentence = sentence or text("sentence")
    if BLANK not in sentence:
        raise ValueError(text("no_blank"))
    before, _, after = sentence.partition(BLANK)
    after = after.replace(BLANK, "")
    mine = model == "mine" and bool(_lent)
    guess = by_models(before, after) if mine else by_counting(before, after, text("language"))

    figure.set_layout_engine("none")
    figure.text(0.5, 0.93, f"{before}□{after}", ha="center", fontsize=12)
    note = text("by_mine") if mine else text("by_nobody") if model == "mine" else text("by_counting")
    figure.text(0.5, 0.03, note, ha="center", fontsize=9, color="#555555")
    for start, side, title, colour in ((0.07, guess.left, "left", 5), (0.57, guess.both, "both", 0)):
        axes = figure.add_axes((start, 0.2, 0.4, 0.58))
        order = np.argsort(-side, kind="stable")[:SHOWN]
        axes.bar(range(len(order)), side[order], color=PALETTE[colour])
        axes.set_xticks(
            range(len(order)), [{" ": "␣", "\n": "⏎"}.get(guess.characters[i], guess.characters[i]) for i in order]
        )
        axes.set(ylim=(0, 1), title=text(title))
        axes.grid(axis="x", visible=False)


EXPLORABLES = {
    "blank": Explorable(
        draw_blank,
        {"sentence": Words(""), "model": Choice(["counting", "mine"], start="counting")},
        size=(8, 3.2),
    )
}
