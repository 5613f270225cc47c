"""Pruning: which trials are ended, and when; and that a trial is told no more after ten thousand others than after ten.

The oracle is Optuna, whose study has all of the earlier trials.
"""

from __future__ import annotations

import itertools
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.harness.contract.options import PRUNERS, SAMPLERS
from lib.harness.contract.search import Range, Space
from lib.harness.contract.seeds import Seed
from lib.harness.contract.studies import changed
from lib.harness.contract.trial import Result, Trial
from lib.harness.searching.pruning import STUDY, Earlier, Goal, Judge, Pruning
from lib.harness.searching.search import distribution, sampler_of, searched
from tests.lib.harness.labs.tiny import SEARCH, TinyConfig

OPTUNAS = {
    "none": optuna.pruners.NopPruner,
    "median": optuna.pruners.MedianPruner,
    "hyperband": optuna.pruners.HyperbandPruner,
    "halving": optuna.pruners.SuccessiveHalvingPruner,
}


@dataclass(frozen=True)
class Ended:
    """A trial that has ended, with a pruner's notes on it."""

    reports: Sequence[float]
    complete: bool
    notes: Mapping[str, float]


class FullJudge:
    """Optuna's pruner on a study with all earlier trials."""

    def __init__(self, pruner: str, goal: Goal, earlier: Sequence[Ended], number: int):
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._study = optuna.create_study(
            sampler=optuna.samplers.RandomSampler(seed=0), pruner=OPTUNAS[pruner](), direction=goal, study_name=STUDY
        )
        for each in earlier:
            self._study.add_trial(
                optuna.trial.create_trial(
                    state=optuna.trial.TrialState.COMPLETE if each.complete else optuna.trial.TrialState.PRUNED,
                    value=1.0 if each.complete else None,
                    intermediate_values=dict(enumerate(each.reports)),
                    system_attrs=dict(each.notes),
                )
            )
        for _ in range(number - len(earlier)):
            self._study.ask()
        self._trial = self._study.ask()

    def prunes(self, value: float) -> bool:
        self._trial.report(value, len(self._trial.storage.get_trial(self._trial._trial_id).intermediate_values))
        return self._trial.should_prune()

    @property
    def notes(self) -> dict[str, Any]:
        return dict(self._study.trials[-1].system_attrs)


def history(pruner: str, goal: Goal) -> Earlier:
    return Earlier(pruner, goal, "loss", optuna.create_study(study_name=STUDY, direction=goal))


REPORTS = st.lists(st.floats() | st.integers(-3, 3).map(float), max_size=12)
TRIALS = st.lists(st.tuples(REPORTS, st.sampled_from(["fails", "refused", *["runs"] * 6])), max_size=40)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of NumPy, about medians of what is not finite
@given(
    pruner=st.sampled_from(PRUNERS),
    goal=st.sampled_from(["minimize", "maximize"]),
    trials=TRIALS,
    batch=st.integers(1, 7),
)
def test_a_trial_is_pruned_as_if_it_was_told_of_all_earlier_ones(
    pruner: str, goal: Goal, trials: list[tuple[list[float], str]], batch: int
) -> None:
    told: list[Ended] = []
    earlier = history(pruner, goal)
    numbered = enumerate(trials)
    while some := list(itertools.islice(numbered, batch)):
        new = []
        for number, (reports, fate) in some:
            if fate == "refused":
                new.append(Ended((), False, {}))
                continue
            judge, full = Judge(earlier.rule(number)), FullJudge(pruner, goal, told, number)
            count, pruned = 0, False
            while count < len(reports) and not pruned:
                pruned = judge.prunes(reports[count])
                assert pruned == full.prunes(reports[count])
                count += 1
            assert judge.notes == full.notes
            kept = () if fate == "fails" and not pruned else reports[:count]
            new.append(Ended(kept, fate == "runs" and not pruned, judge.notes))
        for (number, _), ended in zip(some, new, strict=True):
            earlier.add(number, ended.reports, ended.notes, complete=ended.complete)
        told += new


@pytest.mark.parametrize("pruner", PRUNERS)
def test_what_travels_with_a_trial_does_not_grow_with_the_trials_before_it(pruner: str) -> None:
    rng = np.random.default_rng(0)
    earlier = history(pruner, "minimize")
    sizes = {}
    for number in range(2_000):
        reports = rng.normal(size=27).tolist()
        earlier.add(number, reports, {f"completed_rung_{rung}": reports[rung] for rung in range(3)}, complete=True)
        if number + 1 in (20, 2_000):
            sizes[number + 1] = len(pickle.dumps(earlier.rule(number + 1)))
    assert sizes[2_000] <= sizes[20] + 100  # hyperband's brackets have more rungs, or fewer


@pytest.mark.parametrize("pruner", PRUNERS)
def test_only_what_reports_worse_than_earlier_batches_is_pruned(pruner: str) -> None:
    earlier = history(pruner, "minimize")
    for i in range(6):
        notes = {f"completed_rung_{rung}": 4.0 + i for rung in range(2)}
        earlier.add(i, [5.0 - step + i for step in range(9)], notes, complete=True)
    bad, good = ([Judge(earlier.rule(number)).prunes(value) for number in range(6, 12)] for value in (50.0, 0.1))
    assert not any(good)
    if pruner == "median":
        assert all(bad)
    judges = [Judge(earlier.rule(number)) for number in range(6, 12)]
    ever = [any(judge.prunes(50.0) for _ in range(9)) for judge in judges]
    assert any(ever) is (pruner != "none")


def test_the_first_batch_is_never_pruned() -> None:
    for pruner in PRUNERS:
        judge = Judge(history(pruner, "minimize").rule(3))
        assert not any(judge.prunes(value) for value in (1.0, 50.0, 100.0))


SPACE: Space = {"learning_rate": Range(0.001, 1.0, log=True), "steps": Range(10, 20)}
EVEN = TinyConfig(text="even")


def ends(trial: Trial) -> Result:
    """A trial that reports a little, and is pruned, fails or ends."""
    config: Any = trial.config
    loss = float(np.log10(config.learning_rate / 0.1) ** 2 + 0.01 * config.steps)
    if config.learning_rate > 0.8:
        return Result(trial, trial.variant, "FAILED", error="diverged", reports=(loss,))
    assert isinstance(trial.stop_rule, Pruning)
    judge, reports = Judge(trial.stop_rule), list[float]()
    for more in (3.0, 2.0, 1.0, 0.5, 0.0):
        reports.append(loss + more)
        if judge.prunes(reports[-1]):
            return Result(trial, trial.variant, "PRUNED", {"pruned_after": len(reports)}, reports=tuple(reports))
    return Result(trial, trial.variant, "FINISHED", {"loss": loss}, reports=tuple(reports))


@pytest.mark.parametrize("pruner", PRUNERS)
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_search_asks_as_one_whose_study_is_made_anew_for_each_batch(sampler: str, pruner: str) -> None:
    """So it did before it kept the study: what was recorded then is repeated now."""
    study = searched(
        SEARCH,
        SPACE,
        EVEN,
        Seed(7),
        sampler=sampler,
        pruner=pruner,
        batch=5,
        more=lambda results: 40 - len(results),
        named=lambda trial, number: replace(trial, variant=f"{number}"),
    )
    told: list[optuna.trial.FrozenTrial] = []
    batch = next(study)
    while True:
        anew = optuna.create_study(
            sampler=sampler_of(sampler, SPACE, Seed(7), len(told)),
            pruner=OPTUNAS[pruner](),
            direction="minimize",
            study_name=STUDY,
        )
        anew.add_trials(told)
        expected: dict[int, dict[str, Any]] = {}
        while len(expected) < len(batch):
            one = anew.ask({name: distribution(part) for name, part in SPACE.items()})
            if one.params["steps"] % 2 == 0:
                expected[one.number] = one.params
        assert [changed(EVEN, params) for params in expected.values()] == [trial.config for trial in batch]
        results = [ends(trial) for trial in batch]
        told += [frozen(one, dict(zip(expected, results, strict=True))) for one in anew.trials[len(told) :]]
        try:
            batch = study.send(results)
        except StopIteration:
            break


def frozen(asked: optuna.trial.FrozenTrial, results: Mapping[int, Result]) -> optuna.trial.FrozenTrial:
    """A trial as Optuna is told of it."""
    result = results.get(asked.number)
    value = result.measurements["loss"] if result and result.status == "FINISHED" else None
    reports = result.reports if result and result.status != "FAILED" else ()
    notes: dict[str, float] = {}
    if result and isinstance(result.trial.stop_rule, Pruning):
        judge = Judge(result.trial.stop_rule)
        for report in reports:
            judge.prunes(report)
        notes = judge.notes
    return optuna.trial.create_trial(
        state=optuna.trial.TrialState.PRUNED if value is None else optuna.trial.TrialState.COMPLETE,
        value=value,
        params=asked.params,
        distributions=asked.distributions,
        intermediate_values=dict(enumerate(reports)),
        system_attrs={**asked.system_attrs, **notes},
    )
