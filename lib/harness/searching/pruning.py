"""Pruning: ends a trial of a search early when the ones before it were better by the same step.

Optuna's pruners decide, each on a study that is frozen where the trial's batch begins: it knows what earlier batches
have reported and nothing of the trials beside it, so that the number of workers changes nothing. That study travels
with the trial as plain data (`Pruning`, a `StopRule`), and the worker asks it whenever the trial logs (`PruningLog`).

- ``median`` (Golovin et al. 2017, "Google Vizier"): the best value so far is worse than the median of the others'
- ``halving`` (Li et al. 2020, "A system for massively parallel hyperparameter tuning"): now and then, at four times the
  reports each time, only the best quarter goes on
- ``hyperband`` (Li et al. 2018, JMLR 18(185)): several such halvings, by thirds, that begin at different times

A trial's reports are counted, whatever its steps are: the second one meets the second ones of the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from lib.harness.contract.trial import Log, StoppedEarlyError

if TYPE_CHECKING:
    import optuna

STUDY = "search"  # hyperband takes a trial's bracket from the name of its study


@dataclass(frozen=True)
class EarlierTrial:
    """An earlier trial, as a pruner sees it. `attributes`: the pruner's own notes on it, such as the rungs reached."""

    state: Literal["COMPLETE", "PRUNED"]
    value: float | None
    reports: tuple[float, ...]
    attributes: Mapping[str, Any]


@dataclass(frozen=True)
class Pruning:
    """The pruning rule of one trial: its logged `reported` values are compared with those of `earlier` trials.

    `number`: of this trial in its search. The ones between `earlier` and it belong to its own batch.
    """

    pruner: str
    goal: Literal["minimize", "maximize"]
    reported: str
    earlier: tuple[EarlierTrial, ...]
    number: int

    def watch(self, log: Log) -> PruningLog:
        """The log of a trial under this rule."""
        return PruningLog(log, self)


def pruner_of(name: str) -> optuna.pruners.BasePruner:
    """Optuna's pruner of this name, with its own settings."""
    import optuna

    made: dict[str, Any] = {
        "none": optuna.pruners.NopPruner,
        "median": optuna.pruners.MedianPruner,
        "hyperband": optuna.pruners.HyperbandPruner,
        "halving": optuna.pruners.SuccessiveHalvingPruner,
    }
    pruner: optuna.pruners.BasePruner = made[name]()
    return pruner


class Judge:
    """Says of one trial, report by report, whether it is to be pruned."""

    def __init__(self, pruning: Pruning):
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        study = optuna.create_study(
            sampler=optuna.samplers.RandomSampler(seed=0),
            pruner=pruner_of(pruning.pruner),
            direction=pruning.goal,
            study_name=STUDY,
        )
        for trial in pruning.earlier:
            frozen = optuna.trial.create_trial(
                state=optuna.trial.TrialState[trial.state],
                value=trial.value,
                intermediate_values=dict(enumerate(trial.reports)),
                system_attrs=dict(trial.attributes),
            )
            study.add_trial(frozen)
        for _ in range(pruning.number - len(pruning.earlier)):
            study.ask()  # the ones of its batch, of which it knows nothing but that they are there
        self._study, self._trial = study, study.ask()
        self._reports = 0

    def prunes(self, value: float) -> bool:
        """Return whether the trial ends after this report, its next one."""
        self._trial.report(value, self._reports)
        self._reports += 1
        return bool(self._trial.should_prune())

    @property
    def attributes(self) -> dict[str, Any]:
        """Return the pruner's notes on the trial."""
        return dict(self._study.trials[-1].system_attrs)


class PruningLog:
    """A `Log` that passes everything on and ends the trial after the report that prunes it.

    Attributes:
        reports: the values reported so far.
    """

    def __init__(self, log: Log, pruning: Pruning):
        self._log = log
        self._reported = pruning.reported
        self._judge = Judge(pruning) if pruning.pruner != "none" else None
        self.reports: list[float] = []

    def __call__(self, step: int, **values: float | np.ndarray | np.generic) -> None:
        """Record values at a step, then ask."""
        self._log(step, **values)
        if self._reported in values:
            self.reports.append(float(values[self._reported]))
            if self._judge is not None and self._judge.prunes(self.reports[-1]):
                raise StoppedEarlyError

    def timing(self, step: int = 0, **values: float) -> None:
        """Record seconds or bytes."""
        self._log.timing(step, **values)

    def parameters(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Record the final parameters."""
        self._log.parameters(arrays)
