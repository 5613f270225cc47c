"""Kinds of misspellings, misspelled sentences, errors on a Korean keyboard, and the peer that looks spellings up."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import OSA

from lib.data import misspellings
from lib.nlp.fasttext import jamo
from lib.nlp.fasttext.peers import nearest_spellings, stable_hash
from lib.nlp.fasttext.typos import KEY_ERRORS, KINDS, edited, kind, misspelled, mistyped, people_wrote, with_typos

english = st.text("abcde", min_size=1, max_size=8)


@pytest.mark.parametrize(
    ("written", "meant", "expected"),
    [
        ("teh", "the", "swap"),
        ("segemnt", "segment", "swap"),
        ("primitve", "primitive", "drop"),
        ("pallette", "palette", "insert"),
        ("sprech", "speech", "substitute"),
        ("tekst", "text", "several"),
        ("vulberbuility", "vulnerability", "several"),
        ("abc", "cba", "several"),
        ("aab", "ab", "insert"),
        ("ab", "aab", "drop"),
    ],
)
def test_kinds(written: str, meant: str, expected: str) -> None:
    assert kind(written, meant) == expected


@given(english, english)
def test_a_kind_is_one_edit_where_a_library_counts_one(one: str, other: str) -> None:
    if one != other:
        assert (kind(one, other) == "several") == (OSA.distance(one, other) > 1)


def test_real_misspellings_are_of_every_kind() -> None:
    found = [kind(written.lower(), meant.lower()) for written, meant in misspellings.validation()]
    assert min(found.count(name) for name in KINDS) > 100


@given(english, st.integers(0, 1000))
def test_a_random_edit_is_one_edit(word: str, seed: int) -> None:
    assert OSA.distance(word, edited(word, np.random.default_rng(seed))) == 1


def test_what_people_wrote_comes_before_a_random_edit() -> None:
    rng = np.random.default_rng(0)
    assert {misspelled("segment", rng) for _ in range(200)} == {*people_wrote()["segment"]}
    assert "qqqqzz" not in people_wrote() and OSA.distance(misspelled("qqqqzz", rng), "qqqqzz") == 1


def test_more_typos_keep_those_that_were_there() -> None:
    sentences = [["this", "is", "wonderful", "entertainment", "of-course"]] * 300
    none, half, most = with_typos(sentences, (0, 0.5, 1), np.random.default_rng(0))
    assert none == sentences
    right, wrong, all_wrong = (np.array(each) for each in (none, half, most))
    assert (all_wrong[:, [0, 2, 3]] != right[:, [0, 2, 3]]).all()
    assert (all_wrong[:, [1, 4]] == right[:, [1, 4]]).all(), "short words and what is not letters stay"
    changed = wrong != right
    assert 0.4 < changed[:, [0, 2, 3]].mean() < 0.6
    assert (wrong[changed] == all_wrong[changed]).all()


@pytest.mark.parametrize("error", KEY_ERRORS)
def test_errors_on_the_keyboard_are_one_error_in_the_keys(error: str) -> None:
    rng, words = np.random.default_rng(0), ["문서", "값을", "편집하다", "와이드", "그림", "입력합니다"]
    for word in words * 10:
        shown = mistyped(word, error, rng)
        assert shown is not None and shown != word
        keys, right = jamo.keystrokes(shown), jamo.keystrokes(word)
        assert OSA.distance(keys, right) == 1
        assert len(keys) - len(right) == {"drop": -1, "double": 1}.get(error, 0)
        if error == "swap":
            assert sorted(keys) == sorted(right)


def test_no_error_is_possible() -> None:
    rng = np.random.default_rng(0)
    assert mistyped("", "drop", rng) is None
    assert mistyped("ㅋㅋ", "swap", rng) is None
    assert mistyped("ㅋ", "drop", rng) is None


@given(st.lists(english, min_size=1, max_size=12, unique=True), st.lists(english, min_size=1, max_size=3))
def test_the_nearest_spellings_by_hand(words: list[str], written: list[str]) -> None:
    for text, found in zip(written, nearest_spellings(written, words, 5, 3), strict=True):
        edits = [(OSA.distance(text, word), i) for i, word in enumerate(words)]
        assert found == [i for distance, i in sorted(edits) if distance <= 3][:5]


def test_the_hash_is_the_same_in_every_process() -> None:
    assert stable_hash("word") == 0xC3F17511
