"""Verdict cards: a sentence of the lecture, the learner's prediction, and what the measurement says about both."""

from __future__ import annotations

import html
import json
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lib.harness.contract.claim import with_role
from lib.harness.contract.texts import Language, Texts
from lib.harness.errors import UserError
from lib.harness.recording.journal import journal_folder
from lib.harness.recording.provenance import ROOT
from lib.harness.recording.reading import files_of
from lib.harness.showing.display import effect_text
from lib.harness.showing.in_cell import COLOURS, interval_text, range_text, translated, verdict_word
from lib.lessons.shown import GREY, boxed, escaped, show
from lib.lessons.votes import sentence, texts_of

if TYPE_CHECKING:
    from lib.harness.showing.in_cell import Outcome
    from lib.lessons.lesson import Lesson

PUBLISHED = ROOT / "docs" / "results" / "verdicts.json"
"""What ``./invoke claims --json`` has printed for the published run: a list of claims' records."""
KINDS = ("png", "gif")

Claims = list[Mapping[str, Any]]


def show_card(lesson: Lesson, row: str) -> None:
    """Show the card of a row: of this kernel's newest run that has measured it, else of the published one."""
    said = sentence(lesson.entry.lab, row, lesson.language)
    outcome = next((each for each in reversed(list(lesson.outcomes.values())) if _of(each.claims, row)), None)
    claims = _of(outcome.claims, row) if outcome is not None else _of(published(), row)
    plain, page = [said], [f"<blockquote>{escaped(said)}</blockquote>"]
    if outcome is None:
        waiting = lesson.text("card.published" if claims else "card.waiting")
        plain.append(waiting)
        page.append(f"<p>{escaped(waiting)}</p>")
    if not claims:
        vote = _vote(lesson, row)
        show("\n".join([*plain, vote]), boxed("".join([*page, f"<p>{escaped(vote)}</p>"]), GREY, "status"))
        return
    texts = texts_of(lesson.entry.lab) if lesson.entry.lab else Texts()
    lines = _lines(lesson, row, claims, texts)
    plain += lines
    vote, _, *others = map(escaped, lines)
    page.append(f"<p>{'<br>'.join([vote, _coloured(lesson, claims[0]['verdict']), *others])}</p>")
    learned = texts.lesson(row, claims[0]["verdict"])
    if learned is not None:
        learned_text = learned.ko if lesson.language == "ko" else learned.en
        plain.append(learned_text)
        page.append(f"<p>{escaped(learned_text)}</p>")
    if outcome is not None:
        page.append(_picture(outcome.run, texts.figures.get(row, ""), said, lesson.language))
    page.append(_parts(lesson, claims, texts))
    if outcome is not None:
        page.append(_link(lesson, outcome))
    show("\n".join(plain), boxed("".join(page), COLOURS.get(claims[0]["verdict"], GREY), "status"))


def published(file: Path | None = None) -> Claims:
    """The records of the published run; none where this clone has none that can be read."""
    try:
        records = json.loads((file or PUBLISHED).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return []
    needed = ("id", "verdict", "statement", "kind", "effect", "low", "high", "unit", "holds_when", "note", "seeds")
    if not isinstance(records, list):
        return []
    return [record for record in records if isinstance(record, dict) and all(name in record for name in needed)]


def _of(claims: Any, row: str) -> Claims:
    """The records of a row: its own, then its parts'."""
    return [claim for claim in claims if claim["id"].split("/")[0] == row]


def _vote(lesson: Lesson, row: str) -> str:
    vote = lesson.kept.vote(lesson.entry.name, row)
    word = lesson.text(f"vote.{vote}") if vote in ("holds", "fails", "depends") else lesson.text("card.no_vote")
    return f"{lesson.text('card.vote')}: {word}"


def _lines(lesson: Lesson, row: str, claims: Claims, texts: Texts) -> list[str]:
    """The prediction, the verdict, and the effect with its interval."""
    own, code = claims[0], lesson.language
    vote = _vote(lesson, row)
    kept = lesson.kept.vote(lesson.entry.name, row)
    if kept in ("holds", "fails") and own["verdict"] in ("holds", "fails"):
        vote += f" ({lesson.text('card.same' if kept == own['verdict'] else 'card.differs')})"
    lines = [vote, f"{lesson.text('card.verdict')}: {verdict_word(own['verdict'], code)}"]
    if "part" in own:
        part = translated(texts, f"claims.{own['part']}.statement", own["statement"], code)
        lines.append(f"{lesson.text('card.weakest')}: {part}")
    if own["effect"] is not None:
        lines.append(_effect(lesson, own, texts))
    return lines


def _effect(lesson: Lesson, claim: Mapping[str, Any], texts: Texts) -> str:
    """A claim's effect in its unit, its interval and the number of seeds."""
    unit = translated(texts, f"claims.{claim.get('part', claim['id'])}.unit", claim["unit"], lesson.language)
    text = f"{lesson.text('card.effect')}: {effect_text(claim)}{f' ({unit})' if unit else ''}"
    if claim["kind"] == "exact":
        return f"{text}, {lesson.text('card.exact')}"
    interval = interval_text(claim, lesson.language)
    return f"{text}, {lesson.text('card.interval')} {interval}, {lesson.text('card.seeds', count=claim['seeds'])}"


def _coloured(lesson: Lesson, verdict: str) -> str:
    """HTML of the verdict's line, the verdict in bold and in its colour."""
    word = html.escape(verdict_word(verdict, lesson.language))
    head = html.escape(lesson.text("card.verdict"))
    return f'{head}: <b style="color:{COLOURS.get(verdict, GREY)}">{word}</b>'


def _parts(lesson: Lesson, claims: Claims, texts: Texts) -> str:
    """The parts in a folded table, each in plain words."""
    parts = [claim for claim in claims if "part" not in claim]
    code = lesson.language
    names = ("card.part", "card.verdict", "card.effect", "card.interval", "card.holds_when")
    head = "".join(f'<th scope="col">{html.escape(lesson.text(name))}</th>' for name in names)
    rows = []
    for claim in parts:
        statement = translated(texts, f"claims.{claim['id']}.statement", claim["statement"], code)
        unit = translated(texts, f"claims.{claim['id']}.unit", claim["unit"], code)
        cells = (
            with_role(claim, statement or claim["id"], code),
            verdict_word(claim["verdict"], code),
            f"{effect_text(claim)} {unit}".strip(),
            interval_text(claim, code),
            range_text(claim["holds_when"], code),
        )
        rows.append(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in cells)}</tr>")
    summary = html.escape(lesson.text("card.parts", count=len(parts)))
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    return f"<details><summary>{summary}</summary>{table}</details>"


def _picture(run: str, stem: str, alt: str, code: Language) -> str:
    """The picture of the run that shows the row, in the notebook's language where there is one; else its first."""
    try:
        folder = files_of(journal_folder() / run / "run.jsonl") / "figures"
    except UserError:
        return ""
    stems = [f"ko/{stem}", stem] if code == "ko" else [stem]
    files = [folder / f"{each}.{kind}" for each in stems if stem for kind in KINDS]
    file = next((each for each in [*files, *sorted(folder.glob("*.png"))] if each.is_file()), None)
    if file is None:
        return ""
    try:
        data = b64encode(file.read_bytes()).decode("ascii")
    except OSError:
        return ""
    source = f"data:image/{file.suffix[1:]};base64,{data}"
    return f'<img src="{source}" alt="{html.escape(alt)}" style="max-width:100%;background:white">'


def _link(lesson: Lesson, outcome: Outcome) -> str:
    """The run, as a link to its page in MLflow where it has one, and where the report has the sentence."""
    key = html.escape(outcome.run)
    if outcome.url.startswith(("http://", "https://")):
        key = f'<a href="{html.escape(outcome.url)}" target="_blank" rel="noopener">{key}</a>'
    report = escaped(lesson.text("card.report"))
    return f"<p>{html.escape(lesson.text('card.run'))}: {key}<br><small>{report}</small></p>"
