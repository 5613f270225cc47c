"""`./invoke report` in an instance without runs: one whole file, or none."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.host.clone import Instance, copy_clone, share_venv


@pytest.fixture
def clone(tmp_path: Path) -> Iterator[Instance]:
    made = Instance(share_venv(copy_clone(tmp_path / "clone")), {})
    yield made
    made.remove()


def test_the_report_is_one_whole_file(clone: Instance, tmp_path: Path) -> None:
    folder = tmp_path / "page"
    folder.mkdir()
    file = folder / "lecture.html"
    code, out, err = clone.invoke("report", "--out", file)
    assert code == 0, err
    assert out.startswith(str(file))
    text = file.read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>")
    assert text.endswith("</html>\n")
    assert "optimizers" in text
    assert "강의" in text
    assert [path.name for path in folder.iterdir()] == ["lecture.html"]


def test_what_cannot_be_made_replaces_nothing(clone: Instance, tmp_path: Path) -> None:
    module = clone.root / "lib" / "harness" / "showing" / "report.py"
    module.write_text(f"{module.read_text(encoding='utf-8')}\nraise SystemExit(3)\n", encoding="utf-8")
    file = tmp_path / "lecture.html"
    file.write_text("the one before", encoding="utf-8")
    code, _, err = clone.invoke("report", "--out", file)
    assert code == 2
    assert err.splitlines()[-1] == "The report could not be made; what is above says why"
    assert file.read_text(encoding="utf-8") == "the one before"
    assert not list(tmp_path.glob("*.part"))
