"""Labs from outside `lib`, each way: tracked, and reproduced from the record when their files are gone."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from host.machine import ports
from tests import tiny
from tests.host.clone import Instance, copy_clone, share_venv


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """A copy of the clone with MLflow and journals of its own, which are deleted at the end."""
    folder = tmp_path_factory.mktemp("anywhere")
    folder.chmod(0o755)  # a container's user reads the labs in it
    root = share_venv(copy_clone(folder / "clone"))
    made = Instance(root, {"MLFLOW_PORT": str(ports.next_free(5700, set()))})
    yield made
    made.remove()


def beside_the_clone(root: Path) -> tuple[str, str, Path]:
    tiny.put(root.parent / "mine.py", "by-path", "from helper import x")
    (root.parent / "helper.py").write_text("x = 1\n")
    return os.path.relpath(root.parent / "mine.py"), "by-path", root.parent / "mine.py"


def a_folder(root: Path) -> tuple[str, str, Path]:
    tiny.put(root.parent / "study" / "lab.py", "in-a-folder", "from .helper import x")
    (root.parent / "study" / "helper.py").write_text("x = 1\n")
    return os.path.relpath(root.parent / "study"), "in-a-folder", root.parent / "study"


def in_labs_mine(root: Path) -> tuple[str, str, Path]:
    return "own", "own", tiny.put(root / "labs" / "mine" / "own.py", "own")


def a_package(root: Path) -> tuple[str, str, Path]:
    packages = root / "labs" / "packages"
    tiny.put(packages / "theirs" / "lab.py", "packed", "from theirs import x")
    (packages / "theirs" / "__init__.py").write_text("x = 1\n")
    (packages / "theirs-1.0.dist-info").mkdir()
    points = "[fearless_labs.labs]\npacked = theirs.lab\n"
    (packages / "theirs-1.0.dist-info" / "entry_points.txt").write_text(points)
    return "packed", "packed", packages / "theirs"


@pytest.mark.parametrize(
    "make",
    [
        beside_the_clone,
        pytest.param(a_folder, marks=pytest.mark.slow),
        pytest.param(in_labs_mine, marks=pytest.mark.slow),
        pytest.param(a_package, marks=pytest.mark.slow),
    ],
)
def test_it_runs_and_is_reproduced_when_it_is_gone(
    clone: Instance, make: Callable[[Path], tuple[str, str, Path]]
) -> None:
    word, name, files = make(clone.root)
    clone.must("lab", word, "--quick")
    if files.is_dir():
        shutil.rmtree(files)
    else:
        files.unlink()
    assert clone.must("reproduce", f"last:{name}").splitlines()[-1].startswith("identical (")
