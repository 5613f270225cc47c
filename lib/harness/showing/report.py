"""The report: one page in English and Korean that needs nothing else, from the newest run of every lab.

The page is ``report.html.j2``; here is what it shows. Jinja2 escapes all of it.
"""

from __future__ import annotations

import base64
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from lib.harness.comparing.from_journals import is_current, newest
from lib.harness.comparing.records import Record
from lib.harness.contract.catalogue import chosen
from lib.harness.contract.claim import words_of
from lib.harness.contract.lab import Lab
from lib.harness.contract.loading import load
from lib.harness.contract.settings import Options, as_params, configure
from lib.harness.contract.texts import Language, Text, Texts
from lib.harness.errors import UserError, warn_once
from lib.harness.judging.family import family_of
from lib.harness.showing import display
from lib.harness.showing.in_cell import KOREAN_VERDICTS

TITLE = Text(
    "Don't be afraid of deep learning: the lecture, put to the test", "쫄지말자 딥러닝: 강의를 실험으로 확인하다"
)
INTRODUCTION = Text(
    "Each sentence of the lecture is an experiment. A statistical one holds when the whole 95 % interval over seeds "
    "lies in the range that the sentence asks for; an exact one when the worst deviation does. A sentence with several "
    "parts holds when all of them do. What else was measured stands below it: its conditions, its limits, what it is "
    "compared with, and what was checked. What does not hold is a finding, and is shown like the rest.",
    "강의의 문장 하나하나가 실험입니다. 통계적 주장은 여러 시드에 걸친 95% 신뢰구간 전체가 "
    "문장이 요구하는 범위 안에 있을 때 성립합니다. 시드와 무관하게 등식이 성립해야 하는 주장은 "
    "최대 편차가 그 범위 안에 있을 때 성립합니다. 문장이 여러 부분이면 모두 성립해야 성립합니다. 그 아래에는 함께 "
    "측정한 조건과 한계, 비교 기준, 검산을 적었습니다. 성립하지 않는 것도 하나의 발견이며 똑같이 보여 줍니다.",
)


@dataclass(frozen=True)
class Source:
    """An image of a picture as a data address. `language`: of the texts in it; empty where it is for all readers."""

    data: str
    alt: str
    language: Language | str = ""


@dataclass(frozen=True)
class Picture:
    """A figure or an animation of a run."""

    sources: tuple[Source, ...]
    caption: Text | None


@dataclass(frozen=True)
class Part:
    """A claim as it was measured: a line of a row's table.

    Attributes:
        role: the words before it; None for a sentence.
        split: the parts of an interval over seeds and items.
    """

    role: Text | None
    statement: Text
    note: Text | None
    verdict: str
    effect: str
    split: Text | None
    p: str
    unit: Text
    seeds: int
    holds_when: str


@dataclass(frozen=True)
class Row:
    """A sentence of the lecture with its verdict, its lesson, its picture and its claims.

    Attributes:
        turns: why its verdict would not stand in the family of all rows; None where it would.
    """

    id: str
    sentence: Text
    verdict: str
    lesson: Text | None
    picture: Picture | None
    parts: list[Part]
    turns: Text | None = None


@dataclass(frozen=True)
class Run:
    """The run behind a section. `address`: of its page in MLflow, where that is known."""

    key: str
    address: str
    facts: list[str]
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


def command_of(lab: Lab, run: Record) -> str:
    """The command that repeats a run of this lab, with the fields of its config that are neither default nor quick.

    A run whose config has fields that the lab no longer has is repeated from its record.
    """
    if not run.params.keys() <= {*lab.config.model_fields, "root_seed"}:
        return shlex.join(["./invoke", "reproduce", run.key])
    quick = run.tags.get("lab.quick") == "true"
    usual = {**as_params(configure(lab, Options(quick=quick))), "root_seed": "0"}
    words = ["./invoke", "lab", lab.name, *(["--quick"] if quick else [])]
    options = {"framework": "--framework", "seeds": "--seeds", "root_seed": "--seed"}
    for name, value in run.params.items():
        if value != usual.get(name):
            words += [options[name], value] if name in options else ["--set", f"{name}={value}"]
    return shlex.join(words)


def effect_of(record: Mapping[str, Any]) -> str:
    """A claim's effect, with its interval if it has one."""
    if record["effect"] is None:
        return "–"
    effect = display.effect_text(record)
    return effect if record["kind"] == "exact" else f"{effect} [{display.ends_text(record, ', ')}]"


def picture_of(texts: Texts, run: Record, name: str, alt: Text) -> Picture | None:
    """A picture of a run, with the Korean one where there is one; None where the run has none of this name."""
    english, korean = (_data(run, f"figures/{part}{name}") for part in ("", "ko/"))
    if not english:
        return None
    caption = texts.both(f"figures.{name}.caption")
    if not korean:
        return Picture((Source(english, alt.en),), caption)
    return Picture((Source(english, alt.en, "en"), Source(korean, alt.ko, "ko")), caption)


def _data(run: Record, stem: str) -> str:
    for kind in ("png", "gif"):
        try:
            content = run.source.file(f"{stem}.{kind}")
        except UserError as error:
            warn_once(f"{error}: the report is without that picture")
            continue
        if content is not None:
            return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"
    return ""


def part_of(texts: Texts, record: Mapping[str, Any]) -> Part:
    """A line of a row's table: in English as recorded, in Korean as the lab's texts have it.

    What a recorded note says besides the claim's own (why it is inconclusive) is the record's in both languages.
    """
    key = f"claims.{record['id']}"
    note, recorded = texts.both(f"{key}.note"), record["note"]
    korean = recorded.replace(note.en, note.ko) if note else recorded
    return Part(
        role=words_of(record),
        statement=_translated(texts, f"{key}.statement", record["statement"]),
        note=Text(recorded, korean) if recorded else None,
        verdict=record["verdict"],
        effect=effect_of(record),
        split=display.split_of(record),
        p=display.p_text(record),
        unit=_translated(texts, f"{key}.unit", record["unit"]),
        seeds=record["seeds"],
        holds_when=record["holds_when"],
    )


def _translated(texts: Texts, key: str, english: str) -> Text:
    """A recorded English text with the Korean one of the lab's texts, or English where they have none."""
    text = texts.both(key)
    return Text(english, text.ko if text else english)


def rows_of(records: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """A run's claims by the row of the lecture; the row's own record is the first."""
    rows: dict[str, list[Mapping[str, Any]]] = {}
    for record in records:
        rows.setdefault(record["id"].split("/")[0], []).append(record)
    return rows


def row_of(texts: Texts, run: Record, id_: str, records: Sequence[Mapping[str, Any]], shown: set[str]) -> Row:
    """A row of the lecture; one without a sentence is named by its claim. Its picture joins those that are `shown`."""
    sentence = texts.both(f"rows.{id_}.sentence") or _translated(
        texts, f"claims.{id_}.statement", records[0]["statement"]
    )
    figure = texts.figures.get(id_, "")
    picture = picture_of(texts, run, figure, sentence) if figure and figure not in shown else None
    shown.add(figure)
    verdict = records[0]["verdict"]
    parts = [part_of(texts, record) for record in records if "part" not in record]
    return Row(id_, sentence, verdict, texts.lesson(id_, verdict), picture, parts)


def section_of(lab: Lab, run: Record | None, current: bool) -> Section:
    """A lab's part of the page. `current`: whether the run is of the present code, image, data and settings."""
    summary = Text(lab.summary, lab.korean or lab.summary)
    if run is None:
        return Section(lab.name, lab.chapter, summary)
    texts, shown = lab.texts, set[str]()
    rows = [row_of(texts, run, id_, records, shown) for id_, records in rows_of(run.claims).items()]
    rest = [name for name in (*lab.figures, *lab.animations) if name not in shown]
    pictures = [picture_of(texts, run, name, Text(*[name.replace("_", " ")] * 2)) for name in rest]
    return Section(lab.name, lab.chapter, summary, rows, [*filter(None, pictures)], run_of(lab, run, current))


def run_of(lab: Lab, run: Record, current: bool) -> Run:
    """The run behind a section."""
    base = os.environ.get("LAB_MLFLOW_URL")
    ended = datetime.fromtimestamp(run.time / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
    facts = [
        ended,
        run.tags.get("lab.cpu", ""),
        f"commit {run.tags.get('lab.git_commit', '')[:12]}",
        f"digest {run.tags.get('lab.result_digest', '')[:16]}",
    ]
    address = f"{base}/{run.page}" if base and run.page else ""
    return Run(run.key, address, [fact for fact in facts if fact], command_of(lab, run), current)


def page(sections: Sequence[Section]) -> str:
    """The whole page."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    template = environment.get_template("report.html.j2")
    return template.render(title=TITLE, introduction=INTRODUCTION, sections=sections, verdicts=KOREAN_VERDICTS)


def in_family(sections: Sequence[Section], records: Sequence[Mapping[str, Any]]) -> list[Section]:
    """The sections with those rows marked whose verdict would not stand in the family of all the lecture's rows."""
    family = family_of(records)
    why = Text(*(text.format(rows=family.rows) for text in (display.TURNS.en, display.TURNS.ko)))
    return [
        replace(section, rows=[replace(row, turns=why) if row.id in family.turning else row for row in section.rows])
        for section in sections
    ]


def print_report(root: Path, words: Sequence[str]) -> int:
    """Print the page for the named labs, or for the lecture's: each with its newest finished run. Returns 0."""
    sections: list[Section] = []
    records: list[Mapping[str, Any]] = []
    for entry in chosen(root, words):
        lab = load(entry)
        run = newest(lab.name)
        sections.append(section_of(lab, run, run is not None and is_current(entry, lab, run)))
        records += run.claims if run else []
    sys.stdout.buffer.write(page(in_family(sections, records)).encode())
    return 0
