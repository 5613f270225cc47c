"""The table of results, whatever the trials of a variant return, and numbers that are not rounded over their limits."""

from __future__ import annotations

import math
from typing import Any

import pytest

from lib.harness.contract.claim import Claim
from lib.harness.contract.results import Results
from lib.harness.contract.trial import Result, Trial
from lib.harness.judging.verdicts import judge_all
from lib.harness.showing import display
from lib.harness.showing.in_cell import Outcome, interval_text
from lib.harness.showing.report import effect_of
from tests.lib.harness.labs.tiny import TinyConfig


def results(*measurements: dict[str, Any]) -> Results:
    """Trials of one variant that returned these."""
    return Results(
        [Result(Trial("fast", TinyConfig(), i), f"r{i}", "FINISHED", each) for i, each in enumerate(measurements)]
    )


@pytest.mark.parametrize(
    ("measurements", "shown"),
    [
        (({"a": 1.0}, {"a": 3.0}), "a 2"),
        (({"a": 1.0, "b": 5}, {"a": 3.0}), "a 2  b 5 (of 1)"),
        (({}, {"a": 3.0}), "a 3 (of 1)"),
        (({"a": None}, {"a": 3.0}), "a 3 (of 1)"),
        (({"a": "text", "b": [1]}, {"a": 1.0}), "a 1 (of 1)"),
        (({"a": float("nan")}, {"a": 1.0}), "a nan"),
    ],
)
def test_a_measurement_that_a_seed_lacks_is_no_error(
    measurements: tuple[dict[str, Any], ...], shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    display.print_results(results(*measurements))
    row = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("fast"))
    assert row.rstrip().split(maxsplit=2)[1:] == ["2", shown]


@pytest.mark.parametrize(
    ("value", "holds_when", "shown"),
    [
        (0.5, ">= 0.01", "0.5"),
        (1.0000001e-12, "<= 1e-12", "1.0000001e-12"),
        (math.nextafter(1e-12, 1), "<= 1e-12", "1.0000000000000002e-12"),
        (1e-12, "<= 1e-12", "1e-12"),
        (0.0099996, ">= 0.01 and <= 5", "0.0099996"),
        (5.0004, ">= 0.01 and <= 5", "5.0004"),
        (61706.0, ">= 61706 and <= 61706", "61706"),
        (61707.0, ">= 61706 and <= 61706", "61707"),
        (-0.6994, ">= -0.69897 and <= 0.69897", "-0.699"),
        (-0.6986, ">= -0.69897 and <= 0.69897", "-0.6986"),
        (1e-300, "> 0", "1e-300"),
        (0.0, "> 0", "0"),
        (-1e-17, ">= 0", "-1e-17"),
        (math.inf, ">= 0", "∞"),
        (math.nan, ">= 0", "nan"),
        (0.3, "", "0.3"),
    ],
)
def test_a_number_beyond_its_limit_is_never_shown_as_equal_to_it(value: float, holds_when: str, shown: str) -> None:
    record = {"effect": value, "low": value, "high": value, "kind": "exact", "holds_when": holds_when}
    assert display.effect_text(record) == effect_of(record) == shown
    assert display.ends_text(record) == f"{shown} … {shown}"
    assert effect_of({**record, "kind": "statistical"}) == f"{shown} [{shown}, {shown}]"
    assert interval_text({**record, "kind": "statistical"}, "ko") == f"{shown} … {shown}"


def test_every_table_shows_such_a_number(capsys: pytest.CaptureFixture[str]) -> None:
    claim = Claim("fact", kind="exact", measure=lambda _: math.nextafter(1e-12, 1), at_most=1e-12, unit="px")
    records = judge_all([claim], results(), "lab")
    display.print_verdicts(records)
    assert "1.0000000000000002e-12" in capsys.readouterr().out
    assert "1.0000000000000002e-12" in repr(Outcome("key", "", records))


@pytest.mark.parametrize(("p", "shown"), [(0.0249, "0.0249"), (0.0251, "0.0251"), (0.025, "0.025"), (0.3, "0.3")])
def test_a_p_value_is_shown_on_its_side_of_the_tail(p: float, shown: str) -> None:
    assert display.p_text({"p": p}) == shown
    assert display.p_text({"p": 0.0001}) == "< 0.001"
    assert display.p_text({}) == "-"
