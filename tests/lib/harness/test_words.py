"""Words follow the verdict: what is printed whatever was measured states no result."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from lib.harness.contract.catalogue import find_labs
from lib.harness.contract.lab import Lab
from lib.harness.contract.texts import VERDICTS

LABS = find_labs(Path(__file__).resolve().parents[3])
RESULTS = re.compile(
    r"\b(beats?|wins?|loses?|outperforms?|better than|worse than|ahead of|more accurate|less accurate|larger than|"
    r"smaller than|higher than|lower than|faster than|slower than|more often|less often|fewer errors|most of the gain|"
    r"rarely far|pays off|strong rival|flips|improves?|rougher|smoother|"
    r"the (longer|larger|wider|deeper|more|fewer)\b.*\bthe (more|less|better|worse|larger|smaller))\b",
    re.IGNORECASE,
)
"""Words that say which of two things came out ahead, or what became of something: only a verdict may."""
FIXED = re.compile(r"rows\.[^.]+\.lesson|figures\.[^.]+\.(title|.*-title|accuracy|loss|errors|gains|caption)")
KNOWN: dict[str, str] = {
    "rows.beam-search.lesson": "says what need not be so",
    "figures.epsilon.caption": "says which points are meant",
}
"""Texts with such a word that state no result, and why."""


def lab_of(name: str) -> Lab:
    lab: Lab = importlib.import_module(LABS[name].module).LAB
    return lab


@pytest.mark.parametrize("name", LABS)
def test_a_lesson_for_each_verdict_has_both_languages_or_there_is_none(name: str) -> None:
    lab = lab_of(name)
    for row in dict.fromkeys(claim.row for claim in lab.claims):
        for verdict in (*VERDICTS, "not measured"):
            lesson = lab.texts.lesson(row, verdict)
            assert lesson is None or (lesson.en and lesson.ko), (row, verdict)
        chosen = {f"rows.{row}.lesson.{verdict}" for verdict in VERDICTS} & lab.texts.entries.keys()
        assert not chosen or f"rows.{row}.lesson" not in lab.texts, f"{row}: a lesson for all verdicts hides none"


@pytest.mark.parametrize("name", LABS)
def test_no_fixed_text_states_a_result(name: str) -> None:
    lab = lab_of(name)
    stated = {
        key: match[0]
        for key, texts in lab.texts.entries.items()
        if FIXED.fullmatch(key) and key not in KNOWN and (match := RESULTS.search(texts["en"]))
    }
    if match := RESULTS.search(lab.summary):
        stated["lab.summary"] = match[0]
    assert stated == {}


@pytest.mark.parametrize("name", LABS)
def test_every_note_says_something(name: str) -> None:
    lab = lab_of(name)
    assert [claim.id for claim in lab.claims if not claim.note] == []
