"""A trial with all that a worker needs, and how it is run and recorded in this process."""

from __future__ import annotations

import time
import traceback
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lib.harness.contract.loading import lab_of
from lib.harness.contract.options import PRUNED
from lib.harness.errors import UserError
from lib.harness.machine import determinism, scope
from lib.harness.recording.journal import Journal, is_full, on_disk

if TYPE_CHECKING:
    from lib.harness.contract.trial import Log, Result, Trial, WatchedLog
    from lib.harness.recording.recorder import Recorder


PROBED_LINES = 3  # of the first trial, which are recorded twice


@dataclass(frozen=True)
class Job:
    """A trial with all that a worker needs to run and record it."""

    trial: Trial
    run: str
    module: str
    root_seed: int
    journal: Path
    header: Mapping[str, Any]
    files: Mapping[str, bytes]


def run_job(job: Job) -> Result:
    """Run one trial in this process and write its journal from the first record to the last.

    Raises:
        JournalFullError: the disk of the journal is full.
    """
    from lib.harness.contract.trial import Result
    from lib.harness.recording.recorder import Recorder

    journal = Journal.create(job.journal, job.header)
    recorder = Recorder(journal)
    watched = job.trial.stop_rule.watch(recorder) if job.trial.stop_rule else None
    with on_disk(job.journal.parent):
        try:
            journal.files.mkdir()
            for name, data in job.files.items():
                (journal.files / name).write_bytes(data)
            measurements, pruned = train(job, recorder, watched)
        except Exception as error:
            if is_full(error):
                raise
            message = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
            (journal.files / "traceback.txt").write_text(traceback.format_exc(), encoding="utf-8")
            refused = scope.of_error(message)
            journal.end("FAILED", **{"lab.error": message, **({"lab.scope": refused} if refused else {})})
            reports = tuple(watched.reports) if watched else ()
            return Result(job.trial, job.run, "FAILED", error=message, reports=reports)
        early = {PRUNED: f"after {measurements['pruned_after']} reports"} if pruned else {}
        journal.end("FINISHED", **{"lab.result_digest": recorder.digest}, **early)
    return Result(
        job.trial,
        job.run,
        "PRUNED" if pruned else "FINISHED",
        measurements,
        recorder.digest,
        timings=recorder.timings,
        reports=tuple(watched.reports) if watched else (),
    )


def beginning(job: Job) -> list[str]:
    """The first lines that a trial records, from a start of it that leaves nothing behind."""
    from lib.harness.recording.recorder import Beginning, EnoughError

    log = Beginning(PROBED_LINES)
    with suppress(EnoughError):
        log.measurements(_measure(job, log))
    return log.lines


def train(job: Job, recorder: Recorder, watched: WatchedLog | None) -> tuple[dict[str, Any], bool]:
    """The trial itself: its measurements, recorded, and whether it was pruned."""
    from lib.harness.contract.trial import StoppedEarlyError

    started = time.perf_counter()
    pruned = False
    try:
        measurements = _measure(job, watched or recorder)
    except StoppedEarlyError:
        assert watched is not None
        measurements, pruned = {"pruned_after": len(watched.reports)}, True
    recorder.measurements(measurements)
    recorder.timing(trial_seconds=time.perf_counter() - started)
    return measurements, pruned


def _measure(job: Job, log: Log) -> dict[str, Any]:
    """Run the trial from the state of a fresh process and return its measurements."""
    from lib.harness.contract.seeds import Seed
    from lib.harness.recording.recorder import plain

    trial = job.trial
    lab = lab_of(job.module)
    # every variant of a seed index starts from the same seed, so that comparisons over seeds are paired
    seed = Seed(job.root_seed).child("trial", trial.seed)
    determinism.begin(trial.runtime, seed)
    measurements: dict[str, Any] = plain(lab.function(trial)(trial.config, seed, log))
    determinism.check_frameworks(trial.runtime)
    return measurements
