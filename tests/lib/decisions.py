"""Results that are made up or of some of a study's variants, and the verdicts on them."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from lib.harness.contract.claim import Claim
from lib.harness.contract.config import Config
from lib.harness.contract.lab import Lab
from lib.harness.contract.results import Results
from lib.harness.contract.trial import Result, Trial
from lib.harness.judging.verdicts import judge, judge_all
from tests.lib.support import run_trial


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


def row_verdict(lab: Lab, row: str, results: Results) -> str:
    """The verdict of a row: that of its sentences."""
    claims = [claim for claim in lab.claims if claim.row == row]
    return str(judge_all(claims, results, lab.name)[0]["verdict"])
