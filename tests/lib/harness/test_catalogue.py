"""Labs are found by reading their source, never by running it."""

import sys
from pathlib import Path

import pytest

from lib.harness.contract.catalogue import find_lab, find_labs
from lib.harness.errors import UserError

LAB = '''"""A lab whose import would end the test."""

raise SystemExit("this lab was imported")

LAB = Lab(
    name="{name}",
    summary="It shows " "two things",
    chapter=1,
    minutes={minutes},
    config=Config,
    study=lambda config: None,
    {more}
)
'''


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder, name, minutes, more in (
        ("mlp", "mlp", 2, 'frameworks=("torch", "keras"),'),
        ("cnn", "lenet", 0.5, ""),
        ("cnn", "convolution", 1, 'data=("digits",),'),
    ):
        path = tmp_path / "lib" / folder / f"{name}_lab.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(LAB.format(name=name, minutes=minutes, more=more))
    (tmp_path / "lib" / "cnn" / "layers.py").write_text("raise SystemExit('not a lab')\n")
    (tmp_path / "lib" / "cnn" / "__init__.py").write_text("raise SystemExit('not a lab')\n")
    return tmp_path


def test_labs_are_found_by_name_without_importing_them(root: Path) -> None:
    before = set(sys.modules)
    labs = find_labs(root)
    assert list(labs) == ["convolution", "lenet", "mlp"]
    assert set(sys.modules) - before == set()
    mlp = labs["mlp"]
    assert (mlp.module, mlp.summary, mlp.minutes) == ("lib.mlp.mlp_lab", "It shows two things", 2.0)
    assert mlp.frameworks == ("torch", "keras")
    assert labs["lenet"].frameworks == ("torch",)
    assert labs["lenet"].module == "lib.cnn.lenet_lab"


def test_an_unknown_name_gets_the_nearest_ones(root: Path) -> None:
    assert find_lab(root, "lenet").name == "lenet"
    with pytest.raises(UserError, match=r"no lab 'lenett'\. Nearest: lenet\. .*invoke labs"):
        find_lab(root, "lenett")
    with pytest.raises(UserError, match="Nearest: convolution, lenet, mlp"):
        find_lab(root, "qqqq")


def test_the_labs_of_this_clone_are_listed_as_they_call_themselves() -> None:
    from importlib import import_module

    root = Path(__file__).resolve().parents[3]
    labs = find_labs(root)
    for name, entry in labs.items():
        lab = import_module(entry.module).LAB
        assert (name, entry.summary, entry.minutes) == (lab.name, lab.summary, lab.minutes)
        assert entry.frameworks == lab.frameworks
