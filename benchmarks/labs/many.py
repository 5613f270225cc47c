"""A lab whose trials do next to nothing: as many as are wanted, each with as many points."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from lib.harness.contract.claim import Claim
from lib.harness.contract.config import Config
from lib.harness.contract.lab import Lab
from lib.harness.contract.search import Range, Search
from lib.harness.contract.seeds import Seed
from lib.harness.contract.studies import batches, variants_by_seeds
from lib.harness.contract.trial import Log, Runtime, Study, Trial


class ManyConfig(Config):
    """How many trials, and of what length."""

    arms: int = Field(10, ge=1, le=100, description="with 1,000 seeds, 10,000 trials")
    points: int = Field(10, ge=1, le=1_000_000, description="of a trial")
    rate: float = Field(0.1, ge=0, le=1, description="of the descent; what a search varies")


def study(config: ManyConfig) -> Study:
    """Every arm with every seed."""
    arms = {f"arm/{number:02d}": {"rate": number / 100} for number in range(config.arms)}
    yield from batches(variants_by_seeds(config, arms, Runtime("numpy")), config.batch)


def trial(config: ManyConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """Let a number get smaller, and log it."""
    value = float(seed.rng("start").random())
    for step in range(config.points):
        value *= 1 - config.rate / 1000
        log(step, value=value)
    return {"last": value}


LAB = Lab(
    name="many",
    summary="Many trials, or many points",
    chapter=1,
    minutes=10,
    config=ManyConfig,
    study=study,
    trials=trial,
    claims=(
        Claim(
            "descends",
            statement="no value rises",
            kind="exact",
            measure=lambda results: max(result.measurements["last"] for result in results),
            unit="",
            at_most=1.0,
        ),
    ),
    figures={},
    search=Search(
        space={"rate": Range(0.0, 1.0)},
        trial=lambda config: Trial("judged", config, 0, Runtime("numpy")),
        measure="last",
        goal="minimize",
        reported="value",
    ),
)
