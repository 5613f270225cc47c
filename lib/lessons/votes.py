"""Predictions: the lecture's sentence and three answers, before anything is measured."""

from __future__ import annotations

import functools
import html
from typing import TYPE_CHECKING, Any

from lib.harness.contract.catalogue import find_lab
from lib.harness.contract.texts import Language, Texts
from lib.harness.recording.provenance import ROOT
from lib.lessons.shown import BLUE, GREEN, boxed, escaped, show

if TYPE_CHECKING:
    from lib.lessons.lesson import Lesson

VOTES = ("holds", "fails", "depends")


@functools.cache
def texts_of(lab: str) -> Texts:
    """The texts of a lab, read without importing it."""
    return Texts.beside(str(find_lab(ROOT, lab).file))


def sentence(lab: str | None, row: str, code: Language) -> str:
    """The lecture's sentence of a row; its id where the lab has no texts."""
    text = texts_of(lab).both(f"rows.{row}.sentence") if lab else None
    return row if text is None else text.ko if code == "ko" else text.en


def ask(lesson: Lesson, row: str) -> None:
    """Show the sentence and the answers; a choice is kept, and shown again at a later visit.

    A page without a kernel shows the sentence alone.
    """
    from IPython.core.getipython import get_ipython
    from IPython.display import display

    said = sentence(lesson.entry.lab, row, lesson.language)
    question = lesson.text("vote.ask")
    page = boxed(f"<blockquote>{escaped(said)}</blockquote><p>{escaped(question)}</p>", BLUE)
    line = _line(lesson, row)
    if get_ipython() is None:
        show(f"{said}\n{question}\n{line}", page)
        return
    data = {"text/plain": f"{said}\n{question}", "text/html": page}
    display(_box(lesson, row, page)._repr_mimebundle_() | data, raw=True)


def _box(lesson: Lesson, row: str, page: str) -> Any:
    """The sentence, a button an answer, and a line with what was chosen."""
    import ipywidgets

    buttons = ipywidgets.ToggleButtons(
        options=[(lesson.text(f"vote.{vote}"), vote) for vote in VOTES],
        value=_valid(lesson.kept.vote(lesson.entry.name, row)),
        tooltips=[lesson.text(f"vote.{vote}") for vote in VOTES],
        style={"button_width": "auto"},
    )
    line = ipywidgets.HTML(_status(lesson, row))

    def keep(change: Any) -> None:
        if change["new"] is not None:
            lesson.kept.voted(lesson.entry.name, row, change["new"])
        line.value = _status(lesson, row)

    buttons.observe(keep, "value")
    return ipywidgets.VBox([ipywidgets.HTML(page), buttons, line])


def _valid(vote: str | None) -> str | None:
    return vote if vote in VOTES else None


def _line(lesson: Lesson, row: str) -> str:
    vote = _valid(lesson.kept.vote(lesson.entry.name, row))
    return lesson.text("vote.kept", vote=lesson.text(f"vote.{vote}")) if vote else lesson.text("vote.none")


def _status(lesson: Lesson, row: str) -> str:
    colour = GREEN if lesson.kept.vote(lesson.entry.name, row) else "inherit"
    return f'<span role="status" aria-live="polite" style="color:{colour}">{html.escape(_line(lesson, row))}</span>'
