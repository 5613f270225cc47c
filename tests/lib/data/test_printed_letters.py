"""Printed letters: which there are, that every typeface has them, how they lie in their pictures, and bad files."""

import unicodedata
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.ft2font import FT2Font

from lib.data import printed_letters
from lib.data.pictures import Split
from lib.data.printed_letters import LETTERS, SHA256
from lib.harness.errors import UserError


def drawn(count: int, seed: int = 0) -> Split:
    return printed_letters.pictures(count, np.random.default_rng(seed))


def test_the_letters_are_letters_of_five_alphabets_and_no_digits() -> None:
    assert len(set(LETTERS)) == len(LETTERS) == 274
    assert {unicodedata.name(letter).split()[0] for letter in LETTERS} == {
        "LATIN", "GREEK", "CYRILLIC", "ARMENIAN", "GEORGIAN",
    }  # fmt: skip
    assert all(unicodedata.category(letter) in ("Lu", "Ll", "Lo") for letter in LETTERS)


@pytest.mark.parametrize("name", SHA256)
def test_every_typeface_has_every_letter(name: str) -> None:
    face = FT2Font(str(Path(matplotlib.get_data_path(), "fonts", "ttf", name)))
    assert {ord(letter) for letter in LETTERS} <= face.get_charmap().keys()


def test_pictures_are_of_all_letters_in_the_middle_and_as_large_as_digits() -> None:
    split = drawn(5000)
    assert split.images.shape == (5000, 28, 28) and split.images.dtype == np.uint8
    assert set(split.labels) == set(range(len(LETTERS)))
    assert (split.images.max(axis=(1, 2)) > 150).all(), "no picture is empty"
    rows, columns = (np.asarray(split.images.any(axis=axis)) for axis in (2, 1))
    middles = [np.argmax(line, 1) + (27 - np.argmax(line[:, ::-1], 1)) for line in (rows, columns)]
    assert np.abs(np.mean(middles, axis=1) / 2 - 13.5).max() < 0.3
    longest = np.maximum(rows.sum(axis=1), columns.sum(axis=1))
    assert 20 <= np.median(longest) <= 23
    with pytest.raises(ValueError, match="read-only"):
        split.images[0, 0, 0] = 1


def test_the_same_generator_draws_the_same_pictures_and_another_others() -> None:
    np.testing.assert_array_equal(drawn(50).images, drawn(50).images)
    assert (drawn(50).images != drawn(50, seed=1).images).any()
    same = drawn(3000)
    of_a = same.images[same.labels == 0]
    assert len({picture.tobytes() for picture in of_a}) == len(of_a) > 1, "no two pictures of a letter are alike"


def test_a_missing_typeface_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    printed_letters._face.cache_clear()
    printed_letters._letter.cache_clear()
    monkeypatch.setattr(printed_letters, "in_package", lambda *of: tmp_path / "none.ttf")
    with pytest.raises(UserError, match=r"Printed letters: .*none.ttf cannot be read") as caught:
        drawn(1)
    assert "\n" not in str(caught.value)
