"""The text sets are the real ones, divided without overlap, and refused when they are others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType

import pytest

from lib.data import (
    austen,
    brown,
    english_korean,
    files,
    korean_words,
    minilm,
    misspellings,
    movie_reviews,
    phonemes,
    wordsim353,
)
from lib.harness.errors import UserError


def test_brown_has_the_sentences_and_words_of_its_manual() -> None:
    parts = [brown.train(), brown.validation(), brown.test()]
    assert [len(part) for part in parts] == [45_900, 5_720, 5_720]
    assert sum(len(sentence) for part in parts for sentence in part) == 1_161_192
    assert brown.train()[0][:3] == (("The", "at"), ("Fulton", "np-tl"), ("County", "nn-tl"))
    assert brown.words(brown.train()[:1])[0][:3] == ["the", "fulton", "county"]


def test_a_slash_may_be_part_of_a_word() -> None:
    words = {word for sentence in brown.train() for word, _ in sentence}
    assert "and/or" in words
    assert all(words)


def test_austen_is_six_novels_divided_within_each() -> None:
    novels = austen.novels()
    assert [novel.split("\n", 1)[0] for novel in novels] == [opening.strip() for opening in austen.OPENINGS]
    assert "It is a truth universally acknowledged" in novels[4][:300]
    rest = sum(map(len, novels))
    sizes = [len(part()) for part in (austen.train, austen.validation, austen.test)]
    assert sum(sizes) - 3 * 2 * 5 == rest  # five joints of two line ends in each part
    assert [round(size / rest, 3) for size in sizes] == [0.9, 0.05, 0.05]
    assert austen.test().endswith("THE END\n") or "THE END" in austen.test()


def test_phonemes_of_words_with_one_pronunciation() -> None:
    parts = [phonemes.train(), phonemes.validation(), phonemes.test()]
    said = dict(entry for part in parts for entry in part)
    assert said["phoneme"] == ("F", "OW", "N", "IY", "M")
    assert "read" not in said  # two ways to say it
    assert len({phoneme for way in said.values() for phoneme in way}) == 39


def test_korean_words_are_syllables() -> None:
    words = korean_words.words()
    assert len(words) == len(set(words)) == 98_741
    assert all("가" <= letter <= "힣" for word in words for letter in word)


def test_the_ratings_of_wordsim() -> None:
    assert len(wordsim353.pairs()) == 353
    assert ("tiger", "cat", 7.35) in wordsim353.pairs()


def test_reviews_are_balanced() -> None:
    labels = [label for part in (movie_reviews.train(), movie_reviews.validation()) for _, label in part]
    assert 0.45 < sum(labels) / len(labels) < 0.55


def test_misspellings_are_letters() -> None:
    assert ("pallette", "palette") in misspellings.train()
    assert all((written + meant).isalpha() and written != meant for written, meant in misspellings.test())


@pytest.mark.parametrize(
    ("module", "key", "sizes"),
    [
        (phonemes, lambda entry: entry[0], [87_916, 10_912, 10_917]),
        (english_korean, lambda pair: pair[0], [14_907, 1_886, 1_875]),
        (movie_reviews, lambda review: review[0], [8_039, 993, 1_011]),
        (misspellings, lambda entry: entry[1], [45_728, 5_771, 6_188]),
    ],
)
def test_no_key_is_in_two_parts(module: ModuleType, key: Callable[[Sequence[str]], str], sizes: list[int]) -> None:
    parts = [module.train(), module.validation(), module.test()]
    assert [len(part) for part in parts] == sizes
    keys = [{key(item) for item in part} for part in parts]
    assert not keys[0] & keys[1]
    assert not keys[0] & keys[2]
    assert not keys[1] & keys[2]
    assert list(module.train()) == list(module.train())


def test_minilm_is_the_published_one() -> None:
    assert (minilm.folder() / "config.json").is_file()


@pytest.mark.parametrize("module", [brown, austen, english_korean, korean_words, movie_reviews])
def test_a_truncated_file_is_one_line(module: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = module.__name__.rpartition(".")[2].replace("_", "-")
    (file,) = module.SHA256
    (tmp_path / name).mkdir()
    whole = (files.folder(name) / file).read_bytes()
    monkeypatch.setenv("LAB_DATA", str(tmp_path))
    for content, wanted in ((None, "cannot be read"), (whole[:-1], "wrong SHA-256")):
        if content is not None:
            (tmp_path / name / file).write_bytes(content)
        with pytest.raises(UserError, match=rf"{file}.*{wanted}.*invoke build") as caught:
            files.fetched_text("A set", files.folder(name) / file, module.SHA256[file])
        assert "\n" not in str(caught.value)
