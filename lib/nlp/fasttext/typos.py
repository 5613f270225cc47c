"""Typos: which kind a misspelling is, and words misspelled as people do, in English and on a Korean keyboard."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

from lib.data import misspellings
from lib.nlp.fasttext import jamo

KINDS = ("swap", "drop", "insert", "substitute", "several")
"""Two neighbours changed places; one is missing; one too many (or a doubled one); another one; more edits."""

KEY_ERRORS = ("swap", "drop", "double", "neighbour")
LETTERS = "abcdefghijklmnopqrstuvwxyz"
SHORTEST = 4
"""Letters of a word that may be misspelled: shorter ones seldom are, and become other words."""


def kind(written: str, meant: str) -> str:
    """Return the kind of a misspelling, one of `KINDS`: one edit, or several."""
    longer = len(written) - len(meant)
    start = _common(written, meant)
    end = min(_common(written[::-1], meant[::-1]), len(meant) - start, len(written) - start)
    wrong, right = written[start : len(written) - end], meant[start : len(meant) - end]
    if longer == 0 and len(wrong) == 1:
        return "substitute"
    if longer == 0 and len(wrong) == 2 and wrong == right[::-1]:
        return "swap"
    if longer == 1 and not right:
        return "insert"
    if longer == -1 and not wrong:
        return "drop"
    return "several"


def _common(one: str, other: str) -> int:
    """Count the letters that two words share from the start."""
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def edited(word: str, rng: np.random.Generator) -> str:
    """A word with one random edit of the first four kinds; it is another word afterwards."""
    while True:
        which, at = KINDS[rng.integers(4)], int(rng.integers(len(word)))
        if which == "swap":
            typo = word[:at] + word[at : at + 2][::-1] + word[at + 2 :]
        elif which == "drop":
            typo = word[:at] + word[at + 1 :]
        elif which == "insert":
            typo = word[: at + 1] + word[at] + word[at + 1 :]
        else:
            typo = word[:at] + LETTERS[rng.integers(len(LETTERS))] + word[at + 1 :]
        if typo != word:
            return typo


@cache
def people_wrote() -> dict[str, tuple[str, ...]]:
    """For a word what people wrote for it, from all of the dictionary: nothing is trained on it."""
    found: dict[str, list[str]] = {}
    for written, meant in [*misspellings.train(), *misspellings.validation(), *misspellings.test()]:
        found.setdefault(meant.lower(), []).append(written.lower())
    return {meant: tuple(written) for meant, written in found.items()}


def misspelled(word: str, rng: np.random.Generator) -> str:
    """A misspelling that people made of a word, by chance one of them; a random edit where none is known."""
    known = people_wrote().get(word, ())
    return known[rng.integers(len(known))] if known else edited(word, rng)


def with_typos(
    sentences: Sequence[Sequence[str]], shares: Sequence[float], rng: np.random.Generator
) -> list[list[list[str]]]:
    """The sentences with that share of their words of at least `SHORTEST` letters misspelled, for each of `shares`.

    A word has one misspelling, and the words that have one at a small share also have it at a larger one.
    """
    versions: list[list[list[str]]] = [[] for _ in shares]
    for sentence in sentences:
        wrong = [misspelled(w, rng) if len(w) >= SHORTEST and w.isalpha() else w for w in sentence]
        turn = rng.random(len(sentence))
        for version, share in zip(versions, shares, strict=True):
            chosen = zip(sentence, wrong, turn, strict=True)
            version.append([bad if when < share else good for good, bad, when in chosen])
    return versions


def mistyped(word: str, error: str, rng: np.random.Generator) -> str | None:
    """A Korean word typed with one error in its keys (one of `KEY_ERRORS`), as the input method shows it.

    ``neighbour`` hits the key beside the right one. None: there is no such error that changes the word.
    """
    keys = jamo.keystrokes(word)
    for at in rng.permutation(len(keys)):
        if error == "swap":
            typo = keys[:at] + keys[at : at + 2][::-1] + keys[at + 2 :]
        elif error == "drop":
            typo = keys[:at] + keys[at + 1 :]
        elif error == "double":
            typo = keys[:at] + keys[at] + keys[at:]
        else:
            near = jamo.next_keys(keys[at])
            typo = keys[:at] + near[rng.integers(len(near))] + keys[at + 1 :] if near else keys
        shown = jamo.typed(typo)
        if shown not in (word, ""):
            return shown
    return None
