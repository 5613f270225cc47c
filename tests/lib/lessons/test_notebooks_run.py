"""The lessons' notebooks: only text and code in git, the same code in both languages, and every cell runs, silently.

The Korean ones are executed with their solutions filled in, offline. The English ones have the same code but for texts,
whose names and placeholders are compared: to execute them as well would show nothing more.
"""

from __future__ import annotations

import ast
import base64
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode
from PIL import Image

from lib.harness.contract.texts import LANGUAGES
from lib.lessons.notebooks.executed import execute, read
from lib.lessons.order import LESSONS
from tests.lib.lessons.support import LABS, code_cells, exercises

STEMS = [entry.stem for entry in LESSONS]
FAST = "11-docker"
"""Runs no lab and trains nothing."""
RIGHT, WRONG = "✔", "✘"
LANGUAGE = {("ko", "en"), ("korean", "english")}
"""Words without Hangul in which the cells of a lesson differ: its language, and that of its data."""


@pytest.fixture
def kernels_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a kernel finds: a home, a journal and a file of progress of its own, and an MLflow that is away."""
    for name, value in {
        "HOME": str(tmp_path),
        "LAB_JOURNAL": str(tmp_path / "journal"),
        "LAB_LESSONS": str(tmp_path / "lessons"),
        "MLFLOW_TRACKING_URI": "http://127.0.0.1:9",
    }.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "journal").mkdir()


def outputs(notebook: NotebookNode) -> Iterator[tuple[str, Any]]:
    """The source of the cell and the output, for all outputs."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            yield cell.source, output


def text_of(output: Any) -> str:
    """The text that an output has printed or shown."""
    return str(output.get("text", "") or output.get("data", {}).get("text/plain", ""))


def is_blank(picture: str) -> bool:
    """Return whether a picture has hardly anything on it."""
    image = Image.open(io.BytesIO(base64.b64decode(picture))).convert("RGB")
    assert min(image.size) > 100
    return len(image.getcolors(maxcolors=1 << 24) or []) <= 10


@pytest.mark.parametrize(
    "stem", [stem if stem == FAST else pytest.param(stem, marks=pytest.mark.slow) for stem in STEMS]
)
@pytest.mark.usefixtures("kernels_environment")
def test_a_lesson_runs(stem: str, tmp_path: Path) -> None:
    notebook = execute(read(f"ko/{stem}"), tmp_path, seconds=300)
    found = list(outputs(notebook))
    assert [text_of(output) for _, output in found if output.get("name") == "stderr"] == []
    answers = [text_of(output) for _, output in found if text_of(output).startswith((RIGHT, WRONG))]
    assert [answer for answer in answers if answer.startswith(WRONG)] == []
    assert len(answers) >= len(exercises(stem)) >= 3
    for source, output in found:
        picture = output.get("data", {}).get("image/png")
        assert picture is None or not is_blank(picture), source
    drawing = [cell for cell in notebook.cells if re.search(r"^(plots\.|explore\()", cell.source, re.MULTILINE)]
    assert drawing
    for cell in drawing:
        assert any("image/png" in output.get("data", {}) for output in cell.outputs), cell.source


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("stem", STEMS)
def test_only_text_and_code_in_git(stem: str, language: str) -> None:
    notebook = read(f"{language}/{stem}")
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    assert "widgets" not in notebook.metadata
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert (cell.outputs, cell.execution_count) == ([], None), f"clear the outputs of {stem} before a commit"


def test_the_notebooks_are_the_lessons() -> None:
    for language in LANGUAGES:
        assert sorted(path.stem for path in (LABS / language).glob("*.ipynb")) == STEMS
    assert list(LABS.glob("*.ipynb")) == [], "notebooks of lessons are in labs/ko and labs/en"


class _WithoutTexts(ast.NodeTransformer):
    """Takes the words out of a program's texts; which values they show stays, in whatever order."""

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        return ast.Constant("") if isinstance(node.value, str) else node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        shown = [ast.dump(self.visit(part.value)) for part in node.values if isinstance(part, ast.FormattedValue)]
        return ast.Constant(repr(sorted(shown)))


def tree_of(cell: str) -> ast.Module:
    """A cell's syntax tree; lines that are for IPython are left out."""
    return ast.parse("\n".join("" if line.startswith("%") else line for line in cell.splitlines()))


def shape_of(cell: str) -> str:
    """A cell's syntax tree without the words of its texts."""
    return ast.dump(_WithoutTexts().visit(tree_of(cell)))


def words_of(cell: str) -> list[str]:
    """The texts of a cell without those that have placeholders, in their order."""
    tree = tree_of(cell)
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in parts]
    return [node.value for node in found if isinstance(node.value, str)]


def has_hangul(text: str) -> bool:
    return re.search(r"[가-힣ㄱ-ㅎㅏ-ㅣ]", text) is not None


@pytest.mark.parametrize("solved", [False, True], ids=["as it is", "solved"])
@pytest.mark.parametrize("stem", STEMS)
def test_both_languages_have_the_same_code(stem: str, solved: bool) -> None:
    pairs = list(zip(*(code_cells(stem, language, solved) for language in ("ko", "en")), strict=True))
    for korean, english in pairs:
        assert shape_of(korean) == shape_of(english)
        words = zip(words_of(korean), words_of(english), strict=True)
        assert {(a, b) for a, b in words if a != b and not has_hangul(a)} <= LANGUAGE, "names, not texts"


def test_a_difference_in_code_is_seen() -> None:
    same = "print(f\"{x['앞']:.2f} 걸음 뒤 {y}\")", "print(f\"after {y}, {x['at']:.2f} steps\")"
    assert shape_of(same[0]) == shape_of(same[1])
    for other in ('print(f"{x} steps")', "print(f\"{x['앞']:.2f} of {z}\")", "print(y)", same[0].replace(")", ", 1)")):
        assert shape_of(same[0]) != shape_of(other)
    assert words_of("f(\"a\", g(f'b {c}'), d='e')") == ["a", "e"]
