"""A lab that takes a second: least squares by gradient descent, in NumPy, torch or Keras."""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from pydantic import Field, model_validator

from lib.harness.contract.claim import Claim
from lib.harness.contract.config import Config
from lib.harness.contract.lab import Lab
from lib.harness.contract.results import Results
from lib.harness.contract.search import Choices, Range, Search
from lib.harness.contract.seeds import Seed
from lib.harness.contract.series import Series
from lib.harness.contract.studies import batches, variants_by_seeds
from lib.harness.contract.trial import Log, Runtime, Study, Trial
from lib.harness.errors import UserError
from lib.harness.replaced import replacement


class TinyConfig(Config):
    learning_rate: float = Field(0.1, gt=0, le=1, description="converges and 0.01 does not get far")
    steps: int = Field(20, ge=1, le=100_000, description="enough to see a difference")
    runtimes: tuple[Literal["numpy", "torch", "keras"], ...] = Field(("numpy",), description="which to run")
    backwards: bool = Field(False, description="the trials in the opposite order")
    text: str = Field("", description="something long")
    action: str = Field("train", description="what else happens: fail, fail-one, say, die, stray, sleep, break, …")

    @model_validator(mode="after")
    def _fits(self) -> TinyConfig:
        if self.text == "even" and self.steps % 2:
            raise ValueError(f"{self.steps} steps are odd")
        return self


VARIANTS: dict[str, dict[str, Any]] = {"fast": {}, "slow": {"learning_rate": 0.01}}


def study(config: TinyConfig) -> Study:
    trials = list(_trials(config))
    if config.backwards:
        trials.reverse()
    if config.action == "ask-nothing":
        return
    if config.action == "ask-twice":
        trials.append(trials[0])
    yield from batches(trials, config.batch)
    if config.action == "exit-study":
        sys.exit(0)
    if config.action == "break":
        raise LookupError("no trial of the grid has a finite score")


def _trials(config: TinyConfig) -> Iterator[Trial]:
    for framework in config.runtimes:
        for trial in variants_by_seeds(config, VARIANTS, Runtime(framework)):
            name = trial.variant if len(config.runtimes) == 1 else f"{framework} {trial.variant}"
            yield Trial(name, trial.config, trial.seed, trial.runtime)


def trial(config: TinyConfig, seed: Seed, log: Log) -> dict[str, Any]:
    rng = seed.rng("data")
    A, target = rng.normal(size=(30, 3)), rng.normal(size=30)
    noise = _framework_noise()
    step_of = replacement("step") or _step
    w = np.zeros(3)
    log(0, infinite=float("inf"), unknown=float("nan"), single=np.float32(0.1))
    for step in range(config.steps):
        residual = A @ w - target
        log(step, loss=float(residual @ residual), w=w)
        w = step_of(w, A.T @ residual, config.learning_rate / 30)
        if config.action == "sleep":
            time.sleep(0.05)
        if config.action == "stop":
            breakpoint()
        if config.action == "unsteady":
            log(step, clock=time.perf_counter())
    _act(config, log)
    log.parameters({"w": w})
    log.timing(step=config.steps, clock=time.perf_counter())
    _leave_dirt()
    return {"loss": float(np.sum((A @ w - target) ** 2)), "noise": noise, "path": w, "capped": float("inf")}


def _step(w: np.ndarray, gradient: np.ndarray, rate: float) -> np.ndarray:
    return w - rate * gradient


def _act(config: TinyConfig, log: Log) -> None:
    slow = config.learning_rate == VARIANTS["slow"]["learning_rate"]
    if config.action == "fail" or (config.action == "fail-slow" and slow):
        raise ValueError("the trial fails on purpose\nand says more")
    if config.action == "say":
        raise UserError("action=say: choose another")
    if config.action == "exit":
        sys.exit(0)
    if config.action == "interrupt":
        raise KeyboardInterrupt
    if config.action == "misname":
        log(0, **{"loss@10": 0.0})
    if config.action == "say-gpu":
        raise UserError(f"sees GPU {os.environ['CUDA_VISIBLE_DEVICES'] or 'none'}")
    if config.action == "die" and slow:
        os.kill(os.getpid(), 9)
    if config.action == "refused":
        _put()
    if config.action == "stray":
        import torch  # noqa: F401


def _put() -> None:
    """What torch refuses, as it may give other values when it is repeated."""
    import torch

    torch.zeros(2).put_(torch.tensor([0]), torch.ones(1))


def _framework_noise() -> float:
    """A number from the global generators; repeats only if the harness has seeded them."""
    own = random.random() + float(np.random.rand())
    if "torch" in sys.modules:
        import torch

        layer = torch.nn.Linear(4, 4)
        return own + float(layer(torch.randn(2, 4)).sum().detach())
    if "keras" in sys.modules:
        import keras

        layer = keras.layers.Dense(4)
        return own + float(keras.ops.sum(layer(keras.random.normal((2, 4)))))
    return own


def _leave_dirt() -> None:
    """What a careless trial leaves behind in its process."""
    random.seed(1)
    np.random.seed(1)
    if "torch" in sys.modules:
        import torch

        torch.manual_seed(1)
    if "keras" in sys.modules:
        import keras

        keras.utils.set_random_seed(1)


def _gain(results: Results) -> Series:
    return results.series("slow", "loss") - results.series("fast", "loss")


def figure(results: Results, config: TinyConfig) -> Any:
    from matplotlib.figure import Figure

    drawing = Figure()
    for variant in results.variants():
        drawing.subplots().plot(results.values(variant, "loss"))
    return drawing


SEARCH = Search(
    space={"learning_rate": Range(0.001, 1.0, log=True), "steps": Range(10, 20), "backwards": Choices((False, True))},
    trial=lambda config: Trial("judged", config, 0, Runtime(config.runtimes[0])),
    measure="loss",
    goal="minimize",
    reported="loss",
    adopt=lambda config, found: {**found, "text": f"adopted by {config.seeds}"},
)

LAB = Lab(
    name="tiny",
    summary="Least squares in a second",
    chapter=1,
    minutes=0.1,
    config=TinyConfig,
    quick={"seeds": 2},
    study=study,
    trials=trial,
    claims=(
        Claim(
            "fast-is-better/loss",
            statement="a larger rate gets further",
            measure=_gain,
            unit="squared error",
            at_least=0,
        ),
        Claim(
            "fast-is-better/zero",
            statement="zero is zero",
            kind="exact",
            measure=lambda results: 0.0,
            unit="",
            at_most=0,
        ),
        Claim(
            "capped/infinite",
            statement="a measure that no seed reaches is larger than any",
            measure=lambda results: results.values("fast", "capped"),
            unit="steps",
            at_least=100,
            interval="median",
        ),
    ),
    figures={"losses": figure},
    frameworks=("torch", "keras"),
    replaceable=("step",),
    search=SEARCH,
)
