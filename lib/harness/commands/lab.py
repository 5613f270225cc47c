"""Runs a lab: config, study, trials, journal, verdicts, figures, and the words at the end."""

from __future__ import annotations

import json
import secrets
import shlex
import time
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Literal

from lib.harness.contract.config import Config
from lib.harness.contract.lab import Lab
from lib.harness.contract.loading import load
from lib.harness.contract.results import Results
from lib.harness.contract.settings import Options, configure
from lib.harness.contract.source import LabEntry
from lib.harness.contract.trial import ENDED_WELL, Study, Trial
from lib.harness.errors import UserError
from lib.harness.judging.verdicts import all_measured, judge_all
from lib.harness.machine import scope
from lib.harness.recording import provenance
from lib.harness.recording.journal import files_of, journal_root, on_disk, read
from lib.harness.recording.recorder import NAME_REFUSED
from lib.harness.recording.trace import canonical, parent_digest
from lib.harness.running.draw import draw, pictures
from lib.harness.running.gpu_samples import sampled
from lib.harness.running.job import Job
from lib.harness.running.parent import Extras, LabRun
from lib.harness.running.pool import Workers
from lib.harness.running.resumption import Interrupted, OtherStudyError
from lib.harness.searching import best
from lib.harness.shipping.model import export
from lib.harness.shipping.tracking import Tracking
from lib.harness.showing import display

NO_EXTRAS = Extras()
INTERRUPTED_SECONDS = 10.0  # how long a lab that was cut short tries to tell MLflow


class Command:
    """What a command prints, and adds to its parent run, besides what every run does. A lab's own run has nothing more.

    Attributes:
        words: with which ``./invoke`` starts it.
        extras: of the parent run.
    """

    def __init__(self, words: str, extras: Extras = NO_EXTRAS):
        self.words, self.extras = words, extras

    def close(self, run: LabRun, results: Results, workers: Workers) -> list[str]:
        """Record what comes of the results, before the run ends. Returns warnings for its reader."""
        return []

    def show(self, results: Results, claims: Sequence[Mapping[str, Any]]) -> None:
        """Print the results."""
        display.print_results(results)
        display.print_verdicts(claims)


def run_lab(entry: LabEntry, options: Options, workers: Workers, interrupted: Interrupted | None = None) -> int:
    """Run a lab in `workers`, or one that was interrupted, from where it was. Returns the exit code of `carry_out`.

    Raises:
        UserError: bad options, a run that cannot be taken up, or what `carry_out` raises.
    """
    lab = load(entry)
    command = Command(f"lab {shlex.quote(entry.word)}")
    if interrupted is not None:
        config = config_of(interrupted, entry, lab)
    elif options.config is None:
        config = configure(lab, options)
    else:
        config, found = best.adopted(lab, options)
        command = Command(command.words, Extras(tags={"lab.config_from": found.run}))
    return carry_out(entry, lab, config, options, workers=workers, command=command, interrupted=interrupted)


def carry_out(
    entry: LabEntry,
    lab: Lab,
    config: Config,
    options: Options,
    *,
    workers: Workers,
    command: Command,
    interrupted: Interrupted | None = None,
) -> int:
    """Run `lab`, whose trials are those of the module of `entry`, to its verdicts, from where it was if interrupted.

    Returns the exit code. 0: every claim was measured, whatever the verdict. 1: one could not be.

    Raises:
        UserError: a full disk, a worker that was killed, a run that is still running, a study that asks for a trial
            twice, a name that MLflow refuses. What was recorded is kept. A study that cannot begin leaves nothing.
        KeyboardInterrupt: all runs are ended as KILLED then. In both cases the workers are closed.
    """
    new = f"{time.strftime('%Y%m%d-%H%M%S')}-{lab.name}-{secrets.token_hex(3)}"
    folder = journal_root() / new if interrupted is None else interrupted.folder
    run: LabRun | None = None
    tracking: Tracking | None = None
    started = time.monotonic()
    study = lab.begin(config, options.seed)
    batch = next(study)
    with on_disk(folder.parent):
        folder.mkdir(exist_ok=interrupted is not None)
        workers.log = folder / "workers.log"
        try:
            workers.warm_up(batch)  # frameworks load while the rest is made ready
            run = LabRun(entry, lab, config, options, folder, extras=command.extras, interrupted=interrupted)
            tracking = Tracking(folder)
            jobs = [run.job(trial) for trial in batch]
            again = workers.start_again(jobs[0])
            with sampled(run.journal):
                problems = _run_study(run, study, jobs, workers)
            results = Results(run.results)
            claims = judge_all(lab.claims, results, lab.name)
            problems += [*_draw_all(run, results, workers), *_export(run, results, workers), *_failures(results)]
            problems += command.close(run, results, workers)
            digest = parent_digest(r.digest for r in results if r.status in ENDED_WELL)
            places = list(_places(run))
            stated = scope.lowest([*(place["lab.scope"] for place in places), *_lowered(jobs[0], again)])
            where = {tag: _all(place[tag] for place in places) for tag in ("lab.cpu", "lab.gpu")} | {
                "lab.scope": stated
            }
            tags = {"lab.result_digest": digest, "mlflow.note.content": _note(lab, claims), **where}
            status: Literal["FINISHED", "FAILED"] = "FINISHED" if all_measured(claims) else "FAILED"
            problems += run.finish(status, claims, tags, time.monotonic() - started)
        except BaseException as error:
            workers.close()
            stopped = isinstance(error, KeyboardInterrupt)
            if run is not None:
                run.abandon("KILLED" if stopped else "FAILED", "interrupted" if stopped else str(error))
                if not isinstance(error, OtherStudyError):
                    error.add_note(f"To go on: ./invoke {command.words} --resume {run.key}{provenance.place()}")
            if tracking is not None:
                tracking.finish(limit=INTERRUPTED_SECONDS)
            raise

    command.show(results, claims)
    for problem in problems:
        display.warn(problem)
    adopted = f" ({len(run.adopted)} of them before)" if run.adopted else ""
    display.console.print(
        f"{len(results)} trials{adopted} in {time.monotonic() - started:.0f} s, run {run.key}, digest {digest[:16]}, "
        f"scope {stated}"
    )
    if tracking.finish():
        display.console.print(f"In MLflow: {tracking.where()}", soft_wrap=True)
    else:
        display.warn(
            f"{tracking.trouble}. Nothing is lost: the journal has it all. "
            "When MLflow is up again (./invoke up), send it with: ./invoke sync"
        )
    return 0 if all_measured(claims) else 1


def config_of(interrupted: Interrupted, entry: LabEntry, lab: Lab) -> Config:
    """The config of a run that is taken up. Raises `UserError` when its code, image or data is not the present one."""
    interrupted.require_same(provenance.tags(provenance.read_code(entry.module), lab.data, lab.frameworks[0]))
    return lab.config.model_validate(interrupted.config())


def _run_study(run: LabRun, study: Study, jobs: list[Job], workers: Workers) -> list[str]:
    """Run `jobs` and all that the study asks for after it; results go to ``run.results``.

    Returns a line if the study broke off, as it does when too few of its trials have ended well.
    """
    with display.counting(run.lab.name) as counter:
        while jobs:
            counter.asked(len(jobs))
            ended = {job.run: run.adopted[job.run] for job in jobs if job.run in run.adopted}
            for _ in ended:
                counter.ended(failed=False)
            ran = workers.run(
                [job for job in jobs if job.run not in ended],
                started=lambda job: counter.started(job.header["name"]),
                ended=lambda result, worker: counter.ended(result.status not in ENDED_WELL, worker),
            )
            ended |= {result.run: result for result in ran}
            new = [ended[job.run] for job in jobs]
            run.results += new
            for result in new:
                if result.error.startswith(NAME_REFUSED):
                    raise UserError(f"{result.trial.variant}, seed {result.trial.seed}: {result.error}")
            try:
                jobs = [run.job(trial) for trial in study.send(new)]
            except StopIteration:
                break
            except UserError:
                raise
            except Exception as error:
                (run.journal.files / "traceback.txt").write_text(traceback.format_exc(), encoding="utf-8")
                return [f"the study broke off: {type(error).__name__}: {error} (more in traceback.txt of the run)"]
    return []


def _places(run: LabRun) -> Iterator[dict[str, str]]:
    """The tags that say where each of the trials has run, as it says itself, and its scope."""
    for result in run.results:
        with (run.folder / f"{result.run.removeprefix(f'{run.key}.')}.jsonl").open("rb") as file:
            tags = json.loads(file.readline())["tags"]
        yield {
            "lab.cpu": tags["lab.cpu"],
            "lab.gpu": tags["lab.gpu"],
            "lab.scope": scope.of_error(result.error) or tags["lab.scope"],
        }


def _all(said: Iterable[str]) -> str:
    """Each of them once, but for ``none`` beside others."""
    different = set(said)
    return "; ".join(sorted(different - {"none"} or different))


def _lowered(job: Job, again: Future[list[str]]) -> Iterator[str]:
    """A scope below the others, if the first lines of a trial were not the same again."""
    records = [record for _, record in read(job.journal)]
    if records[-1].get("status") != "FINISHED":
        return
    error = again.exception()
    if error is not None:
        yield f"none: {type(error).__name__} when repeated"
        return
    first = [canonical(record["record"]) for record in records if record["kind"] == "log"]
    found = scope.of_repetition(first, again.result())
    if found:
        yield found


def _draw_all(run: LabRun, results: Results, workers: Workers) -> list[str]:
    """Draw the lab's figures and animations. Returns a line for each that could not be drawn."""
    folder = run.journal.files / "figures"
    wanted = list(pictures(run.lab))
    drawn = workers.call(draw, [(run.entry.module, picture, results, run.config, folder) for picture in wanted])
    return [
        f"figure {picture.name} ({picture.language}): {type(error).__name__}: {error}"
        for picture, error in zip(wanted, drawn, strict=True)
        if isinstance(error, Exception)
    ]


def _export(run: LabRun, results: Results, workers: Workers) -> list[str]:
    """Write the lab's model for the registry, if it has one. Returns a line if that could not be done."""
    model = run.lab.model
    if model is None:
        return []
    try:
        chosen = model.choose(results)
    except LookupError as missing:
        return [f"no model: {missing.args[0]}"]
    stem = chosen.run.removeprefix(f"{run.key}.")
    parameters = files_of(run.folder / f"{stem}.jsonl") / "model" / "parameters.npz"
    arguments = (run.entry.module, chosen, parameters, run.journal.files / "model")
    (exported,) = workers.call(export, [arguments], model.runtime)
    if isinstance(exported, Exception):
        return [f"no model: {type(exported).__name__}: {exported}"]
    run.journal.append("tags", tags={"lab.model": model.name, "lab.model_from": chosen.run})
    return []


def _failures(results: Results) -> list[str]:
    """A line per reason for which trials failed."""
    by_reason: dict[str, list[Trial]] = {}
    for result in results:
        if result.status not in ENDED_WELL:
            by_reason.setdefault(result.error, []).append(result.trial)
    return [
        f"{len(trials)} failed, the first one {trials[0].variant}, seed {trials[0].seed}: {reason.splitlines()[0]} "
        "(more in traceback.txt of its run)"
        for reason, trials in by_reason.items()
    ]


def _note(lab: Lab, claims: Sequence[Mapping[str, Any]]) -> str:
    """The run's description on its MLflow page (Markdown)."""
    rows = [
        f"| {c['id']} | **{c['verdict']}** | {display.number(c['effect'])} {c['unit']} | {c['statement']} |"
        for c in claims
    ]
    return "\n".join([f"{lab.summary}", "", "| claim | verdict | effect | as measured |", "|---|---|---|---|", *rows])
