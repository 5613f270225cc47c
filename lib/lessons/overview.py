"""All lessons and what the learner has done in each."""

from __future__ import annotations

import html
from importlib import import_module
from typing import TYPE_CHECKING, Any

from lib.lessons import memory
from lib.lessons.order import LESSONS, Entry
from lib.lessons.shown import show

if TYPE_CHECKING:
    from lib.lessons.lesson import Lesson


def show_progress(lesson: Lesson) -> None:
    """Show the lessons in the lecture's order, each a link: predictions, exercises, and the run of its lab."""
    lesson.kept.refresh()
    heading = lesson.text("progress.heading", student=lesson.kept.student)
    columns = [lesson.text(f"progress.{name}") for name in ("lesson", "votes", "exercises", "lab")]
    rows = [_cells(lesson, entry) for entry in LESSONS]
    plain = [heading, *("  ".join(cells) for _, *cells in rows)]
    head = "".join(f'<th scope="col" style="text-align:left">{html.escape(name)}</th>' for name in columns)
    body = "".join(_row(*cells) for cells in rows)
    caption = f'<caption style="text-align:left">{html.escape(heading)}</caption>'
    table = f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    used = memory.in_use(lesson.language)
    if used is not None:
        plain.append(used)
        table += f"<p>{html.escape(used)}</p>"
    show("\n".join(plain), table)


def exercises_of(entry: Entry) -> list[str]:
    """The exercises of a lesson; none while it has no checks, or none that can be imported here."""
    try:
        return list(import_module(f"{entry.module}.checks").EXERCISES)
    except Exception:  # one lesson's trouble is not the table's
        return []


def _cells(lesson: Lesson, entry: Entry) -> tuple[str, str, str, str, str]:
    """The notebook, its title, and the state of votes, exercises and lab."""
    work: dict[str, Any] = lesson.kept.of(entry.name)
    names = exercises_of(entry)
    right = [name for name, each in work["exercises"].items() if each["right"] and name in names]
    votes = [row for row in work["votes"] if row in entry.rows]
    if entry.lab is None:
        lab = lesson.text("progress.none")
    else:
        lab = lesson.text("progress.done" if entry.lab in work["runs"] else "progress.not_run")
    title = f"{entry.number:02} {lesson.text(f'lessons.{entry.name}.title')}"
    return (
        f"{entry.stem}.ipynb",
        title,
        _share(lesson, len(votes), len(entry.rows)),
        _share(lesson, len(right), len(names)),
        lab,
    )


def _share(lesson: Lesson, done: int, total: int) -> str:
    return lesson.text("progress.of", done=done, total=total) if total else lesson.text("progress.none")


def _row(file: str, title: str, *cells: str) -> str:
    link = f'<th scope="row" style="text-align:left"><a href="{html.escape(file)}">{html.escape(title)}</a></th>'
    return f"<tr>{link}{''.join(f'<td>{html.escape(cell)}</td>' for cell in cells)}</tr>"
