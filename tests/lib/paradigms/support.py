"""Runs trials of the paradigms lab in this process, one after the other, as a worker would."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from lib.harness.contract.results import Results
from lib.harness.contract.studies import changed
from lib.harness.contract.trial import Result, Trial
from lib.paradigms.lab import LAB, VARIANTS, ParadigmsConfig, study
from tests.lib.support import answers, run_trial


def run(config: ParadigmsConfig, *variants: str) -> Results:
    """The trials of these variants (all where none is named), really run."""
    batch = next(study(config))
    return Results([run_trial(LAB, trial) for trial in batch if not variants or trial.variant in variants])


TRAINED = (
    "wave/network",
    "hills/network",
    "test_accuracy",
    "adjusted_rand",
    "unlearned_rand",
    "auto_encoder",
    "linear_over_pca",
    "sampled_return",
)


def varied(value: float | list[float], seed: int) -> Any:
    """A value a little different by seed, and the numbers of a list each by another share."""
    values = np.atleast_1d(value)
    changed = values * (1 + 0.001 * (seed % 3) * np.arange(1, len(values) + 1))
    return changed.tolist() if isinstance(value, list) else float(changed[0])


def made_up(variants: Mapping[str, Mapping[str, Any]], seeds: int = 6) -> Results:
    """Results with these measurements, by variant and name: a tuple has one per seed, anything else is for all.

    What training leads to is a little different by seed. What is right is given as a share of 1,000 pictures.
    """
    results = []
    for variant, measurements in variants.items():
        config = changed(ParadigmsConfig(), VARIANTS[variant])
        for seed in range(seeds):
            own = {k: v[seed] if isinstance(v, tuple) else v for k, v in measurements.items()}
            for name in [name for name in TRAINED if isinstance(measurements.get(name), (float, list))]:
                own[name] = varied(own[name], seed)
            for name in [name for name in own if name.endswith("_right")]:
                own[name] = answers(own[name] + 0.001 * (seed % 3) * (name == "test_right"), 1_000)
            results.append(Result(Trial(variant, config, seed), f"{variant}/{seed}", "FINISHED", own))
    return Results(results)
