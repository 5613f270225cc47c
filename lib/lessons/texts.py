"""The lessons' texts in Korean and English: ``texts.toml`` beside the frame, and one in each unit's folder.

::

    [my_dropout.scale]                         # an exercise and a hint
    ko = "…"
    en = "…"
    [explore.rate]                             # a moving picture
    caption = { ko = "…", en = "…" }

A text may have named fields (`str.format`), the same in both languages; a brace as such is doubled.
"""

from __future__ import annotations

import difflib
import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lib.harness.contract.source import TEXTS
from lib.harness.contract.texts import LANGUAGES, Language, fields_of, leaves
from lib.harness.errors import UserError

FRAME = Path(__file__).parent


class LessonError(UserError):
    """Something that a lesson cannot do as it was asked; a notebook shows its line alone."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


class _Number(float):
    """A number that a text without a format of its own shows in few digits."""

    def __format__(self, form: str) -> str:
        return format(float(self), form or ".3g")


@dataclass(frozen=True)
class Texts:
    """Texts by key (``my_dropout.scale``) and language.

    Attributes:
        file: that they were read from; for messages.
    """

    file: Path
    entries: Mapping[str, Mapping[str, str]]

    @classmethod
    def read(cls, path: Path) -> Texts:
        """The texts of a file; none where there is no such file.

        Raises:
            LessonError: it is no TOML, or a key has not the same fields in both languages.
        """
        if not path.is_file():
            return cls(path, {})
        try:
            table = tomllib.loads(path.read_text(encoding="utf-8"))
            entries = dict(leaves(table))
            for key, both in entries.items():
                _require_both(key, both)
        except ValueError as error:
            raise LessonError(f"{path.parent.name}/{path.name}: {error}") from None
        return cls(path, entries)

    def __contains__(self, key: str) -> bool:
        return key in self.entries

    def __call__(self, key: str, code: Language, **fields: Any) -> str:
        """The text of `key` in a language, with its fields filled in.

        Raises:
            LessonError: there is no such text, or a field that it has is not given.
        """
        where = f"{self.file.parent.name}/{self.file.name}"
        if key not in self.entries:
            near = difflib.get_close_matches(key, self.entries, n=1, cutoff=0.6)
            raise LessonError(f"{where}: there is no text '{key}'{f'; nearest: {near[0]}' if near else ''}")
        shown = {name: _Number(value) if _is_real(value) else value for name, value in fields.items()}
        try:
            return self.entries[key][code].format(**shown)
        except KeyError as missing:
            raise LessonError(f"{where}: '{key}' needs the field {missing}, which is not given") from None
        except (ValueError, TypeError) as error:
            raise LessonError(f"{where}: '{key}' cannot be formatted: {error}") from None


@functools.cache
def of_frame() -> Texts:
    """The texts that all lessons share."""
    return Texts.read(FRAME / TEXTS)


@functools.cache
def of_unit(module: str) -> Texts:
    """The texts of a lesson, by the package of its checks (`order.Entry.module`)."""
    return Texts.read(FRAME / "units" / module.rpartition(".")[2] / TEXTS)


def _is_real(value: Any) -> bool:
    return isinstance(value, float) or (hasattr(value, "dtype") and getattr(value, "shape", None) == ())


def _require_both(key: str, both: Any) -> None:
    """Raises `ValueError` where a text is missing in a language, or differs in its fields."""
    if not isinstance(both, dict):
        raise ValueError(f'\'{key}\' must be a text in each language: {{ ko = "…", en = "…" }}')
    for code in LANGUAGES:
        if not isinstance(both.get(code), str) or not both[code].strip():
            raise ValueError(f"'{key}' has no text in the language '{code}'")
    try:
        ko, en = (fields_of(both[code]) for code in ("ko", "en"))
    except ValueError as error:
        raise ValueError(f"'{key}': {error}") from None
    if ko != en:
        raise ValueError(f"'{key}' has the field {', '.join(sorted(ko ^ en))} in one language only")
