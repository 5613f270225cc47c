"""Runs some variants of a lab's study in this process, breaks experiments on purpose, and makes results up."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from lib.harness.contract.claim import Claim
from lib.harness.contract.config import Config
from lib.harness.contract.lab import Lab
from lib.harness.contract.results import Results
from lib.harness.contract.seeds import Seed
from lib.harness.contract.trial import Result, Trial
from lib.harness.judging.verdicts import judge, judge_all
from lib.harness.recording.recorder import plain
from tests.lib.support import DTYPES, Recording, run_trial


def run_variants(lab: Lab, config: Config, prefixes: tuple[str, ...] = ("",)) -> Results:
    """The results of a study; only the variants that start with one of `prefixes` are run."""
    batches = [batch for batch in lab.begin(config, 0) if batch]
    return Results([run_trial(lab, t) for batch in batches for t in batch if t.variant.startswith(prefixes)])


def made_up(config: Config, measurements: Mapping[str, Mapping[str, Any]]) -> Results:
    """Results of variants: each measurement is a list with a value per seed, or one value for all seeds."""
    seeds = range(config.seeds)
    return Results(
        [
            Result(
                Trial(variant, config, seed),
                variant,
                "FINISHED",
                {name: values[seed] if isinstance(values, np.ndarray) else values for name, values in named.items()},
            )
            for variant, named in measurements.items()
            for seed in seeds
        ]
    )


def verdicts(claims: tuple[Claim, ...], results: Results) -> dict[str, str]:
    return {claim.id: judge(claim, results, "lab")["verdict"] for claim in claims}


def swapped(results: Results, arms: Mapping[str, str]) -> Results:
    """The same results with the names of arms exchanged, so that each has what the other measured."""
    names = {**arms, **{other: one for one, other in arms.items()}}
    return Results(
        [replace(r, trial=replace(r.trial, variant=names.get(r.trial.variant, r.trial.variant))) for r in results]
    )


def row_verdict(lab: Lab, row: str, results: Results) -> str:
    """The verdict of a row: that of its sentences."""
    claims = [claim for claim in lab.claims if claim.row == row]
    return str(judge_all(claims, results, lab.name)[0]["verdict"])


def exact_verdicts(lab: Lab, trials: Sequence[Trial], roots: Sequence[int]) -> dict[str, list[str]]:
    """By exact claim its verdict for each root seed, of these trials alone: those that the exact claims read."""
    found: dict[str, list[str]] = {claim.id: [] for claim in lab.claims if claim.kind == "exact"}
    for root in roots:
        results = []
        for trial in trials:
            with DTYPES[trial.runtime.framework](trial.runtime.dtype):
                seed = Seed(root).child("trial", trial.seed)
                measured = plain(lab.function(trial)(trial.config, seed, Recording()))
            results.append(Result(trial, trial.variant, "FINISHED", measured))
        for claim in lab.claims:
            if claim.kind == "exact":
                found[claim.id].append(str(judge(claim, Results(results), lab.name)["verdict"]))
    return found
