"""The settings of the optimizers lab, and how its experiments make optimizers from them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

import lib.optimizers
from lib.harness.contract.config import Config
from lib.harness.replaced import replacement
from lib.optimizers.base import Optimizer
from lib.optimizers.experiments.own import OwnOptimizer

Lecture = Literal["GradientDescent", "Momentum", "Nesterov", "Adagrad", "RMSprop", "Adam", "AdaMax", "NAdam"]
Newer = Literal["AdamW", "Lion", "Muon"]
OptimizerName = Literal["all", Lecture, Newer]
Schedule = Literal["constant", "cosine", "warm-up"]

LECTURE: tuple[Lecture, ...] = (
    "GradientDescent",
    "Momentum",
    "Nesterov",
    "Adagrad",
    "RMSprop",
    "Adam",
    "AdaMax",
    "NAdam",
)
"""The optimizers that are compared by learning rate and speed, in the lecture's order."""

TENTH = 0.1
"""The smallest saving that counts: a tenth of the steps or examples. The grid of rates alone moves them by as much."""


class OptimizersConfig(Config):
    """Settings of the whole lab. `optimizer` and `learning_rates` tell the trials apart."""

    seeds: int = Field(6, ge=1, le=1000, description="6 is the fewest for which a median has a 95 % interval")
    batch: int = Field(
        512, ge=1, le=1024, description="trials asked for at a time; more than a stage has, so that no core waits in it"
    )
    optimizer: OptimizerName = Field("all", description="a trial has one; name one to try it alone, without verdicts")
    schedule: Schedule = Field("constant", description="a trial of LeNet has one; the study sets it")
    learning_rates: dict[str, float] = Field(
        default_factory=dict, description="by optimizer/function, or for lenet; the grid chooses, the study sets them"
    )

    starts: int = Field(32, ge=1, le=10_000, description="random starts of a trial on the functions, all at once")
    steps: int = Field(
        10_000, ge=20, le=1_000_000, description="cap on arrivals on the functions: twice the slowest optimizer's need"
    )
    hold: int = Field(
        1_000, ge=1, le=100_000, description="steps for which an arrival must stay: ten times what the fast ones need"
    )
    target: float = Field(
        1e-3, gt=0, le=1, description="height above the minimum that counts as reached; far below every start's"
    )
    grid_points: int = Field(
        36, ge=2, le=200, description="learning rates from 1e-5 to 1e2 on a log grid, DeepOBS' number (Schneider 2019)"
    )

    lenet_optimizers: tuple[Lecture, ...] = Field(
        LECTURE, min_length=1, description="the lecture's eight; fewer where time is short"
    )
    lenet_scheduled: tuple[Lecture, ...] = Field(
        ("Momentum", "Adam"), description="those that also train with schedules: one of each kind, the most used"
    )
    lenet_newer: tuple[Newer, ...] = Field(
        ("AdamW", "Lion", "Muon"), description="what came after the lecture and is in use"
    )
    lenet_seeds: int = Field(5, ge=1, le=100, description="5 pairs give an interval and fit into five minutes")
    lenet_grid_points: int = Field(9, ge=2, le=50, description="learning rates from 1e-4 to 1, half a decade apart")
    lenet_grid_seeds: int = Field(
        2, ge=1, le=100, description="of the grid; one alone may choose a rate at which other starts diverge"
    )
    lenet_subset: int = Field(
        8_000, ge=100, le=55_000, description="pictures for the grid, 2 of 5 of the finals': fewer favour high rates"
    )
    lenet_pictures: int = Field(
        20_000,
        ge=100,
        le=55_000,
        description="pictures for the final seeds: not all there are, and seeds for what it saves",
    )
    lenet_judged: int = Field(
        10_000, ge=100, le=10_000, description="pictures of the validation and the test split that judge: all there are"
    )
    lenet_epochs: int = Field(2, ge=1, le=100, description="enough for 85 to 90 % and no more: speed is the question")
    lenet_batch: int = Field(128, ge=1, le=10_000, description="small enough for 156 steps an epoch")
    lenet_coincide: int = Field(
        30, ge=1, le=1_000, description="steps beside the framework in float64, which is slow; an error shows at once"
    )


def build(name: str, convention: str, **settings: Any) -> Optimizer[Any]:
    """The optimizer of this name; what `settings` leave out has the convention's default.

    A class of one's own takes its place in torch's convention, whose form the lesson's have.
    """
    own = replacement(name) if convention == "torch" else None
    if own is not None:
        return OwnOptimizer(settings.pop("learning_rate", None), own=own, settings=settings)
    return of_lecture(name, convention, **settings)


def of_lecture(name: str, convention: str, **settings: Any) -> Optimizer[Any]:
    """Our own optimizer of this name, whose slots are known; what `settings` leave out has the convention's default."""
    optimizer: Optimizer[Any] = getattr(lib.optimizers, name)(convention=convention, **settings)
    return optimizer
