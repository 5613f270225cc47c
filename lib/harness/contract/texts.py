"""Texts of a lab in English and Korean: ``texts.toml`` beside ``lab.py``.

::

    [lab]
    summary = { ko = "…" }                     # the English one is the literal in lab.py
    [rows.dropout-narrows-gap]                 # a row of the lecture
    sentence = { en = "…", ko = "…" }          # what the lecture says
    figure = "gap"                             # stem of the picture that shows it
    lesson = { en = "…", ko = "…" }            # or one for each verdict: lesson.holds = { en = "…", ko = "…" }
    [claims."dropout-narrows-gap/gap"]
    statement = { en = "…", ko = "…" }         # the sentence as measured
    unit = { en = "…", ko = "…" }
    note = { en = "…", ko = "…" }              # only where the effect cannot be read without it
    [figures.gap]                              # by file stem; `caption` is the report's, the rest is the figure's own
    caption = { en = "…", ko = "…" }
    ylabel = { en = "loss (nats)", ko = "손실 (nats)" }
    [labels]                                   # texts that several figures share, as names of variants
    with = { en = "dropout {rate:g}", ko = "드롭아웃 {rate:g}" }

A figure's text or a label may have named fields (`str.format`), the same in both languages; in every text, a brace as
such is doubled.
"""

from __future__ import annotations

import difflib
import string
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from lib.harness.contract.source import TEXTS
from lib.harness.errors import UserError

if TYPE_CHECKING:
    from lib.harness.contract.claim import Claim

Language = Literal["en", "ko"]
LANGUAGES: tuple[Language, ...] = ("en", "ko")
VERDICTS = ("holds", "fails", "inconclusive")

_KEYS: Mapping[str, tuple[str, ...]] = {
    "lab": ("summary",),
    "rows": ("sentence", "figure", "lesson", *(f"lesson.{verdict}" for verdict in VERDICTS)),
    "claims": ("statement", "unit", "note"),
}
"""The keys that a section may have; those of `figures` and `labels` are the lab's own."""

_current: ContextVar[Language] = ContextVar("language", default="en")


def current() -> Language:
    """The language of the texts that are asked for now; English unless `language` says otherwise."""
    return _current.get()


@contextmanager
def language(code: Language) -> Iterator[None]:
    """Texts in this language inside this block."""
    token = _current.set(code)
    try:
        yield
    finally:
        _current.reset(token)


@dataclass(frozen=True)
class Text:
    """A text in both languages, as the report shows it."""

    en: str
    ko: str


@dataclass(frozen=True)
class Texts:
    """The texts of a lab. ``TEXTS("figures.gap.title", epochs=20)`` is one of them in the current language.

    Attributes:
        file: that they were read from; for messages.
        entries: by key (``figures.gap.title``) the text by language.
        figures: by row the stem of the picture that shows it.
    """

    file: Path = Path(TEXTS)
    entries: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    figures: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def beside(cls, file: str) -> Texts:
        """Read ``texts.toml`` in the folder of `file` (a module's ``__file__``); no texts where there is none.

        Raises:
            UserError: it is no TOML, or a key in it is unknown, has no text in one of the languages, or has other
                fields in one of them than in the other.
        """
        path = Path(file).with_name(TEXTS)
        if not path.is_file():
            return cls(path)
        try:
            table = tomllib.loads(path.read_text(encoding="utf-8"))
        except (ValueError, RecursionError) as error:  # TOML's errors, no UTF-8, long numbers, deep lists
            raise UserError(f"{_short(path)} is not valid TOML: {error}") from None
        entries: dict[str, Mapping[str, str]] = {}
        figures: dict[str, str] = {}
        for key, value in leaves(table):
            _require_known(path, key)
            if _is_figure(key) and isinstance(value, str):
                figures[key.removeprefix("rows.").removesuffix(".figure")] = value
            else:
                entries[key] = _checked(path, key, value)
        return cls(path, entries, figures)

    def __bool__(self) -> bool:
        return bool(self.entries)

    def __contains__(self, key: str) -> bool:
        return key in self.entries

    def __call__(self, key: str, **fields: Any) -> str:
        """The text of `key` in the current language with its fields filled in.

        Raises:
            UserError: there is no such text, or a field that it has is not given.
        """
        return self._text(current(), key, fields)

    def both(self, key: str) -> Text | None:
        """The text of `key`, which has no fields, in both languages; None where there is none."""
        return Text(self._text("en", key, {}), self._text("ko", key, {})) if key in self.entries else None

    def _text(self, code: Language, key: str, fields: Mapping[str, Any]) -> str:
        try:
            return self.entries[key][code].format(**fields) if key in self.entries else self._missing(key)
        except KeyError as missing:
            raise UserError(f"{_short(self.file)}: '{key}' needs the field {missing}, which is not given") from None
        except (ValueError, TypeError) as error:
            raise UserError(f"{_short(self.file)}: '{key}' cannot be formatted: {error}") from None

    def _missing(self, key: str) -> NoReturn:
        near = difflib.get_close_matches(key, self.entries, n=1, cutoff=0.6)
        raise UserError(f"{_short(self.file)}: there is no text '{key}'{f'; nearest: {near[0]}' if near else ''}")

    def lesson(self, row: str, verdict: str) -> Text | None:
        """The lesson of a row of the lecture that was measured with this verdict; None where there is none."""
        return self.both(f"rows.{row}.lesson.{verdict}") or self.both(f"rows.{row}.lesson")

    def worded(self, claim: Claim) -> Claim:
        """`claim` with its statement, unit and note in English, where these texts have them."""
        texts: dict[str, Any] = {}
        for name in _KEYS["claims"]:
            if text := self.both(f"claims.{claim.id}.{name}"):
                texts[name] = text.en
        return replace(claim, **texts)

    def has_own(self, figure: str) -> bool:
        """Return whether a figure has texts of its own besides its caption, so that it differs by language."""
        prefix = f"figures.{figure}."
        return any(key.startswith(prefix) and key != f"{prefix}caption" for key in self.entries)


def fields_of(text: str) -> set[str]:
    """The names of the fields in a text. Raises `ValueError` for a single brace and for a field without a name."""
    names = {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}
    for name in names:
        if not name.isidentifier():
            raise ValueError(f"a field needs a name, as in {{epochs}}, not {{{name}}}; a brace as such is doubled")
    return names


def leaves(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The key, joined by dots, and the value of everything that is no table of further keys."""
    for name, value in table.items():
        key = f"{prefix}{name}"
        if isinstance(value, dict) and value and not value.keys() <= set(LANGUAGES):
            yield from leaves(value, f"{key}.")
        else:
            yield key, value


def _is_figure(key: str) -> bool:
    return key.startswith("rows.") and key.endswith(".figure")


def _require_known(path: Path, key: str) -> None:
    """Raises `UserError` for a key of an unknown section or name."""
    section, _, rest = key.partition(".")
    if section not in (*_KEYS, "figures", "labels"):
        raise UserError(f"{_short(path)}: unknown section '{section}'; there are: {', '.join(_KEYS)}, figures, labels")
    names = _KEYS.get(section, ())
    name = rest if section == "lab" else rest.partition(".")[2]
    if (names and name not in names) or (not name and section != "labels"):
        raise UserError(f"{_short(path)}: unknown key '{key}'; {section} has: {', '.join(names) or 'a name and a key'}")


def _checked(path: Path, key: str, value: Any) -> Mapping[str, str]:
    """The texts of `key` by language. Raises `UserError` where one is missing, broken or differs in its fields."""
    if not isinstance(value, dict) or not all(isinstance(text, str) and text for text in value.values()):
        raise UserError(f'{_short(path)}: \'{key}\' must be a text in each language: {{ en = "…", ko = "…" }}')
    needed = ("ko",) if key == "lab.summary" else LANGUAGES
    for code in needed:
        if code not in value:
            raise UserError(f"{_short(path)}: '{key}' has no text in the language '{code}'")
    fields = {}
    for code, text in value.items():
        try:
            fields[code] = fields_of(text)
        except ValueError as error:
            raise UserError(f"{_short(path)}: '{key}' ({code}): {error}") from None
    if fields["ko"] != fields.get("en", fields["ko"]):
        differ = ", ".join(sorted(fields["ko"] ^ fields["en"]))
        raise UserError(f"{_short(path)}: '{key}' has the field {differ} in one language only")
    own = key.startswith("labels.") or (key.startswith("figures.") and not key.endswith(".caption"))
    if fields["ko"] and not own:
        raise UserError(f"{_short(path)}: '{key}' cannot have fields; only figures' own texts and labels can")
    return value


def _short(path: Path) -> Path:
    """The path from the working directory, where it is below it."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
