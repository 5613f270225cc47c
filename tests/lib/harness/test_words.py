"""Words follow the verdict: every lab's texts as they are shown for holds, fails and inconclusive, in both languages.

A fixed text is one that is shown whatever the verdict: a picture's title, labels and caption, a lab's summary, a lesson
that is not chosen by the verdict. A program does not know what a sentence means. It knows a result by three signs:

- the text has one of the words of `RESULTS`, which say what came out ahead or what became of something;
- a picture's own text is a sentence and no noun phrase: in Korean a sentence ends in -다, whatever it is about;
- a lesson is the same for holds and for fails, and nobody has said in `EXPLAINS` why it states no result.

A text with fields is computed from what was measured, and may say it.
"""

from __future__ import annotations

import ast
import importlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from markupsafe import Markup

from lib.harness.comparing.records import Record, RecordedTrial
from lib.harness.contract.catalogue import find_labs
from lib.harness.contract.lab import Lab
from lib.harness.contract.results import Results
from lib.harness.contract.texts import LANGUAGES, VERDICTS, Language, Text, fields_of
from lib.harness.judging.verdicts import judge_all
from lib.harness.showing.contents import Section
from lib.harness.showing.page import one_file
from lib.harness.showing.report import section_of

ROOT = Path(__file__).resolve().parents[3]
LABS = find_labs(ROOT)
RESULTS: dict[Language, re.Pattern[str]] = {
    "en": re.compile(
        r"\b(beats?|wins?|loses?|outperforms?|better than|worse than|ahead of|more accurate|less accurate|larger than|"
        r"smaller than|higher than|lower than|faster than|slower than|more often|less often|fewer errors|pays off|"
        r"most of the gain|rarely far|strong (rival|competition)|flips|improves?|rougher|smoother|costs? nothing|"
        r"adds? nothing|does much of|survives?|helps?|hurts?|why|"
        r"the (longer|larger|wider|deeper|more|fewer)\b.*\bthe (more|less|better|worse|larger|smaller))\b",
        re.IGNORECASE,
    ),
    "ko": re.compile(
        r"이긴다|이깁니다|앞선다|앞섭니다|낫다|낫습니다|보다 못하|강한 경쟁자|손해가 없|소용없|상당 부분|살아남|"
        r"도움이 (?:된|됩)|거의 남지 않|까닭|더 자주|덜 자주|더 (?:정확|빠르|느리)|향상(?:된|됩)|개선(?:된|됩)"
    ),
}
"""Words that say which of two things came out ahead, or what became of something: only a verdict may."""
SENTENCE = re.compile(r"다(?=\s*$|\s*[.:;,)\n])")
"""The end of a Korean sentence in the plain style, in which the pictures are written."""
EXPLAINS: dict[str, str] = {
    "convolution rows.shift-multiply-sum.lesson": "says what frameworks mean by the word",
    "bert rows.both-sides.lesson": "says on what the models were trained",
    "elmo rows.context-changes-vectors.lesson": "says what the two kinds of vectors have to go by",
    "elmo rows.learned-not-built-in.lesson": "says what the untrained network has to go by",
    "fasttext rows.robust-to-typos.lesson": "says what is a fair peer",
    "fasttext rows.jamo-beat-syllables.lesson": "says what a typo does to the pieces",
    "fasttext rows.subwords-keep-the-meaning.lesson": "says what pieces do to the vectors",
    "fasttext rows.as-good-as-gensim.lesson": "says in what the two differ",
    "seq2seq rows.encoder-decoder.lesson": "says what each network may look at",
    "seq2seq rows.beam-search.lesson": "says what a beam does, and asks the rest",
}
"""Lessons for all verdicts, and why they state no result."""
KNOWN: dict[str, str] = {
    "optimizers figures.epsilon.caption": "says which points are meant",
    "convolution figures.shift-multiply-sum.title": "names the steps of the definition",
}
"""Other texts with such a sign that state no result, and why."""
STATING: dict[str, str] = {
    "optimizers rows.momentum-rescues.lesson": "that a good rate does much of what momentum does",
    "optimizers rows.rmsprop-improves-adagrad.lesson": "that caution costs nothing",
    "optimizers rows.adam-is-the-sum.lesson": "that the sum is an identity",
}
"""Texts that do state one and are still to be changed, and which."""


def lab_of(name: str) -> Lab:
    lab: Lab = importlib.import_module(LABS[name].module).LAB
    return lab


@pytest.mark.parametrize("name", LABS)
def test_a_lesson_for_each_verdict_has_both_languages_or_there_is_none(name: str) -> None:
    lab = lab_of(name)
    for row in dict.fromkeys(claim.row for claim in lab.claims):
        for verdict in (*VERDICTS, "not measured"):
            lesson = lab.texts.lesson(row, verdict)
            assert lesson is None or (lesson.en and lesson.ko), (row, verdict)
        chosen = {f"rows.{row}.lesson.{verdict}" for verdict in VERDICTS} & lab.texts.entries.keys()
        assert not chosen or f"rows.{row}.lesson" not in lab.texts, f"{row}: a lesson for all verdicts hides none"


@dataclass(frozen=True)
class Made:
    """A made-up record's files: claims with a verdict, and an empty picture for whatever is asked for."""

    claims: list[dict[str, Any]]

    def file(self, name: str) -> bytes | None:
        if name.startswith("figures/"):
            return b"a picture" if name.endswith(".png") else None
        return json.dumps(self.claims).encode()

    def trials(self) -> Iterable[RecordedTrial]:
        return ()


def shown(lab: Lab, verdict: str) -> Section:
    """The lab's part of the report where every claim has this verdict."""
    records = judge_all(lab.claims, Results([]), lab.name, lab.lecture)
    claims = [{**record, "verdict": verdict, "note": ""} for record in records]
    return section_of(lab, Record("key", {}, {}, "FINISHED", 0, "", Made(claims)), True)


def prose(section: Section) -> Iterator[Text]:
    """What a section says besides sentences, statements and notes, which its badges are about."""
    yield section.summary
    for row in section.rows:
        yield from filter(None, [row.lesson, row.picture and row.picture.caption])
    yield from filter(None, [picture.caption for picture in section.more])


def fixed(lab: Lab) -> dict[str, Text]:
    """The texts of a lab that are shown whatever the verdict, by key; a title or label is known by its key alone."""
    sections = [set(prose(shown(lab, verdict))) for verdict in VERDICTS]
    always = set[Text].intersection(*sections)
    found = {"lab.summary": Text(lab.summary, lab.korean)}
    for key, texts in lab.texts.entries.items():
        if key.startswith(("figures.", "labels.")) or Text(texts.get("en", ""), texts["ko"]) in always:
            found[key] = Text(texts.get("en", lab.summary), texts["ko"])
    assert always <= set(found.values()), "every text that the report shows is one of the lab's"
    return {key: text for key, text in found.items() if not fields_of(text.ko)}


def signs(key: str, text: Text) -> list[str]:
    """The signs of a result in a fixed text."""
    found = [match[0] for code in LANGUAGES if (match := RESULTS[code].search(getattr(text, code)))]
    if key.startswith("figures.") and not key.endswith(".caption") and (match := SENTENCE.search(text.ko)):
        found.append(f"a sentence: {text.ko}")
    return found


@pytest.mark.parametrize("name", LABS)
def test_no_fixed_text_states_a_result(name: str) -> None:
    texts = {f"{name} {key}": (key, text) for key, text in fixed(lab_of(name)).items()}
    stated = {full: found for full, (key, text) in texts.items() if (found := signs(key, text))}
    assert stated.keys() - KNOWN.keys() - STATING.keys() == set(), stated
    lessons = {full for full, (key, _) in texts.items() if key.endswith(".lesson")}
    assert lessons - EXPLAINS.keys() - STATING.keys() == set(), "choose it by the verdict, or say why it states nothing"


@pytest.mark.parametrize("texts", [EXPLAINS, KNOWN, STATING], ids=["explains", "known", "stating"])
def test_the_lists_have_no_text_that_needs_none(texts: dict[str, str]) -> None:
    for full in texts:
        name, key = full.split(" ")
        text = fixed(lab_of(name)).get(key)
        assert text is not None, f"{full}: there is no such fixed text any more: take it off the list"
        assert key.endswith(".lesson") or signs(key, text), (
            f"{full}: it shows no sign of a result: take it off the list"
        )
    assert not EXPLAINS.keys() & STATING.keys()


@pytest.mark.parametrize("verdict", VERDICTS)
@pytest.mark.parametrize("name", LABS)
def test_the_page_shows_the_lesson_of_the_verdict_and_no_other(name: str, verdict: str) -> None:
    lab = lab_of(name)
    section = shown(lab, verdict)
    assert {row.verdict for row in section.rows} == {verdict}
    text = one_file([section])
    for row in section.rows:
        for each in VERDICTS:
            lesson = lab.texts.both(f"rows.{row.id}.lesson.{each}")
            if lesson is not None:
                for code in LANGUAGES:
                    escaped = str(Markup.escape(getattr(lesson, code)))
                    assert (escaped in text) == (each == verdict), (row.id, each, code)


def test_a_title_is_a_text_and_no_string_in_the_code() -> None:
    """Or it would be in no list and in one language alone."""
    found = []
    files = [path for path in (ROOT / "lib").rglob("*.py") if "figures" in path.relative_to(ROOT).as_posix()]
    assert len(files) > 15
    for path in files:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                titles = node.args[:1] if name in ("set_title", "suptitle") else []
                titles += [each.value for each in node.keywords if each.arg == "title"]
                found += [
                    f"{path.relative_to(ROOT)}:{title.lineno}"
                    for title in titles
                    for part in ast.walk(title)
                    if isinstance(part, ast.Constant) and re.search(r"[A-Za-z]{3,} [A-Za-z]", str(part.value))
                ]
    assert found == []


@pytest.mark.parametrize(
    ("key", "en", "ko", "result"),
    [
        ("figures.a.title", "Dropout narrows the gap", "드롭아웃은 격차를 줄인다", True),
        ("figures.a.title", "Gap with and without dropout", "드롭아웃을 쓸 때와 쓰지 않을 때의 격차", False),
        ("figures.a.title", "The larger network wins", "큰 신경망의 승리", True),
        ("figures.a.caption", "Dots are seeds.", "점은 시드입니다.", False),
        ("figures.a.caption", "The network beats counting.", "신경망이 빈도 세기를 이깁니다.", True),
        ("figures.a.caption", "A comparison with counting.", "신경망이 빈도 세기보다 더 정확합니다.", True),
        ("lab.summary", "why gradients vanish", "기울기가 사라지는 이유", True),
        ("labels.wide", "the wide network", "넓은 신경망", False),
    ],
)
def test_a_result_is_seen_in_either_language(key: str, en: str, ko: str, result: bool) -> None:
    assert bool(signs(key, Text(en, ko))) == result


@pytest.mark.parametrize("name", LABS)
def test_every_note_says_something(name: str) -> None:
    lab = lab_of(name)
    assert [claim.id for claim in lab.claims if not claim.note] == []
