"""The probe: which records of a first trial are made once more, and when."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, cast

import pytest

from lib.harness.contract.trial import Result, Trial
from lib.harness.recording.journal import Journal
from lib.harness.recording.recorder import Beginning, EnoughError
from lib.harness.recording.trace import canonical, step_record
from lib.harness.running import probe
from lib.harness.running.job import Job
from lib.harness.running.pool import Workers
from tests.lib.harness.labs.tiny import TinyConfig

START = 1_700_000_000_000


class Starts:
    """Workers that note the number of records for which a trial is started again."""

    def __init__(self) -> None:
        self.lines: list[int] = []

    def start_again(self, job: Job, lines: int) -> Future[list[str]]:
        self.lines.append(lines)
        future: Future[list[str]] = Future()
        future.set_result([])
        return future


def recorded(folder: Path, times: Sequence[float], measurements: dict[str, Any]) -> Job:
    """A first trial that has logged so many seconds after its start, and then its measurements."""
    path = folder / "trial-0000.jsonl"
    journal = Journal.create(path, {"key": "k.trial-0000"})
    for step, seconds in enumerate(times):
        record = {"step": step, "values": {"loss": "0x1.0p+0"}}
        journal.append_line(json.dumps({"kind": "log", "time": START + int(1000 * seconds), "record": record}))
    time = START + int(1000 * max(times, default=0)) + 1
    journal.append("log", time=time, record={"measurements": measurements})
    journal.end("FINISHED")
    lines = path.read_text().splitlines()
    lines[0] = json.dumps({**json.loads(lines[0]), "time": START})
    path.write_text("".join(f"{line}\n" for line in lines))
    return Job(Trial("fast", TinyConfig(), 0), "k.trial-0000", "m", 0, path, {}, {})


@pytest.mark.parametrize(
    ("times", "repeated"),
    [
        ([0, 1, 2, 3], [3]),  # no more than three records
        ([0, 1], [3]),  # a short trial to its end
        ([0, 9, 300], [2]),  # of a long one what came early
        ([600], []),  # nothing came early: it would run a second time to its end
    ],
)
def test_a_long_trial_never_runs_twice(tmp_path: Path, times: list[float], repeated: list[int]) -> None:
    workers = Starts()
    job = recorded(tmp_path, times, {"loss": 0.5})
    first = probe.Probe(job, cast(Workers, workers))
    first.ended(Result(job.trial, "k.trial-0001", "FINISHED"))
    first.ended(Result(job.trial, job.run, "FAILED"))
    assert workers.lines == []
    first.ended(Result(job.trial, job.run, "FINISHED"))
    assert workers.lines == repeated


def test_what_a_trial_logs_as_it_is_ended_is_not_one_more_record() -> None:
    log = Beginning(2)
    with pytest.raises(EnoughError):
        try:
            for step in range(9):
                log(step, loss=1.0)
        finally:
            log(9, loss=0.0)
    assert log.lines == [canonical(step_record(step, {"loss": 1.0})) for step in range(2)]


def test_the_end_of_a_pruned_trial_is_not_repeated(tmp_path: Path) -> None:
    """It ended early as others were better, and goes on when it is alone."""
    job = recorded(tmp_path, [0, 1], {"pruned_after": 2})
    lines = [canonical({"step": step, "values": {"loss": "0x1.0p+0"}}) for step in range(2)]
    assert probe.early_lines(job.journal, pruned=True) == lines
    assert len(probe.early_lines(job.journal, pruned=False)) == 3
