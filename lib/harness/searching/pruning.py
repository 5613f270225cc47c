"""Pruning: ends a trial of a search early when the ones before it were better by the same step.

Optuna's pruners decide, each on a study that is frozen where the trial's batch begins: it knows what earlier batches
have reported and nothing of the trials beside it, so that the number of workers changes nothing. A pruner reads little
of the earlier trials: the middle reports of each step, or one value of each rung. Stand-ins with these values travel
with the trial as plain data (`Pruning`, a `StopRule`), as many after ten trials as after ten thousand, and the worker
asks Optuna's pruner whenever the trial logs (`PruningLog`). It decides as with all of the earlier trials.

- ``median`` (Golovin et al. 2017, "Google Vizier"): the best value so far is worse than the median of the others'
- ``halving`` (Li et al. 2020, "A system for massively parallel hyperparameter tuning"): now and then, at four times the
  reports each time, only the best quarter goes on
- ``hyperband`` (Li et al. 2018, JMLR 18(185)): several such halvings, by thirds, that begin at different times

A trial's reports are counted, whatever its steps are: the second one meets the second ones of the others.
"""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from lib.harness.contract.trial import Log, StoppedEarlyError

if TYPE_CHECKING:
    import optuna

STUDY = "search"  # hyperband takes a trial's bracket from the name of its study
Goal = Literal["minimize", "maximize"]
STARTUP = 5
"""Complete trials before the median counts. This and what follows are Optuna's own settings."""
FACTORS = {"halving": 4, "hyperband": 3}
"""By which these reduce the trials at each rung. They note the values of a trial at the rungs that it has reached."""


@dataclass(frozen=True)
class StandIn:
    """A complete trial with what a pruner reads of many: reports by their number, and the notes of a pruner."""

    reports: Mapping[int, float] = field(default_factory=dict)
    notes: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Pruning:
    """The pruning rule of one trial: the values that it logs as `reported` are compared with those of earlier trials.

    Attributes:
        pruner: by its name.
        reported: the name of the logged values; empty where there are none.
        number: of this trial in its search, those counted that were not valid.
        earlier: stand-ins for the trials of the batches before.
        bracket: of hyperband, the halving that the trial belongs to; None before one is known.
    """

    pruner: str
    goal: Goal
    reported: str
    number: int = 0
    earlier: tuple[StandIn, ...] = ()
    bracket: int | None = None

    def watch(self, log: Log) -> PruningLog:
        """The log of a trial under this rule."""
        return PruningLog(log, self)


def pruner_of(name: str) -> optuna.pruners.BasePruner:
    """Optuna's pruner of this name."""
    from optuna import pruners

    if name == "median":
        return pruners.MedianPruner(n_startup_trials=STARTUP)
    if name == "halving":
        return pruners.SuccessiveHalvingPruner(reduction_factor=FACTORS[name])
    if name == "hyperband":
        return pruners.HyperbandPruner(reduction_factor=FACTORS[name])
    return pruners.NopPruner()


def _pruner_of_trial(pruning: Pruning) -> optuna.pruners.BasePruner:
    """Optuna's pruner for one trial: of hyperband the halving of its bracket."""
    from optuna import pruners

    if pruning.pruner != "hyperband":
        return pruner_of(pruning.pruner)
    if pruning.bracket is None:
        return pruners.NopPruner()
    return pruners.SuccessiveHalvingPruner(
        min_resource=1, reduction_factor=FACTORS["hyperband"], min_early_stopping_rate=pruning.bracket
    )


class Earlier:
    """The trials of a search so far, as its pruner reads them.

    Args:
        pruner: by its name.
        goal: of the search.
        reported: the name of the values that trials log for it.
        study: Optuna's study of the search.
    """

    def __init__(self, pruner: str, goal: Goal, reported: str, study: optuna.Study):
        self._pruner, self._goal, self._reported, self._study = pruner, goal, reported, study
        self._complete = 0
        self._last = -1  # number of the last report of the longest complete trial
        self._reports: list[list[float]] = []  # of complete trials by their number, in ascending order
        self._notes: list[tuple[int, Mapping[str, float]]] = []  # with the numbers of their trials
        self._rungs: dict[int | None, dict[str, list[float]]] = {}  # by bracket, in ascending order
        self._hyperband: optuna.pruners.HyperbandPruner | None = None
        self._stand_ins: dict[int | None, tuple[StandIn, ...]] = {}  # by bracket: those of a batch share them

    def add(self, number: int, reports: Sequence[float], notes: Mapping[str, float], *, complete: bool) -> None:
        """Add a trial that has ended. `notes`: of the pruner, on this trial."""
        self._stand_ins.clear()
        if complete:
            self._complete += 1
            self._add_reports(reports)
            if len(reports) - 1 > self._last:
                self._last = len(reports) - 1
                self._find_brackets()
        if notes:
            self._notes.append((number, notes))
            self._add_notes(number, notes)

    def _add_reports(self, reports: Sequence[float]) -> None:
        if self._pruner == "median":
            self._reports += [[] for _ in range(len(reports) - len(self._reports))]
            for value, others in zip(reports, self._reports, strict=False):
                if not math.isnan(value):
                    insort(others, value)

    def _add_notes(self, number: int, notes: Mapping[str, float]) -> None:
        rungs = self._rungs.setdefault(self._bracket(number), {})
        for rung, value in notes.items():
            insort(rungs.setdefault(rung, []), value)

    def _find_brackets(self) -> None:
        """Divide the trials anew where a longer one gives hyperband more brackets."""
        if self._pruner != "hyperband":
            return
        from optuna.pruners import HyperbandPruner

        before = self._hyperband and self._hyperband._n_brackets
        self._hyperband = HyperbandPruner(max_resource=self._last + 1, reduction_factor=FACTORS[self._pruner])
        self._hyperband._try_initialization(self._study)
        if self._hyperband._n_brackets != before:
            self._rungs = {}
            for number, notes in self._notes:
                self._add_notes(number, notes)

    def _bracket(self, number: int) -> int | None:
        """Hyperband's bracket of a trial, as Optuna assigns it; None before it is known, and for other pruners."""
        if self._hyperband is None:
            return None
        trial: Any = SimpleNamespace(number=number)
        return self._hyperband._get_bracket_id(self._study, trial)

    def rule(self, number: int) -> Pruning:
        """The rule of the trial with this number."""
        bracket = self._bracket(number)
        if bracket not in self._stand_ins:
            self._stand_ins[bracket] = self._all_of(bracket)
        return Pruning(self._pruner, self._goal, self._reported, number, self._stand_ins[bracket], bracket)

    def _all_of(self, bracket: int | None) -> tuple[StandIn, ...]:
        """Stand-ins for the trials so far, as far as a trial of this bracket is compared with them."""
        if self._pruner == "median" and self._complete >= STARTUP:
            return self._middle()
        if self._pruner in FACTORS and self._last >= 0:
            rungs = self._rungs.get(bracket, {})
            return (StandIn({self._last: 0.0}, {rung: self._threshold(values) for rung, values in rungs.items()}),)
        return ()

    def _middle(self) -> tuple[StandIn, ...]:
        """Stand-ins that have the median of all at each report, to the last bit: it is made of the same values."""
        middle = []
        for values in self._reports:
            half, odd = (len(values) - 1) // 2, len(values) % 2
            middle.append(values[max(half - odd, 0) : half + 2])
        return tuple(
            StandIn({report: values[place] for report, values in enumerate(middle) if place < len(values)})
            for place in range(STARTUP)
        )

    def _threshold(self, values: Sequence[float]) -> float:
        """The value that promotes a trial beyond a rung with these of others, in ascending order."""
        place = max((len(values) + 1) // FACTORS[self._pruner] - 1, 0)  # the trial itself is counted
        return values[place] if self._goal == "minimize" else values[-1 - place]


class Judge:
    """Says of one trial, report by report, whether it is to be pruned."""

    def __init__(self, pruning: Pruning):
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        study = optuna.create_study(
            sampler=optuna.samplers.RandomSampler(seed=0),
            pruner=_pruner_of_trial(pruning),
            direction=pruning.goal,
            study_name=STUDY,
        )
        for stand_in in pruning.earlier:
            complete = optuna.trial.create_trial(
                value=0.0,
                intermediate_values=dict(stand_in.reports),
                system_attrs=dict(stand_in.notes),
            )
            study.add_trial(complete)
        self._study, self._trial = study, study.ask()
        self._reports = 0

    def prunes(self, value: float) -> bool:
        """Return whether the trial ends after this report, its next one."""
        self._trial.report(value, self._reports)
        self._reports += 1
        return bool(self._trial.should_prune())

    @property
    def notes(self) -> dict[str, float]:
        """Return the pruner's notes on the trial: its value at each rung."""
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
