"""A lab that takes a second: least squares by gradient descent, in NumPy, torch or Keras."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from pydantic import Field

from lib.harness.claims import Claim
from lib.harness.contract import Config, Lab, Log, Results, Runtime, Study, Trial
from lib.harness.errors import UserError
from lib.harness.seeds import Seed
from lib.harness.studies import batches, variants_by_seeds


class TinyConfig(Config):
    learning_rate: float = Field(0.1, gt=0, le=1, description="converges and 0.01 does not get far")
    steps: int = Field(20, ge=1, le=100_000, description="enough to see a difference")
    runtimes: tuple[Literal["numpy", "torch", "keras"], ...] = Field(("numpy",), description="which to run")
    action: str = Field("train", description="what else a trial does: fail, die, hang, stray")


def study(config: TinyConfig) -> Study:
    yield from batches(_trials(config), config.batch)


def _trials(config: TinyConfig) -> Iterator[Trial]:
    variants = {"fast": {}, "slow": {"learning_rate": 0.01}}
    for framework in config.runtimes:
        yield from variants_by_seeds(config, variants, Runtime(framework))


def trial(config: TinyConfig, seed: Seed, log: Log) -> dict[str, Any]:
    rng = seed.rng("data")
    A, target = rng.normal(size=(30, 3)), rng.normal(size=30)
    noise = _framework_noise()
    w = np.zeros(3)
    for step in range(config.steps):
        residual = A @ w - target
        log(step, loss=float(residual @ residual), w=w)
        w = w - config.learning_rate / 30 * (A.T @ residual)
        if config.action == "sleep":
            time.sleep(0.05)
    if config.action == "fail":
        raise ValueError("the trial fails on purpose")
    if config.action == "say":
        raise UserError("action=say: choose another")
    if config.action == "die":
        os.kill(os.getpid(), 9)
    if config.action == "stray":
        import torch  # noqa: F401
    log.parameters({"w": w})
    return {"loss": float(np.sum((A @ w - target) ** 2)), "noise": noise, "path": w}


def _framework_noise() -> float:
    """A number from the global generator of the framework that is loaded; repeats only if the harness has seeded it."""
    import sys

    if "torch" in sys.modules:
        import torch

        layer = torch.nn.Linear(4, 4)
        return float(layer(torch.randn(2, 4)).sum().detach()) + float(np.random.rand())
    if "keras" in sys.modules:
        import keras

        layer = keras.layers.Dense(4)
        return float(keras.ops.sum(layer(keras.random.normal((2, 4))))) + float(np.random.rand())
    return float(np.random.rand())


def _gain(results: Results) -> np.ndarray:
    fast, slow = results.paired("fast", "slow", "loss")
    return slow - fast


def figure(results: Results, config: TinyConfig) -> Any:
    from matplotlib.figure import Figure

    drawing = Figure()
    drawing.subplots().plot(results.values("fast", "loss"))
    return drawing


LAB = Lab(
    name="tiny",
    summary="Least squares in a second",
    minutes=0.1,
    config=TinyConfig,
    quick={"seeds": 2},
    study=study,
    trial=trial,
    claims=(
        Claim("fast-is-better/loss", "a larger rate gets further", "statistical", _gain, "squared error", at_least=0),
        Claim("fast-is-better/zero", "zero is zero", "exact", lambda results: 0.0, "", at_most=0),
    ),
    figures={"losses": figure},
)
