"""The window of a trial in which operations are recorded: from one record of its log to the next."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lib.harness.comparing import operations as files
from lib.harness.recording.operations import Operations, active
from lib.harness.recording.recorder import EnoughError
from lib.harness.recording.trace import canonical, digest_of, measurements_record, parameters_record, step_record
from lib.harness.running.watching.window import Window
from tests.lib.harness.operations.support import ABOUT, RUN

LOSSES = [4.0, 2.0, 1.0]
RECORDS = [
    *(step_record(step, {"loss": loss, "w": np.full(2, loss)}) for step, loss in enumerate(LOSSES)),
    parameters_record({"w": np.zeros(2)}),
    measurements_record({"accuracy": 0.5, "curve": [1.0, 2.0]}),
]


def compute(loss: float) -> np.ndarray:
    """A function of the trial, which is an operation in NumPy."""
    return np.full(2, loss)


def trial(log: Any) -> dict[str, Any]:
    for step, loss in enumerate(LOSSES):
        log(step, loss=loss, w=compute(loss))
        log.timing(step, seconds=1.0)
    log.parameters({"w": np.zeros(2)})
    return {"accuracy": 0.5, "curve": [1.0, 2.0]}


def watched(path: Path, first: int, last: int | None) -> tuple[Window, list[dict[str, Any]]]:
    """The window of a whole trial, and the operations that it has."""
    with path.open("wb") as stream:
        window = Window("numpy", first, last, lambda: Operations(stream, RUN, ABOUT))
        try:
            with window:
                measurements = trial(window)
            window.measurements(measurements)
        except EnoughError:
            pass
        assert window.operations is not None
        window.operations.end(logged=window.logged, error="")
    assert active() is None
    return window, [json.loads(line) for line in files.read(path).lines()]


@pytest.mark.parametrize("step", range(3))
def test_a_step_is_what_comes_between_two_records(step: int, tmp_path: Path) -> None:
    window, lines = watched(tmp_path / "a.jsonl", step, step + 1)
    assert [line["name"] for line in lines] == ["compute", "log"]
    assert lines[0]["inputs"] == [{"name": "loss", "value": LOSSES[step].hex()}]
    assert [value["name"] for value in lines[1]["inputs"]] == ["loss", "w"]
    assert window.closed
    assert window.logged == digest_of(canonical(record) for record in RECORDS[: step + 1])


def test_the_end_is_all_that_comes_after_the_last_step(tmp_path: Path) -> None:
    window, lines = watched(tmp_path / "a.jsonl", 3, None)
    assert [line["name"] for line in lines] == ["log.parameters", "measurements"]
    assert window.closed
    assert window.logged == digest_of(map(canonical, RECORDS))


def test_a_window_of_all_has_the_trial_itself(tmp_path: Path) -> None:
    _, lines = watched(tmp_path / "a.jsonl", 0, None)
    names = [line["name"] for line in lines]
    assert names == [*["compute", "log"] * 3, "log.parameters", "trial", "measurements"]


def test_a_trial_that_ends_first_has_no_window_or_a_shorter_one(tmp_path: Path) -> None:
    stream = io.BytesIO()
    window = Window("numpy", 9, 10, lambda: Operations(stream, RUN, ABOUT))
    with window:
        trial(window)
    window.measurements({})
    assert (window.operations, stream.getvalue()) == (None, b"")
    _, lines = watched(tmp_path / "a.jsonl", 3, 9)
    assert [line["name"] for line in lines] == ["log.parameters", "measurements"]


def test_a_window_that_is_closed_takes_no_more(tmp_path: Path) -> None:
    """A trial may log once more as it ends, in a `finally`."""
    stream = io.BytesIO()
    window = Window("numpy", 0, 1, lambda: Operations(stream, RUN, ABOUT))
    with window, pytest.raises(EnoughError):
        window(0, loss=1.0)
    assert window.operations is not None
    assert window.operations.count == 1
    with pytest.raises(EnoughError):
        window(1, loss=1.0)
    assert window.operations.count == 1
    assert window.logged == digest_of([canonical(step_record(0, {"loss": 1.0}))])


def test_a_trial_that_fails_stops_being_watched(tmp_path: Path) -> None:
    stream = io.BytesIO()
    window = Window("numpy", 0, None, lambda: Operations(stream, RUN, ABOUT))
    with pytest.raises(ZeroDivisionError), window:
        raise ZeroDivisionError
    assert active() is None
    assert not window.closed
