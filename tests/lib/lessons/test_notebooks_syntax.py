"""The lessons as texts: their frame, their votes and cards, short cells, little drawing, and Korean that is Korean.

`test_notebooks_run` compares the code of the two languages and executes it.
"""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from typing import Any

import pytest

from lib.harness.contract.catalogue import find_lab
from lib.harness.contract.settings import Options, configure
from lib.harness.contract.texts import LANGUAGES, Language
from lib.harness.recording.provenance import ROOT
from lib.lessons.lesson import begin
from lib.lessons.order import LESSONS, Entry, find
from lib.lessons.texts import of_frame
from tests.lib.lessons.support import code_cells, exercises, notebook, solution, source_of
from tests.lib.lessons.test_glossary import TERMS

FRAME: dict[Language, tuple[str, ...]] = {
    "ko": (
        "예측하기",
        "직접 써 보기",
        "눈으로 보기",
        "실험으로 확인하기",
        "연습 문제",
        "기억할 것",
        "다음 수업",
    ),
    "en": ("Predict", "Write it yourself", "See it", "Let it be measured", "Exercises", "What to remember", "Next"),
}
WITHOUT_LAB = {entry.name for entry in LESSONS if entry.lab is None}
LINES = 15
DRAWING = 0.2
HANGUL = 0.8
DRAWS = {"plots", "plt", "axis", "axes", "ax", "figure", "fig"}
"""Names whose methods draw."""
NAMES = sorted({re.sub(r"\s*\(.*?\)", "", row[1]) for row in TERMS}, key=len, reverse=True)
NO_TEXT = re.compile(r"```.*?```|`[^`]*`|\$\$.*?\$\$|\$[^$\n]*\$|\]\([^)]*\)|<[^>]+>|https?://\S+", re.DOTALL)
"""Of a page: code, formulas, addresses, tags."""
WORD = r"[A-Za-z][A-Za-z'’-]*"


@pytest.fixture(params=LESSONS, ids=lambda entry: entry.stem)
def entry(request: pytest.FixtureRequest) -> Entry:
    lesson: Entry = request.param
    return lesson


@pytest.fixture(params=LANGUAGES)
def language(request: pytest.FixtureRequest) -> Language:
    code: Language = request.param
    return code


def cells(entry: Entry, language: Language, kind: str) -> list[str]:
    """The sources of a lesson's cells of a kind."""
    return [source_of(cell) for cell in notebook(entry.stem, language)["cells"] if cell["cell_type"] == kind]


@cache
def tree_of(source: str) -> ast.Module:
    """The syntax tree of a cell; lines for IPython are empty ones."""
    return ast.parse("\n".join("" if line.startswith(("%", "!")) else line for line in source.splitlines()))


def calls(source: str, name: str) -> Iterator[Any]:
    """The first argument of each call of a function, such as ``vote``, in a cell; None where there is none."""
    for node in ast.walk(tree_of(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in (name, f"lesson.{name}"):
            yield node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None


def headings(entry: Entry, language: Language) -> list[str]:
    """The headings of the second level, outside code."""
    pages = (NO_TEXT.sub("", page) for page in cells(entry, language, "markdown"))
    return [line[3:].strip() for page in pages for line in page.splitlines() if line.startswith("## ")]


def test_a_lesson_begins_with_its_title_and_the_first_cell_that_all_have(entry: Entry, language: Language) -> None:
    first, second = notebook(entry.stem, language)["cells"][:2]
    title = source_of(first).splitlines()[0]
    assert title == f"# {of_frame()(f'lessons.{entry.name}.title', language)}"
    assert source_of(second).splitlines() == [
        "%matplotlib inline",
        "from lib.lessons import begin",
        f'lesson = begin("{entry.name}", "{language}")',
        "vote, card, check, explore = lesson.vote, lesson.card, lesson.check, lesson.explore",
    ]


def test_the_headings_are_those_of_the_frame_in_its_order(entry: Entry, language: Language) -> None:
    there = headings(entry, language)
    if entry.name in WITHOUT_LAB:
        of_frame = [name for name in there if name in FRAME[language]]
        assert of_frame == [name for name in FRAME[language] if name in of_frame]
    else:
        assert there == list(FRAME[language])


def test_each_row_is_voted_on_before_the_run_and_has_its_card_after_it(entry: Entry, language: Language) -> None:
    sources = code_cells(entry.stem, language)
    found = [(name, row) for source in sources for name in ("vote", "run", "card") for row in calls(source, name)]
    votes, cards = ([row for name, row in found if name == kind] for kind in ("vote", "card"))
    assert sorted(votes) == sorted(cards) == sorted(entry.rows)
    if entry.lab is None:
        return
    names = [name for name, _ in found]
    assert ("run", None) in found or ("run", entry.lab) in found
    assert names.index("run") > max(place for place, name in enumerate(names) if name == "vote")
    assert names.index("run") < min(place for place, name in enumerate(names) if name == "card")


def test_every_row_of_the_lecture_is_in_exactly_one_lesson(language: Language) -> None:
    for kind in ("vote", "card"):
        sources = (source for entry in LESSONS for source in code_cells(entry.stem, language))
        counted = Counter(row for source in sources for row in calls(source, kind))
        assert counted == Counter(row for entry in LESSONS for row in entry.rows)
        assert len(counted) == 35


def test_an_exercise_is_a_cell_to_fill_in_a_check_and_a_folded_solution(entry: Entry, language: Language) -> None:
    names = exercises(entry.stem, language)
    assert len(names) >= 3
    assert sorted(names) == sorted(import_module(f"{entry.module}.checks").EXERCISES)
    all_cells = notebook(entry.stem, language)["cells"]
    places = [place for place, cell in enumerate(all_cells) if "exercise" in cell["metadata"]]
    for name, place in zip(names, places, strict=True):
        own, check, folded = all_cells[place : place + 3]
        assert "..." in source_of(own), f"{name} has nothing to fill in"
        assert re.search(rf"^check\({name}(?:={name})?\)", source_of(check), re.MULTILINE), source_of(check)
        assert folded["metadata"].get("solution") == name
        assert source_of(folded).startswith("<details>")
        assert defined_in(source_of(own)) <= defined_in(solution(entry.stem, name, language)), name


def defined_in(source: str) -> set[str]:
    """The names that a cell defines at its top level."""
    names: set[str] = set()
    for node in tree_of(source).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {name.id for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name)}
    return names


def test_a_lesson_has_a_picture_that_moves(entry: Entry, language: Language) -> None:
    names = [name for source in code_cells(entry.stem, language) for name in calls(source, "explore")]
    assert names
    assert set(names) <= set(import_module(f"{entry.module}.explore").EXPLORABLES)


def test_cells_are_short(entry: Entry, language: Language) -> None:
    sources = [*code_cells(entry.stem, language, solved=False), *code_cells(entry.stem, language)]
    assert [source for source in sources if len(source.strip().splitlines()) > LINES] == []


def test_little_of_the_code_draws(entry: Entry) -> None:
    sources = code_cells(entry.stem, "ko")
    lines = sum(1 for source in sources for line in source.splitlines() if line.strip() and line.strip()[0] != "#")
    drawn = sum(node.end_lineno - node.lineno + 1 for source in sources for node in drawing(source))
    assert drawn / lines <= DRAWING, f"{drawn} of {lines} lines draw"


def drawing(source: str) -> Iterator[Any]:
    """The statements of a cell that draw, none inside another."""
    for node in ast.walk(tree_of(source)):
        if isinstance(node, ast.Expr | ast.Assign) and isinstance(node.value, ast.Call):
            root = ast.unparse(node.value.func).partition(".")[0]
            if root in DRAWS:
                yield node


def test_links_lead_to_lessons_that_there_are(entry: Entry, language: Language) -> None:
    pages = cells(entry, language, "markdown")
    links = [link for page in pages for link in re.findall(r"\]\(([^)\s]+\.ipynb)\)", page)]
    assert [link for link in links if find(link.removesuffix(".ipynb")) is None or "/" in link] == []
    if entry.number + 1 < len(LESSONS):
        assert f"{LESSONS[entry.number + 1].stem}.ipynb" in links


def test_the_titles_are_the_frames(language: Language) -> None:
    assert [repr(begin(entry.name, language)) for entry in LESSONS] == [
        f"{entry.number:02} {of_frame()(f'lessons.{entry.name}.title', language)}" for entry in LESSONS
    ]


def korean_pages(entry: Entry) -> list[str]:
    """The Korean text of a lesson without code, formulas, addresses, the lecture's words and the glossary's names."""
    pages = []
    for page in cells(entry, "ko", "markdown"):
        text = NO_TEXT.sub(" ", re.sub(r"^>.*$", "", page, flags=re.MULTILINE))
        pages.append(re.sub(rf"\b(?:{'|'.join(map(re.escape, NAMES))})\b", " ", text, flags=re.IGNORECASE))
    return pages


def sentences(page: str) -> list[str]:
    """The sentences and lines of a page."""
    return [part for line in page.splitlines() for part in re.split(r"(?<=[.!?])\s+|\s\|\s", line) if part.strip()]


def test_every_korean_sentence_has_hangul(entry: Entry) -> None:
    wrong = [
        sentence
        for page in korean_pages(entry)
        for sentence in sentences(page)
        if len(re.findall(WORD, sentence)) >= 2 and not re.search("[가-힣]", sentence)
    ]
    assert wrong == []


def test_no_three_latin_words_follow_each_other_in_korean(entry: Entry) -> None:
    pages = korean_pages(entry)
    assert [run[0] for page in pages for run in re.finditer(rf"{WORD}(?: +{WORD}){{2,}}", page)] == []


def test_most_letters_of_a_korean_lesson_are_hangul(entry: Entry) -> None:
    text = " ".join(NO_TEXT.sub(" ", page) for page in cells(entry, "ko", "markdown"))
    hangul, latin = (len(re.findall(letters, text)) for letters in ("[가-힣ㄱ-ㅎㅏ-ㅣ]", "[A-Za-z]"))
    assert hangul / (hangul + latin) >= HANGUL


def test_a_percent_sign_follows_its_number_in_korean(entry: Entry) -> None:
    pages = (NO_TEXT.sub(" ", page) for page in cells(entry, "ko", "markdown"))
    assert [run[0] for page in pages for run in re.finditer(r"\d+ %", page)] == []


@pytest.mark.parametrize("text", ["It is so.", "이것은 it is so 입니다", "신경망은 very deep neural nets 입니다"])
def test_english_in_korean_is_seen(text: str) -> None:
    latin = re.search(rf"{WORD}(?: +{WORD}){{2,}}", text)
    alone = [part for part in sentences(text) if not re.search("[가-힣]", part)]
    assert latin or alone


def test_drawing_is_counted_by_statement() -> None:
    source = "plots.curves(\n    {'a': [1]},\n)\nx = 3\nprint(x)\nfigure = plt.figure()\n"
    assert [node.lineno for node in drawing(source)] == [1, 6]


def runs(source: str) -> Iterator[dict[str, Any]]:
    """The keywords of each ``lesson.run(…)`` in a cell or a text, their values as syntax."""
    blocks = re.findall(r"lesson\.run\(.*\)", source)
    for block in blocks:
        call = ast.parse(block.partition("`")[0].strip()).body[0]
        assert isinstance(call, ast.Expr)
        assert isinstance(call.value, ast.Call)
        yield {str(word.arg): word.value for word in call.value.keywords}


@pytest.mark.parametrize("entry", [entry for entry in LESSONS if entry.lab], ids=lambda entry: entry.stem)
def test_a_run_names_settings_and_parts_that_its_lab_has(entry: Entry, language: Language) -> None:
    assert entry.lab
    lab = import_module(find_lab(ROOT, entry.lab).module).LAB
    calls = [words for cell in notebook(entry.stem, language)["cells"] for words in runs(source_of(cell))]
    assert calls
    for words in calls:
        parts = words.pop("with_", ast.Dict([], []))
        assert {ast.literal_eval(key) for key in parts.keys} <= set(lab.replaceable)
        settings = {name: ast.literal_eval(value) for name, value in words.items()}
        quick, seeds = settings.pop("quick", True), settings.pop("seeds", None)
        changes = [f"{name}={json.dumps(value)}" for name, value in settings.items()]
        configure(lab, Options(quick=quick, seeds=seeds, changes=changes))
