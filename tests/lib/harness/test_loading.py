"""A lab from outside ``lib`` runs, is recorded with all that it imports, and runs again from its record alone."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from lib.harness.recording.provenance import unpacked
from tests import tiny
from tests.lib.harness.support import Clone, digests, finished, interrupt, journals_of, records, said

FEW = said({"seeds": 2, "steps": 5})
Place = Callable[[Path, Path], tuple[str, set[str]]]


def put(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def a_file(clone: Path, work: Path) -> tuple[str, set[str]]:
    """A file with another one beside it."""
    put(work, {"mine.py": tiny.source("mine", "import beside"), "beside.py": "", "unused.py": ""})
    return str(work / "mine.py"), {"mine.py", "beside.py"}


def a_folder(clone: Path, work: Path) -> tuple[str, set[str]]:
    """A folder with relative imports."""
    lab = tiny.source("mine", "from .parts import first", "from . import texts")
    put(work / "study", {"lab.py": lab, "parts/first.py": "from ..second import x\n", "second.py": "x = 1\n"})
    put(work / "study", {"texts.py": "", "texts.toml": "[lab]\n", "unused.py": ""})
    used = {"lab.py", "parts/first.py", "second.py", "texts.py", "texts.toml"}
    return str(work / "study"), {f"study/{name}" for name in used}


def in_labs_mine(clone: Path, work: Path) -> tuple[str, set[str]]:
    """A file that is found by its lab's name."""
    put(clone / "labs" / "mine", {"own-lab.py": tiny.source("mine", "from beside import x"), "beside.py": "x = 1\n"})
    return "mine", {"own-lab.py", "beside.py"}


def installed(clone: Path, work: Path) -> tuple[str, set[str]]:
    """A package, as ``pip install --target labs/packages`` leaves it there."""
    lab = tiny.source("mine", "from theirs.help import x", "from .deeper import y")
    put(
        clone / "labs" / "packages",
        {"theirs/__init__.py": "", "theirs/studies/lab.py": lab, "theirs/help.py": "x = 1\n"},
    )
    put(clone / "labs" / "packages", {"theirs/studies/deeper.py": "y = 1\n"})
    points = "[fearless_labs.labs]\nmine = theirs.studies.lab:LAB\n"
    put(clone / "labs" / "packages", {"theirs-1.0.dist-info/entry_points.txt": points})
    used = {"__init__.py", "studies/lab.py", "help.py", "studies/deeper.py"}
    return "mine", {f"theirs/{name}" for name in used}


@pytest.fixture
def own(clone: Clone, tmp_path: Path) -> Clone:
    """A clone that this test may write to."""
    shutil.copytree(clone.root, tmp_path / "clone")
    return Clone(tmp_path / "clone", clone.journals)


@pytest.mark.parametrize(
    "place",
    [
        a_file,
        pytest.param(a_folder, marks=pytest.mark.slow),
        pytest.param(in_labs_mine, marks=pytest.mark.slow),
        pytest.param(installed, marks=pytest.mark.slow),
    ],
)
def test_it_runs_as_the_lectures_do_and_again_from_its_record(own: Clone, tmp_path: Path, place: Place) -> None:
    """The same trials as those of the lab that it is a copy of; again when it is gone, from what was recorded."""
    word, files = place(own.root, tmp_path / "work")
    ended = own.run(word, *FEW)
    assert (ended.code, ended.err) == (0, ""), ended
    folder = own.newest()
    assert own.tiny(seeds=2, steps=5).code == 0
    assert digests(folder) == digests(own.newest())
    header = records(folder / "run.jsonl")[0]
    assert (header["experiment"], header["tags"]["lab.name"]) == ("mine", "mine")

    again = tmp_path / "again"
    for name, data in unpacked((folder / "run.files" / "code.tar.gz").read_bytes()).items():
        path = again / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    points = "recorded.dist-info/entry_points.txt"
    recorded = {
        path.relative_to(again / "outside").as_posix() for path in (again / "outside").rglob("*.*") if path.is_file()
    }
    assert recorded == files | {points}
    shutil.rmtree(own.root)
    shutil.rmtree(tmp_path / "work", ignore_errors=True)
    (again / "labs").mkdir()
    (again / "outside").rename(again / "labs" / "packages")
    recording = Clone(again, own.journals)
    ended = recording.run("mine", *FEW)
    assert (ended.code, ended.err) == (0, ""), ended
    assert recording.newest() != folder
    assert digests(recording.newest()) == digests(folder)
    tags = records(recording.newest() / "run.jsonl")[0]["tags"]
    assert tags["lab.code_sha256"] == header["tags"]["lab.code_sha256"]


@pytest.mark.slow
def test_it_is_resumed_by_its_path(own: Clone, tmp_path: Path) -> None:
    word, _ = a_file(own.root, tmp_path / "my work")
    settings = {"seeds": 6, "steps": 20, "batch": 4, "action": "sleep"}
    folder, ended = interrupt(own, how=signal.SIGINT, settings=settings, lab=word)
    ended.assert_one_line(130, f"./invoke lab '{word}' --resume {folder.name}")
    done = len(finished(folder))
    ended = own.run(word, "--resume", folder.name)
    assert (ended.code, ended.err) == (0, ""), ended
    assert f"12 trials ({done} of them before) in" in ended.out
    assert records(folder / "run.jsonl")[-1]["status"] == "FINISHED"


def test_its_settings_are_searched(own: Clone, tmp_path: Path) -> None:
    word, _ = a_folder(own.root, tmp_path / "work")
    ended = own.run("sweep", word, "--trials", "4", "--fresh", "2")
    assert (ended.code, ended.err) == (0, ""), ended
    lines = journals_of(own.newest())
    assert {journal[0]["experiment"] for journal in lines.values()} == {"mine-sweep"}
    assert len(lines) == 1 + 4 + 2 * 2


@pytest.mark.slow
def test_its_verdicts_and_its_report_are_made_where_it_is_named(own: Clone) -> None:
    in_labs_mine(own.root, own.root)
    ended = own.run("claims", "mine", "--quick", "--json")
    assert (ended.code, len(own.runs())) == (0, 1), ended
    assert '"lab": "mine"' in ended.out
    assert '"lab": "tiny"' not in ended.out
    again = own.run("claims", "mine", "--quick", "--json")
    assert (again.out, len(own.runs())) == (ended.out, 1), "it is current"
    (own.root / "labs" / "mine" / "beside.py").write_text("x = 2\n")
    assert own.run("claims", "mine", "--quick", "--json").code == 0
    assert len(own.runs()) == 2, "a file that it imports has changed"
    page = own.run("report", "mine")
    assert (page.code, page.err) == (0, "")
    assert own.newest().name in page.out
    assert own.newest().name not in own.run("report").out


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "x = 1\n\ndef f():\n    return 1 / 0\n\nf()\n",
            "labs/mine/mine.py, line 4: ZeroDivisionError: division by zero",
        ),
        ("import nowhere\n", "mine.py, line 1: ModuleNotFoundError: No module named 'nowhere'"),
        ("raise SystemExit('done')\n", "mine.py, line 1: SystemExit: done"),
        ("import parts.broken\n", "broken.py, line 1: invalid syntax"),
        ("from lib.harness.claims import Claim\n", "labs/mine/mine.py: it is written for the old contract"),
        ("def Lab(**_): return 3\n", "labs/mine/mine.py: LAB is no Lab but int. docs/adding-a-lab.md says how"),
        ("from lib.harness.contract.lab import Lab\n", "line 2: TypeError: Lab.__init__()"),
        ("from lib.harness.errors import UserError\nraise UserError('a claim has no range')\n", "a claim has no range"),
    ],
)
def test_what_cannot_be_imported_is_one_line_and_nothing_is_recorded(own: Clone, text: str, words: str) -> None:
    lab = 'LAB = Lab(name="mine", summary="x", unheard_of=1)\n'
    put(own.root / "labs" / "mine", {"mine.py": text + lab, "good.py": tiny.source("good")})
    put(own.root / "labs" / "mine" / "parts", {"broken.py": "x = = 1\n"})
    own.run("mine").assert_one_line(2, words)
    assert list(own.journals.iterdir()) == []
    listed = own.run("labs")
    assert (listed.code, listed.err) == (0, "")
    assert "tiny" in listed.out and "good" in listed.out
    (warning,) = (line for line in listed.out.splitlines() if line.startswith("Warning"))
    assert words in warning


def test_a_name_that_the_image_has_is_refused(own: Clone, tmp_path: Path) -> None:
    put(tmp_path / "work", {"torch.py": tiny.source("mine"), "numpy/lab.py": tiny.source("mine")})
    for word in ("torch.py", "numpy"):
        module = word.removesuffix(".py")
        message = f"Python has a module '{module}' already: rename the file or folder"
        own.run(str(tmp_path / "work" / word), *FEW).assert_one_line(2, message)
    assert list(own.journals.iterdir()) == []


def test_a_module_beside_a_lab_takes_the_place_of_none(own: Clone, tmp_path: Path) -> None:
    """Workers and frameworks import their own `random` and `pydantic`, whatever lies beside a lab."""
    hostile = "raise SystemExit('imported from beside a lab')\n"
    put(
        tmp_path / "work",
        {"mine.py": tiny.source("mine"), "random.py": hostile, "pydantic.py": hostile, "pickle.py": hostile},
    )
    ended = own.run(str(tmp_path / "work" / "mine.py"), *FEW)
    assert (ended.code, ended.err) == (0, ""), ended
