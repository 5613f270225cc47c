"""Every lab says what the report needs: its sentences in both languages, with pictures that there are."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from lib.harness.contract.catalogue import find_labs
from lib.harness.contract.lab import Lab

LABS = find_labs(Path(__file__).resolve().parents[3])
HANGUL = re.compile("[\uac00-\ud7a3]")


@pytest.mark.parametrize("name", LABS)
def test_every_sentence_is_there_in_both_languages(name: str) -> None:
    lab: Lab = importlib.import_module(LABS[name].module).LAB
    if lab.texts:
        pytest.skip("its texts are those of texts.toml")
    assert HANGUL.search(lab.korean)
    parts: dict[str, set[str]] = {}
    for claim in lab.claims:
        parts.setdefault(claim.row, set()).add(claim.id.partition("/")[2])
    assert lab.sentences.keys() == parts.keys()
    for row, sentence in lab.sentences.items():
        assert sentence.english
        assert sentence.parts.keys() == parts[row], row
        assert sentence.figure in {*lab.figures, *lab.animations}, row
        for korean in sentence.parts.values():
            assert HANGUL.search(korean), row
        if sentence.lesson:
            assert HANGUL.search(sentence.lesson[1])
            assert not HANGUL.search(sentence.lesson[0])


def test_the_labs_are_in_the_lectures_order_and_no_two_share_a_chapter() -> None:
    chapters = [entry.chapter for entry in LABS.values()]
    assert chapters == sorted(set(chapters))
