"""The study loop: runs a batch of trials, gives the study its results, and asks it for the next batch."""

from __future__ import annotations

import traceback
from typing import Protocol

from lib.harness.contract.trial import ENDED_WELL, Result, Study
from lib.harness.errors import UserError
from lib.harness.recording.recorder import NAME_REFUSED
from lib.harness.running.job import Job
from lib.harness.running.parent import ParentRun
from lib.harness.running.pool import Workers
from lib.harness.running.probe import Probe


class Progress(Protocol):
    """Shows a user how far the trials are."""

    def asked(self, number: int, /) -> None:
        """The study has asked for `number` more trials."""

    def started(self, name: str, /) -> None:
        """A trial has begun."""

    def ended(self, failed: bool, worker: str = "") -> None:
        """A trial has ended. `worker`: the machine that ran it, if not this one."""


def run_study(
    run: ParentRun, study: Study, jobs: list[Job], *, workers: Workers, progress: Progress, probe: Probe
) -> list[str]:
    """Run `jobs` and all that the study asks for after it; results go to ``run.results``.

    Args:
        run: of the lab; trials that it has adopted are not run again.
        study: that has asked for `jobs`.
        jobs: the first batch.
        workers: that run the trials.
        progress: is told as trials start and end.
        probe: repeats the first trial when it has ended.

    Returns:
        A line if the study failed, as it does when too few of its trials have ended well.

    Raises:
        UserError: the workers', the study's, or a trial logged a name that MLflow refuses.
    """

    def show(result: Result, worker: str = "") -> None:
        probe.ended(result)
        progress.ended(result.status not in ENDED_WELL, worker)

    while jobs:
        progress.asked(len(jobs))
        ended = {job.run: run.adopted[job.run] for job in jobs if job.run in run.adopted}
        for result in ended.values():
            show(result)
        ran = workers.run(
            [job for job in jobs if job.run not in ended],
            started=lambda job: progress.started(job.header["name"]),
            ended=show,
        )
        ended |= {result.run: result for result in ran}
        batch = [ended[job.run] for job in jobs]
        run.results += batch
        for result in batch:
            if result.error.startswith(NAME_REFUSED):
                raise UserError(f"{result.trial.variant}, seed {result.trial.seed}: {result.error}")
        try:
            jobs = [run.job(trial) for trial in study.send(batch)]
        except StopIteration:
            break
        except UserError:
            raise
        except (Exception, SystemExit) as error:
            run.write_files({"traceback.txt": traceback.format_exc().encode(errors="replace")})
            return [f"the study failed: {type(error).__name__}: {error} (more in traceback.txt of the run)"]
    return []
