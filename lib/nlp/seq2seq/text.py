"""Words and sentences as numbers, and batches of them without padding on the source's side.

A `Vocabulary` turns symbols into numbers and back. `Examples` keeps pairs of sequences in buckets by the length of
the source, each bucket a few arrays, so that a batch is a gather by index.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import NamedTuple

import numpy as np

from lib.data import english_korean, phonemes

END, START, UNKNOWN = 0, 1, 2
SPECIAL = ("</s>", "<s>", "?")
IGNORED = -100  # torch's cross_entropy leaves out targets of this number

Pair = tuple[tuple[str, ...], tuple[str, ...]]
"""Source and target as symbols: letters and phonemes, or English words and Korean syllables."""

ENGLISH = re.compile(r"[a-z]+|\d|[^\sa-z\d]")
SENTENCE_WORDS, KOREAN_SYMBOLS = (3, 12), 40


@dataclass(frozen=True)
class Vocabulary:
    """The symbols that a network knows; the first three are `SPECIAL`."""

    symbols: tuple[str, ...]

    @classmethod
    def of(cls, sequences: Iterable[Sequence[str]], at_least: int = 1) -> Vocabulary:
        """The symbols that occur `at_least` so many times, in alphabetical order."""
        counts = Counter(symbol for sequence in sequences for symbol in sequence)
        return cls((*SPECIAL, *sorted(symbol for symbol, count in counts.items() if count >= at_least)))

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {symbol: number for number, symbol in enumerate(self.symbols)}

    def __len__(self) -> int:
        return len(self.symbols)

    def __contains__(self, symbol: str) -> bool:
        return symbol in self._numbers

    def encode(self, sequence: Sequence[str]) -> list[int]:
        """The numbers of the symbols; those that it has not are `UNKNOWN`."""
        return [self._numbers.get(symbol, UNKNOWN) for symbol in sequence]

    def decode(self, numbers: Iterable[int]) -> tuple[str, ...]:
        """The symbols of the numbers before the first `END`."""
        found: list[str] = []
        for number in numbers:
            if number == END:
                break
            found.append(self.symbols[number])
        return tuple(found)


class Bucket(NamedTuple):
    """Pairs whose sources have one length S: where they stand in the list, source (n, S), target with `END` (n, T)."""

    places: np.ndarray
    source: np.ndarray
    target: np.ndarray
    lengths: np.ndarray


class Batch(NamedTuple):
    """Source (n, S), what stands before each target symbol (n, T), the targets (n, T), `IGNORED` at the end."""

    source: np.ndarray
    before: np.ndarray
    target: np.ndarray


class Examples:
    """Pairs as numbers, in buckets by the length of the source."""

    def __init__(self, pairs: Sequence[Pair], sources: Vocabulary, targets: Vocabulary):
        self.pairs, self.sources, self.targets = pairs, sources, targets
        by_length: dict[int, list[int]] = {}
        for place, (source, _) in enumerate(pairs):
            by_length.setdefault(len(source), []).append(place)
        self.buckets = [self._bucket(places) for _, places in sorted(by_length.items())]

    def __len__(self) -> int:
        return len(self.pairs)

    def _bucket(self, places: list[int]) -> Bucket:
        answers = [[*self.targets.encode(self.pairs[place][1]), END] for place in places]
        lengths = np.array([len(answer) for answer in answers])
        target = np.full((len(places), lengths.max()), IGNORED)
        for row, answer in zip(target, answers, strict=True):
            row[: len(answer)] = answer
        source = np.array([self.sources.encode(self.pairs[place][0]) for place in places])
        return Bucket(np.array(places), source, target, lengths)

    def batches(self, size: int, rng: np.random.Generator | None = None) -> Iterator[Batch]:
        """All pairs once, in batches of at most `size` of one source length; in random order if there is an `rng`."""
        parts = []
        for number, bucket in enumerate(self.buckets):
            rows = np.arange(len(bucket.places)) if rng is None else rng.permutation(len(bucket.places))
            parts += [(number, rows[i : i + size]) for i in range(0, len(rows), size)]
        for part in range(len(parts)) if rng is None else rng.permutation(len(parts)):
            number, rows = parts[part]
            bucket = self.buckets[number]
            target = bucket.target[rows, : bucket.lengths[rows].max()]
            before = np.full_like(target, START)
            before[:, 1:] = np.where(target[:, :-1] == IGNORED, END, target[:, :-1])
            yield Batch(bucket.source[rows], before, target)


class Text(NamedTuple):
    """Examples to learn from, to choose on and to test on, of the same vocabularies."""

    train: Examples
    validation: Examples
    test: Examples


def word_pairs(entries: Iterable[phonemes.Entry], shortest: int, longest: int) -> list[Pair]:
    """Letters and phonemes of the words with so many letters."""
    return [(tuple(word), spoken) for word, spoken in entries if shortest <= len(word) <= longest]


def english_tokens(sentence: str) -> tuple[str, ...]:
    """Words in small letters, digits and signs, each on its own."""
    return tuple(ENGLISH.findall(sentence.lower()))


def sentence_pairs(pairs: Iterable[english_korean.Pair]) -> list[Pair]:
    """English tokens and Korean syllables of the short sentences; the first translation of each English one."""
    found: dict[tuple[str, ...], tuple[str, ...]] = {}
    for english, korean in pairs:
        fewest, most = SENTENCE_WORDS
        if fewest <= len(english.split()) <= most and len(korean) <= KOREAN_SYMBOLS:
            found.setdefault(english_tokens(english), tuple(korean))
    return list(found.items())


@cache
def words(examples: int, shortest: int, longest: int, validated: int, tested: int) -> Text:
    """Spelling and phonemes: the first `examples` words to learn, `validated` to choose on, `tested` to test on.

    The test words may also be longer than `longest`: to see what becomes of words that are longer than any learned.
    """
    train = word_pairs(phonemes.train(), shortest, longest)[:examples]
    letters = Vocabulary((*SPECIAL, *map(chr, range(ord("a"), ord("z") + 1))))
    sounds = Vocabulary.of(spoken for _, spoken in word_pairs(phonemes.train(), 1, 1000))
    validation = word_pairs(phonemes.validation(), shortest, longest)[:validated]
    test = word_pairs(phonemes.test(), shortest, longest)[:tested] + word_pairs(phonemes.test(), longest + 1, 1000)
    return Text(*(Examples(part, letters, sounds) for part in (train, validation, test)))


@cache
def sentences(examples: int, validated: int, tested: int) -> Text:
    """English and Korean: the first `examples` short pairs to learn, `validated` to choose on, `tested` to test on.

    A word or syllable that occurs once in all of the training part is unknown. Sentences that differ in capitals or
    spaces alone are one: such a one is left out of the later parts.
    """
    train, validation, test = (
        sentence_pairs(part()) for part in (english_korean.train, english_korean.validation, english_korean.test)
    )
    learned = {source for source, _ in train}
    validation = [pair for pair in validation if pair[0] not in learned]
    chosen_on = {source for source, _ in validation}
    test = [pair for pair in test if pair[0] not in learned | chosen_on]
    sources = Vocabulary.of((source for source, _ in train), at_least=2)
    targets = Vocabulary.of((target for _, target in train), at_least=2)
    parts = train[:examples], validation[:validated], test[:tested]
    return Text(*(Examples(part, sources, targets) for part in parts))
