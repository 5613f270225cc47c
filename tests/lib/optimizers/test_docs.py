"""The examples in the docstrings say what really comes out."""

import doctest
import importlib
import pkgutil

import pytest

import lib.optimizers

MODULES = [
    "lib.optimizers",
    *(f"lib.optimizers.{module.name}" for module in pkgutil.iter_modules(lib.optimizers.__path__)),
]
OWN = [name for name in MODULES if not name.endswith((".lab", ".experiments"))]


@pytest.mark.parametrize("name", OWN)
def test_examples(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_every_optimizer_has_an_example() -> None:
    finder = doctest.DocTestFinder(exclude_empty=True)
    for name in lib.optimizers.__all__:
        if name not in ("Optimizer", "State"):
            kind = getattr(lib.optimizers, name)
            assert finder.find(kind)[0].examples, name
