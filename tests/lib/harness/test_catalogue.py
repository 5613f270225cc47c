"""Labs are found wherever they lie, by reading and never by running them; a broken one is in nobody's way."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lib.__main__ import COMMANDS
from lib.harness.contract import source
from lib.harness.contract.catalogue import chosen, find_lab, find_labs, read_catalogue
from lib.harness.contract.source import LabEntry
from lib.harness.errors import UserError

LAB = '''"""A lab whose import would end the test."""

raise SystemExit("this lab was imported")

LAB = Lab(
    name="{name}",
    summary="It shows " "two things",
    config=Config,
    study=lambda config: None,
    {more}
)
'''
ROOT = Path(__file__).resolve().parents[3]
WITHOUT_PACKAGES = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from lib.harness.contract.catalogue import read_catalogue
print(*read_catalogue(Path(sys.argv[2])).labs)
"""


def write(path: Path, name: str, more: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(LAB.format(name=name, more=more))
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "clone"
    write(root / "lib" / "mlp" / "mlp" / "lab.py", "mlp", 'chapter=1, minutes=2, frameworks=("torch", "keras"),')
    write(root / "lib" / "cnn" / "lenet_lab.py", "lenet", "chapter=1, minutes=0.5,")
    write(root / "lib" / "automl" / "lab.py", "automl", "chapter=2, minutes=1,")
    for name in ("layers.py", "__init__.py"):
        (root / "lib" / "cnn" / name).write_text("raise SystemExit('not a lab')\n")
    return root


def install(root: Path, name: str, files: dict[str, str], points: str) -> None:
    """A package in labs/packages, as pip leaves it there."""
    for path, text in {**files, f"{name}-1.0.dist-info/entry_points.txt": points}.items():
        file = root / "labs" / "packages" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def problem(root: Path) -> str:
    """The only problem; the labs of the lecture are as usable as ever."""
    catalogue = read_catalogue(root)
    assert list(catalogue.labs) == ["lenet", "mlp", "automl"]
    (line,) = catalogue.problems
    assert "\n" not in line
    with pytest.raises(UserError) as error:
        find_lab(root, "wanted")
    assert line in str(error.value)
    assert "\n" not in str(error.value)
    return line


def test_the_lectures_labs_are_found_in_its_order_without_importing_them(root: Path) -> None:
    before = set(sys.modules)
    labs = find_labs(root)
    assert list(labs) == ["lenet", "mlp", "automl"]
    assert set(sys.modules) - before == set()
    mlp = labs["mlp"]
    assert (mlp.module, mlp.summary, mlp.minutes) == ("lib.mlp.mlp.lab", "It shows two things", 2.0)
    assert mlp.frameworks == ("torch", "keras")
    assert labs["lenet"].frameworks == ("torch",)
    assert labs["lenet"].module == "lib.cnn.lenet_lab"


def test_the_host_needs_nothing_but_python(root: Path) -> None:
    write(root / "labs" / "mine" / "own.py", "own")
    command = [sys.executable, "-I", "-S", "-c", WITHOUT_PACKAGES, str(ROOT), str(root)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["lenet", "mlp", "automl", "own"]


def test_an_unknown_name_gets_the_nearest_ones(root: Path) -> None:
    assert find_lab(root, "lenet").name == "lenet"
    with pytest.raises(UserError, match=r"no lab 'lenett'\. Nearest: lenet\. .*invoke labs"):
        find_lab(root, "lenett")
    with pytest.raises(UserError, match="Nearest: lenet, mlp, automl"):
        find_lab(root, "qqqq")
    with pytest.raises(UserError, match="small letters"):
        find_lab(root, "LeNet")


def test_the_names_of_commands_are_those_of_the_program() -> None:
    assert set(source.COMMANDS) == set(COMMANDS)


def test_the_labs_of_this_clone_are_listed_as_they_call_themselves() -> None:
    from lib.harness.contract.loading import load

    labs = find_labs(ROOT)
    assert len(labs) >= 17
    for name, entry in labs.items():
        lab = load(entry)
        assert (name, entry.summary, entry.minutes, entry.chapter) == (lab.name, lab.summary, lab.minutes, lab.chapter)
        assert entry.frameworks == lab.frameworks


def test_no_two_labs_of_the_lecture_share_a_chapter() -> None:
    chapters = [entry.chapter for entry in find_labs(ROOT).values()]
    assert chapters == sorted(set(chapters))


def test_ones_own_labs_are_files_and_folders_of_labs_mine(root: Path) -> None:
    mine = root / "labs" / "mine"
    write(mine / "first.py", "my-first")
    write(mine / "second" / "lab.py", "second", 'frameworks=["keras"],')
    (mine / "second" / "helpers.py").write_text("x = 1\n")
    (mine / "helpers.py").write_text("x = 1\n")  # no lab, and no problem
    text = (mine / "first.py").read_text().replace("LAB = Lab(", "LAB: Lab = fearless_labs.Lab(")
    (mine / "first.py").write_text(text)
    catalogue = read_catalogue(root)
    assert catalogue.problems == ()
    assert list(catalogue.labs) == ["lenet", "mlp", "automl", "my-first", "second"]
    assert list(find_labs(root)) == ["lenet", "mlp", "automl"]
    first, second = find_lab(root, "my-first"), find_lab(root, "second")
    assert (first.module, first.root, first.word) == ("first", mine, "my-first")
    assert (second.module, second.root, second.frameworks) == ("second.lab", mine, ("keras",))


def test_packages_name_their_labs_by_entry_points(root: Path) -> None:
    files = {"theirs/__init__.py": "", "theirs/deep/study.py": LAB.format(name="theirs", more="")}
    install(
        root, "theirs", files, "[console_scripts]\nx = y:z\n\n[fearless_labs.labs]\nTheirs = theirs.deep.study:LAB\n"
    )
    entry = find_lab(root, "theirs")
    assert (entry.module, entry.root) == ("theirs.deep.study", root / "labs" / "packages")
    assert read_catalogue(root).problems == ()


def test_an_entry_point_to_nothing_is_one_line(root: Path) -> None:
    install(root, "empty", {}, "[fearless_labs.labs]\nit = empty.lab\n")
    line = problem(root)
    assert "labs/packages/empty/lab.py (it of package empty)" in line
    assert "cannot be read (No such file" in line


@pytest.mark.parametrize("name", ["._x.py", ".#x.py", "x.py~", "#x.py#", ".ipynb_checkpoints/lab.py", "._x/lab.py"])
def test_files_of_editors_are_no_labs(root: Path, name: str) -> None:
    write(root / "labs" / "mine" / name, "editors").write_text("not Python (")
    catalogue = read_catalogue(root)
    assert (len(catalogue.labs), catalogue.problems) == (3, ())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = 1\nLAB = Lab(name='wanted',\n", "broken.py, line 2: '(' was never closed"),
        ("LAB = make()\n", "has no name"),
        ("LAB = 3\n", "there is no lab in it"),
        ("LAB = Lab(summary='x')\n", "line 1: the lab has no name"),
        ("LAB = Lab(name='wanted')\n", "line 1: the lab has no summary"),
        ("LAB = Lab(\n    name=f'{x}',\n    summary='x',\n)\n", "line 2: name is to be a text"),
        ("LAB = Lab(name='wanted', summary='x', minutes='1')\n", "minutes is to be a number"),
        ("LAB = Lab(name='wanted', summary='x', chapter=True)\n", "chapter is to be a whole number"),
        ("LAB = Lab(name='wanted', summary='x', frameworks=('jax',))\n", "'jax'"),
        ("LAB = Lab(name='Wanted One', summary='x')\n", "the name 'Wanted One' is to begin with"),
        ("LAB = Lab(name='claims', summary='x')\n", "'claims' is a command of ./invoke"),
        ("LAB = Lab(name='mlp', summary='x')\n", "'mlp' is that of lib/mlp/mlp/lab.py"),
        ("x = '\0'\n", "null"),
    ],
)
def test_a_broken_lab_is_one_line_and_the_others_are_unharmed(root: Path, text: str, words: str) -> None:
    file = root / "labs" / "mine" / "broken.py"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    line = problem(root)
    assert line.startswith("labs/mine/broken.py")
    assert words in line


def test_bytes_that_are_no_text_are_one_line(root: Path) -> None:
    write(root / "labs" / "mine" / "broken.py", "x").write_bytes(b"x = '\xff\xfe'\nLAB = Lab()\n")
    assert "labs/mine/broken.py" in problem(root)


def test_a_link_to_nowhere_is_one_line(root: Path) -> None:
    (root / "labs" / "mine").mkdir(parents=True)
    (root / "labs" / "mine" / "broken.py").symlink_to("nowhere.py")
    assert "labs/mine/broken.py: it cannot be read (No such file" in problem(root)


@pytest.mark.skipif(os.getuid() == 0, reason="root reads every file")
def test_a_file_that_may_not_be_read_is_one_line(root: Path) -> None:
    write(root / "labs" / "mine" / "broken.py", "x").chmod(0)
    assert "labs/mine/broken.py: it cannot be read (Permission denied)" in problem(root)


@pytest.mark.parametrize("stem", ["random", "lib", "fearless_labs"])
def test_a_name_that_python_has_is_refused(root: Path, stem: str) -> None:
    write(root / "labs" / "mine" / f"{stem}.py", "wanted")
    line = problem(root)
    assert f"Python has a module '{stem}' already: rename" in line
    with pytest.raises(UserError, match="rename"):
        find_lab(root, str(root / "labs" / "mine" / f"{stem}.py"))


def test_two_labs_of_one_name_are_one_line_and_each_runs_by_its_path(root: Path) -> None:
    one, other = (write(root / "labs" / "mine" / f"{stem}.py", "twice") for stem in ("a", "b"))
    line = problem(root)
    assert line == "labs/mine/b.py: the name 'twice' is that of labs/mine/a.py: give one of them another name"
    assert [find_lab(root, str(path)).module for path in (one, other)] == ["a", "b"]


def test_a_copy_of_a_lab_of_the_lecture_takes_its_place_for_nobody(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """ "Let me keep the original": the copy was run from then on, or every edit of it had no effect."""
    monkeypatch.setattr("lib.harness.errors._warned", set())
    write(root / "lib" / "cnn" / "a_lenet.py", "lenet")
    line = "lib/cnn/lenet_lab.py: the name 'lenet' is that of lib/cnn/a_lenet.py: give one of them another name"
    with pytest.raises(UserError) as error:
        find_lab(root, "lenet")
    assert str(error.value) == line
    assert line in read_catalogue(root).problems
    assert find_lab(root, "mlp").name == "mlp"
    assert find_labs(root).keys() == {"lenet", "mlp", "automl"}
    assert capsys.readouterr().err == f"Warning: {line}\n"


def test_a_path_is_a_file_or_a_folder(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "work" / "mine.py", "mine")
    write(tmp_path / "work" / "more" / "lab.py", "more")
    monkeypatch.chdir(tmp_path / "work")
    entry = find_lab(root, "mine.py")
    assert (entry.name, entry.module, entry.root, entry.word) == ("mine", "mine", tmp_path / "work", "mine.py")
    for word in ("more/", "./more", "more/lab.py", str(tmp_path / "work" / "more")):
        entry = find_lab(root, word)
        assert (entry.module, entry.root, entry.word) == ("more.lab", tmp_path / "work", word)
    monkeypatch.setenv("LAB_CALLED", "../mine.py")
    assert find_lab(root, str(tmp_path / "work" / "mine.py")).word == "../mine.py"


def test_the_path_of_a_lab_that_has_a_name_is_that_lab(root: Path) -> None:
    write(root / "labs" / "mine" / "own.py", "own")
    assert find_lab(root, str(root / "lib" / "mlp" / "mlp")) == find_lab(root, "mlp")
    assert find_lab(root, str(root / "labs" / "mine" / ".." / "mine" / "own.py")) == find_lab(root, "own")


@pytest.mark.parametrize(
    ("word", "words"),
    [
        ("nowhere.py", "nowhere.py: there is no such file"),
        ("./nowhere", "./nowhere: there is no such file"),
        ("./text.txt", "./text.txt: there is no such file; a lab is a file NAME.py"),
        ("empty/", "empty/: the folder has no lab.py"),
        ("helpers.py", "helpers.py: there is no lab in it"),
        ("dotted.name.py", "a '.' in its name"),
        ("mlp.py", "mlp.py: the name 'mlp' is that of lib/mlp/mlp/lab.py"),
    ],
)
def test_a_path_without_a_lab_is_one_line(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, word: str, words: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.txt").write_text("x")
    (tmp_path / "helpers.py").write_text("x = 1\n")
    write(tmp_path / "dotted.name.py", "dotted")
    write(tmp_path / "mlp.py", "mlp")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError) as error:
        find_lab(root, word)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_a_folder_of_that_name_without_a_lab_is_mentioned(root: Path) -> None:
    (root / "labs" / "mine" / "half").mkdir(parents=True)
    with pytest.raises(UserError, match=r"labs/mine/half: the folder has no lab\.py"):
        find_lab(root, "half")


def test_commands_take_the_lectures_labs_unless_others_are_named(root: Path) -> None:
    own = write(root / "labs" / "mine" / "own.py", "own")

    def names(words: list[str]) -> list[str]:
        entries: list[LabEntry] = chosen(root, words)
        return [entry.name for entry in entries]

    assert names([]) == ["lenet", "mlp", "automl"]
    assert names(["own", "mlp", str(own)]) == ["own", "mlp"]
