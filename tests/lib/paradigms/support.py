"""Runs trials of the paradigms lab in this process, one after the other, as a worker would."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from lib.harness.contract import Result, Results, Trial
from lib.harness.recorder import plain
from lib.harness.seeds import Seed
from lib.harness.studies import changed
from lib.paradigms.paradigms import LAB, VARIANTS, ParadigmsConfig


class Recording:
    """A log that keeps what it is told."""

    def __init__(self) -> None:
        self.values: list[tuple[int, dict[str, Any]]] = []
        self.final: dict[str, np.ndarray] = {}

    def __call__(self, step: int, **values: float | np.generic | np.ndarray) -> None:
        self.values.append((step, values))

    def timing(self, step: int = 0, **values: float) -> None:
        raise AssertionError("the harness measures the time of a trial")

    def parameters(self, arrays: Mapping[str, np.ndarray]) -> None:
        self.final = dict(arrays)


def run(config: ParadigmsConfig, *variants: str) -> Results:
    """The trials of these variants (all where none is named), really run."""
    results = []
    batch = next(LAB.study(config))
    for trial in batch:
        if not variants or trial.variant in variants:
            measurements = LAB.trial(trial.config, Seed(0).child("trial", trial.seed), Recording())
            results.append(Result(trial, trial.variant, "FINISHED", plain(measurements)))
    return Results(results)


def made_up(variants: Mapping[str, Mapping[str, Any]], seeds: int = 6) -> Results:
    """Results with these measurements, by variant and name: a sequence has one per seed, anything else is for all."""
    results = []
    for variant, measurements in variants.items():
        config = changed(ParadigmsConfig(), VARIANTS[variant])
        for seed in range(seeds):
            own = {k: v[seed] if isinstance(v, tuple) else v for k, v in measurements.items()}
            results.append(Result(Trial(variant, config, seed), f"{variant}/{seed}", "FINISHED", own))
    return Results(results)
