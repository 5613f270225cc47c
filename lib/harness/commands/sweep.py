"""``invoke sweep NAME``: searches a lab's settings, then tries the best of them against the default with fresh seeds.

A sweep is made into a lab of its own, ``NAME-sweep``: its study asks a sampler for trials
(`lib.harness.searching.search`), its trial is the lab's, its one claim compares the best config with the default on
seeds that the search has not seen. It therefore runs, is recorded and is reproduced like any
other lab. The best of many trials is partly luck, so its gain is measured on fresh seeds.

The best fields are registered in the run's record, as ``best.json``; ``./invoke lab NAME --config best`` runs with it.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lib.harness.commands.lab import Command, carry_out, config_of
from lib.harness.contract.claim import Claim, InconclusiveError
from lib.harness.contract.config import Config
from lib.harness.contract.lab import Lab
from lib.harness.contract.loading import load
from lib.harness.contract.options import PRUNERS, SAMPLERS
from lib.harness.contract.results import Results
from lib.harness.contract.search import Range, Search, Space
from lib.harness.contract.seeds import Seed
from lib.harness.contract.series import Series
from lib.harness.contract.settings import Options, configure
from lib.harness.contract.source import LabEntry
from lib.harness.contract.studies import batches
from lib.harness.contract.trial import Result, Study
from lib.harness.errors import UserError
from lib.harness.judging.verdicts import all_measured
from lib.harness.recording.journal import now_ms
from lib.harness.recording.jsonfile import json_bytes
from lib.harness.recording.provenance import place
from lib.harness.running.draw import draw_in
from lib.harness.running.parent import Extras, ParentRun
from lib.harness.running.pool import Workers
from lib.harness.running.resumption import Interrupted
from lib.harness.searching import best
from lib.harness.searching import pictures as sweep_figures
from lib.harness.searching.best import SEARCHED
from lib.harness.searching.pruning import Pruning
from lib.harness.searching.search import best_of, grid_size, score_of, searched
from lib.harness.searching.space import described, space_of, words
from lib.harness.showing import display

WORTH = 0.01
"""The smallest gain that counts, as a share of the default's score, as scores have units of all sizes: for less than
one per cent nobody leaves a default that others know."""


@dataclass(frozen=True)
class Sweep:
    """The options of a sweep.

    Attributes:
        trials: number of trials of the search.
        space: changes to the lab's space, in the form of ``--space``.
        batch: trials chosen at a time, from the same results; fixed, so that no sweep depends on its workers.
        fresh: number of new seeds on which the best config is compared with the default afterwards; 0 leaves that out.
    """

    trials: int
    sampler: str = SAMPLERS[0]
    pruner: str = PRUNERS[0]
    space: Sequence[str] = ()
    batch: int = 4
    fresh: int = 5

    def words(self, lab: str, space: Space) -> list[str]:
        """The words that say it again with all of its space, after ``sweep``; config and root seed come on top."""
        numbers = {"--trials": self.trials, "--batch": self.batch, "--fresh": self.fresh}
        values = {"--sampler": self.sampler, "--pruner": self.pruner, **numbers}
        options = [word for option, value in values.items() for word in (option, str(value))]
        return [lab, *options, *(word for text in words(space) for word in ("--space", text))]


def run_sweep(
    entry: LabEntry,
    sweep: Sweep,
    options: Options,
    workers: Workers,
    interrupted: Interrupted | None = None,
    *,
    as_json: bool = False,
) -> int:
    """Run a sweep, or one that was interrupted, to the registered config. Returns the exit code of `carry_out`.

    Raises:
        UserError: the lab has nothing to search, bad options, or a run that cannot be resumed.
    """
    lab = load(entry)
    if isinstance(lab.search, str):
        raise UserError(f"sweep {lab.name}: there is nothing to search, as {lab.search}")
    if interrupted is None:
        config, fixed = configure(lab, options), options.changes
    else:
        config, fixed = config_of(interrupted, entry, lab), list(lab.config.model_fields)
    space = space_of(lab.search, config, sweep.space, fixed)
    if not lab.search.reported:
        sweep = replace(sweep, pruner="none")
    if sweep.sampler == "grid":
        sweep = replace(sweep, trials=min(sweep.trials, grid_size(space)))
    if sweep.sampler == "cmaes" and sum(isinstance(one, Range) for one in space.values()) < 2:
        raise UserError(f"--sampler cmaes searches two ranges or more, not only {', '.join(space)}: take tpe")
    command = SweepCommand(entry, lab, lab.search, sweep, space, as_json=as_json)
    return carry_out(entry, command.lab(), config, options, workers=workers, command=command, interrupted=interrupted)


class SweepCommand(Command):
    """The part of a sweep that a plain run lacks: its records and what it prints."""

    def __init__(self, entry: LabEntry, lab: Lab, search: Search, sweep: Sweep, space: Space, *, as_json: bool):
        self._lab, self._search, self._sweep, self._space = lab, search, sweep, space
        super().__init__(f"sweep {shlex.quote(entry.word)}", as_json=as_json)
        options = {
            "lab": lab.name,
            "trials": sweep.trials,
            "sampler": sweep.sampler,
            "pruner": sweep.pruner,
            "batch": sweep.batch,
            "fresh": sweep.fresh,
            "measure": search.measure,
            "goal": search.goal,
            "reported": search.reported,
        }
        self.extras = Extras(
            tags={"lab.sweep": json.dumps(sweep.words(lab.name, space))},
            params={f"sweep.{name}": str(value) for name, value in options.items()},
            files={"sweep.json": json_bytes({**options, "space": described(space)})},
        )
        self._best: Result | None = None
        self._missing = 0

    def lab(self) -> Lab:
        """The sweep as a lab."""
        return replace(
            self._lab,
            name=best.experiment_of(self._lab.name),
            summary=f"{self._sweep.trials} trials of the lab {self._lab.name}, chosen by {self._sweep.sampler}",
            study=self._study,
            draws=True,
            claims=(comparison(self._search),) if self._sweep.fresh else (),
            lecture=(),
            figures={},
            animations={},
            model=None,
        )

    def _study(self, config: Config, seed: Seed) -> Study:
        """The search; then its best and the default, each with the same fresh seeds."""
        results = yield from searched(
            self._search,
            self._space,
            config,
            seed.child("sweep"),
            sampler=self._sweep.sampler,
            pruner=self._sweep.pruner,
            batch=self._sweep.batch,
            more=lambda results: self._sweep.trials - len(results),
            named=lambda trial, number: replace(trial, variant=f"{SEARCHED}{number:04d}"),
        )
        self._missing = self._sweep.trials - len(results)
        best = best_of(self._search, results)
        if best is None:
            return
        pair = {"default": self._search.trial(config), "best": best.trial}
        watched = Pruning("none", self._search.goal, self._search.reported)
        fresh = [
            replace(trial, variant=name, seed=number, stop_rule=watched)
            for number in range(1, self._sweep.fresh + 1)
            for name, trial in pair.items()
        ]
        yield from batches(fresh, max(1, len(fresh)))

    def close(self, run: ParentRun, results: Results, workers: Workers) -> list[str]:
        """Register the best config, and draw the plots."""
        tried = [result for result in results if result.trial.variant.startswith(SEARCHED)]
        lines = []
        if self._missing:
            lines.append(f"{len(tried)} of {self._sweep.trials} trials: no other valid combination was found")
        self._best = best_of(self._search, tried)
        if self._best is None:
            return [*lines, "no best config: no trial of the search has ended with a number"]
        found = self.params_of(self._best)
        record = {
            "lab": self._lab.name,
            "run": run.key,
            "trial": self._best.run,
            "measure": self._search.measure,
            "goal": self._search.goal,
            "value": score_of(self._search, self._best),
            "found": found,
        }
        run.write_files({best.FILE: json_bytes(record)})
        tags = {
            "lab.best_trial": self._best.run,
            "lab.best_value": repr(record["value"]),
            "lab.best_config": json.dumps(found),
        }
        run.journal.append("tags", tags=tags)
        rows = [sweep_figures.Row(self.params_of(r), score_of(self._search, r), r.reports) for r in tried]
        for number, value in sweep_figures.best_so_far(rows, self._search.goal):  # the digest has it, by the trials
            values = {f"best/{self._search.measure}": value}
            run.journal.append("timing", step=number, values=values, time=now_ms())
        return lines + self._draw(rows, run.journal.files / "figures", workers)

    def params_of(self, result: Result) -> dict[str, Any]:
        """The sampled fields of a trial."""
        return {name: getattr(result.trial.config, name) for name in self._space}

    def _draw(self, rows: list[sweep_figures.Row], folder: Path, workers: Workers) -> list[str]:
        try:
            picture = sweep_figures.Picture(rows, self._space, self._search.measure, self._search.goal)
        except LookupError as missing:
            return [f"no pictures of the search: {missing.args[0]}"]
        wanted = {name: (name, picture, folder) for name in sweep_figures.PLOTS}
        return draw_in(workers, sweep_figures.draw, wanted)

    def show(self, results: Results, claims: Sequence[Mapping[str, Any]]) -> None:
        """The best trials, what pruning has saved, and the verdict."""
        tried = [result for result in results if result.trial.variant.startswith(SEARCHED)]
        rows = [(r.trial.variant, score_of(self._search, r), self.params_of(r)) for r in tried]
        display.print_best(rows, self._search.measure, self._search.goal)
        if saved := savings(tried):
            display.console.print(saved)
        if self._best is not None and all_measured(claims):  # no failed run counts for --config best
            display.console.print(f"Run the lab with it: ./invoke lab {self._lab.name} --config best{place()}")
        display.console.print()
        if claims:
            display.print_verdicts(claims)


def comparison(search: Search) -> Claim:
    """The one claim of a sweep: what its best config gains on the default with fresh seeds, as a share of its score."""
    sign = 1 if search.goal == "maximize" else -1

    def scores(results: Results, name: str) -> Series:
        trials = results.of(name)
        return Series([each.trial.seed for each in trials], [search.judged(each) for each in trials])

    def gain(results: Results) -> Series:
        default = scores(results, "default")
        scale = abs(default.mean())
        if scale == 0:
            raise InconclusiveError(f"the default's {search.measure} is 0, and nothing is a share of that")
        better: Series = sign * (scores(results, "best") - default) / scale
        return better

    return Claim(
        "best-beats-default",
        statement=f"the best config found has a better {search.measure} than the default, on fresh seeds",
        measure=gain,
        unit=f"share of the default's {search.measure}, better by",
        more_than=0.0,
        smallest=WORTH,
        note="validation data; paired over seeds that the search has not seen",
    )


def savings(tried: Sequence[Result]) -> str:
    """Return one line on the work that pruning has saved; empty if no trial was pruned.

    A pruned trial is taken to have reported as often as the longest of the others, each report at the trial's own pace.
    """
    pruned = [result for result in tried if result.status == "PRUNED"]
    full = max((len(result.reports) for result in tried if result.status == "FINISHED"), default=0)
    if not pruned or not full:
        return ""
    run = sum(len(result.reports) for result in tried)
    left_out = {id(result): max(0, full - len(result.reports)) for result in pruned}
    seconds = sum(r.timings["trial_seconds"] / len(r.reports) * left_out[id(r)] for r in pruned)
    missing = sum(left_out.values())
    return (
        f"{len(pruned)} of {len(tried)} trials were pruned: {missing} of {run + missing} epochs (reports) were not "
        f"run, about {seconds:.0f} s of one core"
    )
