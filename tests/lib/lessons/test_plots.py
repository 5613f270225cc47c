"""Plots of a line of code: each shows one picture in the cell, with Korean words, and returns nothing."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image as Picture

from lib.harness.contract.drawing import has_hangul
from lib.lessons import plots

TITLE = "어느 쪽이 더 클까요?" if has_hangul() else "Which one is larger?"
rng = np.random.default_rng(0)


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The pictures that are shown."""
    import IPython.display

    kept: list[Any] = []
    monkeypatch.setattr(IPython.display, "display", kept.append)
    return kept


def beale(x: Any, y: Any) -> Any:
    return (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2


def scalar(x: float, y: float) -> float:
    return float(x) ** 2 if x > 0 else abs(float(y))


PATH = np.cumsum(rng.normal(size=(20, 2)) / 5, axis=0)
CASES: dict[str, Callable[[], None]] = {
    "curves": lambda: plots.curves({"a": [1, 2, 3], "b": [3, 2, 5]}, title=TITLE, xlabel="x", ylabel="y"),
    "curves over x": lambda: plots.curves({"a": [1, 2, 3], "limit": 2.5}, [0.1, 1, 10], title=TITLE, log=True),
    "pictures": lambda: plots.pictures([rng.random((8, 8))] * 3, ["1", "2", "3"], title=TITLE),
    "pictures in rows": lambda: plots.pictures([rng.random((8, 8, 3))] * 5, columns=2, title=TITLE),
    "one picture": lambda: plots.pictures([rng.random((1, 8, 8))], title=TITLE),
    "bars": lambda: plots.bars({"a": 1, "b": np.float32(2), "c": -1}, title=TITLE, errors=[0.1, 0.2, 0.1]),
    "points": lambda: plots.points({"a": rng.random((9, 2)), "b": rng.random((4, 2))}, title=TITLE),
    "heat": lambda: plots.heat(rng.random((3, 4)), ["a", "b", "c"], list("abcd"), title=TITLE, numbers=True),
    "heat without names": lambda: plots.heat(rng.normal(size=(12, 40)), title=TITLE),
    "surface": lambda: plots.surface(beale, {"a": PATH, "b": -PATH}, (-4, 4), (-4, 4), title=TITLE),
    "surface of numbers": lambda: plots.surface(scalar, PATH.tolist(), title=TITLE),
    "surface alone": lambda: plots.surface(lambda x, y: x / (y + 1), title=TITLE),
}


@pytest.mark.parametrize("name", CASES)
def test_a_plot_is_one_picture(name: str, shown: list[Any]) -> None:
    from matplotlib import pyplot

    with warnings.catch_warnings():
        warnings.simplefilter("error")  # of a glyph that no font has
        assert CASES[name]() is None
    (picture,) = shown
    image = Picture.open(io.BytesIO(picture.data)).convert("RGB")
    assert min(image.size) > 120
    assert len(image.getcolors(maxcolors=1 << 24) or []) > 10, "the picture is blank"
    assert picture.alt == TITLE
    assert pyplot.get_fignums() == [], "no figure stays open"


def test_tensors_are_drawn_as_arrays_are(shown: list[Any]) -> None:
    import torch

    plots.curves({"a": torch.arange(3.0, requires_grad=True) ** 2})
    plots.pictures([torch.rand(1, 5, 5)])
    plots.heat(torch.rand(3, 3))
    assert len(shown) == 3
