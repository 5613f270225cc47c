"""A learner's work, kept: predictions, exercises and runs of all lessons, in one file that every kernel shares.

The file is the truth; MLflow gets a copy of it (`mirror`). It is replaced as a whole and under a lock, so a lesson that
is closed at any moment leaves a file that can be read. A file that cannot is set aside, with one warning.

::

    {"version": 1, "student": "…", "lessons": {"dropout": {
        "votes": {"dropout-simplifies": "holds"},
        "exercises": {"my_dropout": {"right": true, "wrong": 2}},
        "runs": {"dropout": {"run": "…", "url": "…", "verdicts": {"dropout-simplifies": "fails"}}}}}}
"""

from __future__ import annotations

import getpass
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lib.harness.contract.texts import Language
from lib.harness.errors import UserError, one_line
from lib.harness.recording.disk import DISK, replace
from lib.harness.recording.provenance import ROOT
from lib.lessons.mirror import Mirror
from lib.lessons.texts import of_frame

FOLDER = "LAB_LESSONS"
"""The variable with the folder of the file, if it is not below ``labs/mine``."""
NAME, LOCK = "progress.json", "progress.lock"
VERSION = 1
SHOWN = 80
"""Characters of a learner's name."""


def place() -> Path:
    """The file of the learner's work."""
    folder = os.environ.get(FOLDER)
    return Path(folder, NAME) if folder else ROOT / "labs" / "mine" / ".lessons" / NAME


class Progress:
    """A learner's work. Where the file cannot be written, it is kept until the kernel ends.

    Attributes:
        file: of the work.
    """

    def __init__(self, file: Path, language: Language):
        self.file = file
        self._language: Language = language
        self._warned: set[str] = set()
        self._mirror = Mirror(file)
        self._unsaved: list[Callable[[dict[str, Any]], object]] = []
        self._state = self._read()

    @property
    def student(self) -> str:
        """The learner's name; until it is given, that of the user."""
        return str(self._state.get("student") or _user())

    def rename(self, name: str) -> None:
        """Keep the learner's name."""
        name = " ".join(name.split())[:SHOWN]
        self._change(lambda state: state.update(student=name))

    def vote(self, lesson: str, row: str) -> str | None:
        """The learner's prediction about a sentence."""
        vote: str | None = self.of(lesson)["votes"].get(row)
        return vote

    def voted(self, lesson: str, row: str, vote: str) -> None:
        """Keep a prediction."""
        self._change(lambda state: _lesson(state, lesson)["votes"].update({row: vote}))

    def tried(self, lesson: str, exercise: str, right: bool) -> int:
        """Keep an answer to an exercise. Returns how many wrong ones there have been."""

        def change(state: dict[str, Any]) -> None:
            kept = _lesson(state, lesson)["exercises"].setdefault(exercise, {"right": False, "wrong": 0})
            kept["right"] = kept["right"] or right
            kept["wrong"] += not right

        self._change(change)
        return int(self.of(lesson)["exercises"][exercise]["wrong"])

    def ran(self, lesson: str, lab: str, run: str, url: str, verdicts: Mapping[str, str]) -> None:
        """Keep the run of a lab."""
        record = {"run": run, "url": url, "verdicts": dict(verdicts)}
        self._change(lambda state: _lesson(state, lesson)["runs"].update({lab: record}))

    def of(self, lesson: str) -> dict[str, Any]:
        """The votes, exercises and runs of a lesson."""
        return _lesson({"lessons": dict(self._state["lessons"])}, lesson)

    def refresh(self) -> None:
        """Read what other kernels have kept since."""
        self._state = self._changed()

    def _change(self, change: Callable[[dict[str, Any]], object]) -> None:
        """Read, change and write the file, as the only one at that moment."""
        self._unsaved.append(change)
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with _locked(self.file.with_name(LOCK)):
                self._state = self._changed()
                replace(DISK, self.file, json.dumps(self._state, ensure_ascii=False, indent=1).encode())
        except OSError as error:
            self._state = self._changed()
            self._warn("unwritable", reason=error.strerror or type(error).__name__)
        else:
            self._unsaved.clear()
            self._mirror.begin()

    def _changed(self) -> dict[str, Any]:
        """The file's content with the changes that it does not have yet."""
        state = self._read()
        for change in self._unsaved:
            change(state)
        return state

    def _read(self) -> dict[str, Any]:
        try:
            state = json.loads(self.file.read_text(encoding="utf-8"))
            if not is_sound(state):
                raise ValueError("it is no file of progress")
        except (FileNotFoundError, NotADirectoryError):
            return {"version": VERSION, "lessons": {}}
        except OSError as error:
            self._warn("unwritable", reason=error.strerror or type(error).__name__)
            return {"version": VERSION, "lessons": {}}
        except (ValueError, RecursionError):
            self._set_aside()
            return {"version": VERSION, "lessons": {}}
        whole: dict[str, Any] = state
        return whole

    def _set_aside(self) -> None:
        """Give a damaged file another name, which no other has."""
        moment = time.strftime("%Y%m%d-%H%M%S")
        names = (f"{self.file.stem}.damaged-{moment}{suffix}.json" for suffix in ("", *(f"-{n}" for n in range(2, 99))))
        target = next(path for path in map(self.file.with_name, names) if not path.exists())
        try:
            self.file.replace(target)
        except OSError as error:
            self._warn("unwritable", reason=error.strerror or type(error).__name__)
            return
        self._warn("damaged", file=target.name)

    def _warn(self, key: str, **fields: str) -> None:
        """Print a warning, once a kind."""
        if key not in self._warned:
            self._warned.add(key)
            print(one_line(of_frame()(f"progress.{key}", self._language, **fields)), file=sys.stderr)


def is_sound(state: Any) -> bool:
    """Return whether a file's content is a learner's work."""
    if not isinstance(state, dict) or state.get("version") != VERSION or not isinstance(state.get("lessons"), dict):
        return False
    if not isinstance(state.get("student", ""), str):
        return False
    return all(isinstance(lesson, dict) and _is_lesson(lesson) for lesson in state["lessons"].values())


def _is_lesson(lesson: Mapping[str, Any]) -> bool:
    votes, exercises, runs = (lesson.get(name) for name in ("votes", "exercises", "runs"))
    if not isinstance(votes, dict) or not isinstance(exercises, dict) or not isinstance(runs, dict):
        return False
    kept = all(
        isinstance(each, dict) and isinstance(each.get("right"), bool) and type(each.get("wrong")) is int
        for each in exercises.values()
    )
    ran = all(
        isinstance(each, dict)
        and isinstance(each.get("run"), str)
        and isinstance(each.get("url"), str)
        and isinstance(each.get("verdicts"), dict)
        for each in runs.values()
    )
    return kept and ran and all(isinstance(vote, str) for vote in votes.values())


def _lesson(state: dict[str, Any], name: str) -> dict[str, Any]:
    lesson: dict[str, Any] = state["lessons"].setdefault(name, {"votes": {}, "exercises": {}, "runs": {}})
    return lesson


def _user() -> str:
    """The name of the user who has started JupyterLab."""
    try:
        return os.environ.get("LAB_USER") or getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as a container's may be
        return "student"


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Be the only one inside; on a file system without locks, go on without one."""
    try:
        descriptor = DISK.lock(path, wait=True)
    except UserError:
        descriptor = None
    try:
        yield
    finally:
        if descriptor is not None:
            DISK.close(descriptor)
