"""The lab of the record in ``version_1.tar.xz``, by the present contract: the values of its trials are the same.

Its arithmetic is exact, so it gives the same bits on every processor, and it records a value of every kind.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import Field

from lib.harness.contract.claim import Claim
from lib.harness.contract.config import Config
from lib.harness.contract.lab import Lab
from lib.harness.contract.results import Results
from lib.harness.contract.seeds import Seed
from lib.harness.contract.series import Series
from lib.harness.contract.studies import batches, variants_by_seeds
from lib.harness.contract.trial import Log, Runtime, Study


class HalvesConfig(Config):
    factor: float = Field(0.5, gt=0, le=1, description="a power of two, so that no product is rounded")
    steps: int = Field(12, ge=1, le=50, description="a line of the digest so far comes after every tenth")
    swapped: bool = Field(False, description="each variant does the other's work")


VARIANTS: dict[str, dict[str, Any]] = {"half": {}, "quarter": {"factor": 0.25}}


def study(config: HalvesConfig) -> Study:
    yield from batches(variants_by_seeds(config, VARIANTS, Runtime("numpy")), config.batch)


def trial(config: HalvesConfig, seed: Seed, log: Log) -> dict[str, Any]:
    w = seed.rng("w").integers(1, 9, size=4).astype(np.float64)
    factor = 0.125 / config.factor if config.swapped else config.factor
    for step in range(config.steps):
        log(step, loss=w[0] * w[0], w=w, small=w[0] < 1)
        w = w * factor
    log.parameters({"w": w.astype(np.float32)})
    return {
        "loss": float(w[0] * w[0]),
        "best": "half",
        "text": "nan",
        "number": float("nan"),
        "never": float("inf"),
        "solved": True,
        "steps": config.steps,
        "examples": 2**60,
        "curve": w,
        "by_part": {"first": w[0], "names": ["inf", "0x1.0000000000000p+0"], "none": None},
    }


def _gain(results: Results) -> Series:
    return results.series("half", "loss") - results.series("quarter", "loss")


LAB = Lab(
    name="halves",
    summary="Halving in exact arithmetic",
    chapter=1,
    minutes=0.1,
    config=HalvesConfig,
    quick={"seeds": 2},
    study=study,
    trials=trial,
    claims=(
        Claim("quarter-is-smaller/loss", statement="a quarter is less", measure=_gain, unit="squared", at_least=0),
    ),
    search="it has nothing to search for",
)
