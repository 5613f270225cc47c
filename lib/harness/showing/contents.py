"""The parts of the report. ``report.py`` fills them from the records, ``page.py`` writes them as HTML."""

from __future__ import annotations

from dataclasses import dataclass, field

from lib.harness.contract.texts import Text


@dataclass(frozen=True)
class Image:
    """The file of a picture: its name in a folder of all pictures, and its bytes."""

    name: str
    content: bytes


@dataclass(frozen=True)
class Picture:
    """A figure or an animation of a run.

    Attributes:
        id: its address in the page.
        en, ko: its files by the language of the texts in them; the same one where they are for all readers.
        alt: what a reader is told who does not see it.
        caption: what it draws.
    """

    id: str
    en: Image
    ko: Image
    alt: Text
    caption: Text | None


@dataclass(frozen=True)
class Part:
    """A claim as it was measured: a line of a row's table.

    Attributes:
        role: the words before it; None for a sentence.
        split: the parts of an interval over seeds and items.
    """

    id: str
    role: Text | None
    statement: Text
    note: Text | None
    verdict: str
    effect: str
    split: Text | None
    p: str
    unit: Text
    seeds: int
    holds_when: Text


@dataclass(frozen=True)
class Row:
    """A sentence of the lecture with its verdict, its lesson, its picture and its claims.

    Attributes:
        parts: none where nothing was measured.
        deciding: the part that the row has its verdict from: its weakest sentence.
        turns: why its verdict would not stand in the family of all rows; None where it would.
    """

    id: str
    sentence: Text
    verdict: str
    lesson: Text | None = None
    picture: Picture | None = None
    parts: list[Part] = field(default_factory=list)
    deciding: Part | None = None
    turns: Text | None = None


@dataclass(frozen=True)
class Run:
    """The run behind a section. `address`: of its page in MLflow, where that is known."""

    key: str
    address: str
    facts: list[Text]
    command: str
    current: bool


@dataclass(frozen=True)
class Section:
    """A lab; without a run it was not measured. `more`: the pictures that no row shows."""

    name: str
    chapter: int
    summary: Text
    rows: list[Row] = field(default_factory=list)
    more: list[Picture] = field(default_factory=list)
    run: Run | None = None

    @property
    def pictures(self) -> list[Picture]:
        """All of its pictures, in the order of the page."""
        return [*(row.picture for row in self.rows if row.picture), *self.more]
