"""Misspellings that people really made, with the word they meant: 57,000, from codespell's dictionary (CC-BY-SA-3.0).

Collected from Wikipedia and from the source code of many projects; the file ships with the package codespell. Only
entries with one correction are kept, and only those in which both sides are plain letters.

A misspelling is to train on, to choose on or to test on (80, 10, 10 in a hundred) by the hash of the word that was
meant, so that a word's misspellings are all in one part.
"""

from __future__ import annotations

from functools import cache

from lib.data.files import packaged_text, split_by

SHA256 = {"dictionary.txt": "a457564a466120c728361e9c759b6a6ef05c2acc05c7e12d1ba0eb251036f42d"}
"""The file and what it must be; also part of what a run records of itself."""

Misspelling = tuple[str, str]
"""What was written and what was meant."""


def train() -> list[Misspelling]:
    """Eight tenths of the misspellings, in random order."""
    return _parts()[0]


def validation() -> list[Misspelling]:
    """The tenth on which choices are made."""
    return _parts()[1]


def test() -> list[Misspelling]:
    """The tenth that is read once, at the end."""
    return _parts()[2]


@cache
def _parts() -> tuple[list[Misspelling], list[Misspelling], list[Misspelling]]:
    text = packaged_text("Misspellings", "codespell_lib", "data/dictionary.txt", SHA256["dictionary.txt"])
    entries = [(written, meant) for written, _, meant in (line.partition("->") for line in text.splitlines())]
    return split_by([(w, m) for w, m in entries if (w + m).isascii() and (w + m).isalpha()], lambda entry: entry[1])
