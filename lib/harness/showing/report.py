"""The lecture, measured: one HTML page, in English and Korean, with everything in it.

For each sentence of the lecture: the picture that shows it, what was measured with effect and interval, the verdict,
the run behind it, and the command that repeats it. It is made from the journals' newest finished runs.
"""

from __future__ import annotations

import base64
import os
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

from lib.harness.comparing.from_journals import is_current, newest
from lib.harness.comparing.records import Record
from lib.harness.contract.catalogue import chosen
from lib.harness.contract.lab import Lab, Sentence
from lib.harness.contract.loading import load
from lib.harness.contract.settings import Options, as_params, configure
from lib.harness.showing import display

KOREAN = {
    "holds": "성립함",
    "fails": "성립하지 않음",
    "inconclusive": "판단 불가",
    "not measured": "측정 안 됨",
}
INTRODUCTION = (
    "Each sentence of the lecture is an experiment. A statistical one holds when the whole 95 % interval over seeds "
    "lies in the range that the sentence asks for; an exact one when the worst deviation does. What does not hold is "
    "a finding, and is shown like the rest.",
    "강의의 문장 하나하나가 실험입니다. 통계적 주장은 여러 시드에 걸친 95 % 신뢰구간 전체가 "
    "문장이 요구하는 범위 안에 있을 때 성립합니다. 시드와 무관하게 등식이 성립해야 하는 주장은 "
    "최대 편차가 그 범위 안에 있을 때 성립합니다. 성립하지 않는 것도 하나의 발견이며 똑같이 보여 줍니다.",
)
STYLE = """
:root { --holds: #00714f; --fails: #b3400e; --inconclusive: #8a6100; --not-measured: #666; --line: #ddd; }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, "Noto Sans KR", sans-serif; color: #1a1a1a; max-width: 62rem; margin: 0 auto;
  padding: 1rem; }
body:has(#en:checked) [lang=ko], body:has(#ko:checked) [lang=en] { display: none; }
h1 { font-size: 2rem; line-height: 1.2; margin: .5rem 0; }
h2 { margin: 3rem 0 .25rem; padding-top: 1rem; border-top: 2px solid #1a1a1a; }
h3 { margin: 2rem 0 .5rem; font-size: 1.15rem; }
.languages { text-align: right; }
.verdict { display: inline-block; color: #fff; border-radius: 1rem; padding: 0 .7rem; font-size: .85rem;
  font-weight: 600; white-space: nowrap; }
.holds { background: var(--holds); } .fails { background: var(--fails); }
.inconclusive { background: var(--inconclusive); } .not-measured { background: var(--not-measured); }
figure { margin: 1rem 0; } img { max-width: 100%; height: auto; border: 1px solid var(--line); border-radius: 4px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th { text-align: left; font-weight: 600; } th, td { padding: .35rem .75rem .35rem 0; vertical-align: top;
  border-bottom: 1px solid var(--line); }
td.number { white-space: nowrap; font-variant-numeric: tabular-nums; }
.note, .run { color: #555; font-size: .85rem; } .run code { overflow-wrap: anywhere; }
.lesson { border-left: 4px solid #0072b2; padding-left: .8rem; }
@media print { .languages { display: none; } h3, figure, tr { break-inside: avoid; } }
"""


def two(english: str, korean: str, tag: str = "span") -> str:
    """A text in both languages, one of which the page shows."""
    return f'<{tag} lang="en">{escape(english)}</{tag}><{tag} lang="ko">{escape(korean or english)}</{tag}>'


def badge(verdict: str) -> str:
    """A verdict as a coloured word."""
    return f'<span class="verdict {verdict.replace(" ", "-")}">{two(verdict, KOREAN[verdict])}</span>'


def command_of(lab: Lab, run: Record) -> str:
    """The command that repeats a run of this lab: what of its config is neither default nor ``--quick``'s."""
    quick = run.tags.get("lab.quick") == "true"
    usual = {**as_params(configure(lab, Options(quick=quick))), "root_seed": "0"}
    words = ["./invoke", "lab", lab.name, *(["--quick"] if quick else [])]
    options = {"framework": "--framework", "seeds": "--seeds", "root_seed": "--seed"}
    for name, value in run.params.items():
        if value != usual.get(name):
            words += [options[name], value] if name in options else ["--set", f"{name}={value}"]
    return shlex.join(words)


def interval(record: Mapping[str, Any]) -> str:
    """A claim's effect, with its interval if it has one."""
    if record["effect"] is None:
        return "–"
    effect = display.number(record["effect"])
    if record["kind"] == "exact":
        return effect
    return f"{effect} [{display.number(record['low'])}, {display.number(record['high'])}]"


def picture(run: Record, name: str, text: str) -> str:
    """A picture of a run, in the page itself; nothing where the run has none of this name."""
    for suffix, kind in ((".png", "png"), (".gif", "gif")):
        content = run.source.file(f"figures/{name}{suffix}")
        if content is not None:
            data = base64.b64encode(content).decode("ascii")
            return f'<figure><img alt="{escape(text)}" src="data:image/{kind};base64,{data}"></figure>'
    return ""


def claims_table(records: Sequence[Mapping[str, Any]], sentence: Sentence) -> str:
    """What was measured for one sentence, a line for each part."""
    heads = (
        ("measured", "측정한 것"),
        ("verdict", "판정"),
        ("effect [95 % interval]", "효과 [95 % 구간]"),
        ("holds when", "성립 조건"),
    )
    rows = []
    for record in records:
        note = f'<div class="note">{escape(record["note"])}</div>' if record["note"] else ""
        seeds = f", n = {record['seeds']}" if record["seeds"] else ""
        statement = two(record["statement"], sentence.parts.get(record["id"].partition("/")[2], ""))
        rows.append(
            f"<tr><td>{statement}{note}</td><td>{badge(record['verdict'])}</td>"
            f'<td class="number">{escape(interval(record))}<div class="note">{escape(record["unit"])}{seeds}</div></td>'
            f'<td class="number">{escape(record["holds_when"])}</td></tr>'
        )
    head = "".join(f"<th>{two(*words)}</th>" for words in heads)
    return f'<div class="scroll"><table><tr>{head}</tr>{"".join(rows)}</table></div>'


def sentence_of(lab: Lab, row: str, records: Sequence[Mapping[str, Any]]) -> Sentence:
    """What the lecture says; a claim that is not the lecture's speaks for itself."""
    return lab.sentences.get(row) or Sentence(records[0]["statement"], "")


def lab_section(lab: Lab, run: Record | None, current: bool) -> Iterator[str]:
    """One lab: its sentences, and the run behind them."""
    yield f'<section id="{lab.name}"><h2>{lab.chapter}. {escape(lab.name)}</h2><p>{two(lab.summary, lab.korean)}</p>'
    if run is None:
        command = f"<code>./invoke lab {lab.name}</code>"
        yield f"<p>{badge('not measured')} {command}</p></section>"
        return
    by_row = rows_of(run.claims)
    shown: set[str] = set()
    for row, records in by_row.items():
        sentence = sentence_of(lab, row, records)
        parts = [record for record in records if "part" not in record]
        yield f'<h3 id="{row}">{two(sentence.english, sentence.korean)} {badge(records[0]["verdict"])}</h3>'
        if sentence.lesson:
            yield two(*sentence.lesson, tag="p").replace("<p ", '<p class="lesson" ')
        if sentence.figure and sentence.figure not in shown:
            shown.add(sentence.figure)
            yield picture(run, sentence.figure, sentence.english)
        yield claims_table(parts, sentence)
    rest = [name for name in (*lab.figures, *lab.animations) if name not in shown]
    pictures = "".join(picture(run, name, name.replace("_", " ").replace("-", " ")) for name in rest)
    if pictures:
        yield f"<details><summary>{two('more pictures', '그림 더 보기')}</summary>{pictures}</details>"
    yield _run_line(lab, run, current)
    yield "</section>"


def _run_line(lab: Lab, run: Record, current: bool) -> str:
    base = os.environ.get("LAB_MLFLOW_URL")
    key = f"<code>{escape(run.key)}</code>"
    if base and run.page:
        key = f'<a href="{escape(base)}/{escape(run.page)}">{key}</a>'
    ended = datetime.fromtimestamp(run.time / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
    facts = [ended, run.tags.get("lab.cpu", ""), f"commit {run.tags.get('lab.git_commit', '')[:12]}"]
    stale = (
        ""
        if current
        else two(
            "The code, image, data or settings have changed since this run. ",
            "이 실행 이후로 코드, 이미지, 데이터 또는 설정이 바뀌었습니다. ",
            "strong",
        )
    )
    return (
        f'<p class="run">{stale}{two("Run", "실행")} {key} ({escape(", ".join(filter(None, facts)))}, '
        f"digest {run.tags.get('lab.result_digest', '')[:16]}). {two('Repeat it:', '다시 실행:')} "
        f"<code>{escape(command_of(lab, run))}</code></p>"
    )


def rows_of(records: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """A run's claims by the row of the lecture; the row's own record is the first."""
    rows: dict[str, list[Mapping[str, Any]]] = {}
    for record in records:
        rows.setdefault(record["id"].split("/")[0], []).append(record)
    return rows


def summary(found: Sequence[tuple[Lab, Record | None, bool]]) -> str:
    """All sentences with their verdicts, as links."""
    lines = []
    for lab, run, _ in found:
        for row, records in rows_of(run.claims).items() if run else []:
            sentence = sentence_of(lab, row, records)
            link = f'<a href="#{row}">{two(sentence.english, sentence.korean)}</a>'
            lines.append(f"<tr><td>{escape(lab.name)}</td><td>{link}</td><td>{badge(records[0]['verdict'])}</td></tr>")
        if run is None:
            link = f'<a href="#{lab.name}">{two(lab.summary, lab.korean)}</a>'
            lines.append(f"<tr><td>{escape(lab.name)}</td><td>{link}</td><td>{badge('not measured')}</td></tr>")
    return f'<div class="scroll"><table>{"".join(lines)}</table></div>'


def page(found: Sequence[tuple[Lab, Record | None, bool]]) -> str:
    """The whole page, from the labs, the runs that speak for them, and whether each run is current."""
    title = ("Don't be afraid of deep learning, measured", "쫄지말자 딥러닝, 측정하다")
    intro = two(*INTRODUCTION, "p")
    sections = "".join("".join(lab_section(*each)) for each in found)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title[0])}</title><style>{STYLE}</style></head><body><header>"
        '<p class="languages"><label><input type="radio" name="language" id="en" checked> English</label> '
        '<label><input type="radio" name="language" id="ko"> 한국어</label></p>'
        f"<h1>{two(*title)}</h1>{intro}</header><main>{summary(found)}{sections}</main></body></html>\n"
    )


def print_report(root: Path, words: Sequence[str]) -> int:
    """Print the page for the labs that are named, the lecture's if none is: from the newest finished run of each.

    Returns 0.
    """
    found = []
    for entry in chosen(root, words):
        lab = load(entry)
        run = newest(lab.name)
        found.append((lab, run, run is not None and is_current(entry, lab, run)))
    sys.stdout.buffer.write(page(found).encode())
    return 0
