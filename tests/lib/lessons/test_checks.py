"""Checks of a learner's code: what cannot be compared is answered kindly, and hints follow from properties."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lib.harness.contract.texts import LANGUAGES, Language
from lib.lessons import lesson as lessons
from lib.lessons.checks import Hint, Learner, Relation, judge, relation, same
from lib.lessons.lesson import begin
from lib.lessons.texts import LessonError, Texts, of_frame, of_unit
from tests.lib.lessons.support import defined

EXPECTED = np.array([2.0, -3.0, 5.0, 0.5])


def shifted(learner: Learner) -> Hint | None:
    """Three numbers and a shift."""
    difference = relation(learner.array(np.array([1.0, 2.0, 4.0]), 3.0, shape=(3,)), [4, 5, 7])
    return None if difference is None else Hint(difference)


def half(learner: Learner) -> Hint | None:
    """One half."""
    return None if same(learner.value_number(), 0.5) else Hint("half", ratio=learner.value_number() / 0.5)


def counter(learner: Learner) -> Hint | None:
    """A class that counts."""
    made = learner.make(start=3)
    learner.effect(made, "forget")
    learner.method(made, "up", 4)
    total = learner.as_number(learner.method(made, "up", 1))
    return None if total == 5 and learner.attribute(made, "total") == 5 else Hint("other")


@pytest.fixture(autouse=True)
def _unit(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The dropout lesson with these exercises instead of its own."""
    unit = ModuleType("checks")
    unit.EXERCISES = {"shifted": shifted, "half": half, "counter": counter}  # type: ignore[attr-defined]
    texts = Texts(
        Path("unit/texts.toml"),
        {
            "half.half": {"ko": "{ratio}배입니다.", "en": "{ratio} times that."},
            "shifted.sign": {"ko": "부호!", "en": "The sign!"},
        },
    )
    monkeypatch.setattr(lessons, "import_module", lambda name: unit)
    monkeypatch.setattr(lessons, "of_unit", lambda module: texts)
    yield


def key_of(code: str, check: Any = shifted, seconds: float = 10.0) -> str | None:
    name = next(iter(name for name in ("shifted", "half", "counter", "f") if name in code))
    hint = judge(check, defined(code)[name], name, seconds)
    if hint is not None:
        for language in LANGUAGES:
            assert lessons.hint_text("", name, hint, language)
    return None if hint is None else hint.key


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (None, "def f(x, by):\n    return x + by"),
        (None, "f = lambda x, by: [each + by for each in x]"),
        (None, "import torch\ndef f(x, by):\n    return torch.tensor(x, requires_grad=True) + by"),
        (None, "def f(x, by):\n    print('on the way')\n    return x[...] + by"),
        ("empty", "def f(x, by):\n    ..."),
        ("empty", "def f(x, by):\n    '''Shift.'''\n    total = ...\n    return total"),
        ("empty", "def f(x, by):\n    return x + ..."),
        ("empty", "f = lambda x, by: ..."),
        ("empty", "f = ..."),
        ("nothing", "def f(x, by):\n    x + by"),
        ("nothing", "def f(x, by):\n    pass"),
        ("printed", "def f(x, by):\n    print(x + by)"),
        ("exception", "def f(x, by):\n    return y + by"),
        ("exception", "def f(x, by):\n    return x[7]"),
        ("exception", "def f(x, by):\n    return f(x, by)"),
        ("exception", "def f(x, by):\n    raise SystemExit"),
        ("signature", "def f(x):\n    return x"),
        ("signature", "f = lambda: 3"),
        ("mutated", "def f(x, by):\n    x += by\n    return x"),
        ("mutated", "def f(x, by):\n    for place in range(3):\n        x[place] = x[place] + by\n    return x"),
        ("type_array", "def f(x, by):\n    return 'three'"),
        ("type_array", "def f(x, by):\n    return [[1, 2], [3]]"),
        ("type_array", "def f(x, by):\n    return x + 0j"),
        ("shape", "def f(x, by):\n    return float(x.sum())"),
        ("shape", "def f(x, by):\n    return (x + by)[:2]"),
        ("nan", "def f(x, by):\n    return x * float('nan')"),
        ("nan", "def f(x, by):\n    return np.log(-x)"),
        ("inf", "def f(x, by):\n    return x / 0"),
        ("inf", "def f(x, by):\n    return np.exp(1000 * x)"),
        ("not_callable", "f = 3"),
        ("sign", "def f(x, by):\n    return -(x + by)"),
        ("sign", "def f(x, by):\n    return -x - by"),
        ("shift", "def f(x, by):\n    return x - by"),
        ("shift", "def f(x, by):\n    return x"),
        ("constant", "def f(x, by):\n    return np.zeros(3)"),
        ("constant", "def f(x, by):\n    return by * np.ones_like(x)"),
        ("reversed", "def f(x, by):\n    return x[::-1] + by"),
        ("other", "def f(x, by):\n    return x ** by"),
    ],
)
def test_a_function_is_answered_by_what_is_off(key: str | None, code: str) -> None:
    assert key_of(code) == key


@pytest.mark.parametrize(
    "code",
    [
        "def f(x, by):\n    while True:\n        by += 1",
        "def f(x, by):\n    while True:\n        try:\n            by += 1\n        except:\n            by = 0",
        "def f(x, k):\n    while True:\n        try:\n            k *= 2\n        except Exception:\n            pass",
    ],
)
def test_an_endless_loop_ends(code: str) -> None:
    began = time.monotonic()
    previous = signal.getsignal(signal.SIGALRM)
    assert key_of(code, seconds=0.3) == "endless"
    assert time.monotonic() - began < 5
    assert signal.getsignal(signal.SIGALRM) is previous
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (None, "half = 1 / 2"),
        (None, "half = np.array([0.5])"),
        ("half", "half = 2"),
        ("half", "half = np.float32(0.25)"),
        ("empty", "half = ..."),
        ("no_value", "half = None"),
        ("type_number", "half = '0.5'"),
        ("shape_number", "half = [0.5, 0.5]"),
        ("nan", "half = float('nan')"),
    ],
)
def test_a_value_is_answered_by_what_is_off(key: str | None, code: str) -> None:
    assert key_of(code, half) == key


COUNTER = """
class counter:
    def __init__(self, start):
        self.total = start
    def forget(self):
        {forget}
    def up(self, by):
        {up}
"""


@pytest.mark.parametrize(
    ("key", "forget", "up"),
    [
        (None, "self.total = 0", "self.total += by\n        return self.total"),
        ("empty", "self.total = 0", "self.total += by\n        return ..."),
        ("empty", "...", "self.total += by\n        return self.total"),
        ("nothing", "self.total = 0", "self.total += by"),
        ("printed", "self.total = 0", "print(self.total + by)"),
        ("exception", "self.total = nothing", "return 5"),
        ("no_member", "del self.total", "return 5"),
        ("other", "self.total = 0", "return 5"),
    ],
)
def test_a_class_is_answered_by_what_is_off(key: str | None, forget: str, up: str) -> None:
    assert key_of(COUNTER.format(forget=forget, up=up), counter) == key


def test_an_exception_is_shown_with_the_learners_own_line() -> None:
    def check(learner: Learner) -> Hint | None:
        learner([1, 2])
        return None

    code = "import numpy\ndef f(x):\n    wide = numpy.ones((2, 3))\n    return wide @ wide  # here\n"
    hint = judge(check, defined(code)["f"])
    assert hint is not None
    assert (hint.fields["kind"], hint.fields["line"], hint.fields["number"]) == (
        "ValueError",
        "return wide @ wide  # here",
        4,
    )


def test_an_argument_is_named_that_was_changed() -> None:
    hint = judge(shifted, defined("def f(x, by):\n    x.sort()\n    x[0] = 0\n    return x")["f"])
    assert hint is not None
    assert (hint.key, hint.fields["argument"]) == ("mutated", "x")


def test_a_generator_may_be_used() -> None:
    def check(learner: Learner) -> Hint | None:
        rng = np.random.default_rng(0)
        first, second = learner.number(rng), learner.number(rng)
        return None if first == second else Hint("other")

    assert judge(check, lambda rng: rng.random()) is None


@pytest.mark.parametrize(
    ("kind", "value", "made"),
    [
        (None, None, EXPECTED),
        (None, None, EXPECTED.astype(np.float32)),
        ("sign", None, -EXPECTED),
        ("factor", 0.25, EXPECTED / 4),
        ("factor", -3.0, -3 * EXPECTED),
        ("shift", 1.5, EXPECTED + 1.5),
        ("constant", 0.0, 0 * EXPECTED),
        ("constant", 7.0, np.full(4, 7.0)),
        ("reversed", None, EXPECTED[::-1]),
        ("other", None, EXPECTED**2),
        ("other", None, EXPECTED[:3]),
        ("other", None, "text"),
        ("other", None, EXPECTED * np.array([1, 1, 1, np.nan])),
    ],
)
def test_a_relation_of_a_list(kind: str | None, value: float | None, made: Any) -> None:
    found = relation(made, EXPECTED)
    assert found == kind
    if value is not None:
        assert found is not None
        assert found.value == pytest.approx(value)


MATRIX = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.5]])


@pytest.mark.parametrize(
    ("kind", "made", "expected"),
    [
        ("transposed", MATRIX.T, MATRIX),
        ("transposed", MATRIX[:, :2].T, MATRIX[:, :2]),
        ("reversed", MATRIX[::-1], MATRIX),
        ("reversed", MATRIX[:, ::-1], MATRIX),
        ("reversed", MATRIX[::-1, ::-1], MATRIX),
        ("factor", 2 * MATRIX, MATRIX),
        ("factor", 3.0, 1.5),
        ("factor", 0.1, 1.0),
        ("sign", -1.5, 1.5),
        ("other", 1.7, 1.5),
        ("factor", np.full(3, 1.7), np.full(3, 1.5)),
    ],
)
def test_a_relation_of_a_matrix_or_a_number(kind: str, made: Any, expected: Any) -> None:
    assert relation(made, expected) == kind


@given(arrays(np.float64, (2, 3), elements=st.floats(-100, 100)))
def test_an_answer_is_the_same_as_itself(array: np.ndarray) -> None:
    assert relation(array, array) is None
    assert relation(array.tolist(), array) is None


@given(
    arrays(np.float64, 4, elements=st.floats(-100, 100).filter(lambda x: abs(x) > 0.1), unique=True),
    st.floats(-50, 50).filter(lambda x: abs(x) > 0.1 and abs(abs(x) - 1) > 0.1),
)
def test_a_factor_is_found(array: np.ndarray, factor: float) -> None:
    found = relation(factor * array, array)
    assert found is not None
    if found == "factor":
        assert found.value == pytest.approx(factor)
    else:  # another property may fit as well
        assert found in ("reversed", "shift")


def test_a_tolerance_is_passed_on() -> None:
    assert relation(EXPECTED * (1 + 1e-4), EXPECTED) == "factor"
    assert relation(EXPECTED * (1 + 1e-4), EXPECTED, relative=1e-3) is None
    assert same([1.0, 1e-12], [1.0, 0.0])
    assert not same([1.0, 1e-12], [1.0, 0.0], absolute=1e-13)
    assert not same([1.0], [[1.0]])


def test_a_relation_is_a_key_with_its_value() -> None:
    hint = Hint(Relation("factor", 0.5))
    assert (hint.key, dict(hint.fields)) == ("factor", {"value": 0.5})
    assert "0.5" in lessons.hint_text("", "shifted", Hint("factor", ratio=0.5), "ko")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_check_answers_in_the_language_of_the_notebook(
    language: Language, capsys: pytest.CaptureFixture[str]
) -> None:
    lesson = begin("dropout", language)
    lesson.check(defined("def shifted(x, by):\n    return -x - by")["shifted"], half=0.25)
    first, second = capsys.readouterr().out.strip().splitlines()
    assert {"ko": "부호!", "en": "The sign!"}[language] in first
    assert {"ko": "0.5배입니다.", "en": "0.5 times that."}[language] in second
    lesson.check(half=0.5)
    assert {"ko": "맞았습니다", "en": "right"}[language] in capsys.readouterr().out


def test_what_was_answered_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    lesson = begin("dropout", "en")
    for value in (1.0, 2.0, 3.0):
        lesson.check(half=value)
    assert "unfold" in capsys.readouterr().out
    lesson.check(half=0.5)
    assert begin("dropout", "ko").kept.of("dropout")["exercises"]["half"] == {"right": True, "wrong": 3}


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_no_exercise_is_answered_with_the_exercises(
    language: Language, capsys: pytest.CaptureFixture[str]
) -> None:
    lesson = begin("dropout", language)
    lesson.check()
    lesson.check(0.5)
    lesson.check(lambda x: x)
    lesson.check(hlaf=0.5)
    lesson.check(wholly_different=0.5)
    lines = capsys.readouterr().out.strip().splitlines()
    assert len(lines) == 5
    assert all("shifted, half, counter" in line for line in lines)
    assert "`half`" in lines[3]
    assert not lesson.kept.of("dropout")["exercises"]


def test_a_check_that_fails_itself_is_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(name: str) -> Any:
        raise ImportError("no such unit")

    monkeypatch.setattr(lessons, "import_module", broken)
    begin("dropout", "ko").check(half=3)
    assert "no such unit" in capsys.readouterr().out


def test_an_answer_is_html_that_is_read_aloud_and_obeys_nothing_of_the_learner(monkeypatch: pytest.MonkeyPatch) -> None:
    pages: list[str] = []
    monkeypatch.setattr(lessons, "show", lambda plain, page: pages.append(page))
    begin("dropout", "en").check(defined("def shifted(x, by):\n    raise ValueError('<script>')")["shifted"])
    (page,) = pages
    assert 'role="status"' in page and 'aria-live="polite"' in page
    assert "<script>" not in page and "&lt;script&gt;" in page


def test_texts_have_both_languages_and_the_same_fields(tmp_path: Path) -> None:
    for text, named in (
        ('[a.b]\nko = "{x}"\nen = "{y}"', "field x, y"),
        ('[a.b]\nko = "{x}"', "'en'"),
        ('[a.b]\nko = ""\nen = "a"', "'ko'"),
        ('[a]\nb = "a"', "each language"),
        ('[a.b]\nko = "{}"\nen = "{}"', "needs a name"),
        ("[a", "texts.toml"),
    ):
        file = tmp_path / "texts.toml"
        file.write_text(text, encoding="utf-8")
        with pytest.raises(LessonError, match=named):
            Texts.read(file)


def test_a_text_that_is_missing_is_named() -> None:
    texts = Texts(Path("unit/texts.toml"), {"a.b": {"ko": "{x}", "en": "{x:.1f}"}})
    assert texts("a.b", "ko", x=0.123456) == "0.123"
    assert texts("a.b", "ko", x=np.float64(0.123456)) == "0.123"
    assert texts("a.b", "en", x=0.123456) == "0.1"
    assert texts("a.b", "ko", x="word") == "word"
    with pytest.raises(LessonError, match=r"a\.b"):
        texts("a.c", "ko")
    with pytest.raises(LessonError, match="'x'"):
        texts("a.b", "ko")
    with pytest.raises(LessonError, match="formatted"):
        texts("a.b", "en", x="word")


def test_the_frame_has_a_text_for_every_refusal_and_relation() -> None:
    kinds = ("sign", "factor", "shift", "transposed", "reversed", "constant", "other", "unexpected")
    refusals = (
        "empty nothing printed no_value exception exception_elsewhere signature endless mutated not_callable no_member "
        "type_array type_number shape shape_swapped shape_number nan inf"
    )
    assert all(f"hints.{key}" in of_frame() for key in (*kinds, *refusals.split()))
    assert {key for key in of_frame().entries if key.startswith("hints.")} == {
        f"hints.{key}" for key in (*kinds, *refusals.split())
    }
    assert of_unit("lib.lessons.units.no_such_unit").entries == {}
