"""Programs as Python, eagerly and as graphs; old code and new; what is refused and what is frozen."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lib.harness.contract.seeds import Seed
from lib.models.error_text import error_of
from lib.tf2.tf2 import autograph, old_code, programs
from tests.lib.tf2.support import Timed


def test_the_programs_are_what_they_say() -> None:
    assert [programs.collatz(n) for n in (1, 2, 6, 27)] == [0, 1, 8, 111]
    assert programs.divisor(84, 36) == math.gcd(84, 36)
    assert programs.square_root(2.0) == pytest.approx(math.sqrt(2), rel=1e-4)
    assert programs.absolute(-3) == programs.absolute(3) == 3
    assert programs.sum_until(np.array([1.0, -5.0, 2.0, 9.0, 1.0]), 8.0) == 3


def test_graphs_answer_as_eager_execution_and_python_do() -> None:
    found = autograph.measure(Seed(3), Timed(), draws=8, values=4, repeats=1)
    assert set(found["deviations"].values()) == set(found["python_deviations"].values()) == {0.0}
    assert found["gradient_deviation"] < 1e-6
    assert found["refused_without_autograph"] == len(programs.PROGRAMS)
    assert found["traces_tensors"] == [1] * 8
    assert found["traces_numbers"] == [1, 2, 3, 4, 4, 4, 4, 4]
    assert all(found["refused"].values()) and "0x" not in "".join(found["refused"].values())
    assert set(found["frozen"].values()) == {True}
    assert {np.shape(each) for each in found["answers"].values()} == {(3, 8)}
    python, _, graph = found["answers"]["while, if, else"]
    assert [programs.collatz(int(n)) for n in found["first"]["while, if, else"]] == list(python) == list(graph)


def test_another_program_in_the_graph_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Broken on purpose."""
    import tensorflow as tf

    monkeypatch.setattr(autograph, "graph_of", lambda program: tf.function(lambda *a: program(*a) + 1))
    drawn = [(np.float32(2),)]
    assert autograph.answers(programs.absolute, drawn).tolist() == [[2.0], [2.0], [3.0]]


def test_what_a_graph_takes_is_not_called_refused_or_frozen() -> None:
    assert autograph.refusal(programs.absolute, np.float32(-2)) == ""
    assert not autograph.stays(programs.absolute, lambda: None)
    assert not autograph.without_autograph_fails(lambda x: x + 1, (np.float32(2),))


def test_old_code_fails_and_its_replacement_is_right() -> None:
    found = old_code.both(300)
    assert all(found["old_errors"].values())
    assert found["old_errors"]["a dense layer"] == "AttributeError: module 'tensorflow' has no attribute 'layers'"
    assert "estimator" in found["old_errors"]["a model to serve"]
    assert set(found["new_errors"].values()) == {""}
    assert max(found["deviations"].values()) < 1e-5
    assert found["accuracy"] > found["nearest_mean"] > 0.4


@pytest.mark.parametrize(
    ("losses", "deviation"), [((math.log(10), 2.0), 0.0), ((math.log(10), 2.5), 2.5 - math.log(10))]
)
def test_a_descent_that_rises_deviates(losses: tuple[float, float], deviation: float) -> None:
    wanted = old_code.PAIRS["a model of one's own"].deviation
    assert wanted({"answer": losses}) == pytest.approx(deviation)
    assert math.isnan(wanted({"answer": (losses[0], math.nan)}))


def test_errors_are_one_line_without_addresses() -> None:
    def fail() -> None:
        raise ValueError("\n  <thing at 0x7f00>\nmore")

    assert error_of(fail) == "ValueError: <thing>"
    assert old_code.run("x = 1 / 0", {}) == "ZeroDivisionError: division by zero"
    assert old_code.run("x = 1", {}) == ""
