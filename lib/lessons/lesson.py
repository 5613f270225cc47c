"""A lesson as its notebook sees it: ``lesson = begin("dropout", "ko")``; then votes, cards, checks, pictures, runs."""

from __future__ import annotations

import difflib
import functools
import sys
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any

from lib.harness.contract.drawing import fonts
from lib.harness.contract.texts import LANGUAGES, Language
from lib.harness.errors import one_line, short
from lib.lessons.order import LESSONS, Entry, find
from lib.lessons.shown import GREEN, ORANGE, boxed, escaped, show
from lib.lessons.texts import LessonError, of_frame, of_unit

if TYPE_CHECKING:
    from lib.harness.showing.in_cell import Outcome
    from lib.lessons.checks import Check, Hint
    from lib.lessons.explore import Explorable
    from lib.lessons.progress import Progress

STUCK = 3
"""Wrong answers after which the folded solution is named."""


def begin(name: str, language: str) -> Lesson:
    """Begin a lesson.

    Args:
        name: of the lesson, as in `order.LESSONS`.
        language: ``ko`` or ``en``: of all that the lesson shows.

    Raises:
        LessonError: there is no such lesson or language.
    """
    entry = find(str(name))
    if entry is None:
        names = [each.name for each in LESSONS]
        near = difflib.get_close_matches(str(name), names, n=1, cutoff=0.4)
        hint = f'begin("{near[0]}", …)?' if near else f"there are: {', '.join(names)}"
        raise LessonError(f"begin: there is no lesson '{short(name)}'; {hint}")
    code = next((each for each in LANGUAGES if each == language), None)
    if code is None:
        raise LessonError(
            f'begin: the language is "ko" or "en", not \'{short(language)}\': begin("{entry.name}", "ko")'
        )
    lesson = Lesson(entry, code)
    _prepare(lesson)
    return lesson


def _prepare(lesson: Lesson) -> None:
    """Let plots of the learner's own have Korean words, and say so if the notebook's last kernel had too little memory.

    Nothing of this keeps a lesson from beginning.
    """
    with suppress(Exception):
        from lib.lessons import memory

        line = memory.last_kernel_died(lesson.language)
        if line is not None:
            show(line, boxed(escaped(line), ORANGE, "status"))
    with suppress(Exception):
        if "matplotlib" in sys.modules:  # else there is no plot that they could be for
            import matplotlib as mpl

            mpl.rcParams["font.family"] = fonts()


class Lesson:
    """A lesson in one language. What a learner sees of it is in that language.

    Attributes:
        entry: its place in the lecture, its lab and its sentences.
        language: ``ko`` or ``en``.
        outcomes: by lab the newest run of this kernel.
    """

    def __init__(self, entry: Entry, language: Language):
        self.entry = entry
        self.language: Language = language
        self.outcomes: dict[str, Outcome] = {}

    def __repr__(self) -> str:
        return f"{self.entry.number:02} {self.text(f'lessons.{self.entry.name}.title')}"

    @functools.cached_property
    def kept(self) -> Progress:
        """The learner's work so far, in all lessons."""
        from lib.lessons.progress import Progress, place

        return Progress(place(), self.language)

    def text(self, key: str, **fields: Any) -> str:
        """A text of the frame in the lesson's language."""
        return of_frame()(key, self.language, **fields)

    def student(self, name: str | None = None) -> None:
        """Keep the learner's name, which is asked for once, in the first lesson; without one, show it."""
        if name is not None:
            self.kept.rename(str(name))
        line = self.text("progress.student", student=self.kept.student)
        show(line, boxed(escaped(line), GREEN, "status"))

    def vote(self, row: str) -> None:
        """Show a sentence of the lecture and ask for a prediction, which is kept."""
        from lib.lessons import votes

        self._require_row("vote", row)
        votes.ask(self, row)

    def card(self, row: str) -> None:
        """Show what came out about a sentence: the newest run of this kernel, else the published verdict."""
        from lib.lessons import cards

        self._require_row("card", row)
        cards.show_card(self, row)

    def check(self, *answers: Any, **values: Any) -> None:
        """Check answers and say what is off; nothing that the learner's code does is an error here.

        Args:
            answers: functions and classes, named as their exercise.
            values: other answers, by the exercise's name.
        """
        named = [(getattr(answer, "__name__", ""), answer) for answer in answers]
        for name, answer in [*named, *values.items()]:
            self._check(name, answer)
        if not answers and not values:
            self._unknown("")

    def explore(self, name: str) -> None:
        """Show a picture that one moves."""
        from lib.lessons.explore import is_of_unit
        from lib.lessons.explore import show as show_picture

        explorables = self._explorables()
        if name not in explorables:
            raise LessonError(self.text("explore.unknown", name=short(name), names=", ".join(explorables) or "-"))

        def text(key: str, **fields: Any) -> str:
            return of_unit(self.entry.module)(f"explore.{name}.{key}", self.language, **fields)

        def trouble(error: BaseException) -> str:
            if isinstance(error, ValueError) and is_of_unit(error):
                return str(error)
            return self.text("explore.trouble", kind=type(error).__name__, message=short(one_line(str(error))))

        show_picture(explorables[name], text, trouble)

    def run(self, lab: str | None = None, **settings: Any) -> Outcome:
        """Run a lab, the lesson's own unless another is named, and return its verdicts; cards then show them.

        Args:
            lab: its name.
            settings: as of `lib.harness.commands.notebook.run`: ``quick``, ``seeds``, ``with_``, fields of the lab's
                config.

        Raises:
            LessonError: the lesson has no lab of its own, and none was named.
            LabError: no such lab, bad settings, or what the lab ended with, in one line.
        """
        from lib.harness.commands import notebook

        name = lab or self.entry.lab
        if name is None:
            raise LessonError(self.text("run.none", lesson=self.entry.name))
        outcome = notebook.run(name, language=self.language, **settings)
        if outcome.replaced:  # by the learner's own code: that is no verdict about the lecture
            return outcome
        self.outcomes.pop(name, None)  # the newest is the last
        self.outcomes[name] = outcome
        verdicts = {claim["id"]: claim["verdict"] for claim in outcome.claims}
        self.kept.ran(self.entry.name, name, outcome.run, outcome.url, verdicts)
        return outcome

    def progress(self) -> None:
        """Show all lessons with what the learner has done in each."""
        from lib.lessons import overview

        overview.show_progress(self)

    def _require_row(self, what: str, row: str) -> None:
        if row not in self.entry.rows:
            rows = ", ".join(self.entry.rows) or "-"
            raise LessonError(self.text("rows.unknown", what=what, row=short(row), rows=rows))

    def _exercises(self) -> Mapping[str, Check]:
        exercises: Mapping[str, Check] = import_module(f"{self.entry.module}.checks").EXERCISES
        return exercises

    def _explorables(self) -> Mapping[str, Explorable]:
        explorables: Mapping[str, Explorable] = import_module(f"{self.entry.module}.explore").EXPLORABLES
        return explorables

    def _check(self, name: str, answer: Any) -> None:
        from lib.lessons.checks import Hint, judge

        try:
            exercises = self._exercises()
            if name not in exercises:
                self._unknown(name)
                return
            hint = judge(exercises[name], answer, name)
            said = "" if hint is None else self._said(name, hint)
        except Exception as error:  # of the check itself, which has met something that it does not know
            hint = Hint("unexpected", kind=type(error).__name__, message=short(one_line(str(error))))
            said = self.text("hints.unexpected", **hint.fields)
        tries = self.kept.tried(self.entry.name, name, hint is None)
        if hint is None:
            line = self.text("check.right", name=name)
            show(f"✔ {line}", boxed(f"<b>✔</b> {escaped(line)}", GREEN, "status"))
            return
        head = self.text("check.wrong", name=name)
        more = self.text("check.stuck") if tries >= STUCK and hint.key != "empty" else ""
        plain = " ".join(filter(None, (f"✘ {head}", said, more)))
        page = f"<b>✘ {escaped(head)}</b> {escaped(said)}{f'<br><small>{escaped(more)}</small>' if more else ''}"
        show(plain, boxed(page, ORANGE, "status"))

    def _said(self, name: str, hint: Hint) -> str:
        return hint_text(self.entry.module, name, hint, self.language)

    def _unknown(self, name: str) -> None:
        """Say which exercises there are."""
        try:
            names = list(self._exercises())
        except Exception:  # a lesson without checks, or with broken ones
            names = []
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
        key = "check.near" if near else "check.unknown" if name and name != "<lambda>" else "check.nameless"
        line = self.text(key, name=short(name), near=near[0] if near else "", names=", ".join(names) or "-")
        show(line, boxed(escaped(line), ORANGE, "status"))


def hint_text(module: str, exercise: str, hint: Hint, code: Language) -> str:
    """The text of a hint: the exercise's own, else the frame's for this kind.

    Raises:
        LessonError: neither has it, or a field that it has is missing.
    """
    own = of_unit(module)
    if f"{exercise}.{hint.key}" in own:
        return own(f"{exercise}.{hint.key}", code, **hint.fields)
    numbers = [value for value in hint.fields.values() if isinstance(value, float)]
    fields = {"value": numbers[0] if numbers else "?", **hint.fields}
    return of_frame()(f"hints.{hint.key}", code, **fields)
