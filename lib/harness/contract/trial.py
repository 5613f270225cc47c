"""One training and its result: the units of work, of tracking and of repetition."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from lib.harness.contract.config import Config

if TYPE_CHECKING:
    from lib.harness.searching.pruning import Pruning


Framework = Literal["numpy", "torch", "keras"]


Dtype = Literal["float32", "float64"]


Measurements = Mapping[str, Any]
"""What a trial returns: names to numbers, texts, lists or arrays of them. Arrays come back as nested lists."""


@dataclass(frozen=True)
class Runtime:
    """The process-wide state that a trial needs. Trials of one runtime share pooled worker processes."""

    framework: Framework = "numpy"
    dtype: Dtype = "float32"


@dataclass(frozen=True)
class Trial:
    """One training with one seed: the unit of work, of tracking and of repetition.

    Attributes:
        variant: the name of the arm of the study; with the seed it names the trial.
        config: the settings that the trial function is given.
        seed: number of the seed. Trials with the same number start from the same `Seed`, whatever their variant.
        runtime: framework and dtype of the worker process.
        function: the name of the trial function in ``Lab.trials``; empty where the lab has only one.
        pruning: the rule by which a search may end the trial early. It is no part of what the trial computes.
    """

    variant: str
    config: Config
    seed: int
    runtime: Runtime = Runtime()
    function: str = ""
    pruning: Pruning | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Result:
    """A trial that has ended. `measurements` is empty when `status` is neither FINISHED nor PRUNED.

    PRUNED: a search has ended it early, as others were better by then; `measurements` says after how many reports.
    `timings`: the last of each that it recorded by ``log.timing``; outside the digest, and other in every run.
    `reports`: of a trial of a search, the values that it logged of what its search has for `Search.reported`.
    """

    trial: Trial
    run: str
    status: Literal["FINISHED", "PRUNED", "FAILED", "KILLED"]
    measurements: Mapping[str, Any] = field(default_factory=dict)
    digest: str = ""
    error: str = ""
    timings: Mapping[str, float] = field(default_factory=dict)
    reports: tuple[float, ...] = ()


class Log(Protocol):
    """What a trial records while it runs. Everything but timings enters the trial's digest."""

    def __call__(self, step: int, **values: float | np.ndarray | np.generic) -> None:
        """Record values at a step: numbers become metrics, arrays are recorded by dtype, shape and SHA-256."""

    def timing(self, step: int = 0, **values: float) -> None:
        """Record seconds or bytes. They differ from run to run, so they stay outside the digest."""

    def parameters(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Record the final parameters by dtype, shape and SHA-256, and keep them as ``model/parameters.npz``."""


ENDED_WELL = ("FINISHED", "PRUNED")
"""The statuses of a result that has measurements."""
Study = Generator[list[Trial], list[Result], None]
"""Results so far in, next batch of trials out."""
