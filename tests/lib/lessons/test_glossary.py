"""The glossary: whole, in order, and no lesson uses a word that it refuses."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from lib.lessons.texts import FRAME, Texts

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
QUOTED = re.compile(r"^>.*$|`[^`]*`|```.*?```|\]\([^)]*\)|“[^”]*”|<[^>]+>", re.MULTILINE | re.DOTALL)
"""Of a page: what others say, code, addresses and tags."""


def table(heading: str) -> list[list[str]]:
    """The rows of the table below a heading, without its head."""
    part = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


TERMS, REFUSED = table("쓰는 말"), table("쓰지 않는 말")


def refused_in(text: str) -> list[str]:
    """The refused words in a Korean text, each with the one to use."""
    text = QUOTED.sub(" ", text)
    found = []
    for word, better, allowed in REFUSED:
        left = text.replace(allowed, " ") if allowed else text
        if re.search(rf"(?<![가-힣]){re.escape(word)}", left):
            found.append(f"{word} → {better}")
    return found


def korean_texts() -> list[tuple[str, str]]:
    """Every Korean text of the lessons: the notebooks' words and the units'."""
    texts = []
    for path in sorted((ROOT / "labs" / "ko").glob("*.ipynb")):
        for number, cell in enumerate(json.loads(path.read_text(encoding="utf-8"))["cells"]):
            if cell["cell_type"] == "markdown":
                texts.append((f"{path.stem} [{number}]", "".join(cell["source"])))
            else:
                words = re.findall(r"#.*|\"[^\"]*\"|'[^']*'", "".join(cell["source"]))
                texts.append((f"{path.stem} [{number}]", "\n".join(words)))
    for path in sorted(FRAME.rglob("texts.toml")):
        for key, both in Texts.read(path).entries.items():
            texts.append((f"{path.parent.name}: {key}", both["ko"]))
    return texts


def test_every_term_has_both_languages_and_an_explanation() -> None:
    assert 60 <= len(TERMS) <= 120
    assert all(len(row) == 3 and all(row) for row in TERMS), [row for row in TERMS if len(row) != 3 or not all(row)]
    assert [term for term, count in Counter(row[0] for row in TERMS).items() if count > 1] == []
    assert all(re.search("[가-힣]", korean) and re.search("[a-z]", english, re.I) for korean, english, _ in TERMS)


def test_a_word_is_not_both_used_and_refused() -> None:
    assert {row[0] for row in TERMS} & {row[0] for row in REFUSED} == set()
    assert all(len(row) == 3 and row[0] and row[1] for row in REFUSED)


@pytest.mark.parametrize(
    "term", ["활성화 함수", "가중치", "편향", "학습률", "기울기", "과적합", "드롭아웃", "은닉층", "합성곱", "모멘텀"]
)
def test_the_lectures_terms_come_first(term: str) -> None:
    assert term in [row[0] for row in TERMS[:50]]


def test_no_lesson_uses_a_refused_word() -> None:
    texts = korean_texts()
    assert len(texts) > 100
    assert [f"{place}: {word}" for place, text in texts for word in refused_in(text)] == []


@pytest.mark.parametrize("text", ["에포크마다", "첫 번째 걸음에서", "**랜덤**하게", "신뢰 구간은", "이 화소의 값"])
def test_a_refused_word_is_seen(text: str) -> None:
    assert refused_in(text)


@pytest.mark.parametrize(
    "text",
    ["한 걸음씩 내려갑니다", "첫걸음", "하이퍼파라미터", "> 랜덤하게 뉴런을 끊음", "`랜덤`", "“랜덤하게”", "확률 에포"],
)
def test_a_quotation_an_idiom_and_a_longer_word_are_fine(text: str) -> None:
    assert refused_in(text) == []
