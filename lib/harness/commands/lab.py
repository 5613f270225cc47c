"""Runs a lab: config, study, trials, journal, verdicts, figures, and the words at the end."""

from __future__ import annotations

import json
import secrets
import shlex
import time
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import ValidationError

from lib.harness.commands import in_mlflow
from lib.harness.contract.config import Config
from lib.harness.contract.lab import Lab
from lib.harness.contract.loading import load
from lib.harness.contract.results import Results
from lib.harness.contract.settings import Options, configure
from lib.harness.contract.source import LabEntry
from lib.harness.contract.trial import ENDED_WELL, Result, Study, Trial
from lib.harness.errors import UserError
from lib.harness.judging.verdicts import Bug, all_measured, judge_all
from lib.harness.recording import provenance
from lib.harness.recording.journal import journal_root, make_folder, on_disk
from lib.harness.recording.reading import damaged, files_of
from lib.harness.recording.trace import VERSION, parent_digest, trial_line
from lib.harness.running.draw import draw_all
from lib.harness.running.gpu_samples import sampled
from lib.harness.running.parent import Extras, ParentRun
from lib.harness.running.places import place_tags
from lib.harness.running.pool import Workers
from lib.harness.running.probe import Probe
from lib.harness.running.resumption import Interrupted
from lib.harness.running.study import run_study
from lib.harness.searching import best
from lib.harness.shipping.model import export_model
from lib.harness.shipping.state import JOURNAL
from lib.harness.shipping.tracking import Tracking
from lib.harness.showing import display
from lib.harness.showing.progress import tell

NO_EXTRAS = Extras()


class Command:
    """The part of a run that differs between commands: its output and additions to its parent run. A lab has none.

    Attributes:
        words: the arguments of ``./invoke`` that start the command.
        extras: additions to the parent run.
        as_json: what comes out is printed as JSON, all else on standard error.
    """

    def __init__(self, words: str, extras: Extras = NO_EXTRAS, *, as_json: bool = False):
        self.words, self.extras, self.as_json = words, extras, as_json

    def close(self, run: ParentRun, results: Results, workers: Workers) -> list[str]:
        """Record what comes of the results, before the run ends. Returns warnings for its reader."""
        return []

    def show(self, results: Results, claims: Sequence[Mapping[str, Any]]) -> None:
        """Print the results."""
        display.print_results(results)
        display.print_verdicts(claims)


def run_lab(
    entry: LabEntry,
    options: Options,
    workers: Workers,
    interrupted: Interrupted | None = None,
    *,
    as_json: bool = False,
) -> int:
    """Run a lab in `workers`, or resume one that was interrupted. Returns the exit code of `carry_out`.

    Raises:
        UserError: bad options, a run that cannot be resumed, or what `carry_out` raises.
    """
    lab = load(entry)
    if interrupted is None:
        config, tags = config_for(lab, options)
    else:
        config, tags = config_of(interrupted, entry, lab), {}
    command = Command(f"lab {shlex.quote(entry.word)}", Extras(tags=tags), as_json=as_json)
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
    with display.redirected_to_stderr(command.as_json):
        outcome = _outcome(entry, lab, config, options, workers=workers, command=command, interrupted=interrupted)
    if command.as_json:
        print(json.dumps(outcome, indent=1, ensure_ascii=False))
    return 0 if all_measured(outcome["claims"]) else 1


def _outcome(
    entry: LabEntry,
    lab: Lab,
    config: Config,
    options: Options,
    *,
    workers: Workers,
    command: Command,
    interrupted: Interrupted | None,
) -> dict[str, Any]:
    """Carry a lab out. Returns its outcome: run, address in MLflow or None, trials, digest, scope, claims, warnings."""
    started = time.monotonic()
    study, batch = _begun(entry, lab, config, options.seed)
    if interrupted is None:
        began = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
        folder = journal_root() / f"{began}-{lab.name}-{secrets.token_hex(3)}"
    else:
        folder = interrupted.folder
    with on_disk(folder.parent), Tracking(folder) as tracking:
        make_folder(folder)
        workers.log = folder / "workers.log"
        workers.warm_up(batch)  # frameworks load while the rest is made ready
        with ParentRun(
            entry,
            lab,
            config,
            options,
            folder,
            workers=workers,
            command=command.words,
            extras=command.extras,
            interrupted=interrupted,
        ) as run:
            tracking.begin()
            tell(run=run.key)
            jobs = [run.job(trial) for trial in batch]
            probe = Probe(jobs[0], workers)
            with sampled(run.journal), display.counting(lab.name) as counter:
                problems = run_study(run, study, jobs, workers=workers, progress=counter, probe=probe)
            results = Results(run.results)
            bugs: list[Bug] = []
            claims = judge_all(lab.claims, results, lab.name, lab.lecture, bugs)
            problems += [*_kept(run, bugs), *draw_all(run, workers), *export_model(run, workers), *_failures(results)]
            problems += command.close(run, results, workers)
            digest = parent_digest(_line(r) for r in results if r.status in ENDED_WELL)
            places = place_tags(run, probe)
            tags = {
                "lab.result_digest": digest,
                "mlflow.runName": in_mlflow.name_of(lab, options, claims),
                "mlflow.note.content": in_mlflow.note_of(lab, claims),
                **places,
            }
            status: Literal["FINISHED", "FAILED"] = "FINISHED" if all_measured(claims) else "FAILED"
            numbers = {**in_mlflow.numbers_of(results, claims), "total_seconds": time.monotonic() - started}
            problems += run.finish(status, claims, tags, numbers)

        command.show(results, claims)
        for problem in problems:
            display.warn(problem)
        adopted = f" ({len(run.adopted)} of them before)" if run.adopted else ""
        display.console.print(
            f"{len(results)} trials{adopted} in {time.monotonic() - started:.0f} s, run {run.key}, digest "
            f"{digest[:16]}, scope {places['lab.scope']}"
        )
    sent = tracking.finish(display.console.print)
    for problem in tracking.problems:
        display.warn(problem)
    outcome = {
        "run": run.key,
        "url": tracking.where() if sent else None,
        "trials": len(results),
        "digest": digest,
        "scope": places["lab.scope"],
        "claims": claims,
        "warnings": [*problems, *tracking.problems],
    }
    if sent:
        tell(url=tracking.where())
        display.console.print(f"In MLflow: {tracking.where()}", soft_wrap=True)
    else:
        display.warn(
            f"{tracking.trouble}. Nothing is lost: the journal has it all. "
            "When MLflow is up again (./invoke up), send it with: ./invoke sync"
        )
    return outcome


def _begun(entry: LabEntry, lab: Lab, config: Config, seed: int) -> tuple[Study, list[Trial]]:
    """The study of a run and its first batch. Raises `UserError` where the lab's code cannot give them."""
    try:
        study = lab.begin(config, seed)
        return study, next(study)
    except UserError:
        raise
    except Exception as error:
        from lib.harness.running.rehearsal import one_line

        reason = one_line(error, entry.module)
        raise UserError(
            f"{entry.shown}: the study cannot begin: {reason}. The whole traceback: ./invoke lab {entry.word} --debug"
        ) from error


def _line(result: Result) -> str:
    """A trial's line in the digest of its run."""
    trial = result.trial
    config = provenance.config_json(trial.config)
    return trial_line(VERSION, variant=trial.variant, seed=trial.seed, config=config, digest=result.digest)


def config_for(lab: Lab, options: Options) -> tuple[Config, dict[str, str]]:
    """The config of a new run, and the tags that say where it comes from. Raises `UserError` for bad options."""
    if options.config is None:
        return configure(lab, options), {}
    config, registered = best.adopted(lab, options)
    return config, {"lab.config_from": registered.run}


def config_of(interrupted: Interrupted, entry: LabEntry, lab: Lab) -> Config:
    """The config of a resumed run. Raises `UserError` if its code, image or data is not the present one."""
    interrupted.require_same(provenance.tags(provenance.read_code(entry.module), lab.data, lab.frameworks[0]))
    try:
        return lab.config.model_validate(interrupted.config())
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise damaged(
            files_of(interrupted.folder / JOURNAL) / "config.json", f"is damaged ({field}: {first['msg']})"
        ) from None


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


def _kept(run: ParentRun, bugs: Sequence[Bug]) -> list[str]:
    """Keep the tracebacks of bugs in claims in the run's ``claims.log``. Returns a line per bug for the user."""
    if bugs:
        text = "\n".join(f"claim {bug.claim}\n{bug.traceback}" for bug in bugs)
        run.write_files({"claims.log": text.encode(errors="replace")})
    return [f"the claim {bug.claim} has a bug: {bug.line} (more in claims.log of the run)" for bug in bugs]
