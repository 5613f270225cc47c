"""One training and its result: the units of work, of tracking and of repetition."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np

from lib.harness.contract.config import Config

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
        stop_rule: the rule by which a search may end the trial early. It is no part of what the trial computes.
    """

    variant: str
    config: Config
    seed: int
    runtime: Runtime = Runtime()
    function: str = ""
    stop_rule: StopRule | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Result:
    """A trial that has ended. `measurements` is empty when `status` is neither FINISHED nor PRUNED.

    PRUNED: its stop rule has ended it early, as others were better by then; `measurements` says after how many reports.
    `timings`: the last value of each timing. Not part of the digest: timings differ from run to run.
    `reports`: in a search, the successive values of the metric that the stop rule watches.
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
    """The record of a running trial. Everything but timings enters the trial's digest."""

    def __call__(self, step: int, **values: float | np.ndarray | np.generic) -> None:
        """Record values at a step: numbers become metrics, arrays are recorded by dtype, shape and SHA-256."""

    def timing(self, step: int = 0, **values: float) -> None:
        """Record seconds or bytes. They differ from run to run, so they stay outside the digest."""

    def parameters(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Record the final parameters by dtype, shape and SHA-256, and keep them as ``model/parameters.npz``."""


class StoppedEarlyError(BaseException):
    """Ends a trial from within its log; no `Exception`, so that no trial takes it for a failure of its own."""


class WatchedLog(Log, Protocol):
    """A log whose calls raise `StoppedEarlyError` when the trial is to end.

    Attributes:
        reports: the values of the watched metric so far.
    """

    reports: list[float]


class StopRule(Protocol):
    """Decides, report by report, when a trial ends early: plain data that travels with the trial to its worker."""

    @property
    def reported(self) -> str:
        """The logged metric that the rule watches; empty for none."""

    def watch(self, log: Log) -> WatchedLog:
        """The log that the trial is given in the place of `log`, to which everything is passed on."""


ENDED_WELL = ("FINISHED", "PRUNED")
"""The statuses of a result that has measurements."""
Study = Generator[list[Trial], list[Result], None]
"""Results so far in, next batch of trials out."""
