"""Error rates by hand, and the answers without a network."""

import numpy as np
import pytest

from lib.nlp.seq2seq.figures import romanised
from lib.nlp.seq2seq.measures import bleu, by_length, distances, error_rates, letter_sounds, nearest, spelled_out


def levenshtein(a: list[str], b: list[str]) -> int:
    """The textbook's table."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (x != y))
    return row[-1]


def test_distances_are_the_textbooks_over_phonemes_not_letters() -> None:
    rng = np.random.default_rng(0)
    symbols = ["AH", "N", "NG", "T", "TH"]
    pairs = [tuple(rng.choice(symbols, rng.integers(0, 8)).tolist() for _ in range(2)) for _ in range(200)]
    expected = [levenshtein(a, b) for a, b in pairs]
    assert distances([a for a, _ in pairs], [b for _, b in pairs]).tolist() == expected
    assert distances([["NG"]], [["N", "G"]]).tolist() == [2]


def test_error_rates() -> None:
    right = [("K", "AE", "T"), ("D", "AO", "G"), ("B", "AY")]
    said = [("K", "AE", "T"), ("D", "AA", "G", "Z"), ()]
    assert error_rates(said, right) == {"wrong": pytest.approx(2 / 3), "errors": pytest.approx(4 / 8)}
    found = by_length(said, [(tuple("cat"), right[0]), (tuple("dog"), right[1]), (tuple("by"), right[2])], [2, 3, 4])
    assert found["wrong"][:2] == [1.0, 0.5] and found["errors"][:2] == [1.0, pytest.approx(2 / 6)]
    assert np.isnan(found["wrong"][2])


def test_bleu_is_100_for_the_right_answer_and_0_for_another() -> None:
    right = [tuple("숫자 서식: 백분율"), tuple("빛 해제 기능을 선택합니다")]
    assert bleu(right, right) == pytest.approx(100)
    assert bleu([tuple("abcdefgh")] * 2, right) < 1
    assert 0 < bleu([tuple("숫자 서식: 날짜"), tuple("빛 해제 기능을 봅니다")], right) < 100


def test_the_nearest_is_the_first_at_the_least_distance() -> None:
    known = [tuple("cart"), tuple("cat"), tuple("bat"), ("cat",)]
    assert nearest([tuple("cats"), tuple("bat"), tuple("car"), ("dog",)], known).tolist() == [1, 2, 0, 3]


def test_a_sound_for_each_letter() -> None:
    pairs = [(tuple("cat"), ("K", "AE", "T")), (tuple("cot"), ("K", "AA", "T")), (tuple("cell"), ("S", "EH", "L"))]
    sounds = letter_sounds(pairs)
    assert sounds == {"c": "K", "a": "AE", "t": "T", "o": "AA"}
    assert spelled_out("tacx", sounds) == ("T", "AE", "K")


def test_syllables_in_roman_letters() -> None:
    """Revised Romanization of single syllables; what is not Hangul stays."""
    assert [romanised(each) for each in "문서의 한국어, 값"] == [
        "mun", "seo", "ui", " ", "han", "guk", "eo", ",", " ", "gap",
    ]  # fmt: skip
    every = [romanised(chr(code)) for code in range(ord("가"), ord("힣") + 1)]
    assert len(every) == 11172 and all(each.isascii() and each.isalpha() for each in every)
