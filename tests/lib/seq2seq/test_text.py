"""Vocabularies and batches: there and back, nothing lost, nothing padded on the source's side."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lib.nlp.seq2seq.text import (
    END,
    IGNORED,
    SPECIAL,
    START,
    UNKNOWN,
    Examples,
    Vocabulary,
    english_tokens,
    sentence_pairs,
    word_pairs,
)

PAIRS = [
    (tuple("cat"), ("K", "AE", "T")),
    (tuple("phone"), ("F", "OW", "N")),
    (tuple("axe"), ("AE", "K", "S")),
    (tuple("knife"), ("N", "AY", "F")),
    (tuple("by"), ("B", "AY")),
    (tuple("fox"), ("F", "AA", "K", "S")),
]
SOURCES = Vocabulary.of(source for source, _ in PAIRS)
TARGETS = Vocabulary.of(target for _, target in PAIRS)


@given(st.text(max_size=30))
def test_every_text_comes_back(text: str) -> None:
    """Hangul, emoji, combining forms, the empty text."""
    vocabulary = Vocabulary.of([text])
    assert "".join(vocabulary.decode([*vocabulary.encode(text), END])) == text


def test_what_was_never_seen_is_unknown_and_an_end_is_the_end() -> None:
    vocabulary = Vocabulary.of(["aab", "b"], at_least=2)
    assert vocabulary.symbols == (*SPECIAL, "a", "b")
    assert vocabulary.encode("abc") == [3, 4, UNKNOWN]
    assert Vocabulary.of(["abbc"], at_least=2).symbols[3:] == ("b",)
    assert vocabulary.decode([3, END, 4]) == ("a",)
    assert "a" in vocabulary and "c" not in vocabulary


def test_each_pair_is_in_one_batch_with_what_stands_before_each_symbol() -> None:
    examples = Examples(PAIRS, SOURCES, TARGETS)
    seen = []
    for batch in examples.batches(2, np.random.default_rng(0)):
        assert len(batch.source) <= 2
        for source, before, target in zip(*batch, strict=True):
            answer = target[target != IGNORED]
            assert answer[-1] == END and before[0] == START
            np.testing.assert_array_equal(before[1 : len(answer)], answer[:-1])
            seen.append((tuple(SOURCES.symbols[i] for i in source), TARGETS.decode(answer)))
    assert sorted(seen) == sorted(PAIRS)


def test_the_order_is_the_generators() -> None:
    examples = Examples(PAIRS, SOURCES, TARGETS)

    def order(seed: int) -> list[bytes]:
        return [batch.source.tobytes() for batch in examples.batches(1, np.random.default_rng(seed))]

    assert order(1) == order(1) != order(2)
    assert sorted(order(1)) == sorted(order(2))


def test_words_and_sentences_are_chosen_by_length() -> None:
    assert word_pairs([("cat", ("K",)), ("by", ("B",))], 3, 12) == [(tuple("cat"), ("K",))]
    assert english_tokens("Press F9, then OK.") == ("press", "f", "9", ",", "then", "ok", ".")
    pairs = [("Too short", "짧음"), ("Light is off", "빛 해제"), ("Light is off", "둘째"), ("a b c", "가" * 41)]
    assert sentence_pairs(pairs) == [(("light", "is", "off"), tuple("빛 해제"))]
