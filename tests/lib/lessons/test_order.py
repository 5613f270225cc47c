"""The lessons: the lecture's order, its rows, and how a lesson begins."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from lib.harness.contract.catalogue import find_labs
from lib.harness.contract.texts import LANGUAGES, Texts
from lib.lessons.lesson import begin
from lib.lessons.order import LESSONS, Entry, find
from lib.lessons.texts import LessonError, of_frame

ROOT = Path(__file__).resolve().parents[3]
ROWS = {
    "paradigms": "a-network-is-a-function three-kinds-of-learning",
    "mlp": "nonlinearity-is-the-core threshold-neuron",
    "overfitting": "complexity-overfits double-descent",
    "dropout": "dropout-simplifies dropout-narrows-gap",
    "activations": "sigmoid-gradient-vanishes whatever-activation relu-keeps-gradient",
    "convolution": "shift-multiply-sum extracts-features filters-grow",
    "lenet": "lenet-learns",
    "automl": "search-beats-default",
    "tf2": "four-levels-agree autograph-if-else layers-and-estimator fully-compatible-keras",
    "hub": "reuse-a-module",
    "rnn": "bptt-vanishes",
    "fasttext": "robust-to-typos",
    "seq2seq": "encoder-decoder",
    "elmo": "context-changes-vectors",
    "gpt": "left-to-right",
    "bert": "both-sides",
    "optimizers": (
        "gradient-descends momentum-rescues momentum-forms adagrad-decays rmsprop-improves-adagrad adam-is-the-sum "
        "adamax-nadam nobody-writes-them"
    ),
}
"""The lecture's sentences by the lab that measures them."""


def test_each_of_the_lectures_rows_is_in_exactly_one_lesson_of_its_lab() -> None:
    counted = Counter(row for entry in LESSONS for row in entry.rows)
    assert set(counted.values()) == {1}
    assert len(counted) == 35
    assert {entry.lab: set(entry.rows) for entry in LESSONS if entry.lab} == {
        lab: set(rows.split()) for lab, rows in ROWS.items()
    }


def test_every_lab_of_the_lecture_has_one_lesson_and_every_row_a_sentence() -> None:
    labs = find_labs(ROOT)
    assert sorted(entry.lab for entry in LESSONS if entry.lab) == sorted(labs)
    for entry in LESSONS:
        if entry.lab:
            texts = Texts.beside(str(labs[entry.lab].file))
            assert [row for row in entry.rows if f"rows.{row}.sentence" not in texts] == []


def test_the_order_is_the_lectures() -> None:
    assert [entry.number for entry in LESSONS] == list(range(19))
    notes = ("functions", "mlp", "overfitting", "dropout", "activations", "convolution", "lenet", "automl", "tf2")
    later = ("hub", "docker", "rnn", "fasttext", "seq2seq", "elmo", "gpt", "bert", "optimizers")
    assert tuple(entry.name for entry in LESSONS) == ("start-here", *notes, *later)
    for one, other in pairwise(LESSONS):
        assert one.stem < other.stem


@pytest.mark.parametrize("entry", LESSONS, ids=lambda entry: entry.name)
def test_a_lesson_begins_in_both_languages(entry: Entry) -> None:
    titles = [repr(begin(entry.name, language)) for language in LANGUAGES]
    assert len(set(titles)) == 2
    assert find(entry.name.replace("-", "_")) is entry is find(entry.stem)


def test_an_unknown_lesson_or_language_is_one_line_with_the_remedy() -> None:
    for name, language, remedy in (
        ("droput", "ko", 'begin("dropout", …)'),
        ("?", "ko", "functions, mlp"),
        ("dropout", "kr", 'begin("dropout", "ko")'),
        ("dropout", "", '"ko" or "en"'),
    ):
        with pytest.raises(LessonError) as refused:
            begin(name, language)
        assert remedy in str(refused.value)
        assert refused.value._render_traceback_() == [str(refused.value)]
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_a_lesson_does_not_have_is_one_line(language: str) -> None:
    lesson = begin("docker", language)
    for call, named in (
        (lambda: lesson.vote("dropout-simplifies"), "dropout-simplifies"),
        (lambda: lesson.card("dropout-simplifies"), "dropout-simplifies"),
        (lambda: begin("dropout", language).vote("both-sides"), "dropout-narrows-gap"),
        (lesson.run, "mlp"),
    ):
        with pytest.raises(LessonError, match=named) as refused:
            call()
        assert "\n" not in str(refused.value)


def test_beginning_loads_no_framework() -> None:
    """A lesson is open before a framework could be loaded; JupyterLab's server imports the package as well."""
    heavy = ("numpy", "matplotlib", "torch", "tensorflow", "mlflow", "pandas", "ipywidgets", "IPython")
    code = f"""
import sys
from lib.lessons import begin
begin('dropout', 'ko')
print([name for name in {heavy} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_text_of_the_frame_is_in_both_languages() -> None:
    """Which reading them checks; a lesson's title is a text as well."""
    assert {f"lessons.{entry.name}.title" for entry in LESSONS} == {
        key for key in of_frame().entries if key.startswith("lessons.")
    }
