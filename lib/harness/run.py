"""Runs a lab: config, study, trials, journal, verdicts, figures, and the words at the end."""

from __future__ import annotations

import importlib
import json
import secrets
import time
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any

from lib.harness import best, display, gpus, provenance, resumption, scope
from lib.harness.catalogue import LabEntry
from lib.harness.claims import judge_all
from lib.harness.contract import Config, Lab, Result, Results, Study, Trial
from lib.harness.errors import UserError
from lib.harness.figures import draw
from lib.harness.journal import Journal, JournalFullError, close_orphan, files_of, journal_root, now_ms, on_disk, read
from lib.harness.jsonfile import json_bytes
from lib.harness.registered import export
from lib.harness.resumption import Interrupted, OtherStudyError
from lib.harness.settings import Options, as_params, configure
from lib.harness.trace import canonical, parent_digest
from lib.harness.tracking import Tracking
from lib.harness.workers import Job, Workers

ENDED_WELL = ("FINISHED", "PRUNED")
INTERRUPTED_SECONDS = 10.0  # how long a lab that was cut short tries to tell MLflow


class Command:
    """What a command records and prints besides what every run does. A lab's own run has nothing more.

    Attributes:
        words: with which ``./invoke`` starts it.
        tags, params, files: of the parent.
    """

    tags: Mapping[str, str] = {}
    params: Mapping[str, str] = {}
    files: Mapping[str, bytes] = {}

    def __init__(self, words: str):
        self.words = words

    def close(self, run: LabRun, results: Results, workers: Workers) -> list[str]:
        """Record what comes of the results, before the run ends. Returns what a reader should be told."""
        return []

    def show(self, results: Results, claims: Sequence[Mapping[str, Any]]) -> None:
        """Print the results."""
        display.print_results(results)
        display.print_verdicts(claims)


class LabRun:
    """One run of a lab: the parent's journal, and the trials as jobs for workers.

    `interrupted`: the run in `folder` that is taken up; its journal goes on. `adopted`: results that it has already, by
    the keys of their runs.
    """

    def __init__(
        self,
        entry: LabEntry,
        lab: Lab,
        config: Config,
        options: Options,
        folder: Path,
        *,
        command: Command,
        interrupted: Interrupted | None = None,
    ):
        self.entry, self.lab, self.config, self.options, self.folder = entry, lab, config, options, folder
        self.key = folder.name
        self.results: list[Result] = []
        self.adopted: dict[str, Result] = {}
        self._asked = 0
        self._code = provenance.read_code(entry.module)
        recipe = provenance.recipe_files()
        self._shared_tags = {
            **provenance.tags(self._code, lab.data, config.framework),
            "lab.name": lab.name,
            "lab.quick": str(options.quick).lower(),
            "lab.portable": str(options.portable).lower(),
        }
        self._shared_files = {
            "code.tar.gz": self._code.archive(),
            "environment.json": json_bytes(provenance.environment()),
        }
        tags = {"lab.variant": "all", "lab.seed": str(options.seed), "lab.scope": self.scope(config.framework)}
        if recipe:
            tags["lab.recipe_sha256"] = provenance.sha256_of_files(recipe)
        if interrupted is None:
            header = self._header(self.key, None, lab.name, config, {**tags, **command.tags})
            header["params"] |= command.params
            self.journal = Journal.create(folder / "run.jsonl", header)
        else:
            self.journal = interrupted.take_up()
        self.journal.files.mkdir(exist_ok=interrupted is not None)
        self.write_files(self._shared_files)
        self.write_files({"config.json": json_bytes(config.model_dump()), **command.files})
        if recipe:
            self.write_files({"recipe.tar.gz": provenance.archive(recipe, mode=0o755)})

    def _header(
        self, key: str, parent: str | None, name: str, config: Config, tags: Mapping[str, str]
    ) -> dict[str, Any]:
        params = {**as_params(config), "root_seed": str(self.options.seed)}
        tags = {**self._shared_tags, **tags}
        return {"key": key, "parent": parent, "experiment": self.lab.name, "name": name, "tags": tags, "params": params}

    def scope(self, framework: str) -> str:
        """The scope that has been proven for this lab's trials in a framework."""
        if gpus.chosen() == framework:
            return "device"
        return scope.stated(self.lab.portable.get(framework, ()), self.options.portable)

    def write_files(self, files: Mapping[str, bytes]) -> None:
        """Write files that belong to the parent run."""
        for name, data in files.items():
            (self.journal.files / name).write_bytes(data)

    def job(self, trial: Trial) -> Job:
        """The next trial as a job, with a key of its own. Where it has ended well already, its result is adopted."""
        name = f"{trial.variant}, seed {trial.seed}"
        tags = {
            "lab.variant": trial.variant,
            "lab.seed": str(trial.seed),
            "lab.framework": trial.runtime.framework,
            "lab.dtype": trial.runtime.dtype,
            "lab.gpu": gpus.label(trial.runtime.framework),
            "lab.scope": self.scope(trial.runtime.framework),
        }
        *earlier, path = resumption.attempts(self.folder, self._asked)
        self._asked += 1
        header = self._header(f"{self.key}.{path.stem}", self.key, name, trial.config, tags)
        files = {**self._shared_files, "config.json": json_bytes(trial.config.model_dump())}
        for last in earlier[-1:]:
            result = resumption.result(last, trial, header, files)
            if result is not None:
                self.adopted[result.run] = result
                path, header = last, {**header, "key": result.run}
        return Job(
            trial=trial,
            run=header["key"],
            module=self.entry.module,
            root_seed=self.options.seed,
            journal=path,
            header=header,
            files=files,
        )

    def code_changed(self) -> bool:
        """Whether a file of the lab's code was edited while it ran."""
        return provenance.read_code(self.entry.module).sha256 != self._code.sha256

    def finish(self, claims: list[dict[str, Any]], found: Mapping[str, str], seconds: float) -> list[str]:
        """Record the verdicts and the tags `found`, and end this run. Returns what a reader of it should be told."""
        self.write_files({"claims.json": json_bytes(claims)})
        self.journal.append("timing", step=0, values={"total_seconds": seconds}, time=now_ms())
        verdicts = {f"claim.{record['id']}": record["verdict"] for record in claims if "/" not in record["id"]}
        tags = {**found, "mlflow.note.content": _note(self.lab, claims), **verdicts}
        changed = self.code_changed()
        self.journal.end("FINISHED" if all_measured(claims) else "FAILED", **tags)
        return ["the lab's code was edited while it ran: the record has the code of its start"] if changed else []

    def abandon(self, status: str, reason: str) -> None:
        """End this run and those of its trials that have not ended. The workers must be gone."""
        with suppress(JournalFullError):  # `sync` ends them when there is room again
            for path in sorted(self.folder.glob("trial-*.jsonl")):
                close_orphan(path, status, reason)
            self.journal.end(status, **{"lab.ended": reason})


class Adopting(Command):
    """A lab that runs with the config that a sweep has found."""

    def __init__(self, words: str, found: best.Best):
        super().__init__(words)
        self.tags = {"lab.config_from": found.run}


def run_lab(entry: LabEntry, options: Options, workers: Workers, interrupted: Interrupted | None = None) -> int:
    """Run a lab in `workers`, or one that was interrupted, from where it was. Returns the exit code of `carry_out`.

    Raises:
        UserError: bad options, a run that cannot be taken up, or what `carry_out` raises.
    """
    lab: Lab = importlib.import_module(entry.module).LAB
    command = Command(f"lab {lab.name}")
    if interrupted is not None:
        config = config_of(interrupted, entry, lab)
    elif options.config is None:
        config = configure(lab, options)
    else:
        config, found = best.adopted(lab, options)
        command = Adopting(command.words, found)
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
        UserError: a full disk, a worker that was killed, a run that is still running. What was recorded is kept. A
            study that cannot begin leaves nothing.
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
            run = LabRun(entry, lab, config, options, folder, command=command, interrupted=interrupted)
            tracking = Tracking(folder)
            jobs = [run.job(trial) for trial in batch]
            again = workers.start_again(jobs[0])
            with gpus.sampled(run.journal):
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
            problems += run.finish(claims, {"lab.result_digest": digest, **where}, time.monotonic() - started)
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


def all_measured(claims: Sequence[Mapping[str, Any]]) -> bool:
    """Whether each of the claims has a verdict."""
    return all(record["verdict"] != "not measured" for record in claims)


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
    names = [*run.lab.figures, *run.lab.animations]
    arguments = [(run.entry.module, name, results, run.config, folder) for name in names]
    drawn = workers.call(draw, arguments)
    return [
        f"figure {name}: {type(error).__name__}: {error}"
        for name, error in zip(names, drawn, strict=True)
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
