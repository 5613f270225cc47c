"""Runs trials of the optimizers lab in this process, one after the other, as a worker would."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from lib.harness.contract import Config, Result, Results, Trial
from lib.harness.recorder import plain
from lib.harness.seeds import Seed
from lib.optimizers.lab import LAB


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


def run_trial(trial: Trial, log: Recording | None = None) -> Result:
    seed = Seed(0).child("trial", trial.seed)
    measurements = plain(LAB.trial(trial.config, seed, log or Recording()))
    return Result(trial, trial.variant, "FINISHED", measurements)


def run_study(config: Config) -> Results:
    study = LAB.study(config)
    results: list[Result] = []
    batch = next(study)
    while batch:
        new = [run_trial(trial) for trial in batch]
        results += new
        try:
            batch = study.send(new)
        except StopIteration:
            break
    return Results(results)
