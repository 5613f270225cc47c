"""Pictures that one moves: the controls, what a change redraws, and every unit's pictures in both languages."""

from __future__ import annotations

import base64
import io
import re
import warnings
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lib.harness.contract.drawing import can_draw
from lib.harness.contract.texts import LANGUAGES, Language
from lib.lessons.explore import Choice, Control, Explorable, Grid, Slider, Toggle, Words, is_of_unit, show
from lib.lessons.lesson import begin
from lib.lessons.order import LESSONS
from lib.lessons.texts import FRAME, LessonError, of_unit
from tests.lib.lessons.support import still

VIEW = "application/vnd.jupyter.widget-view+json"
UNITS = [entry for entry in LESSONS if (FRAME / "units" / entry.module.rpartition(".")[2] / "explore.py").is_file()]
TEXTS = {"caption": "Move p.", "label_p": "p", "label_kind": "kind", "label_grid": "filter", "option_relu": "ReLU!"}


def text(key: str, **fields: Any) -> str:
    if key.startswith("label_"):
        return TEXTS.get(key, key.removeprefix("label_"))
    if key not in TEXTS:
        raise LessonError(key)
    return TEXTS[key].format(**fields)


def trouble(error: BaseException) -> str:
    return f"<b>{error}"


drawn: list[dict[str, Any]] = []


def draw(figure: Any, text: Any, **values: Any) -> None:
    """A point whose height is `p`."""
    drawn.append(values)
    if values.get("p", 0) > 0.85:
        raise ValueError("too high")
    axis = figure.subplots()
    axis.plot([0.5], [values.get("p", 0)], "o", markersize=20)
    axis.set(xlim=(0, 1), ylim=(0, 1))


CONTROLS: dict[str, Control] = {
    "p": Slider(0, 0.9, 0.1, start=0.5),
    "units": Slider(1, 64, 1, start=16, whole=True),
    "kind": Choice(["tanh", "relu"], start="relu"),
    "word": Words("가나다"),
    "on": Toggle(True),
    "grid": Grid(2, 3, [[1, 2, 3], [4, 5, 6]]),
}


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    import IPython.display

    kept: list[Any] = []
    monkeypatch.setattr(IPython.display, "display", lambda data, raw: kept.append(data))
    drawn.clear()
    return kept


def widgets_of(explorable: Explorable, shown: list[Any]) -> tuple[dict[str, Any], Any, Any]:
    """The controls by name, the picture, and the line below it."""
    from ipywidgets.widgets.widget import _instances

    show(explorable, text, trouble)
    box = _instances[shown[-1][VIEW]["model_id"]]
    _, *controls, picture, line = box.children
    return dict(zip(explorable.controls, controls, strict=True)), picture, line


def test_a_picture_is_shown_with_its_controls_and_as_it_is_where_there_is_no_kernel(shown: list[Any]) -> None:
    controls, picture, _ = widgets_of(Explorable(draw, CONTROLS), shown)
    (data,) = shown
    assert base64.b64decode(data["image/png"]) == bytes(picture.value)
    assert data["text/plain"] == "Move p."
    assert drawn[0]["grid"].tolist() == [[1, 2, 3], [4, 5, 6]]
    assert {name: value for name, value in drawn[0].items() if name != "grid"} == {
        "p": 0.5,
        "units": 16,
        "kind": "relu",
        "word": "가나다",
        "on": True,
    }
    assert controls["p"].readout_format == ".1f"
    assert controls["kind"].options == (("tanh", "tanh"), ("ReLU!", "relu"))


@pytest.mark.parametrize(
    ("name", "value", "drawn_value"),
    [("p", 0.7, 0.7), ("units", 3, 3), ("kind", "tanh", "tanh"), ("word", "라", "라"), ("on", False, False)],
)
def test_a_change_draws_the_picture_again(name: str, value: Any, drawn_value: Any, shown: list[Any]) -> None:
    controls, picture, _ = widgets_of(Explorable(draw, CONTROLS), shown)
    before, times = picture.value, len(drawn)
    controls[name].value = value
    assert len(drawn) == times + 1
    assert drawn[-1][name] == drawn_value
    assert (picture.value != before) == (name == "p")


def test_a_number_of_a_grid_is_edited(shown: list[Any]) -> None:
    controls, _, _ = widgets_of(Explorable(draw, CONTROLS), shown)
    cells = controls["grid"].children[1].children
    assert [cell.value for cell in cells] == [1, 2, 3, 4, 5, 6]
    cells[4].value = -1
    assert drawn[-1]["grid"].tolist() == [[1, 2, 3], [4, -1, 6]]
    controls["grid"].value = np.zeros((2, 3))
    assert [cell.value for cell in cells] == [0] * 6
    assert cells[4].tooltip == "filter (2, 2)"


def test_values_that_cannot_be_drawn_leave_the_picture_and_say_so(shown: list[Any]) -> None:
    controls, picture, line = widgets_of(Explorable(draw, CONTROLS), shown)
    before = picture.value
    controls["p"].value = 0.9
    assert picture.value == before
    assert "&lt;b&gt;too high" in line.value and 'role="alert"' in line.value
    controls["p"].value = 0.1
    assert line.value == ""
    assert picture.value != before


def test_a_picture_is_a_png_of_its_size_and_belongs_to_no_window() -> None:
    from matplotlib import pyplot

    explorable = Explorable(draw, CONTROLS, size=(5, 2))
    png = explorable.render(text, p=0.2)
    assert Image.open(io.BytesIO(png)).size == (400, 160)
    assert png == explorable.render(text, p=0.2)
    assert png != explorable.render(text, p=0.3)
    assert pyplot.get_fignums() == []
    with pytest.raises(LessonError, match="no control 'q'"):
        explorable.render(text, q=1)


def test_what_a_unit_refuses_is_shown_in_its_own_words(shown: list[Any]) -> None:
    import ipywidgets
    from ipywidgets.widgets.widget import _instances

    begin("bert", "ko").explore("blank")
    parts = _instances[shown[-1][VIEW]["model_id"]].children
    (words,) = [each for each in parts if isinstance(each, ipywidgets.Text)]
    line = parts[-1]
    words.value = "빈칸 없는 문장"
    assert 'role="alert"' in line.value and "ValueError" not in line.value


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_picture_that_is_not_there_is_one_line(language: Language) -> None:
    with pytest.raises(LessonError, match="no_such"):
        begin(UNITS[0].name, language).explore("no_such")


CASES = [(entry, name) for entry in UNITS for name in import_module(f"{entry.module}.explore").EXPLORABLES]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("entry", "name"), CASES, ids=[f"{entry.name}-{name}" for entry, name in CASES])
def test_a_unit_has_a_picture_in_both_languages_with_labels_and_a_caption(
    entry: Any, name: str, language: Language
) -> None:
    explorable: Explorable = import_module(f"{entry.module}.explore").EXPLORABLES[name]
    texts = of_unit(entry.module)
    for key in ("caption", *(f"label_{control}" for control in explorable.controls)):
        assert texts(f"explore.{name}.{key}", language)
    if not can_draw(language):
        pytest.skip("no font has Hangul")
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # of a glyph that no font has
        png = still(entry.name, name, language)
    image = Image.open(io.BytesIO(png)).convert("RGB")
    assert min(image.size) > 100
    assert len(image.getcolors(maxcolors=1 << 24) or []) > 10, "the picture is blank"


@pytest.mark.parametrize(("entry", "name"), CASES, ids=[f"{entry.name}-{name}" for entry, name in CASES])
def test_every_control_of_a_unit_can_be_moved_to_its_ends(entry: Any, name: str) -> None:
    explorable: Explorable = import_module(f"{entry.module}.explore").EXPLORABLES[name]
    for control, kind in explorable.controls.items():
        ends: list[Any] = []
        match kind:
            case Slider(low=low, high=high, whole=whole):
                ends = [round(low), round(high)] if whole else [float(low), float(high)]
            case Choice(options=options):
                ends = list(options)
            case Words():
                ends = ["", "ㅎ", "zzz <b> 없는 말"]
            case Toggle():
                ends = [True, False]
            case Grid(rows=rows, columns=columns):
                ends = [np.zeros((rows, columns)), np.full((rows, columns), -1e3)]
        for value in ends:
            try:
                assert still(entry.name, name, "en", **{control: value})
            except ValueError as refused:  # a unit may refuse words, by a text of its own
                assert isinstance(kind, Words) and is_of_unit(refused)
                assert not re.search("[가-힣]", str(refused)), "in the language of the notebook"
