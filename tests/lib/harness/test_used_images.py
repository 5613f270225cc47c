"""The images that the runs of a journal ran in."""

import json
from pathlib import Path

from lib.harness.commands.used_images import used


def write(folder: Path, key: str, tags: dict[str, str]) -> Path:
    path = folder / key / "run.jsonl"
    path.parent.mkdir()
    path.write_text(json.dumps({"kind": "run", "key": key, "tags": tags}) + "\n", encoding="utf-8")
    return path


def test_a_run_needs_its_image_by_id_and_by_content(tmp_path: Path) -> None:
    write(tmp_path, "a", {"lab.image": "sha256:1", "lab.image_content": "c1"})
    write(tmp_path, "b", {"lab.image": "sha256:2", "lab.image_content": "c1"})
    write(tmp_path, "older", {"lab.image": "sha256:1"})
    write(tmp_path, "bare", {})
    write(tmp_path, "unknown", {"lab.image": "unknown", "lab.image_content": "unknown"})
    damaged = write(tmp_path, "damaged", {"lab.image": "sha256:3"})
    damaged.write_bytes(b"\xff" + damaged.read_bytes())
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "run.jsonl").touch()
    assert used(tmp_path) == {"sha256:1": ["a", "older"], "sha256:2": ["b"], "c1": ["a", "b"]}


def test_a_journal_that_is_not_there_needs_none(tmp_path: Path) -> None:
    assert used(tmp_path / "nowhere") == {}
