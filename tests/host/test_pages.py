"""The README and the pages of docs/: short, alike in both languages, no dead link, no command that there is not."""

import ast
import re
import unicodedata
from pathlib import Path
from urllib.parse import unquote

import pytest

from host.command import docs

ROOT = Path(__file__).resolve().parents[2]
READMES = [ROOT / "README.md", ROOT / "README.ko.md"]
PAGES = [*READMES, *sorted(ROOT.glob("docs/*.md")), ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
FENCED = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"(?<!`)\[[^\]]*\]\(([^)\s]+)\)")


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def named(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def anchors(page: Path) -> set[str]:
    """The addresses of a page's headings, as GitHub makes them: lower case, without signs, with hyphens for spaces."""
    headings = re.findall(r"^#+ (.*)$", FENCED.sub("", text_of(page)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_within_the_repository_has_its_target(page: Path) -> None:
    dead = []
    for link in LINK.findall(FENCED.sub("", text_of(page))):
        if "://" in link:
            continue
        path, _, anchor = unquote(link).partition("#")
        target = page.parent / path if path else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            dead.append(link)
    assert dead == []


@pytest.mark.parametrize("readme", READMES, ids=named)
def test_a_readme_is_one_screen_or_two_and_shows_the_two_commands(readme: Path) -> None:
    text = text_of(readme)
    assert len(text.splitlines()) <= 120
    assert re.search(r"^\./invoke lab optimizers\b", text, re.MULTILINE)
    assert re.search(r"^\./invoke test\b", text, re.MULTILINE)
    assert set(re.findall(r"`(?:sudo )?\./invoke ([a-z]+)", text)) <= set(docs.commands())


def test_both_readmes_have_the_same_parts_commands_and_sources() -> None:
    english, korean = map(text_of, READMES)
    for pattern in (r"^#+ ", r"^\| ", r"\]\(http[^)]*\)", r"^!\["):
        assert len(re.findall(pattern, english, re.MULTILINE)) == len(re.findall(pattern, korean, re.MULTILINE)), (
            pattern
        )
    commands = [re.findall(r"^\| `\./invoke ([a-z]+)", text, re.MULTILINE) for text in (english, korean)]
    assert len(commands[0]) == 6
    assert commands[0] == commands[1]
    assert re.findall(r"\]\((http[^)]*)\)", english) == re.findall(r"\]\((http[^)]*)\)", korean)


@pytest.mark.parametrize("readme", READMES, ids=named)
def test_every_row_of_the_comparison_has_a_source_in_each_cell(readme: Path) -> None:
    peers = [line for line in text_of(readme).splitlines() if line.startswith("| ") and "](https://" in line]
    assert len(peers) == 5
    for line in peers:
        _, made_for, more = line.strip("| ").split(" | ")
        assert "](https://" in made_for
        assert "](docs/" in more


@pytest.mark.parametrize("korean", sorted(ROOT.glob("docs/*.ko.md")), ids=named)
def test_a_korean_page_is_korean_and_leads_to_the_english_one_and_back(korean: Path) -> None:
    english = korean.with_name(korean.name.replace(".ko.md", ".md"))
    assert f"]({english.name})" in text_of(korean)
    assert f"]({korean.name})" in text_of(english) or english.name == "commands.md", "that one is made by a program"
    prose = LINK.sub("", re.sub(r"`[^`]*`", "", FENCED.sub("", text_of(korean))))
    letters = [sign for sign in prose if sign.isalpha()]
    hangul = [sign for sign in letters if unicodedata.name(sign, "").startswith("HANGUL")]
    assert len(hangul) > 0.5 * len(letters)


@pytest.mark.parametrize("page", ["faq.md", "faq.ko.md"])
def test_every_remedy_of_doctor_is_explained(page: str) -> None:
    """A check that may have a remedy is a paragraph of the page, by its name."""
    subjects = set()
    for file in ("doctor.py", "facts.py"):
        for node in ast.walk(ast.parse(text_of(ROOT / "host" / "checks" / file))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Check" and len(node.args) == 4:
                subject = node.args[0]
                parts = subject.values if isinstance(subject, ast.JoinedStr) else [subject]
                words = "".join(str(part.value) for part in parts if isinstance(part, ast.Constant))
                subjects.add(words.partition(" (")[0].strip())
    named_there = " ".join(re.findall(r"^\*\*(.*?)\.?\*\*", text_of(ROOT / "docs" / page), re.MULTILINE))
    assert {subject for subject in subjects if subject not in named_there} == set()
