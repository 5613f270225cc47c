"""The report: one page that needs nothing else, made from what was recorded, and commands that repeat it."""

from __future__ import annotations

import base64
import json
import re
import shlex
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from lib.harness.contract.texts import Text
from lib.harness.showing import display
from lib.harness.showing.report import Part, Picture, Row, Run, Section, Source, page
from tests.lib.harness.support import Clone, records, said


class Page(HTMLParser):
    """What a page has: texts by language, addresses that it asks for, pictures, and whether its tags are balanced."""

    VOID = ("meta", "img", "input", "br")

    def __init__(self, text: str):
        super().__init__()
        self.open: list[str] = []
        self.languages: dict[str, int] = {}
        self.sources: list[str] = []
        self.text = ""
        self.codes: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        if tag not in self.VOID:
            self.open.append(tag)
        if tag in ("span", "p", "strong") and said.get("lang"):
            self.languages[str(said["lang"])] = self.languages.get(str(said["lang"]), 0) + 1
        if said.get("src"):
            self.sources.append(str(said["src"]))
        if tag in ("script", "link", "iframe"):
            pytest.fail(f"<{tag}> in a page that has all it needs")

        if tag == "code":
            self.codes.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        if "code" in self.open:
            self.codes[-1] += data


@pytest.fixture(scope="module")
def reported(clone_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Clone, str]]:
    """A clone in which the lab ran with settings of its own, and the report."""
    root = tmp_path_factory.mktemp("report") / "clone"
    shutil.copytree(clone_root, root)
    journals = root / "journal"
    journals.mkdir()
    clone = Clone(root, journals)
    changes = {"learning_rate": 0.2, "text": "it's <b>bold</b> & more"}
    assert clone.run("tiny", "--quick", "--seeds", "3", "--seed", "7", *said(changes)).code == 0
    ended = clone.run("report")
    assert (ended.code, ended.err) == (0, "")
    yield clone, ended.out


def test_the_page_has_what_was_measured_and_needs_nothing_else(reported: tuple[Clone, str]) -> None:
    clone, text = reported
    page = Page(text)
    assert page.languages["en"] == page.languages["ko"] > 10
    folder = clone.newest()
    picture = (folder / "run.files" / "figures" / "losses.png").read_bytes()
    assert page.sources == [f"data:image/png;base64,{base64.b64encode(picture).decode()}"]
    assert folder.name in page.text
    for claim in json.loads((folder / "run.files" / "claims.json").read_text()):
        if "part" not in claim:
            assert claim["statement"] in page.text
        assert claim["verdict"] in page.text
    assert "have changed since" not in page.text
    assert not re.search("https?:", re.sub(r'src="data:[^"]*"', "", text))


def test_its_command_repeats_the_run(reported: tuple[Clone, str]) -> None:
    clone, text = reported
    line = next(code for code in Page(text).codes if code.startswith("./invoke lab"))
    words = shlex.split(line)
    assert words[:3] == ["./invoke", "lab", "tiny"]
    before = clone.newest()
    assert clone.run(*words[2:]).code == 0
    after = clone.newest()
    assert before != after
    (first, *_, one), (again, *_, two) = (records(folder / "run.jsonl") for folder in (before, after))
    assert first["params"] == again["params"]
    assert one["tags"]["lab.result_digest"] == two["tags"]["lab.result_digest"]


def test_a_run_with_a_field_that_the_lab_has_no_more_is_repeated_from_its_record(
    reported: tuple[Clone, str], tmp_path: Path
) -> None:
    root = tmp_path / "clone"
    shutil.copytree(reported[0].root, root)
    lab = root / "lib" / "testlabs" / "tiny.py"
    lab.write_text(lab.read_text().replace("text: str =", "remark: str =").replace("self.text", "self.remark"))
    clone = Clone(root, root / "journal")
    codes = Page(clone.run("report").out).codes
    assert f"./invoke reproduce {clone.newest().name}" in codes
    assert not any(code.startswith("./invoke lab tiny --quick") for code in codes)


@pytest.mark.slow
def test_a_full_run_speaks_before_newer_quick_and_searched_ones_and_a_change_of_the_code_is_said(
    reported: tuple[Clone, str], tmp_path: Path
) -> None:
    root = tmp_path / "clone"
    shutil.copytree(reported[0].root, root)
    clone = Clone(root, root / "journal")
    assert clone.tiny(seeds=2).code == 0
    full = clone.newest().name
    assert clone.run("tiny", "--quick").code == 0
    assert full in Page(clone.run("report").out).text
    assert clone.run("sweep", "tiny", "--trials", "2", "--fresh", "0").code == 0
    assert clone.tiny("--config", "best", seeds=2).code == 0
    assert full in Page(clone.run("report").out).text
    with (root / "lib" / "testlabs" / "tiny.py").open("a") as file:
        file.write("\n# another version\n")
    assert "have changed since" in Page(clone.run("report").out).text


def test_before_anything_ran_it_says_so(clone: Clone) -> None:
    ended = clone.run("report")
    assert ended.code == 0
    text = Page(ended.out).text
    assert "not measured" in text
    assert "./invoke lab tiny" in text


HOSTILE = "<b onclick='x'>\"&{{ 7 * 7 }}"
BOTH = Text(HOSTILE, f"한{HOSTILE}")


def test_what_comes_from_records_and_texts_is_shown_and_never_run() -> None:
    picture = Picture((Source("data:image/png;base64,AA==", HOSTILE, "en"), Source(HOSTILE, HOSTILE, "ko")), BOTH)
    part = Part(BOTH, BOTH, BOTH, HOSTILE, HOSTILE, BOTH, HOSTILE, BOTH, 3, HOSTILE)
    row = Row(HOSTILE, BOTH, HOSTILE, BOTH, picture, [part], BOTH)
    run = Run(HOSTILE, HOSTILE, [HOSTILE], HOSTILE, False)
    text = page([Section(HOSTILE, 1, BOTH, [row], [picture], run), Section(HOSTILE, 2, BOTH)])
    assert "<b" not in re.sub("<body>", "", text)
    read = Page(text)
    assert read.sources == ["data:image/png;base64,AA==", HOSTILE] * 2
    assert read.text.count(HOSTILE) > 20
    assert "49" not in read.text


def test_a_browser_runs_nothing_of_the_page_and_asks_nobody_for_it() -> None:
    """Whatever a record may have brought into it."""
    head = page([Section("lab", 1, BOTH)]).partition("<style>")[0]
    (policy,) = re.findall(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">', head)
    rules = dict(rule.split(maxsplit=1) for rule in policy.split("; "))
    assert rules.pop("style-src") == "'unsafe-inline'"
    assert rules.pop("img-src") == "data:"
    assert set(rules) == {"default-src", "base-uri", "form-action"}
    assert set(rules.values()) == {"'none'"}


def test_a_verdict_that_is_not_known_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    record = {"id": "a", "verdict": "[dubious]", "kind": "exact", "effect": 1.0, "holds_when": "<= 2", "unit": "px"}
    display.print_verdicts([record | {"low": 1.0, "high": 1.0, "note": ""}])
    assert "[dubious]" in capsys.readouterr().out
    part = Part(None, BOTH, None, "dubious", "1", None, "-", BOTH, 0, "<= 2")
    text = page([Section("lab", 1, BOTH, [Row("a", BOTH, "dubious", None, None, [part])], [], None)])
    assert text.count('<span class="verdict dubious">') == 3
