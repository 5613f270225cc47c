"""`./invoke report` on the journals that this machine has: one whole file, or none."""

from pathlib import Path

from tests.host.conftest import Invoke, copy_clone


def test_the_report_is_one_whole_file(invoke: Invoke, tmp_path: Path) -> None:
    file = tmp_path / "lecture.html"
    outcome = invoke("report", "--out", "lecture.html", cwd=tmp_path)
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stdout.startswith(str(file))
    text = file.read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>")
    assert text.endswith("</html>\n")
    assert "optimizers" in text
    assert "강의" in text
    assert [path.name for path in tmp_path.iterdir()] == ["lecture.html"]


def test_what_cannot_be_made_replaces_nothing(invoke: Invoke, tmp_path: Path) -> None:
    clone = copy_clone(tmp_path / "clone")
    with (clone / "lib" / "harness" / "report.py").open("a", encoding="utf-8") as module:
        module.write("\nraise SystemExit(3)\n")
    file = clone / "lecture.html"
    file.write_text("the one before", encoding="utf-8")
    outcome = invoke("report", "--out", "lecture.html", root=clone, cwd=clone)
    assert outcome.returncode == 2
    assert outcome.stderr.splitlines()[-1] == "The report could not be made; what is above says why"
    assert file.read_text(encoding="utf-8") == "the one before"
    assert not list(clone.glob("*.part"))
