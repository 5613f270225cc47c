"""Roles: the sentences of a row decide it, the rest is shown with it, and the lecture's labs say all of theirs."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lib.harness.contract.catalogue import find_labs
from lib.harness.contract.claim import ROLES, WORDS, Claim
from lib.harness.contract.config import Config
from lib.harness.contract.lab import Lab
from lib.harness.contract.results import Results
from lib.harness.errors import UserError
from lib.harness.judging.verdicts import judge_all
from lib.harness.showing import display
from lib.harness.showing.report import part_of
from tests.lib.harness import claims_page

ROOT = Path(__file__).resolve().parents[3]
LABS = find_labs(ROOT)


def fact(name: str, holds: bool, role: Any = None) -> Claim:
    """An exact claim of the row ``row`` that holds or fails."""
    return Claim(f"row/{name}", role=role, kind="exact", measure=lambda _: 0.0 if holds else 2.0, at_most=1, unit="px")


@pytest.mark.parametrize(
    ("claims", "verdict", "part"),
    [
        ((fact("a", True), fact("b", False, "control")), "holds", "row/a"),
        ((fact("b", False, "limit"), fact("a", True, "sentence")), "holds", "row/a"),
        ((fact("a", False, "sentence"), fact("b", True, "condition")), "fails", "row/a"),
        ((fact("a", True, "sentence"), fact("b", False, "sentence"), fact("c", True, "identity")), "fails", "row/b"),
    ],
)
def test_a_row_has_the_verdict_of_its_sentences(claims: tuple[Claim, ...], verdict: str, part: str) -> None:
    row, *parts = judge_all(claims, Results([]), "lab")
    assert (row["id"], row["verdict"], row["part"]) == ("row", verdict, part)
    assert [ROLES.index(each["role"]) for each in parts] == sorted(ROLES.index(claim.says) for claim in claims)


def lab(*claims: Claim) -> Lab:
    return Lab("some", "shows", Config, lambda config, seed, log: {}, claims=claims)


def test_a_row_without_a_sentence_is_refused_in_one_line() -> None:
    with pytest.raises(UserError, match=r"^no claim of the row 'row' has the role 'sentence' \(they have: control\)"):
        lab(Claim("other", kind="exact", measure=len, at_most=1), fact("a", True, "control"))
    assert lab(fact("a", True), fact("b", True, "identity")).claims[0].says == "sentence"


def test_a_role_that_there_is_not_is_refused() -> None:
    with pytest.raises(UserError, match="claim 'row/a': there is no role 'proof'; there are: sentence, condition"):
        fact("a", True, "proof")


def test_the_words_of_a_role_stand_before_the_part_in_both_languages(capsys: pytest.CaptureFixture[str]) -> None:
    claims = [fact("a", True), *(fact(role, True, role) for role in WORDS)]
    records = judge_all(claims, Results([]), "lab")
    display.print_verdicts(records)
    shown = capsys.readouterr().out
    for record in records[2:]:
        words = WORDS[record["role"]]
        assert f"  {words.en}: {record['role']}" in shown
        assert part_of(lab(*claims).texts, record).role == words
    assert part_of(lab(*claims).texts, records[1]).role is None


def test_records_of_older_versions_have_no_role_and_are_sentences() -> None:
    record = judge_all([fact("a", False, "control"), fact("b", True)], Results([]), "lab")[2]
    old = {name: value for name, value in record.items() if name != "role"}
    assert display.part_name(record) == "compared with: a"
    assert display.part_name(old) == "a"


def lecture_claims() -> list[Claim]:
    return [claim for _, claim in claims_page.lab_claims()]


def test_every_comparison_says_the_smallest_effect_that_counts() -> None:
    """No statistical claim has its limit where there is no effect at all: 0 for a difference, 1 for a ratio."""
    for claim in lecture_claims():
        if claim.kind == "statistical" and not claim.smallest:
            assert {claim.low[0], claim.high[0]}.isdisjoint({0.0, 1.0}), claim.id


def test_the_lectures_rows_are_those_of_the_notes() -> None:
    """The 35 sentences that the labs put to the test, by lab."""
    rows = {entry.name: set(importlib.import_module(entry.module).LAB.lecture) for entry in LABS.values()}
    assert sum(map(len, rows.values())) == 35
    assert all(rows.values())
    assert {"dropout-simplifies", "dropout-narrows-gap"} == rows["dropout"]


def test_every_claim_of_the_lecture_says_its_role() -> None:
    assert [claim.id for claim in lecture_claims() if claim.role is None] == []


@pytest.mark.parametrize("table", [claims_page.roles, claims_page.intervals])
def test_the_page_lists_the_roles_and_the_intervals_of_every_row(table: Callable[[], list[str]]) -> None:
    """Written by ``python -m tests.lib.harness.claims_page``; the order of the labs and their rows is free."""
    header = next(header for header, each in claims_page.TABLES.items() if each is table)
    assert sorted(claims_page.lines_below(header, claims_page.PAGE.read_text(encoding="utf-8"))) == sorted(table())
