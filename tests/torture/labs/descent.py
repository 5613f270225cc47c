"""A lab that takes no time: one trial for each of two rates, in NumPy, without pictures."""

from __future__ import annotations

from typing import Any

import numpy as np

from lib.harness.contract.claim import Claim
from lib.harness.contract.config import Config
from lib.harness.contract.lab import Lab
from lib.harness.contract.seeds import Seed
from lib.harness.contract.studies import batches, variants_by_seeds
from lib.harness.contract.trial import Log, Runtime, Study


class DescentConfig(Config):
    rate: float = 0.1


def study(config: DescentConfig) -> Study:
    variants: dict[str, dict[str, Any]] = {"fast": {}, "slow": {"rate": 0.01}}
    yield from batches(list(variants_by_seeds(config, variants, Runtime("numpy"))), config.batch)


def trial(config: DescentConfig, seed: Seed, log: Log) -> dict[str, Any]:
    w = seed.rng("start").normal(size=3)
    for step in range(4):
        log(step, loss=float(w @ w), infinite=float("inf"), unknown=float("nan"), w=w)
        w = w - config.rate * w
    log.parameters({"w": w})
    log.timing(step=4, seconds=0.5)
    return {"loss": float(w @ w), "path": w}


LAB = Lab(
    name="descent",
    summary="A bowl, in no time",
    chapter=1,
    minutes=0.1,
    config=DescentConfig,
    study=study,
    trials=trial,
    claims=(
        Claim(
            "fast-is-lower/loss",
            statement="a larger rate gets lower",
            kind="exact",
            measure=lambda results: float(np.mean(results.values("slow", "loss") - results.values("fast", "loss"))),
            unit="",
            at_least=0,
        ),
    ),
)
