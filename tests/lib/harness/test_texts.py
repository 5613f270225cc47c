"""Texts of the labs: complete in both languages and all used; what is wrong in a file is one line; Hangul is drawn."""

from __future__ import annotations

import ast
import importlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from lib.harness.contract.catalogue import find_labs
from lib.harness.contract.claim import Claim
from lib.harness.contract.drawing import canvas, has_hangul, style
from lib.harness.contract.lab import Lab
from lib.harness.contract.texts import LANGUAGES, Language, Text, Texts, current, language
from lib.harness.errors import UserError
from lib.harness.recording.imports import imported

ROOT = Path(__file__).resolve().parents[3]
LABS = find_labs(ROOT)
HANGUL = re.compile("[\uac00-\ud7a3]")


def lab_of(name: str) -> Lab:
    lab: Lab = importlib.import_module(LABS[name].module).LAB
    return lab


@pytest.mark.parametrize("name", LABS)
def test_every_claim_row_and_picture_has_its_texts(name: str) -> None:
    lab = lab_of(name)
    rows, pictures = {claim.row for claim in lab.claims}, {*lab.figures, *lab.animations}
    needed = {
        "lab.summary",
        *(f"claims.{claim.id}.{text}" for claim in lab.claims for text in ("statement", "unit")),
        *(f"rows.{row}.sentence" for row in rows),
        *(f"figures.{picture}.caption" for picture in pictures),
    }
    assert needed - lab.texts.entries.keys() == set()
    assert lab.texts.figures.keys() == rows
    assert {*lab.texts.figures.values()} <= pictures
    for claim in lab.claims:
        assert claim.statement == lab.texts.entries[f"claims.{claim.id}.statement"]["en"]
        assert claim.unit


@pytest.mark.parametrize("name", LABS)
def test_every_text_is_korean_in_korean_and_english_in_english(name: str) -> None:
    for key, texts in lab_of(name).texts.entries.items():
        assert not HANGUL.search(texts.get("en", "")), key
        if re.fullmatch(r"(lab|rows|claims)\..*|figures\..*\.caption", key) and re.search("[a-z]{5}", texts["ko"]):
            assert HANGUL.search(texts["ko"]), key


@pytest.mark.parametrize(("page", "code"), [("labs.md", "en"), ("labs.ko.md", "ko")])
def test_the_pages_of_the_labs_list_them_by_their_summaries(page: str, code: Language) -> None:
    blocks = (ROOT / "docs" / page).read_text(encoding="utf-8").split("\n\n")
    table = next(block for block in blocks if "| `mlp` |" in block)
    labs = {name: lab_of(name) for name in LABS}
    wanted = [(name, lab.summary if code == "en" else lab.korean) for name, lab in labs.items()]
    assert re.findall(r"^\| `(.+?)` \| (.+) \|$", table, re.MULTILINE) == wanted


def _asked(folder: Path) -> Iterator[str]:
    """The keys that the code in `folder` asks for, as patterns: ``labels\\..*`` for ``f"labels.{name}"``."""
    for path in sorted(folder.rglob("*.py")):
        strings = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        parts = {id(part) for node in strings if isinstance(node, ast.JoinedStr) for part in node.values}
        for node in strings:
            match node:
                case ast.JoinedStr(values=values):
                    pattern = "".join(re.escape(str(v.value)) if isinstance(v, ast.Constant) else ".*" for v in values)
                case ast.Constant(value=str(text)) if id(node) not in parts:
                    pattern = re.escape(text)
                case _:
                    continue
            if re.match(r"(figures|labels)\\..", pattern):
                yield pattern


@pytest.mark.parametrize("name", LABS)
def test_every_text_belongs_to_something_and_every_one_that_is_asked_for_is_there(name: str) -> None:
    lab = lab_of(name)
    asked = set(_asked(lab.texts.file.parent))
    rows = "|".join(re.escape(claim.row) for claim in lab.claims)
    claims = "|".join(re.escape(claim.id) for claim in lab.claims)
    pictures = "|".join(re.escape(picture) for picture in (*lab.figures, *lab.animations))
    known = re.compile(rf"lab\..*|rows\.({rows})\.[^/]*|claims\.({claims})\.[a-z]+|figures\.({pictures})\.caption")
    used = [re.compile(pattern) for pattern in asked]
    for key in lab.texts.entries:
        assert known.fullmatch(key) or any(pattern.fullmatch(key) for pattern in used), f"{key}: nothing asks for it"
    for pattern in used:
        assert any(map(pattern.fullmatch, lab.texts.entries)), f"{pattern.pattern}: there is no such text"


GOOD = """
[lab]
summary = { ko = "요약" }
[rows.a]
sentence = { en = "It is {{so}}.", ko = "{{그렇다}}." }
figure = "gap"
lesson.fails = { en = "why not", ko = "안 되는 이유" }
[rows.b]
sentence = { en = "b", ko = "나" }
lesson = { en = "always", ko = "언제나" }
[claims."a/part"]
statement = { en = "part", ko = "부분" }
unit = { en = "share", ko = "비율" }
[figures.gap]
caption = { en = "caption", ko = "설명" }
[labels]
epochs = { en = "after {epochs:d} epochs", ko = "{epochs:d}에폭 뒤" }
"""


def texts_of(folder: Path, text: str) -> Texts:
    (folder / "texts.toml").write_text(text, encoding="utf-8")
    return Texts.beside(str(folder / "lab.py"))


def test_a_text_comes_in_the_current_language_with_its_fields(tmp_path: Path) -> None:
    texts = texts_of(tmp_path, GOOD)
    assert texts("labels.epochs", epochs=3) == "after 3 epochs"
    with language("ko"):
        assert texts("labels.epochs", epochs=3) == "3에폭 뒤"
        with language("en"):
            assert current() == "en"
        assert current() == "ko"
    assert current() == "en"
    assert texts.both("rows.a.sentence") == Text("It is {so}.", "{그렇다}.")
    assert texts.figures == {"a": "gap"}


def test_a_lesson_is_chosen_by_the_verdict(tmp_path: Path) -> None:
    texts = texts_of(tmp_path, GOOD)
    assert texts.lesson("a", "fails") == Text("why not", "안 되는 이유")
    assert texts.lesson("a", "holds") is None
    assert texts.lesson("b", "holds") == texts.lesson("b", "not measured") == Text("always", "언제나")


def test_a_claim_gets_its_texts_and_keeps_its_own_where_there_are_none(tmp_path: Path) -> None:
    texts = texts_of(tmp_path, GOOD)
    measured = texts.worded(Claim("a/part", kind="exact", measure=len, at_most=0, note="its own"))
    assert (measured.statement, measured.unit, measured.note) == ("part", "share", "its own")
    inline = Claim("other", statement="inline", kind="exact", measure=len, unit="px", at_most=0)
    assert texts.worded(inline) == inline


def test_without_a_file_there_are_no_texts(tmp_path: Path) -> None:
    texts = Texts.beside(str(tmp_path / "lab.py"))
    assert not texts
    with pytest.raises(UserError, match=r"texts\.toml: there is no text 'labels\.a'"):
        texts("labels.a")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[labels", "is not valid TOML"),
        ("[figure.gap]\ntitle = {en='a', ko='b'}", "unknown section 'figure'"),
        ("[rows.a]\nsentense = {en='a', ko='b'}", "unknown key 'rows.a.sentense'"),
        ("[rows.a]\nlesson.maybe = {en='a', ko='b'}", "unknown key 'rows.a.lesson.maybe'"),
        ("[claims.a]\nunit = 'share'", "'claims.a.unit' must be a text in each language"),
        ("[rows.a]\nfigure = 3", "'rows.a.figure' must be"),
        ("[labels]\na = {en='a'}", "'labels.a' has no text in the language 'ko'"),
        ("[labels]\na = {ko='a'}", "'labels.a' has no text in the language 'en'"),
        ("[labels]\na = {en='', ko='b'}", "'labels.a' must be"),
        ("[labels]\na = {en='{n} seeds', ko='시드'}", "'labels.a' has the field n in one language only"),
        ("[labels]\na = {en='x^{2}', ko='x^{2}'}", "'labels.a' (en): a field needs a name"),
        ("[labels]\na = {en='{', ko='b'}", "'labels.a' (en): "),
        ("[figures.a]\ncaption = {en='{n}', ko='{n}'}", "'figures.a.caption' cannot have fields"),
        ("[figures.gap]", "unknown key 'figures.gap'"),
    ],
)
def test_a_wrong_file_is_one_line_that_names_it_and_the_key(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UserError) as error:
        texts_of(tmp_path, text)
    assert "texts.toml" in str(error.value) and message in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("key", "fields", "message"),
    [
        ("labels.epoch", {}, "there is no text 'labels.epoch'; nearest: labels.epochs"),
        ("labels.epochs", {}, "'labels.epochs' needs the field 'epochs', which is not given"),
        ("labels.epochs", {"epochs": "three"}, "'labels.epochs' cannot be formatted"),
    ],
)
def test_a_wrong_question_is_one_line(tmp_path: Path, key: str, fields: dict[str, str], message: str) -> None:
    texts = texts_of(tmp_path, GOOD)
    for code in LANGUAGES:
        with language(code), pytest.raises(UserError) as error:
            texts(key, **fields)
        assert message in str(error.value) and "\n" not in str(error.value)


def test_the_record_has_the_texts_that_ran() -> None:
    files = imported(ROOT, ["lib.mlp.dropout.lab"])
    assert "lib/mlp/dropout/texts.toml" in files
    assert "lib/nlp/gpt/texts.toml" not in files


@pytest.mark.parametrize("code", LANGUAGES)
def test_hangul_latin_greek_and_signs_are_drawn(code: Language) -> None:
    """A glyph that no font has is a warning of matplotlib's, and so an error here."""
    if not has_hangul() and os.environ.get("LAB_IMAGE_KIND", "none") == "none":
        pytest.skip("no font with Hangul on this machine; in the image there is one")
    with language(code), style():
        figure, ((axis,),) = canvas(1, 1, 3, 2)
        axis.set(title="가각힣 뷁 드롭아웃", xlabel="h² p / (1 - p) → σ ≤ ½ · × …", ylabel="−1 “따옴표” ‘따옴표’")
        axis.text(0.5, 0.5, "굵게 bold ∞ − ±", weight="bold")
        axis.plot((-1, 1), (-1, 1))
        figure.draw_without_rendering()


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_logarithmic_axis_has_its_minus_signs(code: Language, caplog: pytest.LogCaptureFixture) -> None:
    """In a formula, a glyph that the font lacks becomes a dummy symbol, which matplotlib logs."""
    with language(code), style():
        figure, ((axis,),) = canvas(1, 1, 3, 2)
        axis.plot((1, 2), (1e-5, 1))
        axis.set(yscale="log")
        figure.draw_without_rendering()
    assert "10^{-" in axis.get_yticklabels()[1].get_text()
    assert caplog.text == ""
