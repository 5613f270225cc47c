"""The table of results, whatever the trials of a variant return."""

from __future__ import annotations

from typing import Any

import pytest

from lib.harness.contract.results import Results
from lib.harness.contract.trial import Result, Trial
from lib.harness.showing import display
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
