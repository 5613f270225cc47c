"""A run as a notebook's cell shows it, in English or Korean: its progress, its verdicts, its one-line errors."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lib.harness.contract.claim import with_role
from lib.harness.contract.texts import Language, Texts
from lib.harness.showing.display import effect_text, ends_text, part_name

COLOURS = {"holds": "#009E73", "fails": "#D55E00", "inconclusive": "#E69F00", "not measured": "#CC79A7"}
KOREAN_VERDICTS = {
    "holds": "성립함",
    "fails": "성립하지 않음",
    "inconclusive": "판단 불가",
    "not measured": "측정 안 됨",
}
COLUMNS: Mapping[Language, tuple[str, ...]] = {
    "en": ("claim", "verdict", "effect", "95 % interval", "holds when", "unit"),
    "ko": ("문장", "판정", "효과", "95% 신뢰구간", "성립 조건", "단위"),
}
WORDS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "warning": "Warning: {line}",
        "run": "run",
        "exact": "exact",
        "progress": "{name}: {ended} of {asked} trials",
        "failed": ", {failed} failed",
        "replaced": "with your own {names}",
    },
    "ko": {
        "warning": "주의: {line}",
        "run": "실행 기록",
        "exact": "정확한 값",
        "progress": "{name}: 시행 {asked}개 중 {ended}개 완료",
        "failed": ", {failed}개 실패",
        "replaced": "직접 작성한 {names} 사용",
    },
}
KOREAN_LINES = (
    (
        r"run\(lab\): a lab is given by .*",
        "run(lab): 실험은 이름, 경로, 모듈 또는 모듈의 LAB으로 지정합니다",
    ),
    (
        r"run\(lab\): this lab is in no file.*",
        "run(lab): 이 실험은 파일에 없어서 아무도 다시 실행할 수 없습니다. 셀을 파일로 저장하세요(%%writefile)",
    ),
    (
        r"with_: '([^']*)' cannot be replaced in (\S+); what can: (.*)",
        r"with_: \2 실험에서 '\1'은(는) 바꿀 수 없습니다. 바꿀 수 있는 것: \3",
    ),
    (
        r"with_: it is a table by name.*",
        'with_: 이름과 코드를 짝지어 주세요. 예: with_={"Momentum": MyMomentum}',
    ),
    (r"with_: (.+) is to be a class or a function, not (\w+)", r"with_: \1에는 클래스나 함수를 주세요(지금은 \2)"),
    (
        r"with_: it uses (\w+), a (\w+) of the notebook.*",
        r"with_: 노트북의 변수 \1(\2)을 사용하는데, 이런 값은 기록할 수 없습니다. 함수나 클래스 안에서 만드세요",
    ),
    (
        r"with_: two things are called (\S+): .*",
        r"with_: \1이라는 이름이 두 곳에 쓰였습니다. 하나의 이름을 바꾸세요",
    ),
    (
        r"with_: the source of (\S+) is not known.*",
        r"with_: \1의 소스 코드를 찾을 수 없습니다. 노트북의 셀에서 그 이름으로 정의하세요",
    ),
    (
        r"with_: this code works in the notebook, but not on its own \((.*)\)",
        r"with_: 이 코드는 노트북 안에서만 실행되고, 따로 떼어 내면 실행되지 않습니다(\1)",
    ),
    (r"the lab has ended with exit code (-?\d+)", r"실험이 종료 코드 \1로 끝났습니다"),
    (
        r"There is no lab '([^']*)'\. Nearest: (.*?)\. All of them: \./invoke labs.*",
        r"'\1'이라는 실험은 없습니다. 비슷한 이름: \2. 전체 목록: ./invoke labs",
    ),
    (
        r".* ([^ ]+=.*|[^ ]+): there is no field '([^']*)'; (?:nearest|fields): (.*)",
        r"\2: 이런 설정은 없습니다. 쓸 수 있는 설정: \3",
    ),
    (r"(\w+=.*?): (.*) \(allowed: (.*)\)", r"\1: 쓸 수 없는 값입니다. 쓸 수 있는 값: \3"),
    (
        r"--framework ([^:]*): the lab '([^']*)' runs in (.*)",
        r"framework=\1: '\2' 실험은 \3(으)로 실행합니다",
    ),
    (
        r"(\d+) failed, the first one (.*), seed (\d+): (.*?) \(more in traceback\.txt of its run\)",
        r"시행 \1개가 실패했습니다. 첫 번째는 \2, 시드 \3: \4 (자세한 내용: 그 실행 기록의 traceback.txt)",
    ),
    (
        r"(.*)\. Nothing is lost: the journal has it all\..*",
        r"MLflow로 보내지 못했지만 기록은 저널에 있습니다. ./invoke up으로 MLflow를 켠 뒤 ./invoke sync를 실행하세요",
    ),
)
"""English lines of the harness, as patterns, and what stands for them in a Korean notebook."""
KOREAN_REST = "실험을 실행하지 못했습니다: {line}"


def korean(line: str, rest: str = "{line}") -> str:
    """A line of the harness in Korean. One that is not known stays as it is, in the place of ``{line}`` in `rest`."""
    for pattern, text in KOREAN_LINES:
        match = re.fullmatch(pattern, line, re.DOTALL)
        if match:
            return match.expand(text)
    return rest.format(line=line)


@dataclass(frozen=True)
class Outcome:
    """The outcome of a run; as the value of a cell, the table of verdicts.

    Attributes:
        run: its key, which every command accepts for RUN.
        url: its page in MLflow; empty if MLflow was not running (``./invoke sync`` sends the run later).
        claims: the records of ``claims.json``, each row of the lecture followed by its parts.
        warnings: one line each, for example for trials that failed.
        language: of the table.
        texts: the lab's, which has the Korean sentences and units.
        replaced: what code of one's own took the place of.
    """

    run: str
    url: str
    claims: list[dict[str, Any]]
    warnings: tuple[str, ...] = ()
    language: Language = "en"
    texts: Texts = field(default_factory=Texts, compare=False)
    replaced: tuple[str, ...] = ()

    def __repr__(self) -> str:
        rows = [COLUMNS[self.language], *(self._cells(claim) for claim in self.claims)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        table = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
        run = f"{self._word('run')} {self.run}{self._replaced()}"
        return "\n".join([*table, *self._warnings(), run, self.url]).strip()

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{column}</th>" for column in COLUMNS[self.language])
        rows = "".join(self._row(claim) for claim in self.claims)
        warnings = "".join(f"<p>{html.escape(line)}</p>" for line in self._warnings())
        key = html.escape(self.run)
        link = f'<a href="{html.escape(self.url)}" target="_blank">{key}</a>' if self.url.startswith("http") else key
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
        return f"{table}{warnings}<p>{self._word('run')} {link}{html.escape(self._replaced())}</p>"

    def _replaced(self) -> str:
        return f" ({self._word('replaced', names=', '.join(self.replaced))})" if self.replaced else ""

    def _word(self, key: str, **fields: Any) -> str:
        return WORDS[self.language][key].format(**fields)

    def _warnings(self) -> list[str]:
        lines = map(korean, self.warnings) if self.language == "ko" else self.warnings
        return [self._word("warning", line=line) for line in lines]

    def _cells(self, claim: Mapping[str, Any]) -> tuple[str, ...]:
        """The cells of a claim's row; the row of a claim with parts has its verdict alone."""
        name = f"  {part_name(claim)}" if "/" in claim["id"] else claim["id"]
        if self.language == "ko":
            name = f"  {with_role(claim, self.statement(claim), 'ko')}" if "/" in claim["id"] else self.statement(claim)
        verdict = verdict_word(claim["verdict"], self.language)
        if "part" in claim:
            return name, verdict, "", "", "", ""
        interval = interval_text(claim, self.language)
        unit = translated(self.texts, f"claims.{claim['id']}.unit", claim["unit"], self.language)
        return name, verdict, effect_text(claim), interval, range_text(claim["holds_when"], self.language), unit

    def statement(self, claim: Mapping[str, Any]) -> str:
        """The lecture's sentence of a row, or a part's as measured; its id where the lab has no texts."""
        row = self.texts.both(f"rows.{claim['id']}.sentence")
        if row is not None:
            return row.ko if self.language == "ko" else row.en
        key = f"claims.{claim['id']}.statement"
        return translated(self.texts, key, claim["statement"], self.language) or str(claim["id"])

    def _row(self, claim: Mapping[str, Any]) -> str:
        name, verdict, *others = map(html.escape, self._cells(claim))
        about = f"{claim['statement']} {claim['note']}".strip() if self.language == "en" else claim["id"]
        style = f'style="color:{COLOURS[claim["verdict"]]}"'
        cells = "".join(f"<td>{cell}</td>" for cell in others)
        indent = "&emsp;" if name.startswith(" ") else ""
        head = f'<tr title="{html.escape(about)}"><td>{indent}{name.strip()}</td>'
        return f"{head}<td><b {style}>{verdict}</b></td>{cells}</tr>"


@dataclass
class Progress:
    """The progress of a run, as a cell shows it."""

    name: str
    asked: int = 0
    ended: int = 0
    failed: int = 0
    trial: str = ""
    language: Language = "en"

    def __repr__(self) -> str:
        words = WORDS[self.language]
        failed = words["failed"].format(failed=self.failed) if self.failed else ""
        return words["progress"].format(name=self.name, ended=self.ended, asked=self.asked) + failed

    def _repr_html_(self) -> str:
        bar = f'<progress max="{max(self.asked, 1)}" value="{self.ended}"></progress>'
        trial = f"<code>{html.escape(self.trial)}</code>" if self.language == "ko" else html.escape(self.trial)
        return f"{bar} {html.escape(repr(self))} <small>{trial}</small>"


def verdict_word(verdict: str, code: Language) -> str:
    """A verdict in a language."""
    return KOREAN_VERDICTS.get(verdict, verdict) if code == "ko" else verdict


def interval_text(claim: Mapping[str, Any], code: Language) -> str:
    """The interval of a claim's effect; of an exact one a word that says so."""
    if claim["effect"] is None:
        return "-"
    return WORDS[code]["exact"] if claim["kind"] == "exact" else ends_text(claim)


def range_text(text: str, code: Language) -> str:
    """The range in which a claim holds, such as ``>= 0.9 and <= 1.1``."""
    if code == "en":
        return text
    words = {">=": "이상", "<=": "이하", ">": "초과", "<": "미만"}
    parts = (part.partition(" ") for part in text.split(" and ") if part)
    return ", ".join(f"{value} {words.get(sign, sign)}" for sign, _, value in parts)


def translated(texts: Texts, key: str, english: str, code: Language) -> str:
    """A recorded English text, or the Korean one of the lab's texts where they have it."""
    text = texts.both(key)
    return text.ko if code == "ko" and text is not None else english
