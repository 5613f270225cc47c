"""TensorFlow 2 at its four levels: LeNet by tf.keras, by a class and a tape, by Python and variables, by tf.nn.

The trials of the study:

- **agree**: every training step at all four levels, eagerly and compiled, from the same weights (`agreement`); in
  float32 and in float64.
- **part**: two levels, one of whose sums have another order, until they have become two networks (`agreement.part`).
- **autograph**: programs whose course depends on their data, as Python, eagerly and as a graph (`autograph`).
- **old code**: the errors of TensorFlow 1's layers and estimators in today's TensorFlow, and the Keras code that
  replaces them (`old_code`).
- **portable**: one Keras model saved, loaded, served, and used on the torch backend (`portable`).

Where there is nothing to draw there is one trial. Nothing is chosen and no test picture is read. Seconds are outside
the digest: they differ from run to run.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import Field

from lib.harness.contract.config import Config
from lib.harness.contract.lab import Lab
from lib.harness.contract.seeds import Seed
from lib.harness.contract.studies import batches, changed
from lib.harness.contract.trial import Log, Runtime, Study, Trial
from lib.tf2.tf2 import agreement, autograph, figures, old_code, portable
from lib.tf2.tf2.claims import CLAIMS, WITHIN


class Tf2Config(Config):
    """Settings of the lab."""

    framework: Literal["torch", "keras"] = Field("keras", description="the lab is about TensorFlow")
    batch: int = Field(64, ge=1, le=1024, description="trials asked for at a time: all, so that no core waits")
    seeds: int = Field(
        9, ge=1, le=1000, description="of networks that part; a median's interval then bears one that never does"
    )
    single_seeds: int = Field(
        3, ge=1, le=1000, description="of the comparison in float32: equal kernels give equal bits from any start"
    )
    dtype: Literal["float32", "float64"] = Field("float32", description="set by the study")
    double_seeds: int = Field(
        3, ge=1, le=1000, description="of the comparison in float64, where nothing but mistakes could differ"
    )
    part_steps: int = Field(
        WITHIN, ge=2, le=1700, description="most networks part within 100; one that has not by then counts as never"
    )
    double_steps: int = Field(100, ge=2, le=1700, description="the same in float64, where no rounding is so large")
    steps: int = Field(50, ge=2, le=1000, description="enough for a difference to grow, and for the loss to fall")
    batch_size: int = Field(32, ge=4, le=1000, description="tf.keras' own default")
    learning_rate: float = Field(0.05, gt=0, le=1, description="plain descent learns at it and does not oscillate")
    draws: int = Field(100, ge=1, le=10_000, description="arguments of each program, so that every branch is taken")
    values: int = Field(10, ge=2, le=100, description="different numbers given to one function: a trace takes long")
    repeats: int = Field(20, ge=1, le=1000, description="calls whose median is a time")
    pictures: int = Field(1000, ge=100, le=55_000, description="for old and new code: seconds")


def agree(config: Tf2Config, seed: Seed, log: Log) -> dict[str, Any]:
    """Train at all levels, eagerly and compiled, from the same weights."""
    steps, batch, rate = config.steps, config.batch_size, config.learning_rate
    return agreement.agree(seed, log, steps=steps, batch=batch, rate=rate, dtype=config.dtype)


def part(config: Tf2Config, seed: Seed, log: Log) -> dict[str, Any]:
    """Train two levels until rounding has made them two networks."""
    steps = config.part_steps if config.dtype == "float32" else config.double_steps
    batch, rate = config.batch_size, config.learning_rate
    return agreement.part(seed, log, steps=steps, batch=batch, rate=rate, dtype=config.dtype)


def run_programs(config: Tf2Config, seed: Seed, log: Log) -> dict[str, Any]:
    """Run programs as Python, eagerly and as graphs that autograph makes."""
    return autograph.measure(seed, log, config.draws, config.values, config.repeats)


def run_old_code(config: Tf2Config, seed: Seed, log: Log) -> dict[str, Any]:
    """Run code of TensorFlow 1 and the Keras code that replaces it."""
    return old_code.both(config.pictures)


def move_model(config: Tf2Config, seed: Seed, log: Log) -> dict[str, Any]:
    """Save, load and serve one model, and use it on the torch backend."""
    steps, batch, rate = config.steps, config.batch_size, config.learning_rate
    return portable.measure(seed, log, steps=steps, batch=batch, rate=rate)


def study(config: Tf2Config) -> Study:
    """All kinds of trials; what does not depend on the seed runs once."""
    yield from batches(_trials(config), config.batch)


def _trials(config: Tf2Config) -> Iterator[Trial]:
    def one(variant: str, seed: int, function: str, dtype: Literal["float32", "float64"] = "float32") -> Trial:
        return Trial(variant, changed(config, {"dtype": dtype}), seed, Runtime("keras", dtype), function)

    yield one("autograph", 0, "autograph")  # the first one is started twice: one that takes seconds
    yield one("portable", 0, "portable")
    for seed in range(config.single_seeds):
        yield one("agree/float32", seed, "agree")
    for seed in range(config.seeds):
        yield one("part/float32", seed, "part")
    yield one("old code", 0, "old-code")
    for seed in range(config.double_seeds):
        yield one("agree/float64", seed, "agree", "float64")
    yield one("part/float64", 0, "part", "float64")


LAB = Lab(
    name="tf2",
    summary="one network at the four levels of TensorFlow 2: how far weights agree, and what autograph makes of Python",
    chapter=8,
    minutes=4,
    config=Tf2Config,
    quick={
        "seeds": 6,
        "single_seeds": 1,
        "double_seeds": 1,
        "double_steps": 60,
        "steps": 12,
        "draws": 30,
        "repeats": 10,
    },
    study=study,
    trials={
        "agree": agree,
        "part": part,
        "autograph": run_programs,
        "old-code": run_old_code,
        "portable": move_model,
    },
    claims=CLAIMS,
    lecture=("four-levels-agree", "autograph-if-else", "layers-and-estimator", "fully-compatible-keras"),
    figures={
        "levels": figures.levels,
        "agreement": figures.agreement,
        "parting": figures.parting,
        "answers": figures.answers,
        "cost": figures.cost,
        "limits": figures.limits,
        "old_code": figures.old_code,
        "portable": figures.portable,
    },
    frameworks=("keras",),
    data=("fashion_mnist",),
    search="its networks are compared step by step, and none is judged on validation data",
    texts=figures.TEXTS,
)
