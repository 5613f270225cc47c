"""Votes and verdict cards: what is shown before a run, after it, and when nothing was measured here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lib.harness.contract.texts import LANGUAGES, Language
from lib.harness.showing.in_cell import KOREAN_LINES, KOREAN_REST, Outcome, Progress, korean, range_text
from lib.lessons import cards, votes
from lib.lessons.lesson import Lesson, begin
from lib.lessons.order import LESSONS

VIEW = "application/vnd.jupyter.widget-view+json"
PNG = bytes.fromhex("89504e470d0a1a0a")
ROW = "dropout-simplifies"
SAID = {"ko": "랜덤하게 뉴런을 끊음으로써", "en": "Cutting neurons at random"}


def record(id_: str, verdict: str, **more: Any) -> dict[str, Any]:
    """A record as ``claims.json`` has it."""
    fields: dict[str, Any] = {"lab": "dropout", "statement": "an <b>English</b> statement", "kind": "statistical"}
    fields |= {"effect": 1.25, "low": 1.125, "high": "inf", "unit": "ratio", "seeds": 8, "interval": "mean"}
    return {"id": id_, "verdict": verdict, **fields, "holds_when": "<= 0.9", "note": "", **more}


CLAIMS = [
    record(ROW, "fails", part=f"{ROW}/rank"),
    record(f"{ROW}/rank", "fails"),
    record(f"{ROW}/norm", "holds", effect=0.5, low=0.4, high=0.6),
    record("dropout-narrows-gap", "not measured", effect=None, low=None, high=None, seeds=0),
    record("clean-labels-hide-it", "holds", kind="exact", effect=1e-13, seeds=0),
]


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What cards show: as text and as HTML."""
    pages: list[tuple[str, str]] = []
    monkeypatch.setattr(cards, "show", lambda plain, page: pages.append((plain, page)))
    return pages


@pytest.fixture
def _unpublished(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(cards, "PUBLISHED", tmp_path / "none.json")


def measured(
    language: Language, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str = "http://m/#/runs/1"
) -> Lesson:
    """The dropout lesson after a run, whose pictures are in a journal."""
    monkeypatch.setenv("LAB_JOURNAL", str(tmp_path / "journal"))
    figures = tmp_path / "journal" / "20260101-dropout-aa" / "run.files" / "figures"
    (figures / "ko").mkdir(parents=True)
    (figures / "gap.png").write_bytes(PNG + b"another")
    (figures / "simplicity.png").write_bytes(PNG + b"english")
    (figures / "ko" / "simplicity.png").write_bytes(PNG + b"korean")
    lesson = begin("dropout", language)
    lesson.outcomes["dropout"] = Outcome("20260101-dropout-aa", url, CLAIMS, (), language)
    return lesson


@pytest.mark.parametrize("entry", LESSONS, ids=lambda entry: entry.name)
@pytest.mark.usefixtures("_unpublished")
def test_every_row_can_be_voted_on_and_has_a_card_before_anything_was_run(
    entry: Any, shown: list[tuple[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    for language in LANGUAGES:
        lesson = begin(entry.name, language)
        for row in entry.rows:
            lesson.vote(row)
            assert votes.sentence(entry.lab, row, language) in capsys.readouterr().out
            lesson.card(row)
            assert "lesson.run" in shown[-1][0]
    sentences = [votes.sentence(entry.lab, row, language) for row in entry.rows for language in LANGUAGES]
    assert len(set(sentences)) == len(sentences)


def test_a_vote_is_kept_and_shown_again(kept: Path) -> None:
    import ipywidgets

    lesson = begin("dropout", "ko")
    box = votes._box(lesson, ROW, "<p>문장</p>")
    _, buttons, line = box.children
    assert isinstance(buttons, ipywidgets.ToggleButtons)
    assert [label for label, _ in buttons.options] == ["맞다", "틀리다", "조건에 따라 다르다"]
    assert buttons.value is None
    assert "아직" in line.value and 'role="status"' in line.value
    buttons.value = "depends"
    assert "조건에 따라 다르다" in line.value
    assert json.loads(kept.read_text(encoding="utf-8"))["lessons"]["dropout"]["votes"] == {ROW: "depends"}
    assert votes._box(begin("dropout", "en"), ROW, "").children[1].value == "depends"


def test_a_vote_in_a_notebook_is_a_widget_and_a_page_for_where_there_is_no_kernel(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import IPython.core.getipython
    import IPython.display

    kept: list[Any] = []
    monkeypatch.setattr(IPython.core.getipython, "get_ipython", object)
    monkeypatch.setattr(IPython.display, "display", lambda data, raw: kept.append(data))
    begin("dropout", "ko").vote(ROW)
    (data,) = kept
    assert VIEW in data
    assert SAID["ko"] in data["text/html"] and SAID["ko"] in data["text/plain"]


def test_a_vote_that_nobody_knows_is_none() -> None:
    lesson = begin("dropout", "en")
    lesson.kept.voted("dropout", ROW, "maybe")
    assert votes._box(lesson, ROW, "").children[1].value is None


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_card_has_the_sentence_the_vote_the_verdict_the_effect_the_picture_and_the_run(
    language: Language, shown: list[tuple[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from base64 import b64encode

    lesson = measured(language, tmp_path, monkeypatch)
    lesson.kept.voted("dropout", ROW, "holds")
    lesson.card(ROW)
    plain, page = shown[-1]
    for each in shown[-1]:
        assert SAID[language] in each
        assert "1.25" in each and "1.12 … ∞" in each
    assert {"ko": "나의 예측: 맞다 (판정과 다릅니다)", "en": "Your prediction: It holds (the verdict is another)"}[
        language
    ] in plain
    assert {"ko": "판정: 성립하지 않음", "en": "Verdict: fails"}[language] in plain
    assert {"ko": "시드 8개", "en": "8 seeds"}[language] in plain
    assert 'href="http://m/#/runs/1"' in page
    assert b64encode(PNG + {"ko": b"korean", "en": b"english"}[language]).decode() in page
    assert page.count("<tr>") == 3, "a head and two parts"
    assert "<details>" in page and "<details open" not in page
    assert "<b>English" not in page
    if language == "ko":
        assert "유효 랭크" in page and "English" not in page and "0.9 이하" in page
    else:
        assert "&lt;b&gt;English" in page
    lesson.kept.voted("dropout", ROW, "fails")
    lesson.card(ROW)
    assert {"ko": "판정과 같습니다", "en": "the verdict is the same"}[language] in shown[-1][0]


@pytest.mark.usefixtures("_unpublished")
def test_a_card_says_the_lesson_that_fits_its_verdict(
    shown: list[tuple[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lesson = measured("en", tmp_path, monkeypatch)
    lesson.card(ROW)
    assert "It depends on what “simpler” means" in shown[-1][0]


def test_a_row_that_could_not_be_measured_has_no_effect(
    shown: list[tuple[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lesson = measured("ko", tmp_path, monkeypatch, url="")
    lesson.card("dropout-narrows-gap")
    plain, page = shown[-1]
    assert "측정 안 됨" in plain and "효과" not in plain
    assert "<a " not in page, "no run without a server has a page"


@pytest.mark.parametrize("language", LANGUAGES)
def test_without_a_run_the_published_verdict_is_shown_and_said_to_be_so(
    language: Language, shown: list[tuple[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "verdicts.json"
    file.write_text(json.dumps(CLAIMS), encoding="utf-8")
    monkeypatch.setattr(cards, "PUBLISHED", file)
    begin("dropout", language).card(ROW)
    plain, page = shown[-1]
    assert {"ko": "공개된 측정 결과", "en": "published verdict"}[language] in plain
    assert {"ko": "성립하지 않음", "en": "fails"}[language] in plain
    assert "<img" not in page
    assert cards.published(file)[0]["id"] == ROW


@pytest.mark.parametrize("content", ["", "{", "{}", "3", '[{"id": 3}, 4, null]', "[[]]", "\udcff"])
def test_a_file_of_verdicts_that_is_something_else_is_none(content: str, tmp_path: Path) -> None:
    file = tmp_path / "verdicts.json"
    file.write_bytes(content.encode("utf-8", "surrogateescape"))
    assert cards.published(file) == []
    assert cards.published(tmp_path) == []


def test_the_newest_run_that_has_measured_a_row_speaks(
    shown: list[tuple[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lesson = measured("en", tmp_path, monkeypatch)
    lesson.outcomes["other"] = Outcome("newer", "", [record("another-row", "holds")])
    lesson.outcomes["again"] = Outcome("newest", "", [record(ROW, "inconclusive")])
    lesson.card(ROW)
    assert "Verdict: inconclusive" in shown[-1][0]


def test_run_is_asked_in_the_language_and_what_came_out_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    from lib.harness.commands import notebook

    asked: list[Any] = []

    def run(lab: str, **settings: Any) -> Outcome:
        asked.append((lab, settings))
        return Outcome("key", "http://m", CLAIMS)

    monkeypatch.setattr(notebook, "run", run)
    lesson = begin("dropout", "ko")
    assert lesson.run(quick=True, seeds=2).run == "key"
    lesson.run("mlp")
    assert asked == [("dropout", {"language": "ko", "quick": True, "seeds": 2}), ("mlp", {"language": "ko"})]
    runs = lesson.kept.of("dropout")["runs"]
    assert runs["dropout"]["verdicts"][ROW] == "fails"
    assert list(runs) == ["dropout", "mlp"]


def test_the_table_of_a_run_is_korean_in_a_korean_notebook() -> None:
    english = Outcome("key", "", CLAIMS, ("4 failed, the first one a, seed 0: x (more in traceback.txt of its run)",))
    assert " ".join(repr(english).split()[:9]) == "claim verdict effect 95 % interval holds when unit"
    assert "Warning: 4 failed" in repr(english)
    shown = Outcome("key", "", CLAIMS, english.warnings, "ko", votes.texts_of("dropout"))
    for text in (repr(shown), shown._repr_html_()):
        assert SAID["ko"] in text and "성립하지 않음" in text and "0.9 이하" in text and "정확한 값" in text
        assert "주의: 시행 4개가 실패했습니다" in text
        assert "fails" not in text and "Warning" not in text


def test_progress_and_lines_are_korean_in_a_korean_notebook() -> None:
    assert repr(Progress("mlp", 8, 4, 1)) == "mlp: 4 of 8 trials, 1 failed"
    assert repr(Progress("mlp", 8, 4, 1, language="ko")) == "mlp: 시행 8개 중 4개 완료, 1개 실패"
    assert range_text(">= 0.9 and <= 1.1", "ko") == "0.9 이상, 1.1 이하"
    assert range_text("> 0 and < 1.1", "ko") == "0 초과, 1.1 미만"
    assert range_text("> 0 and < 1.1", "en") == "> 0 and < 1.1"
    assert korean("something else") == "something else"
    assert korean("something else", KOREAN_REST).startswith("실험을 실행하지 못했습니다")
    assert len(KOREAN_LINES) > 5
