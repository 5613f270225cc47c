"""The part of docs/style.md that a program can check: how docstrings begin, and phrases that no reader should meet."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OPENINGS = ("What", "Whether", "Which", "Where", "How", "By")
PHRASES = {
    r"\bt(?:ake|akes|aking|aken|ook)\s+up\b": "resume",
    r"\bbr(?:eak|eaks|eaking|oke|oken)\s+off\b": "fail",
    r"\bfor\s+want\s+of\b": "out of, without",
    r"\bto\s+be\s+had\b": "available",
    r"\bg(?:o|oes)\s+together\b": "can be combined",
    r"\bc(?:ome|omes|ame)\s+up\b": "start",
    r",\s+too(?=[.;:)\"']|$)": "also, before the verb",
    r"\bnamed\s+after\s+it,\s+not\b": "takes …, but you gave …",
    r"\bother\s+in\s+every\b": "differs from … to …",
}
"""Patterns, each with what to write instead."""


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def checked(*patterns: str) -> list[Path]:
    paths = [path for pattern in patterns for path in ROOT.glob(pattern)]
    return sorted(path for path in paths if not relative(path).startswith("docs/style.md"))


def openings(source: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the beginning of each docstring of a function, method or class that opens with such a word."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            first = (ast.get_docstring(node) or "").partition("\n")[0]
            if re.match(rf"(?:{'|'.join(OPENINGS)})\b", first):
                yield node.lineno, f"{node.name}: {first}"


def phrases(text: str) -> Iterator[tuple[int, str]]:
    """Yield the line of each phrase of the list, with the phrase and its replacement."""
    for pattern, better in PHRASES.items():
        for match in re.finditer(pattern, text, re.IGNORECASE | re.MULTILINE):
            yield text.count("\n", 0, match.start()) + 1, f"“{match[0]}”: write {better}"


def test_docstrings_open_with_a_verb_or_a_noun() -> None:
    paths = checked("lib/**/*.py", "host/**/*.py", "*.py")
    assert len(paths) > 100
    wrong = [f"{relative(path)}:{line} {text}" for path in paths for line, text in openings(path.read_text("utf-8"))]
    assert wrong == []


def test_no_phrase_of_the_word_list_is_used() -> None:
    paths = checked("lib/**/*.py", "lib/**/*.toml", "host/**/*.py", "*.py", "README.md", "docs/*.md")
    assert len(paths) > 100
    wrong = [f"{relative(path)}:{line} {text}" for path in paths for line, text in phrases(path.read_text("utf-8"))]
    assert wrong == []


@pytest.mark.parametrize("opening", OPENINGS)
def test_an_opening_is_seen(opening: str) -> None:
    source = (
        f'class A:\n    def f(self):\n        """{opening} a run is."""\n\n    def g(self):\n        """Bypass it."""\n'
    )
    assert list(openings(source)) == [(2, f"f: {opening} a run is.")]


@pytest.mark.parametrize(
    "text",
    [
        "A run that is taken\nup again",
        "The study broke off",
        "killed for want of memory",
        "is not to be had",
        "these do not go together",
        "the server comes up",
        "log(0)  # its last words, too\nlog(1)",
        "It is sent, too.",
        "2 runs are named after it, not 1",
        "other in every run",
    ],
)
def test_a_phrase_is_seen(text: str) -> None:
    assert [line for line, _ in phrases(text)] == [1]


def test_too_in_the_middle_of_a_sentence_is_not_meant() -> None:
    assert list(phrases("It is too long. On two spirals, tanh, too, is better.")) == []
