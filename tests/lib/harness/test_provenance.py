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

from lib.harness.recording import provenance
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
from lib.harness import figures, recorder, shipper, workers
import lib.testlabs.tiny
print("\\n".join(m.__file__ for n, m in sys.modules.items() if n.split(".")[0] == "lib" and m.__file__))
"""
    command = [sys.executable, "-c", in_worker]
    worker = subprocess.run(command, cwd=clone.root, capture_output=True, text=True, check=True)
    files = {Path(file).resolve().relative_to(root).as_posix() for file in [*loaded, *worker.stdout.split()]}
    assert {"lib/__main__.py", "lib/harness/run.py", "lib/harness/recorder.py", "lib/testlabs/tiny.py"} <= files
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
    return [path.relative_to(root).as_posix() for path in provenance.code_files(root, modules)]


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
    with (root / "lib" / "harness" / "seeds.py").open("a") as file:
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
