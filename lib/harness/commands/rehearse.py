"""Rehearses a lab for its author: every variant for seconds, then every claim and figure once; nothing is recorded."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from lib.harness.contract.claim import InconclusiveError
from lib.harness.contract.config import Config
from lib.harness.contract.lab import Lab
from lib.harness.contract.loading import load
from lib.harness.contract.settings import Options
from lib.harness.contract.source import LabEntry
from lib.harness.contract.trial import Result, Trial
from lib.harness.errors import UserError
from lib.harness.judging.verdicts import measured
from lib.harness.running.draw import pictures
from lib.harness.running.job import Job
from lib.harness.running.pool import Workers
from lib.harness.running.rehearsal import (
    SECONDS,
    Rehearsed,
    RehearsedResults,
    one_line,
    rehearse_figure,
    rehearse_trial,
)
from lib.harness.showing import display

OK, ERROR, OPEN = "ok", "error", "not rehearsed"
Row = tuple[str, str, str, str]
"""What was rehearsed (a trial, a claim, a figure, the study), its name, how it went, and more about that."""


def rehearse(entry: LabEntry, options: Options, workers: Workers) -> int:
    """Rehearse a lab in `workers` and print a row for each of its parts. Returns the exit code. 0: no error. 1: one.

    The first seed of each variant runs for at most `SECONDS`; what it measured stands for the variant's other seeds.

    Raises:
        UserError: bad options, or a worker that was killed.
    """
    from lib.harness.commands.lab import config_for

    lab = load(entry)
    config, _ = config_for(lab, options)
    with TemporaryDirectory(prefix="lab-rehearsal-") as name:
        folder = Path(name)
        workers.log = folder / "workers.log"
        try:
            rehearsal = Rehearsal(entry, lab, config, seed=options.seed, workers=workers, folder=folder)
            rows = [*rehearsal.trials(), *rehearsal.claims(), *rehearsal.figures()]
        finally:
            workers.close()  # before their folder goes
    display.print_rehearsal(rows)
    errors, unknown = (sum(row[2] == outcome for row in rows) for outcome in (ERROR, OPEN))
    display.console.print(f"{errors} with an error, {unknown} not rehearsed; nothing was recorded")
    if rehearsal.stopped:
        display.console.print("Claims and figures need trials that end in time: --quick, or fewer steps with --set")
    return 1 if errors else 0


class Rehearsal:
    """The rehearsal of one lab.

    Attributes:
        results: a result for each trial that the study asked for.
    """

    def __init__(self, entry: LabEntry, lab: Lab, config: Config, *, seed: int, workers: Workers, folder: Path):
        self.entry, self.lab, self.config, self.seed = entry, lab, config, seed
        self.workers, self.folder = workers, folder
        self.results: list[Result] = []
        self._rehearsed: dict[str, Rehearsed] = {}
        self._names: dict[str, str] = {}

    def trials(self) -> Iterator[Row]:
        """Follow the study to its end, with the first trial of each variant. Yields a row per variant."""
        study = self.lab.begin(self.config, self.seed)
        trouble = ""
        with display.counting(f"{self.lab.name}, rehearsed") as counter:
            try:
                batch = next(study)
                while True:
                    self._rehearse(batch, counter)
                    new = [self._result(trial) for trial in batch]
                    self.results += new
                    batch = study.send(new)
            except StopIteration:
                pass
            except UserError:
                raise
            except Exception as error:
                trouble = one_line(error, self.entry.module)
        yield from (_trial_row(self._names[variant], rehearsed) for variant, rehearsed in self._rehearsed.items())
        if trouble:
            yield self._study_row(trouble)

    @property
    def stopped(self) -> bool:
        """Return whether a trial did not end in time."""
        return any(rehearsed.stopped for rehearsed in self._rehearsed.values())

    def _rehearse(self, batch: list[Trial], counter: display.Counter) -> None:
        """Rehearse those variants of a batch that are new."""
        new: dict[str, Trial] = {}
        for trial in batch:
            if trial.variant not in self._rehearsed:
                new.setdefault(trial.variant, trial)
                self._names[trial.variant] = f"{trial.variant} ({trial.function})" if trial.function else trial.variant
        jobs = [self._job(trial, len(self._rehearsed) + number) for number, trial in enumerate(new.values())]
        counter.asked(len(jobs))
        ended = self.workers.each(
            rehearse_trial,
            jobs,
            started=lambda job: counter.started(job.trial.variant),
            ended=lambda rehearsed, _: counter.ended(failed=bool(rehearsed.error)),
        )
        self._rehearsed |= dict(zip(new, ended, strict=True))

    def _job(self, trial: Trial, number: int) -> Job:
        key = f"rehearsal-{number:04}"
        path = self.folder / f"{key}.jsonl"
        return Job(trial, key, self.entry.module, self.seed, path, {"key": key}, {})

    def _result(self, trial: Trial) -> Result:
        """The result of a trial, with what the rehearsed one of its variant measured."""
        rehearsed = self._rehearsed[trial.variant]
        if rehearsed.measurements is None:
            return Result(trial, "rehearsal", "FAILED" if rehearsed.error else "KILLED", error=rehearsed.error)
        return Result(trial, "rehearsal", "FINISHED", rehearsed.measurements, timings=rehearsed.timings)

    def _study_row(self, error: str) -> Row:
        """The row of a study that raised: an error of its own, unless a variant that it needs has no measurements."""
        incomplete = any(rehearsed.measurements is None for rehearsed in self._rehearsed.values())
        return "study", self.lab.name, OPEN if incomplete else ERROR, f"{error}; what it asks for next was not reached"

    def claims(self) -> Iterator[Row]:
        """Measure each claim once. Yields a row per claim."""
        for claim in self.lab.claims:
            results = RehearsedResults(self.results)
            try:
                with warnings.catch_warnings(), np.errstate(all="ignore"):  # seeds that are all equal have no spread
                    warnings.simplefilter("ignore")
                    measured(claim, results)
            except InconclusiveError as why:
                yield "claim", claim.id, OK, f"inconclusive: {why}"
            except (Exception, SystemExit) as error:
                yield _raised_row("claim", claim.id, one_line(error, self.entry.module), results.lacking)
            else:
                yield "claim", claim.id, OK, ""

    def figures(self) -> Iterator[Row]:
        """Draw each figure and animation once, in each of its languages. Yields a row per picture."""
        wanted = list(pictures(self.lab))
        folder = self.folder / "figures"
        arguments = [
            (self.entry.module, picture, RehearsedResults(self.results), self.config, folder) for picture in wanted
        ]
        for picture, drawn in zip(wanted, self.workers.call(rehearse_figure, arguments), strict=True):
            name = picture.name if picture.language == "en" else f"{picture.language}/{picture.name}"
            if isinstance(drawn, Exception):
                raise drawn
            if drawn.stopped:
                yield "figure", name, OPEN, f"not drawn within {SECONDS:.0f} s"
            elif drawn.error:
                yield _raised_row("figure", name, drawn.error, drawn.lacking)
            else:
                yield "figure", name, OK, f"{drawn.seconds:.1f} s"


def _raised_row(part: str, name: str, error: str, lacking: Iterable[str]) -> Row:
    """The row of a claim or a figure that raised, perhaps for the measurements of variants that it lacks."""
    variants = ", ".join(f"'{variant}'" for variant in sorted(lacking))
    return (part, name, OPEN, f"lacks {variants}: {error}") if variants else (part, name, ERROR, error)


def _trial_row(name: str, rehearsed: Rehearsed) -> Row:
    """The row of a variant."""
    if rehearsed.error:
        return "trial", name, ERROR, rehearsed.error
    if rehearsed.measurements is not None:
        return "trial", name, OK, f"{rehearsed.seconds:.1f} s"
    if rehearsed.first is None:
        return "trial", name, OPEN, f"no record within {SECONDS:.0f} s"
    return "trial", name, OK, f"first record after {rehearsed.first:.1f} s; not at its end after {SECONDS:.0f} s"
