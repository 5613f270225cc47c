"""The report: what the newest run of every lab has measured, in English and Korean. ``page.py`` writes it as HTML."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lib.harness.comparing.from_journals import is_current, newest
from lib.harness.comparing.records import Record
from lib.harness.contract.catalogue import chosen
from lib.harness.contract.claim import words_of
from lib.harness.contract.lab import Lab
from lib.harness.contract.loading import load
from lib.harness.contract.settings import Options, as_params, configure
from lib.harness.contract.texts import Text, Texts
from lib.harness.errors import UserError, warn_once
from lib.harness.judging.family import family_of
from lib.harness.showing import display, page
from lib.harness.showing.contents import Image, Part, Picture, Row, Run, Section
from lib.harness.showing.in_cell import KOREAN_VERDICTS, range_text
from lib.harness.showing.reasons import in_korean


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


def picture_of(lab: Lab, run: Record, name: str, shows: Text | None = None) -> Picture | None:
    """A picture of a run, with the Korean one where there is one; None where the run has none of this name.

    Args:
        shows: what came out, in words; for the pictures of no row, the beginning of the caption stands for it.
    """
    english, korean = (_image(lab, run, name, part) for part in ("", "ko/"))
    if english is None:
        return None
    caption = lab.texts.both(f"figures.{name}.caption")
    shows = shows or caption or Text(*[name.replace("_", " ").replace("-", " ")] * 2)
    alt = Text(f"Chart. {shows.en}", f"그래프. {shows.ko}")
    return Picture(f"picture-{lab.name}-{name}", english, korean or english, alt, caption)


def _image(lab: Lab, run: Record, name: str, folder: str) -> Image | None:
    """The file of a picture of a run, below `folder` of its figures."""
    for kind in ("png", "gif"):
        try:
            content = run.source.file(f"figures/{folder}{name}.{kind}")
        except UserError as error:
            warn_once(f"{error}: the report is without that picture")
            continue
        if content is not None:
            language = folder.rstrip("/") or "en"
            return Image(f"{lab.name}-{name}-{language}.{kind}", content)
    return None


def part_of(texts: Texts, record: Mapping[str, Any]) -> Part:
    """A line of a row's table: in English as recorded, in Korean as the lab's texts have it.

    A recorded note has the claim's own behind the reason why it is undecided, which the harness has given.
    """
    key = f"claims.{record['id']}"
    note, recorded = texts.both(f"{key}.note"), record["note"]
    own = note.en if note and recorded.endswith(note.en) else ""
    korean = in_korean(recorded.removesuffix(own)) + (note.ko if note and own else "")
    return Part(
        id=record["id"],
        role=words_of(record),
        statement=_translated(texts, f"{key}.statement", record["statement"]),
        note=Text(recorded, korean) if recorded else None,
        verdict=record["verdict"],
        effect=effect_of(record),
        split=display.split_of(record),
        p=display.p_text(record),
        unit=_translated(texts, f"{key}.unit", record["unit"]),
        seeds=record["seeds"],
        holds_when=Text(record["holds_when"], range_text(record["holds_when"], "ko")),
    )


def _translated(texts: Texts, key: str, english: str) -> Text:
    """A recorded English text with the Korean one of the lab's texts, or English where they have none."""
    text = texts.both(key)
    return Text(english, text.ko if text else english)


def _sentence(texts: Texts, row: str, claim: str, statement: str) -> Text:
    """The lecture's sentence of a row; of one without a sentence, the statement of its claim."""
    return texts.both(f"rows.{row}.sentence") or _translated(texts, f"claims.{claim}.statement", statement or row)


def rows_of(records: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """A run's claims by the row of the lecture; the row's own record is the first."""
    rows: dict[str, list[Mapping[str, Any]]] = {}
    for record in records:
        rows.setdefault(record["id"].split("/")[0], []).append(record)
    return rows


def result_of(part: Part) -> Text:
    """A part and what was measured of it, in one line for a reader who sees no picture."""
    english, korean = (f"{part.effect} ({unit})" if unit else part.effect for unit in (part.unit.en, part.unit.ko))
    return Text(
        f"{part.statement.en}: {english}; {part.verdict}.",
        f"{part.statement.ko}: {korean}, {KOREAN_VERDICTS.get(part.verdict, part.verdict)}.",
    )


def row_of(lab: Lab, run: Record, id_: str, records: Sequence[Mapping[str, Any]], shown: set[str]) -> Row:
    """A row of the lecture; one without a sentence is named by its claim. Its picture joins those that are `shown`."""
    texts = lab.texts
    sentence = _sentence(texts, id_, id_, records[0]["statement"])
    verdict = records[0]["verdict"]
    parts = [part_of(texts, record) for record in records if "part" not in record]
    decides = records[0].get("part", id_)
    deciding = next((part for part in parts if part.id == decides), None)
    figure = texts.figures.get(id_, "")
    shows = result_of(deciding) if deciding else sentence
    picture = picture_of(lab, run, figure, shows) if figure and figure not in shown else None
    shown.add(figure)
    return Row(id_, sentence, verdict, texts.lesson(id_, verdict), picture, parts, deciding)


def section_of(lab: Lab, run: Record | None, current: bool) -> Section:
    """A lab's part of the page. `current`: whether the run is of the present code, image, data and settings."""
    summary = Text(lab.summary, lab.korean or lab.summary)
    texts, shown = lab.texts, set[str]()
    if run is None:
        claims = {claim.row: claim for claim in reversed(lab.claims)}
        ids = dict.fromkeys(claim.row for claim in lab.claims)
        rows = [Row(id_, _sentence(texts, id_, claims[id_].id, claims[id_].statement), "not measured") for id_ in ids]
        return Section(lab.name, lab.chapter, summary, rows)
    rows = [row_of(lab, run, id_, records, shown) for id_, records in rows_of(run.claims).items()]
    rest = [name for name in (*lab.figures, *lab.animations) if name not in shown]
    pictures = [picture_of(lab, run, name) for name in rest]
    return Section(lab.name, lab.chapter, summary, rows, [*filter(None, pictures)], run_of(lab, run, current))


def run_of(lab: Lab, run: Record, current: bool) -> Run:
    """The run behind a section."""
    base = os.environ.get("LAB_MLFLOW_URL")
    ended = datetime.fromtimestamp(run.time / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
    commit, digest = (run.tags.get(f"lab.{tag}", "")[:16] for tag in ("git_commit", "result_digest"))
    cpu = run.tags.get("lab.cpu", "")
    facts = [
        Text(ended, ended),
        *([Text(cpu, cpu)] if cpu else []),
        Text(f"commit {commit[:12]}", f"커밋 {commit[:12]}"),
        Text(f"digest {digest}", f"다이제스트 {digest}"),
    ]
    address = f"{base}/{run.page}" if base and run.page else ""
    return Run(run.key, address, facts, command_of(lab, run), current)


def in_family(sections: Sequence[Section], records: Sequence[Mapping[str, Any]]) -> list[Section]:
    """The sections with those rows marked whose verdict would not stand in the family of all the lecture's rows."""
    family = family_of(records)
    why = Text(*(text.format(rows=family.rows) for text in (display.TURNS.en, display.TURNS.ko)))
    return [
        replace(section, rows=[replace(row, turns=why) if row.id in family.turning else row for row in section.rows])
        for section in sections
    ]


def print_report(root: Path, words: Sequence[str], folder: bool) -> int:
    """Print the page for the named labs, or for the lecture's: each with its newest finished run.

    Args:
        folder: print a tar of the page and its pictures instead, for a folder.

    Returns:
        0.
    """
    sections: list[Section] = []
    records: list[Mapping[str, Any]] = []
    for entry in chosen(root, words):
        lab = load(entry)
        run = newest(lab.name)
        sections.append(section_of(lab, run, run is not None and is_current(entry, lab, run)))
        records += run.claims if run else []
    sections = in_family(sections, records)
    if folder:
        page.write_folder(sections, sys.stdout.buffer)
    else:
        sys.stdout.buffer.write(page.one_file(sections).encode())
    return 0
