"""The convolution lab as small as it can be, and results that are made up."""

from collections.abc import Mapping
from typing import Any

from lib.cnn.convolution.config import ConvolutionConfig
from lib.cnn.convolution.lab import LAB
from lib.harness.contract.results import Results
from lib.harness.contract.trial import Result, Trial
from lib.harness.judging.verdicts import judge

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
