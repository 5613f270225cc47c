"""Hangul in letters and in keys, for every syllable, against Unicode's own decomposition."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.nlp.fasttext import jamo

ALL = [chr(jamo.FIRST + number) for number in range(jamo.SYLLABLES)]
words = st.text(st.sampled_from(ALL), max_size=8)


def test_every_syllable_is_reversible() -> None:
    for syllable in ALL:
        assert jamo.join(*jamo.split(syllable)) == syllable
        assert jamo.unspelled(jamo.spelled(syllable)) == syllable
        assert jamo.typed(jamo.keystrokes(syllable)) == syllable


def test_every_syllable_has_the_letters_that_unicode_says() -> None:
    """NFD has other code points for letters by their place; the letters' names are the same."""
    for syllable in ALL:
        names = [unicodedata.name(letter).rpartition(" ")[2] for letter in unicodedata.normalize("NFD", syllable)]
        ours = [unicodedata.name(letter).rpartition(" ")[2] for letter in jamo.split(syllable) if letter != "-"]
        assert ours == names


@given(words)
def test_words_are_reversible(word: str) -> None:
    assert jamo.unspelled(jamo.spelled(word)) == word
    assert len(jamo.spelled(word)) == 3 * len(word)


@given(st.text(st.sampled_from([*ALL[:50], "a", "-", " ", "ㄱ", "ㅏ", "😀"])))
def test_what_is_no_syllable_is_left_alone(text: str) -> None:
    others = [letter for letter in text if not jamo.is_syllable(letter)]
    assert [letter for letter in jamo.spelled(text) if letter in "a 😀"] == [o for o in others if o in "a 😀"]


@pytest.mark.parametrize(
    ("word", "letters", "keys"),
    [
        ("값", "ㄱㅏㅄ", "ㄱㅏㅂㅅ"),
        ("값이", "ㄱㅏㅄㅇㅣ-", "ㄱㅏㅂㅅㅇㅣ"),
        ("와", "ㅇㅘ-", "ㅇㅗㅏ"),
        ("까치", "ㄲㅏ-ㅊㅣ-", "ㄲㅏㅊㅣ"),
        ("읽어", "ㅇㅣㄺㅇㅓ-", "ㅇㅣㄹㄱㅇㅓ"),
        ("", "", ""),
        ("ㅋㅋ", "ㅋㅋ", "ㅋㅋ"),
        ("a-b", "a-b", "a-b"),
    ],
)
def test_letters_and_keys(word: str, letters: str, keys: str) -> None:
    assert (jamo.spelled(word), jamo.keystrokes(word)) == (letters, keys)
    assert (jamo.unspelled(letters), jamo.typed(keys)) == (word, word)


@pytest.mark.parametrize(
    ("keys", "shown"),
    [
        ("ㅎㅏㄱㅛ", "하교"),
        ("ㅎㅏㄱㄱㅛ", "학교"),
        ("ㅎㅏㄱㄲㅛ", "학꾜"),
        ("ㄱㅏㅂㅅㅣ", "갑시"),
        ("ㅎㅎㅏㄴ", "ㅎ한"),
        ("ㅏㄱ", "ㅏㄱ"),
        ("ㅎㅏㅃㅏ", "하빠"),
        ("ㅇㅓㅃ", "어ㅃ"),
        ("ㄱㅏㅏ", "가ㅏ"),
        ("ㄷㅏㄹㄱ", "닭"),
        ("ㄷㅏㄹㄱㅣ", "달기"),
    ],
)
def test_an_input_method_composes_greedily(keys: str, shown: str) -> None:
    assert jamo.typed(keys) == shown


def test_keys_beside() -> None:
    assert jamo.next_keys("ㅁ") == "ㄴ"
    assert jamo.next_keys("ㄴ") == "ㅁㅇ"
    assert jamo.next_keys("ㅔ") == "ㅐ"
    assert jamo.next_keys("ㄲ") == jamo.next_keys("x") == ""
    assert len("".join(jamo.KEYBOARD)) == len({*"".join(jamo.KEYBOARD)}) == 26
