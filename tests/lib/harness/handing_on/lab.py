"""A lab that hands on a model: least squares, whose parameters are the solution."""

from __future__ import annotations

from typing import Any

import numpy as np

from lib.harness.contract.config import Config
from lib.harness.contract.lab import Lab, Model
from lib.harness.contract.results import Results
from lib.harness.contract.seeds import Seed
from lib.harness.contract.studies import batches, variants_by_seeds
from lib.harness.contract.trial import Log, Runtime, Study


def study(config: Config) -> Study:
    yield from batches(variants_by_seeds(config, {"solved": {}}, Runtime()), config.batch)


def trial(config: Config, seed: Seed, log: Log) -> dict[str, Any]:
    w = seed.rng("w").normal(size=3)
    log.parameters({"w": w})
    return {"w": w, "size": float(w @ w)}


def smallest(results: Results) -> Any:
    return min(results, key=lambda result: result.measurements["size"])


LAB = Lab(
    name="handing-on",
    summary="Hands on a model",
    chapter=1,
    minutes=0.1,
    config=Config,
    quick={"seeds": 2},
    study=study,
    trials=trial,
    claims=(),
    figures={},
    model=Model(
        name="solved",
        choose=smallest,
        loader="lib.handing_on.served",
        settings=lambda result: {"of_seed": result.trial.seed},
        example=lambda: np.zeros((2, 3)),
        packages=("numpy",),
        runtime=Runtime(),
    ),
)
