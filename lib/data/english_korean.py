"""English sentences with their Korean translation: 18,668 pairs of headings and sentences of an office program's help.

From LibreOffice 7.4's help in both languages (MPL-2.0), Debian's packages libreoffice-help-en-us and -ko: paragraphs of
the same file and id. Translated by people for readers of menus: short, real, and of one kind.

A pair is to train on, to choose on or to test on (80, 10, 10 in a hundred) by the hash of its English side, so that no
English sentence is in two parts.
"""

from __future__ import annotations

from functools import cache

from lib.data.files import fetched_text, folder, split_by

SHA256 = {"pairs.tsv": "92ddf182830e126e5adc75cca362ef347cb832bbf06a46c038bc48709fb98498"}
"""The file and what it must be; also part of what a run records of itself."""

Pair = tuple[str, str]
"""English, Korean."""


def train() -> list[Pair]:
    """Eight tenths of the pairs, in random order."""
    return _parts()[0]


def validation() -> list[Pair]:
    """The tenth on which learning rates and the like are chosen."""
    return _parts()[1]


def test() -> list[Pair]:
    """The tenth that is read once, at the end."""
    return _parts()[2]


@cache
def _parts() -> tuple[list[Pair], list[Pair], list[Pair]]:
    text = fetched_text("English and Korean", folder("english-korean") / "pairs.tsv", SHA256["pairs.tsv"])
    pairs = [(english, korean) for english, _, korean in (line.partition("\t") for line in text.splitlines())]
    return split_by(pairs, lambda pair: pair[0])
