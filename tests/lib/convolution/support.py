"""Runs trials of the convolution lab in this process, one after the other, as a worker would."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from lib.cnn.convolution import LAB
from lib.cnn.convolution_config import ConvolutionConfig
from lib.harness.claims import judge
from lib.harness.contract import Config, Result, Results, Trial
from lib.harness.recorder import plain
from lib.harness.seeds import Seed

SMALL: dict[str, Any] = {
    "seeds": 3,
    "draws": 2,
    "noise": 32,
    "garments": 200,
    "rates": (3e-3,),
    "epochs": 1,
    "pictures": 600,
    "judged": 300,
}
"""Changes that make the lab as small as it can be."""


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
    return Result(trial, trial.variant, "FINISHED", plain(LAB.trial(trial.config, seed, log or Recording())))


def run_study(config: Config, run: Callable[[Trial], Result] = run_trial) -> Results:
    study = LAB.study(config)
    results: list[Result] = []
    batch = next(study, None)
    while batch is not None:
        new = [run(trial) for trial in batch]
        results += new
        try:
            batch = study.send(new)
        except StopIteration:
            batch = None
    return Results(results)


def made_up(measurements: Mapping[str, list[dict[str, Any]]]) -> Results:
    """Results with these measurements: by variant, one for each seed."""
    return Results(
        [
            Result(Trial(variant, ConvolutionConfig(), seed), variant, "FINISHED", found)
            for variant, by_seed in measurements.items()
            for seed, found in enumerate(by_seed)
        ]
    )


def verdict(claim: str, results: Results) -> str:
    """The verdict of the claim with this id."""
    (found,) = [each for each in LAB.claims if each.id == claim]
    return str(judge(found, results, LAB.name)["verdict"])
