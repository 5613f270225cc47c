"""The report's page, from parts that no record has: hostile texts, many pictures, every reason, both languages."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import PIL.Image
import PIL.ImageDraw
import pytest

from lib.harness.contract.claim import Claim, InconclusiveError, require_trained
from lib.harness.contract.results import Results
from lib.harness.contract.texts import Text
from lib.harness.contract.trial import Result, Trial
from lib.harness.judging.verdicts import judge
from lib.harness.showing import display
from lib.harness.showing.contents import Image, Part, Picture, Row, Run, Section
from lib.harness.showing.page import one_file
from lib.harness.showing.reasons import in_korean
from tests.lib.harness.html_page import Page
from tests.lib.harness.labs.tiny import TinyConfig

HOSTILE = "<b onclick='x'>\"&{{ 7 * 7 }}"
BOTH = Text(HOSTILE, f"한{HOSTILE}")
WORDS = Text("word", "낱말")


def plot(seed: int, kind: str = "PNG") -> bytes:
    """A picture of the size of a lab's figure, with curves and marks."""
    rng = np.random.default_rng(seed)
    image = PIL.Image.new("RGB", (1440, 528), "white")
    draw = PIL.ImageDraw.Draw(image)
    for colour in ("#0072B2", "#D55E00", "#E69F00", "#009E73"):
        for _ in range(3):
            heights = 264 + np.cumsum(rng.normal(scale=9, size=144))
            draw.line([(10 * i, float(y)) for i, y in enumerate(heights)], fill=colour, width=3)
    for i in range(12):
        draw.text((20 + 115 * i, 500), f"{i} epochs of training", fill="black")
    stream = io.BytesIO()
    image.save(stream, kind)
    return stream.getvalue()


PLOTS = [plot(seed) for seed in range(4)]


def picture(id_: str, en: bytes, ko: bytes, text: Text = WORDS) -> Picture:
    return Picture(id_, Image(f"{id_}-en.png", en), Image(f"{id_}-ko.png", ko), text, text)


def part(text: Text, id_: str, verdict: str = "holds", role: Text | None = None) -> Part:
    return Part(id_, role, text, text, verdict, "1", text, "0.01", text, 3, text)


def row(id_: str, text: Text = WORDS, verdict: str = "holds", shown: Picture | None = None) -> Row:
    parts = [part(text, f"{id_}/{name}", verdict) for name in ("a", "b")]
    return Row(id_, text, verdict, text, shown, parts, parts[0], text)


def test_what_comes_from_records_and_texts_is_shown_and_never_run() -> None:
    hostile = Picture(HOSTILE, Image(f"1{HOSTILE}", PLOTS[0]), Image(f"2{HOSTILE}", PLOTS[1]), BOTH, BOTH)
    more = Picture(f"more{HOSTILE}", Image(f"3{HOSTILE}", PLOTS[0]), Image(f"3{HOSTILE}", PLOTS[0]), BOTH, BOTH)
    parts = [part(BOTH, f"{HOSTILE}/a", HOSTILE, BOTH)]
    whole = Row(f"row{HOSTILE}", BOTH, HOSTILE, BOTH, hostile, parts, parts[0], BOTH)
    run = Run(HOSTILE, HOSTILE, [BOTH], HOSTILE, False)
    text = one_file([Section(f"lab{HOSTILE}", 1, BOTH, [whole], [more], run), Section(f"other{HOSTILE}", 2, BOTH)])
    assert "<b o" not in text
    page = Page(text)
    page.assert_closed()
    assert len(page.sources) == 2 + 3
    assert page.text.count(HOSTILE) > 20
    assert "49" not in page.text


def test_a_verdict_that_is_not_known_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    record = {"id": "a", "verdict": "[dubious]", "kind": "exact", "effect": 1.0, "holds_when": "<= 2", "unit": "px"}
    display.print_verdicts([record | {"low": 1.0, "high": 1.0, "note": ""}])
    assert "[dubious]" in capsys.readouterr().out
    only = part(BOTH, "a", "dubious")
    text = one_file([Section("lab", 1, BOTH, [Row("a", BOTH, "dubious", None, None, [only], only)])])
    assert text.count('<span class="verdict dubious">') == 3


def test_the_counts_are_of_the_rows_and_every_verdict_that_occurs_can_be_chosen() -> None:
    verdicts = ["holds", "holds", "fails", "not measured"]
    rows = [row(f"r{i}", verdict=verdict) for i, verdict in enumerate(verdicts)]
    text = one_file([Section("one", 1, WORDS, rows[:3]), Section("two", 2, WORDS, rows[3:])])
    filters = re.findall(r'<input type="radio" name="verdict" id="([\w-]+)"[^>]*>.*?(\d+)</label>', text)
    assert filters == [("show-all", "4"), ("show-holds", "2"), ("show-fails", "1"), ("show-not-measured", "1")]
    style = Page(text).inline["style"]
    for verdict in ("holds", "fails", "inconclusive", "not-measured"):
        assert f"body:has(#show-{verdict}:checked) :is(.row:not(.{verdict})," in style


def test_the_whole_lecture_is_there_before_the_first_large_picture() -> None:
    """Of 17 labs with 4 rows each, a picture a row in both languages, the first view is below a megabyte."""
    sections = [
        Section(f"lab{lab}", lab, WORDS, [
            row(f"row{lab}-{i}", shown=picture(f"p{lab}-{i}", PLOTS[i], PLOTS[3 - i])) for i in range(4)
        ])
        for lab in range(17)
    ]  # fmt: skip
    text = one_file(sections)
    first_view = text.index('id="pictures"')
    assert "data:image/png" not in text[:first_view]
    assert text[:first_view].count("data:image/webp") == 17 * 4 * 2
    assert first_view < 1_000_000 < len(text)
    page = Page(text)
    large = re.findall(r'data-large="([^"]*)"', text)
    assert set(large) <= set(page.ids)
    assert {alt for language, alt in page.alts if language == "ko"} == {"낱말"}
    assert {alt for language, alt in page.alts if language == "en"} == {"word"}


def test_of_an_animation_the_small_picture_stands_still() -> None:
    frames = [PIL.Image.new("P", (64, 32), colour) for colour in range(3)]
    stream = io.BytesIO()
    frames[0].save(stream, "GIF", save_all=True, append_images=frames[1:])
    moving = Image("moving-en.gif", stream.getvalue())
    shown = Picture("moving", moving, moving, WORDS, WORDS)
    page = Page(one_file([Section("lab", 1, WORDS, [row("r", shown=shown)])]))
    assert [source.partition(";")[0] for source in page.sources] == ["data:image/webp"] * 2 + ["data:image/gif"]


LATIN = re.compile(r"[A-Za-z]{2,}")


def test_the_frame_is_in_the_language_that_is_chosen() -> None:
    """Everything around what was measured: no English outside of an English element, none in a Korean one."""
    run = Run("key", "", [WORDS], "./invoke lab one", False)
    rows = [row("r", verdict=verdict) for verdict in ("holds",)]
    sections = [Section("one", 1, WORDS, rows, [picture("p", PLOTS[0], PLOTS[1])], run), Section("two", 2, WORDS)]
    page = Page(one_file(sections))
    title = "Don't be afraid of deep learning: the lecture, put to the test"
    languages = {"English", "한국어"}
    assert {text for text in page.frame if LATIN.search(text)} - languages == {title, "one", "1. one", "two", "2. two"}
    korean = " ".join(page.texts["ko"])
    assert LATIN.findall(korean) == []
    assert page.spans["en"] == page.spans["ko"]


Status = Literal["FINISHED", "FAILED"]


def results(*values: float, status: Status = "FINISHED") -> Results:
    """A variant whose seeds have measured these; the last one ended with this status."""
    config = TinyConfig()
    well: Status = "FINISHED"
    ended = [well] * (len(values) - 1) + [status]
    return Results([
        Result(Trial("fast", config, i), f"r{i}", one, {"x": value} if one == "FINISHED" else {})
        for i, (value, one) in enumerate(zip(values, ended, strict=True))
    ])  # fmt: skip


def noted(values: Sequence[float], status: Status = "FINISHED", **claim: Any) -> str:
    """The recorded note of a claim of these values."""
    claim = {"measure": lambda results: results.series("fast", "x"), "at_least": 0.0, **claim}
    return str(judge(Claim("row", **claim), results(*values, status=status), "lab")["note"])


def refuse(_: Results) -> None:
    raise InconclusiveError("a reason of the lab's own")


def untrained(_: Results) -> None:
    require_trained("정확도", [0.1, 0.1], 0.5)


@pytest.mark.parametrize(
    ("note", "korean"),
    [
        (noted([1.0, 1.0]), "판단 불가: 모든 시드의 값이 같아 흩어짐을 알 수 없다"),
        (noted([1.0]), "판단 불가: 시드가 하나뿐이라 흩어짐을 알 수 없다"),
        (noted([1.0, float("nan")]), "판단 불가: 숫자가 아닌 값(NaN)이 있다"),
        (noted([1.0, float("inf")]), "판단 불가: 유한하지 않은 값이 있다"),
        (noted([1.0, 2.0, 3.0], interval="median"), "판단 불가: 시드가 6개보다 적어 중앙값의 구간을 정할 수 없다"),
        (noted([1.0, -2.0], interval="log-mean"), "판단 불가: 로그를 취하려면 값이 0보다 커야 한다"),
        (noted([1.0], measure=lambda _: float("nan"), kind="exact"), "판단 불가: 측정값이 숫자가 아니다(NaN)"),
        (noted([1.0, 2.0, 3.0], "FAILED"), "판단 불가: 빠진 시행: fast, 시드 2 (FAILED)"),
        (noted([1.0], measure=refuse), "판단 불가: a reason of the lab's own"),
        (
            noted([1.0], measure=untrained),
            "판단 불가: 정확도: 0.1, 기준 0.5보다 낮다. 거의 학습하지 못했으므로 더 오래 학습해야 한다",
        ),
        (noted([1.0, 2.0]), ""),
    ],
)
def test_a_reason_of_the_harness_is_also_korean(note: str, korean: str) -> None:
    assert in_korean(note) == korean
