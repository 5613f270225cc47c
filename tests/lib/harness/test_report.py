"""The report: one page that needs nothing else, made from what was recorded, and commands that repeat it."""

from __future__ import annotations

import base64
import html
import io
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from lib.harness.recording.archive import plain_files
from tests.lib.harness.html_page import Page
from tests.lib.harness.support import Clone, records, said


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


def picture_of(clone: Clone) -> bytes:
    """The picture that the run has recorded."""
    return (clone.newest() / "run.files" / "figures" / "losses.png").read_bytes()


def test_the_page_has_what_was_measured_and_needs_nothing_else(reported: tuple[Clone, str]) -> None:
    clone, text = reported
    page = Page(text)
    page.assert_closed()
    assert page.policy["img-src"] == ["data:"]
    assert page.spans["en"] == page.spans["ko"] > 10
    assert page.sources == [f"data:image/png;base64,{base64.b64encode(picture_of(clone)).decode()}"]
    folder = clone.newest()
    assert folder.name in page.text
    for claim in json.loads((folder / "run.files" / "claims.json").read_text()):
        if "part" not in claim:
            assert claim["statement"] in page.text
        assert claim["verdict"] in page.text
    assert "have changed since" not in page.text
    assert "://" not in re.sub(r'src="data:[^"]*"', "", text)


def test_every_part_has_an_address_and_every_link_a_target(reported: tuple[Clone, str]) -> None:
    clone, text = reported
    page = Page(text)
    claims = json.loads((clone.newest() / "run.files" / "claims.json").read_text())
    assert {claim["id"] for claim in claims} <= set(page.ids)
    assert all(f"#{claim['id']}" in page.links for claim in claims)
    assert {unquote(link).removeprefix("#") for link in page.links} <= set(page.ids)


def test_a_row_names_the_part_that_decides_it(reported: tuple[Clone, str]) -> None:
    clone, text = reported
    claims = json.loads((clone.newest() / "run.files" / "claims.json").read_text())
    statements = {claim["id"]: claim["statement"] for claim in claims if "part" not in claim}
    deciding = [statements[claim["part"]] for claim in claims if "part" in claim]
    assert deciding
    shown = re.findall(r'<p class="deciding[ a-z]*">.*?</span>: <span lang="en">(.*?)</span>', html.unescape(text))
    assert set(deciding) <= set(shown)
    assert len(shown) == len({claim["id"].split("/")[0] for claim in claims})


def test_a_folder_has_the_page_and_its_pictures_as_files(reported: tuple[Clone, str]) -> None:
    clone, _ = reported
    ended = subprocess.run(
        [sys.executable, "-m", "lib", "report-folder", "tiny"],
        cwd=clone.root,
        env=clone.environment(),
        capture_output=True,
        check=True,
    )
    files = {name: content for name, content, _ in plain_files(io.BytesIO(ended.stdout))}
    assert files.keys() == {"index.html", "pictures/tiny-losses-en.png"}
    assert files["pictures/tiny-losses-en.png"] == picture_of(clone)
    page = Page(files["index.html"].decode())
    page.assert_closed()
    assert "pictures/tiny-losses-en.png" in page.links
    assert "base64" not in files["index.html"].decode().replace("sha256-", "")


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


def test_before_anything_ran_it_lists_the_sentences_as_not_measured(clone: Clone) -> None:
    ended = clone.run("report")
    assert ended.code == 0
    page = Page(ended.out)
    assert "not measured" in page.text
    assert "./invoke lab tiny" in page.text
    assert page.sources == []
    assert {unquote(link).removeprefix("#") for link in page.links} <= set(page.ids)


def test_a_picture_that_is_none_is_left_out_with_a_warning(reported: tuple[Clone, str], tmp_path: Path) -> None:
    root = tmp_path / "clone"
    shutil.copytree(reported[0].root, root)
    clone = Clone(root, root / "journal")
    for folder in clone.runs():
        (folder.parent / "run.files" / "figures" / "losses.png").write_bytes(b"\x89PNG\r\n\x1a\n and no picture")
    ended = clone.run("report")
    assert ended.code == 0
    assert len(ended.err.splitlines()) == 1
    assert "losses" in ended.err
    assert Page(ended.out).sources == []
