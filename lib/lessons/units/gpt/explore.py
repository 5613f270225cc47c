"""The explorable on temperature and prompt: the next character's probabilities, and three texts that go on.

The learner's own model writes, once the notebook has lent it; before that one that only counts: which character follows
two others, and how often.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from lib.harness.contract.drawing import PALETTE
from lib.lessons.explore import Choice, Explorable, Slider, Words
from lib.lessons.units.counting import counted, text_in

LENGTH, TEXTS, SHOWN = 36, 3, 10
"""Characters of a text, texts, and characters with a bar."""
LINES = {"korean": 26, "english": 40}
"""Characters a line."""
Texts = list[list[int]]
"""Texts of one length, as numbers of characters."""
Model = tuple[Sequence[str], Callable[[Texts], np.ndarray]]
"""The characters, and from n texts so far the logit of each character to come, (n, characters)."""

_lent: list[Model] = []


def lend(characters: Sequence[str], next_logits: Callable[[Texts], np.ndarray]) -> None:
    """Let the picture use the learner's model.

    Args:
        characters: by number.
        next_logits: from the numbers of n texts so far, of one length, to logits (n, characters).
    """
    shape = np.shape(next_logits([[0], [0]]))
    if shape != (2, len(characters)):
        raise ValueError(f"next_logits: two texts give the shape {shape} and not {(2, len(characters))}")
    _lent[:] = [(tuple(characters), next_logits)]


@cache
def counting(corpus: str) -> Model:
    """The model that counts what follows two characters of a ``korean`` or ``english`` text."""
    found = counted(corpus)

    def next_logits(texts: Texts) -> np.ndarray:
        return np.asarray(np.log(np.stack([found.chances(numbers) for numbers in texts])))

    return text_in(corpus)[1], next_logits


def chances(logits: np.ndarray, temperature: float) -> np.ndarray:
    """The probabilities at a temperature, along the last axis."""
    scores = np.asarray(logits, dtype=float) / temperature
    raised = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True))


def numbers_of(prompt: str, characters: Sequence[str]) -> list[int]:
    """The numbers of a prompt, those characters left out that the model does not know; never empty."""
    number = {character: place for place, character in enumerate(characters)}
    return [number[character] for character in prompt if character in number] or [0]


def written(model: Model, prompt: str, temperature: float, draws: np.ndarray) -> list[str]:
    """The model's writing after the prompt: a text for each row of `draws` (n, length) from [0, 1)."""
    characters, next_logits = model
    begun = numbers_of(prompt, characters)
    texts = [list(begun) for _ in draws]
    for column in draws.T:
        lines = chances(next_logits(texts), temperature).cumsum(axis=1)
        for numbers, line, draw in zip(texts, lines, column, strict=True):
            numbers.append(min(int(np.searchsorted(line, draw * line[-1])), len(line) - 1))
    return ["".join(characters[each] for each in numbers[len(begun) :]) for numbers in texts]


def draw_writing(figure: Any, text: Callable[..., str], *, prompt: str, temperature: float, model: str) -> None:
    """Left: the most probable next characters. Right: three texts."""
    mine, corpus, prompt = model == "mine" and bool(_lent), text("corpus"), prompt or text("prompt")
    used = _lent[0] if mine else counting(corpus)
    characters, next_logits = used
    probability = chances(next_logits([numbers_of(prompt, characters)])[0], temperature)
    order = np.argsort(-probability, kind="stable")[:SHOWN]

    figure.set_layout_engine("none")
    left, right = figure.add_axes((0.07, 0.12, 0.28, 0.74)), figure.add_axes((0.4, 0.04, 0.59, 0.82))
    left.barh(range(len(order)), probability[order], color=PALETTE[0])
    left.set_yticks(range(len(order)), [{" ": "␣", "\n": "⏎"}.get(characters[i], characters[i]) for i in order])
    left.set(xlim=(0, 1), ylim=(SHOWN - 0.5, -0.5), title=text("next"))
    left.grid(axis="y", visible=False)
    right.set_axis_off()
    name = text("by_mine") if mine else text("by_nobody") if model == "mine" else text("by_counting")
    right.set_title(name, loc="left")
    draws = np.stack([np.random.default_rng(place).random(LENGTH) for place in range(TEXTS)])
    for place, words in enumerate(written(used, prompt, temperature, draws)):
        shown = f"{prompt}{words}".replace("\n", " ⏎ ").replace("$", "﹩")
        lines = textwrap.wrap(shown, LINES[corpus], replace_whitespace=False)[:3]
        right.text(0, 0.93 - 0.33 * place, "\n".join(lines), va="top", fontsize=11, transform=right.transAxes)


EXPLORABLES = {
    "writing": Explorable(
        draw_writing,
        {
            "prompt": Words(""),
            "temperature": Slider(0.1, 2.0, 0.1, start=0.8),
            "model": Choice(["counting", "mine"], start="counting"),
        },
        size=(8, 3.2),
    )
}
