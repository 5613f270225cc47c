"""The published table: made from a real run, joined lab by lab, and stale when the code would measure otherwise."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from lib.harness.contract.catalogue import find_labs
from lib.harness.showing.published import as_webp, computing, page, published, stale
from tests.lib.harness.support import ROOT, Clone


def publish(clone: Clone, *words: str) -> dict[str, bytes]:
    """Write what the command prints below docs/ of the clone, as the host does."""
    docs = clone.root / "docs"
    ended = clone.run("published", str(docs), *words)
    assert (ended.code, ended.err) == (0, "")
    files = {name: base64.b64decode(data) for name, data in json.loads(ended.out).items()}
    for name, data in files.items():
        (docs / name).parent.mkdir(parents=True, exist_ok=True)
        (docs / name).write_bytes(data)
    return files


@pytest.fixture(scope="module")
def clone(clone_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clone]:
    """A clone that has published a full run of the lab, with root seed 7."""
    root = tmp_path_factory.mktemp("published") / "clone"
    shutil.copytree(clone_root, root)
    (root / "journal").mkdir()
    there = Clone(root, root / "journal")
    assert there.run("tiny", "--seed", "7").code == 0
    publish(there, "tiny", "--seed", "7")
    yield there


def test_the_table_has_the_run_its_claims_its_digests_and_its_pictures(clone: Clone) -> None:
    results = clone.root / "docs" / "results"
    files = clone.newest() / "run.files"
    claims = json.loads((files / "claims.json").read_text())
    assert json.loads((results / "verdicts.json").read_text()) == claims
    run = json.loads((results / "tiny" / "run.json").read_text())
    assert (run["run"], run["root_seed"]) == (clone.newest().name, 7)
    digests = json.loads((results / "tiny" / "digests.json").read_text())
    assert len(digests) == run["trials"] == len(list(clone.newest().glob("trial-*.jsonl")))
    with (
        Image.open(files / "figures" / "losses.png") as recorded,
        Image.open(results / "tiny" / "losses.en.webp") as shown,
    ):
        assert shown.format == "WEBP"
        assert shown.width == min(1000, recorded.width)
    for name in ("verdicts.md", "verdicts.ko.md"):
        text = (clone.root / "docs" / name).read_text(encoding="utf-8")
        assert run["digest"][:12] in text
        for link in re.findall(r"\]\((results/[^)]+)\)", text):
            assert (clone.root / "docs" / link).exists(), link


def test_every_line_of_a_table_has_its_columns(clone: Clone) -> None:
    for name in ("verdicts.md", "verdicts.ko.md"):
        lines = (clone.root / "docs" / name).read_text(encoding="utf-8").splitlines()
        rulers = [number for number, line in enumerate(lines) if set(line) == {"|", "-"}]
        assert rulers
        for ruler in rulers:
            table = lines[ruler - 1 :]
            table = table[: next((at for at, line in enumerate(table) if not line.startswith("|")), len(table))]
            assert len(table) > 2, f"{name}: an empty table"
            assert {len(re.findall(r"(?<!\\)\|", line)) for line in table} == {lines[ruler].count("|")}


def test_a_run_with_another_seed_or_of_other_code_is_not_published(clone: Clone, tmp_path: Path) -> None:
    ended = clone.run("published", str(clone.root / "docs"), "tiny", "--seed", "8")
    assert ended.code == 2
    assert "./invoke claims --seed 8 --only tiny" in ended.err
    root = tmp_path / "clone"
    shutil.copytree(clone.root, root)
    with (root / "lib" / "testlabs" / "tiny.py").open("a") as file:
        file.write("\nNEW = 1\n")
    other = Clone(root, root / "journal").run("published", str(root / "docs"), "tiny", "--seed", "7")
    assert (other.code, other.out) == (2, "")


def test_what_other_labs_have_published_stays(clone: Clone, tmp_path: Path) -> None:
    root = tmp_path / "clone"
    shutil.copytree(clone.root, root)
    source = (root / "lib" / "testlabs" / "tiny.py").read_text()
    (root / "lib" / "testlabs" / "second.py").write_text(source.replace('name="tiny"', 'name="second"'))
    there = Clone(root, root / "journal")
    assert there.run("second", "--seed", "7").code == 0
    first = (root / "docs" / "results" / "tiny" / "claims.json").read_bytes()
    made = publish(there, "second", "--seed", "7")
    assert not any(name.startswith("results/tiny/") for name in made)
    both = json.loads((root / "docs" / "results" / "verdicts.json").read_text())
    assert {record["lab"] for record in both} == {"tiny", "second"}
    assert [record for record in both if record["lab"] == "tiny"] == json.loads(first)


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ('"""', '"""Reworded. ', ""),
        ("import numpy as np\n", "import numpy as np  # a remark\n", ""),
        (
            "learning_rate: float = Field(0.1,",
            "learning_rate: float = Field(0.2,",
            "tiny: the code by which it computes has changed",
        ),
        ("at_most=0", "at_most=1", "tiny: its claims are others now"),
        ('name="tiny"', 'name="other"', "tiny: there is no such lab any more"),
    ],
)
def test_what_computes_or_claims_otherwise_is_stale(
    clone: Clone, tmp_path: Path, old: str, new: str, line: str
) -> None:
    root = tmp_path / "clone"
    shutil.copytree(clone.root, root)
    lab = root / "lib" / "testlabs" / "tiny.py"
    source = lab.read_text()
    assert old in source
    lab.write_text(source.replace(old, new, 1))
    code = "from pathlib import Path; from lib.harness.showing.published import stale; print(*stale(Path.cwd()))"
    environment = Clone(root, root / "journal").environment()
    found = subprocess.check_output([sys.executable, "-c", code], cwd=root, env=environment, text=True).strip()
    assert found.startswith(line) and bool(found) == bool(line)


def test_without_a_folder_it_is_one_line(clone: Clone) -> None:
    ended = clone.run("published")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.count("\n") == 1 and "takes the folder docs" in ended.err


def test_a_folder_that_is_not_whole_is_named(clone: Clone, tmp_path: Path) -> None:
    root = tmp_path / "clone"
    shutil.copytree(clone.root, root)
    (root / "docs" / "results" / "tiny" / "claims.json").write_text("[{}]")
    ended = Clone(root, root / "journal").run("published", str(root / "docs"), "tiny", "--seed", "7")
    assert ended.code == 2
    assert "docs/results/tiny is not whole" in ended.err


def test_an_animation_keeps_its_frames() -> None:
    raw = io.BytesIO()
    frames = [Image.new("RGB", (1500, 30), (shade, 0, 0)) for shade in (0, 100, 200)]
    frames[0].save(raw, "gif", save_all=True, append_images=frames[1:], duration=80)
    with Image.open(io.BytesIO(as_webp(raw.getvalue()))) as shown:
        assert (shown.format, shown.size) == ("WEBP", (1000, 20))
        assert getattr(shown, "n_frames", 1) == 3


def test_the_published_table_is_of_the_code_of_now() -> None:
    assert stale(ROOT) == []
    parts = list(published(ROOT / "docs"))
    assert {part.run["root_seed"] for part in parts} <= {20271}
    assert {part.lab for part in parts} <= find_labs(ROOT).keys()
    for part in parts:
        assert part.run["code"] == computing(find_labs(ROOT)[part.lab])
    if parts:
        ordered = sorted(parts, key=lambda part: list(find_labs(ROOT)).index(part.lab))
        assert (ROOT / "docs" / "verdicts.md").read_text(encoding="utf-8") == page(ordered, "en")
        assert (ROOT / "docs" / "verdicts.ko.md").read_text(encoding="utf-8") == page(ordered, "ko")
