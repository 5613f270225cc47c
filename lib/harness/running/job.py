"""A trial with all that a worker needs, and how it is run and recorded in this process."""

from __future__ import annotations

import time
import traceback
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lib.harness.contract.loading import lab_of
from lib.harness.contract.options import PRUNED
from lib.harness.errors import UserError
from lib.harness.machine import determinism, scope
from lib.harness.recording.journal import Journal, JournalError, is_full, on_disk
from lib.kernels import choice

if TYPE_CHECKING:
    from lib.harness.contract.trial import Log, Result, Trial, WatchedLog
    from lib.harness.recording.recorder import Recorder
    from lib.harness.running.watching.window import Window


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
        JournalError: the disk of the journal is full, or has failed.
    """
    from lib.harness.contract.trial import Result
    from lib.harness.recording.recorder import Recorder

    with on_disk(job.journal.parent), Journal.create(job.journal, job.header) as journal:
        recorder = Recorder(journal)
        watched = job.trial.stop_rule.watch(recorder) if job.trial.stop_rule else None
        try:
            for name, data in job.files.items():
                journal.write(name, data)
            measurements, pruned = train(job, recorder, watched)
        except BaseException as error:  # sys.exit included; no Ctrl-C comes here, workers ignore it
            if isinstance(error, JournalError) or is_full(error):
                raise
            message = described(error)
            journal.write("traceback.txt", traceback.format_exc().encode(errors="replace"))
            refused = scope.of_error(message)
            journal.end("FAILED", **{"lab.error": message, **({"lab.scope": refused} if refused else {})})
            reports = tuple(watched.reports) if watched else ()
            return Result(job.trial, job.run, "FAILED", error=message, reports=reports)
        early = {PRUNED: f"after {measurements['pruned_after']} reports"} if pruned else {}
        journal.end("FINISHED", **{"lab.result_digest": recorder.digest}, **early, **_lowered(job))
    return Result(
        job.trial,
        job.run,
        "PRUNED" if pruned else "FINISHED",
        measurements,
        recorder.digest,
        timings=recorder.timings,
        reports=tuple(watched.reports) if watched else (),
    )


def _lowered(job: Job) -> dict[str, str]:
    """The scope without the kernels, for a trial with a network that they do not know; empty for any other."""
    if choice.complete():
        return {}
    runtime, portable = job.trial.runtime, job.header["tags"].get("lab.portable") == "true"
    makers = lab_of(job.module).makers(runtime.framework, job.trial.function)
    return {"lab.scope": scope.stated(makers, portable)}


def described(error: BaseException) -> str:
    """The error of a trial, in a line or more."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, SystemExit):
        return f"the trial ended its process (sys.exit({error.code!r})): a trial returns, or raises an exception"
    return f"{type(error).__name__}: {error}"


def beginning(job: Job, lines: int) -> list[str]:
    """The first `lines` that a trial records, from a start of it that leaves nothing behind."""
    from lib.harness.recording.recorder import Beginning, EnoughError

    log = Beginning(lines)
    with suppress(EnoughError):
        log.measurements(_measure(job, log))
    return log.lines


def watch(job: Job, window: Window) -> None:
    """Run a trial until its window closes, and leave nothing behind. Raises what the trial raises."""
    from lib.harness.recording.recorder import EnoughError

    with suppress(EnoughError):
        window.measurements(_measure(job, window, window))


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


def _measure(job: Job, log: Log, around: AbstractContextManager[Any] | None = None) -> dict[str, Any]:
    """Run the trial from the state of a fresh process, in the context `around`, and return its measurements."""
    from lib.harness.contract.seeds import Seed
    from lib.harness.recording.recorder import plain

    trial = job.trial
    lab = lab_of(job.module)
    # every variant of a seed index starts from the same seed, so that comparisons over seeds are paired
    seed = Seed(job.root_seed).child("trial", trial.seed)
    determinism.begin(trial.runtime, seed)
    choice.begin()
    with around or nullcontext():
        measurements: dict[str, Any] = plain(lab.function(trial)(trial.config, seed, log))
    determinism.check_frameworks(trial.runtime)
    return measurements
