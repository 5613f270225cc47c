"""The site's pages before Sphinx: links, the other language, still pictures; and what `./invoke site` refuses."""

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from host.site import pages
from tests.host.clone import ROOT
from tests.host.conftest import Invoke, one_line

TOCTREE = re.compile(r"```{toctree}\n(.*?)```", re.DOTALL)
WIDGET = {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}, "text/plain": "VBox()"}


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A small clone with a page in both languages and one in English alone."""
    root = tmp_path / "clone"
    shutil.copytree(ROOT / "docs" / "site", root / "docs" / "site")
    for name in pages.FILES:
        file = root / name
        if (ROOT / name).is_dir():
            file.mkdir(parents=True)
        else:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("x", encoding="utf-8")
    for name in pages.TOP:
        (root / name).write_text("# Top\n", encoding="utf-8")
    for language in pages.LANGUAGES:
        (root / "labs" / language).mkdir(parents=True)
        (root / "labs" / language / "04-dropout.ipynb").write_text(json.dumps(notebook()), encoding="utf-8")
    (root / "docs" / "both.md").write_text("# Both\n\nSee [한국어](both.ko.md).\n", encoding="utf-8")
    (root / "docs" / "both.ko.md").write_text("# 둘 다\n", encoding="utf-8")
    (root / "docs" / "single.md").write_text("# Single\n", encoding="utf-8")
    return root


def notebook(**output: Any) -> dict[str, Any]:
    """A notebook with a cell that has shown a picture to be moved, and one that has printed."""
    shown = [{"output_type": "display_data", "metadata": {}, "data": {**WIDGET, **output}}]
    printed = [{"output_type": "stream", "name": "stdout", "text": "1\n"}]
    cells: list[dict[str, Any]] = [
        {"cell_type": "code", "metadata": {}, "source": "x", "outputs": each} for each in (shown, printed)
    ]
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {"widgets": {}}, "cells": cells}


def written(clone: Path, name: str, text: str, language: str) -> str:
    """A page of docs/ as it is on the site, whose text in the clone is this."""
    (clone / "docs" / name).write_text(text, encoding="utf-8")
    folder = clone.parent / "pages"
    shutil.rmtree(folder, ignore_errors=True)
    pages.write(clone, lambda code, stem: notebook(), folder)
    return (folder / language / "docs" / name.replace(".ko.md", ".md")).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("link", "english", "korean"),
    [
        ("[a](both.md)", "[a](../docs/both.md)", "[a](../docs/both.md)"),
        ("[a](both.md#part)", "[a](../docs/both.md#part)", '<a href="../../en/docs/both.html#part">a</a>'),
        ("[a](single.md#part)", "[a](../docs/single.md#part)", "[a](../docs/single.md#part)"),
        ("[a](../README.md)", "[a](../index.md)", "[a](../index.md)"),
        ("[a](../CONTRIBUTING.md)", "[a](../CONTRIBUTING.md)", "[a](../CONTRIBUTING.md)"),
        ("[a](../labs/en/04-dropout.ipynb)", "[a](../lessons/04-dropout.ipynb)", "[a](../lessons/04-dropout.ipynb)"),
        ("[the code](../lib/mlp)", "the code (`lib/mlp`)", "the code (`lib/mlp`)"),
        ("[`lib/mlp`](../lib/mlp)", "`lib/mlp`", "`lib/mlp`"),
        ("[`both`](both.md)", "[`both`](../docs/both.md)", "[`both`](../docs/both.md)"),
        ("[a](../LICENSE)", "[a](../LICENSE)", "[a](../LICENSE)"),
        ("[a](https://example.org/b.md) [b](#b)", "[a](https://example.org/b.md) [b](#b)", None),
        ("`[a](both.md)`", "`[a](both.md)`", None),
        ("```\n[a](both.md)\n```", "```\n[a](both.md)\n```", None),
    ],
)
def test_links_lead_to_pages_and_code_is_named(clone: Path, link: str, english: str, korean: str | None) -> None:
    for language, expected in (("en", english), ("ko", korean or english)):
        text = written(clone, "page.md", f"# Page\n\nFirst\n{link}\nlast.\n", language)
        assert f"First\n{expected}\nlast.\n" in text


def test_a_page_has_a_korean_twin_or_says_that_there_is_none(clone: Path) -> None:
    assert written(clone, "both.ko.md", "# 둘 다\n\n[English](both.md) [쪽](both.md)\n", "ko") == (
        '# 둘 다\n\n <a href="../../en/docs/both.html">쪽</a>\n'
    )
    assert "[한국어]" not in written(clone, "both.md", "# Both\n\nText. [한국어](both.ko.md)\n", "en")
    for name, said in (("single.md", True), ("glossary.md", False)):
        assert (pages.NOT_IN_KOREAN in written(clone, name, "# Title\n\nText.\n", "ko")) is said
        assert pages.NOT_IN_KOREAN not in written(clone, name, "# Title\n\nText.\n", "en")


@pytest.mark.parametrize("index", ["index.md", "index.ko.md"])
def test_every_page_is_in_the_contents(index: str) -> None:
    text = (ROOT / "docs" / "site" / index).read_text(encoding="utf-8")
    listed = {re.sub(r".*<(.*)>", r"\1", line) for block in TOCTREE.findall(text) for line in block.splitlines()}
    files = [*pages.TOP, *(f"docs/{file.name}" for file in (ROOT / "docs").glob("*.md") if ".ko" not in file.name)]
    assert {name.removesuffix(".md") for name in files} <= listed | {"docs/verdicts"}


def test_verdicts_are_listed_where_they_are_published(clone: Path) -> None:
    index = clone.parent / "pages" / "ko" / "index.md"
    written(clone, "single.md", "# Single\n", "ko")
    assert "docs/verdicts" not in index.read_text(encoding="utf-8")
    written(clone, "verdicts.md", "# Verdicts\n", "ko")
    assert "\ndocs/verdicts\n" in index.read_text(encoding="utf-8")


def test_what_moves_stands_still_and_what_cannot_is_left_out() -> None:
    still, printed = pages.shown(notebook(**{"image/png": "iVBO"}), "ko")["cells"]
    picture, said = (output["data"] for output in still["outputs"])
    assert picture == {"image/png": "iVBO"}
    assert "움직여" in said["text/html"]
    assert printed["outputs"][0]["text"] == "1\n"
    bare = pages.shown(notebook(), "en")
    assert bare["cells"][0]["outputs"] == []
    assert "widgets" not in bare["metadata"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--out", "there"], "--out there: something else is in it; name a new folder"),
        (["--out", "there/file"], "--out there/file: this is a file; name a folder"),
        (["--out", "nowhere/site"], "--out nowhere/site: there is no folder"),
        (["--local"], "--local: it says where the lessons run; use it with --execute"),
    ],
)
def test_bad_input_is_one_line(invoke: Invoke, tmp_path: Path, words: list[str], says: str) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "file").write_text("mine", encoding="utf-8")
    given = [str(tmp_path / word) if os.sep in word or word == "there" else word for word in words]
    result = invoke("site", *given)
    assert says.split(": ")[1] in one_line(result)
    assert (tmp_path / "there" / "file").read_text(encoding="utf-8") == "mine"
