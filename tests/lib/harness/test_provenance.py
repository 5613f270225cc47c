"""The record of the code: complete, reproducible, and different when a file is."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from lib.harness.errors import UserError
from lib.harness.recording import provenance
from lib.harness.recording.imports import imported, imported_outside
from tests.lib.harness.support import Clone

# Runs the test lab as the command does, and says which files of the clone this process has loaded in the end.
LOADED = """
import json, sys
sys.argv = ["lib", *sys.argv[1:]]
import lib.__main__

if __name__ == "__main__":
    code = lib.__main__.main(sys.argv[1:])
    files = [m.__file__ for n, m in sys.modules.items() if n.split(".")[0] == "lib" and m.__file__]
    print("\\n" + json.dumps([code, str(lib.__main__.ROOT), files]))
"""


def test_the_archive_has_every_file_that_a_run_loads(clone: Clone) -> None:
    """What the command and a trial have loaded in the end, by sys.modules, against what was recorded before."""
    script = clone.root / "loaded.py"
    script.write_text(LOADED)
    command = [sys.executable, str(script), "tiny", "--set", "seeds=1", "--set", "steps=2"]
    ran = subprocess.run(
        command, cwd=clone.root, env=clone.environment(), capture_output=True, text=True, check=False, timeout=120
    )
    code, root, loaded = json.loads(ran.stdout.splitlines()[-1])
    assert code == 0, ran
    in_worker = """
import sys
from lib.harness.recording import recorder
from lib.harness.running import draw, pool
from lib.harness.shipping import shipper
import lib.testlabs.tiny
print("\\n".join(m.__file__ for n, m in sys.modules.items() if n.split(".")[0] == "lib" and m.__file__))
"""
    command = [sys.executable, "-c", in_worker]
    worker = subprocess.run(command, cwd=clone.root, capture_output=True, text=True, check=True)
    files = {Path(file).resolve().relative_to(root).as_posix() for file in [*loaded, *worker.stdout.split()]}
    assert {
        "lib/__main__.py",
        "lib/harness/running/parent.py",
        "lib/harness/recording/recorder.py",
        "lib/testlabs/tiny.py",
    } <= files
    recorded = clone.newest() / "run.files" / "code.tar.gz"
    with tarfile.open(recorded) as tar:
        names = set(tar.getnames())
        assert files <= names
        for name in names:
            file = tar.extractfile(name)
            assert file is not None
            assert file.read() == (clone.root / name).read_bytes()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    files = {
        "lib/__init__.py": "",
        "lib/a/__init__.py": "",
        "lib/a/lab.py": "from lib.b import thing\n\ndef f():\n    from lib.c.late import g\n    import lib.d\n",
        "lib/b/__init__.py": "thing = 1\n",
        "lib/b/unused.py": "raise SystemExit\n",
        "lib/c/__init__.py": "",
        "lib/c/late.py": "import lib.a.lab\nfrom lib.b import unused_name\n",
        "lib/d.py": "",
        "lib/e.py": "import lib.a\n",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def names(root: Path, *modules: str) -> list[str]:
    return list(imported(root, modules))


def test_only_what_is_imported_counts_and_late_and_circular_imports_do(tree: Path) -> None:
    assert names(tree, "lib.a.lab") == [
        "lib/__init__.py",
        "lib/a/__init__.py",
        "lib/a/lab.py",
        "lib/b/__init__.py",
        "lib/c/__init__.py",
        "lib/c/late.py",
        "lib/d.py",
    ]
    assert names(tree, "lib.d") == ["lib/__init__.py", "lib/d.py"]


def test_a_module_imported_from_its_package_counts(tree: Path) -> None:
    (tree / "lib" / "e.py").write_text("from lib.b import unused\n")
    assert "lib/b/unused.py" in names(tree, "lib.e")


def put(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_relative_imports_count(tree: Path) -> None:
    put(
        tree,
        {
            "lib/r/__init__.py": "from . import a\n",
            "lib/r/a.py": "from .sub.b import x\n",
            "lib/r/sub/__init__.py": "",
            "lib/r/sub/b.py": "def late():\n    from ...d import y\n    from .. import c\n    from . import e\n",
            "lib/r/sub/e.py": "",
            "lib/r/c.py": "",
            "lib/r/unused.py": "raise SystemExit\n",
        },
    )
    wanted = {"__init__.py", "a.py", "c.py", "sub/__init__.py", "sub/b.py", "sub/e.py"}
    assert set(names(tree, "lib.r.a")) == {"lib/__init__.py", "lib/d.py", *(f"lib/r/{name}" for name in wanted)}


def test_the_texts_beside_a_recorded_module_count(tree: Path) -> None:
    put(tree, {"lib/c/texts.toml": "", "lib/e/texts.toml": "", "texts.toml": "", "lib/c/other.toml": ""})
    assert [name for name in names(tree, "lib.a.lab") if name.endswith(".toml")] == ["lib/c/texts.toml"]


PUBLIC = """
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from lib.e import everything
MODULES = {"thing": "lib.b", "d": "lib.d", "unused": "lib.b.unused", "Field": "pydantic"}
"""


@pytest.mark.parametrize(
    ("text", "added"),
    [
        ("from fearless_labs import thing, Field\n", {"lib/b/__init__.py"}),
        ("def f():\n    from fearless_labs import d as e\n", {"lib/d.py"}),
        ("import fearless_labs as fl\nfl.d.x\n", {"lib/d.py"}),
        ("import fearless_labs\nfearless_labs.unused\n", {"lib/b/__init__.py", "lib/b/unused.py"}),
        ("from fearless_labs import *\n", {"lib/b/__init__.py", "lib/b/unused.py", "lib/d.py"}),
    ],
)
def test_of_the_public_names_only_those_count_that_are_used(tree: Path, text: str, added: set[str]) -> None:
    public = "lib/public/fearless_labs/__init__.py"
    put(tree, {public: PUBLIC, "lib/lab.py": text})
    assert set(names(tree, "lib.lab")) - {"lib/__init__.py", "lib/lab.py", public} == added


def test_what_a_lab_outside_imports_counts_wherever_it_is(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work = tree / "work"
    put(
        work,
        {
            "mine.py": "import helper, random, numpy\nimport theirs.part\nfrom lib.d import x\n",
            "helper.py": "",
            "random.py": "raise SystemExit('the standard library has one')\n",
            "numpy.py": "raise SystemExit('the image has one')\n",
            "unused.py": "",
            "texts.toml": "",
        },
    )
    put(tree, {"labs/packages/theirs/__init__.py": "", "labs/packages/theirs/part.py": "from . import other\n"})
    put(tree, {"labs/packages/theirs/other.py": "", "labs/packages/theirs/unused.py": ""})
    monkeypatch.setenv("LAB_PATHS", str(work))
    assert [name for name in names(tree, "mine") if not name.startswith("lib/")] == [
        "outside/helper.py",
        "outside/mine.py",
        "outside/texts.toml",
        "outside/theirs/__init__.py",
        "outside/theirs/other.py",
        "outside/theirs/part.py",
    ]
    assert "lib/d.py" in names(tree, "mine")


def test_a_lab_installed_among_pythons_packages_counts(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site-packages"
    put(site, {"theirs/__init__.py": "", "theirs/lab.py": "from .part import x\nimport dependency\n"})
    put(site, {"theirs/part.py": "", "dependency.py": ""})
    monkeypatch.syspath_prepend(str(site))
    wanted = ["outside/theirs/__init__.py", "outside/theirs/lab.py", "outside/theirs/part.py"]
    assert names(tree, "theirs.lab") == wanted


def test_half_a_file_that_is_imported_late_is_one_line(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tree / "work", {"mine.py": "def f():\n    import helper\n", "helper.py": "x = (\n"})
    monkeypatch.setenv("LAB_PATHS", str(tree / "work"))
    with pytest.raises(UserError, match=r"helper\.py, line 1: '\(' was never closed"):
        names(tree, "mine")


def test_equal_code_gives_equal_bytes() -> None:
    first, second = (provenance.read_code("lib.harness.judging.verdicts") for _ in range(2))
    assert first == second
    assert first.archive() == second.archive()
    with tarfile.open(fileobj=io.BytesIO(first.archive())) as tar:
        members = tar.getmembers()
    assert [m.name for m in members] == sorted(first.files)
    assert {(m.mtime, m.mode, m.uid, m.gid, m.uname) for m in members} == {(0, 0o644, 0, 0, "")}


def test_the_codes_hash_is_that_of_sha256sum() -> None:
    """`sha256sum` over the unpacked archive, hashed again: anyone can check the tag."""
    code = provenance.read_code("lib.harness.judging.verdicts")
    paths = sorted(code.files)
    printed = subprocess.run(
        ["sha256sum", *paths], cwd=provenance.ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert hashlib.sha256(printed.encode()).hexdigest() == code.sha256


def test_the_hash_changes_with_a_file_that_runs_and_with_no_other(clone: Clone, tmp_path: Path) -> None:
    import shutil

    root = tmp_path / "copy"
    shutil.copytree(clone.root, root)

    def code_sha() -> str:
        program = "from lib.harness.recording.provenance import read_code; print(read_code('lib.testlabs.tiny').sha256)"
        ran = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
        return ran.stdout.strip()

    before = code_sha()
    (root / "lib" / "testlabs" / "other.py").write_text("x = 1\n")
    assert code_sha() == before
    with (root / "lib" / "harness" / "contract" / "seeds.py").open("a") as file:
        file.write("# a comment counts, too\n")
    assert code_sha() != before


def test_the_datas_hash_is_over_the_hashes_of_its_files() -> None:
    from lib.data.fashion_mnist import SHA256

    lines = "".join(f"{sha}  fashion_mnist/{file}\n" for file, sha in sorted(SHA256.items()))
    assert provenance.data_sha256(["fashion_mnist"]) == hashlib.sha256(lines.encode()).hexdigest()
    assert provenance.data_sha256([]) == "none"


def test_tags_take_from_the_environment_what_only_the_host_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    code = provenance.read_code("lib.harness.judging.verdicts")
    said = {"LAB_IMAGE": "sha256:i", "LAB_LOCK_SHA256": "l", "LAB_GIT_COMMIT": "c", "LAB_GIT_DIRTY": "true"}
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    tags = provenance.tags(code, [], "torch")
    found = (tags["lab.image"], tags["lab.lock_sha256"], tags["lab.git_commit"], tags["lab.git_dirty"])
    assert found == tuple(said.values())
    assert tags["lab.code_sha256"] == code.sha256


def test_the_environment_names_every_package_with_its_version() -> None:
    import importlib.metadata

    packages = provenance.environment()["packages"]
    for name in ("numpy", "pydantic", "loky", "torch", "keras"):
        assert packages[name] == importlib.metadata.version(name)
    assert provenance.environment()["python"] == sys.version.split()[0]


def test_what_only_the_host_knows_is_unknown_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    given = "LAB_IMAGE LAB_IMAGE_KIND LAB_IMAGE_CONTENT LAB_LOCK_SHA256 LAB_GIT_COMMIT LAB_GIT_DIRTY LAB_USER"
    for name in given.split():
        monkeypatch.delenv(name, raising=False)
    tags = provenance.tags(provenance.Code({}, "c"), [], "torch")
    names = ("image", "image_kind", "image_content", "lock_sha256", "git_commit", "git_dirty", "user")
    assert {tags[f"lab.{name}"] for name in names} == {"unknown"}
    assert provenance.RECORDED_IMAGE not in tags
    assert provenance.place() == ""


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (("id 1", "a"), ("id 2", "a"), True),
        (("id 1", "a"), ("id 1", "b"), False),
        (("id 1", None), ("id 1", "a"), True),
        (("id 1", "unknown"), ("id 2", "a"), False),
        (("id 1", "unknown"), ("id 2", "unknown"), False),
        (("none (local)", "none"), ("none (local)", "none"), True),
    ],
)
def test_images_are_the_same_by_content_or_where_one_is_not_known_by_id(
    one: tuple[str, str | None], other: tuple[str, str | None], same: bool
) -> None:
    """Runs of before contents were recorded have none."""
    tags = [
        {provenance.IMAGE: image} | ({} if content is None else {provenance.CONTENT: content})
        for image, content in (one, other)
    ]
    assert provenance.is_same_image(*tags) is same
    assert provenance.is_same_image(*reversed(tags)) is same


def test_a_reproduction_in_another_image_records_the_first_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_RECORDED_IMAGE", "sha256:recorded")
    tags = provenance.tags(provenance.Code({}, "c"), [], "torch")
    assert tags["lab.recorded_image"] == "sha256:recorded"


def test_the_host_finds_what_a_lab_imports_without_reading_lib(tmp_path: Path) -> None:
    """Its Python may be older than the image's, so a file that it cannot parse is found as well."""
    packages, own = tmp_path / "packages", tmp_path / "own"
    for path, text in {
        packages / "theirs/__init__.py": "",
        packages / "theirs/deep.py": "import json",
        packages / "unused.py": "",
        own / "mine.py": "import torch, theirs.deep, newer\nfrom fearless_labs import Lab\nfrom lib.data import text",
        own / "newer.py": "match x = 1",
        own / "texts.toml": "",
        own / "json.py": "",
    }.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    found = {path.relative_to(tmp_path).as_posix() for path in imported_outside([packages, own], "mine")}
    assert found == {
        "own/mine.py",
        "own/texts.toml",
        "own/newer.py",
        "packages/theirs/__init__.py",
        "packages/theirs/deep.py",
    }
