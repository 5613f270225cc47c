"""Searches: studies whose next trials an Optuna sampler chooses from the results of the earlier ones.

A batch is a pure function of the search's seed, its number and the results of the batches before it: Optuna's study is
made anew for each from plain data, its sampler seeded by name. So a search asks for the same trials on any number of
workers, and one that is run again over recorded results comes to the same place.

Invalid combinations (a width not divisible by the number of heads, say) are not run. The sampler is asked for another
one and, from the next batch on, told that the combination scored worst.

Samplers, as Optuna has them, with its own settings:

- ``tpe`` (Bergstra et al. 2011, "Algorithms for hyper-parameter optimization"): values that are likelier among the
  good trials than among the others, after ten at random
- ``random`` (Bergstra & Bengio 2012, JMLR 13)
- ``grid``: every combination of up to four values of a range and of all choices, in random order, once each
- ``cmaes`` (Hansen & Ostermeier 2001, Evolutionary Computation 9(2)): a normal distribution over the ranges, at least
  two of them, that moves to where trials were good; choices at random, and nothing is learned from pruned trials
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from lib.harness.contract.config import Config
from lib.harness.contract.search import Choices, Range, Search, Space
from lib.harness.contract.seeds import Seed
from lib.harness.contract.studies import best, changed
from lib.harness.contract.trial import Result, Trial
from lib.harness.errors import UserError
from lib.harness.searching.pruning import STUDY, EarlierTrial, Judge, Pruning, pruner_of

if TYPE_CHECKING:
    import optuna

GRID_VALUES = 4
"""Of a range on a grid, ends included."""
TRIES = 100
"""How often a sampler is asked for each trial of a batch, at most: where so few fit, the space is wrong."""


def searched(
    search: Search,
    space: Space,
    config: Config,
    seed: Seed,
    *,
    sampler: str,
    pruner: str,
    batch: int,
    more: Callable[[Sequence[Result]], int],
    named: Callable[[Trial, int], Trial],
) -> Generator[list[Trial], list[Result], list[Result]]:
    """Ask for trials of `config` with fields sampled from `space` (``results = yield from searched(…)``).

    Args:
        batch: trials asked for at a time.
        more: from the results so far to how many trials may still be asked for.
        named: from the trial that `search` makes and its number to the one that is asked for.

    Returns:
        All results, in the order in which they were asked for. PRUNED ones have their `reports`. They are fewer than
        `more` says where the space has no other combination that `config` takes, or none was found.

    Raises:
        UserError: not one combination was found that `config` takes.
    """
    distributions = {name: distribution(one) for name, one in space.items()}
    results: list[Result] = []
    history: list[optuna.trial.FrozenTrial] = []
    while (size := min(batch, more(results))) > 0:
        study = _study(search, history, sampler_of(sampler, space, seed, len(history)), pruner)
        earlier = tuple(map(_earlier_trial, history))
        trials: dict[int, Trial] = {}
        refused = None
        for _ in range(min(TRIES * size, _left(space, sampler, len(history)))):
            one = study.ask(distributions)
            try:
                trial = search.trial(changed(config, one.params))
            except ValidationError as error:
                refused = f"{_said(one.params)}: {error.errors()[0]['msg']}"
                continue
            pruning = Pruning(pruner, search.goal, search.reported, earlier, number=one.number)
            trials[one.number] = replace(named(trial, len(results) + len(trials)), stop_rule=pruning)
            if len(trials) == size:
                break
        if not trials and refused and not results:
            raise UserError(
                f"no combination of the space is valid, the last one was {refused}: change --space or --set"
            )
        if not trials:
            break
        asked = study.trials[len(history) :]
        new = yield list(trials.values())
        answers = dict(zip(trials, new, strict=True))
        history += [_frozen(search, one, answers.get(one.number)) for one in asked]
        results += new
    return results


def _said(found: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in found.items())


def distribution(one: Range | Choices) -> optuna.distributions.BaseDistribution:
    """Convert a part of a space into Optuna's distribution."""
    from optuna import distributions

    if isinstance(one, Choices):
        return distributions.CategoricalDistribution(one.values)
    if one.whole:
        return distributions.IntDistribution(int(one.low), int(one.high), log=one.log, step=int(one.step or 1))
    return distributions.FloatDistribution(one.low, one.high, log=one.log, step=one.step)


def grid_values(one: Range | Choices) -> list[Any]:
    """The values of a part of a space on a grid."""
    if isinstance(one, Choices):
        return list(one.values)
    shares = [i / (GRID_VALUES - 1) for i in range(GRID_VALUES)]
    if one.log:
        values = [one.low * (one.high / one.low) ** share for share in shares]
    else:
        values = [one.low + share * (one.high - one.low) for share in shares]
    step = one.step or (1 if one.whole else None)
    if step:
        values = [one.low + step * round((value - one.low) / step) for value in values]
    values = [min(max(value, one.low), one.high) for value in values]
    return list(dict.fromkeys(int(value) if one.whole else value for value in values))


def grid_size(space: Space) -> int:
    """Count the combinations of a grid over `space`."""
    return math.prod(len(grid_values(one)) for one in space.values())


def _left(space: Space, sampler: str, asked: int) -> int:
    """Count the trials that the sampler can still choose."""
    return grid_size(space) - asked if sampler == "grid" else 1_000_000


def _study(
    search: Search,
    history: Sequence[optuna.trial.FrozenTrial],
    sampler: optuna.samplers.BaseSampler,
    pruner: str,
) -> optuna.Study:
    """Optuna's study with all trials of its history."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        sampler=sampler,
        pruner=pruner_of(pruner),
        direction=search.goal,
        study_name=STUDY,
    )
    study.add_trials(history)
    return study


def sampler_of(name: str, space: Space, seed: Seed, known: int) -> optuna.samplers.BaseSampler:
    """Optuna's sampler of this name for what is asked when `known` trials have ended."""
    import optuna

    number = seed.integer("sampler", known)
    if name == "tpe":
        return optuna.samplers.TPESampler(seed=number)
    if name == "random":
        return optuna.samplers.RandomSampler(seed=number)
    if name == "cmaes":
        return optuna.samplers.CmaEsSampler(seed=number, warn_independent_sampling=False)
    values = {field: grid_values(one) for field, one in space.items()}
    return optuna.samplers.GridSampler(values, seed=seed.integer("sampler"))  # its order is one shuffle of it all


def score_of(search: Search, result: Result) -> float | None:
    """Return the score of a trial; None if it was not trained to its end, or the score is not a number."""
    if result.status != "FINISHED":
        return None
    value = search.judged(result)
    return value if math.isfinite(value) else None


def best_of(search: Search, results: Sequence[Result]) -> Result | None:
    """The result with the best score, the first one asked for of equals; None where none has a score."""
    sign = 1 if search.goal == "minimize" else -1
    ended = [result for result in results if score_of(search, result) is not None]
    return best(ended, lambda result: sign * search.judged(result)) if ended else None


def _frozen(search: Search, asked: optuna.trial.FrozenTrial, result: Result | None) -> optuna.trial.FrozenTrial:
    """Return a result in the form that a sampler learns from; None: fields that cannot be combined.

    Such fields, and a trial that failed (one that diverged, say), are passed on as a trial pruned before its first
    report: Optuna ranks that as the worst, whereas it would ignore a failed trial and might sample a similar one again.
    """
    import optuna

    value: float | None = None
    reports: tuple[float, ...] = ()
    noted: Mapping[str, Any] = {}
    if result is not None:
        value = score_of(search, result)
        reports = result.reports if value is not None or result.status == "PRUNED" else ()
        noted = _noted(result, reports)
    return optuna.trial.create_trial(
        state=optuna.trial.TrialState.PRUNED if value is None else optuna.trial.TrialState.COMPLETE,
        value=value,
        params=asked.params,
        distributions=asked.distributions,
        intermediate_values=dict(enumerate(reports)),
        system_attrs={**asked.system_attrs, **noted},
    )


def _noted(result: Result, reports: Sequence[float]) -> dict[str, Any]:
    """Return the pruner's notes on a trial, by replaying its reports."""
    pruning = result.trial.stop_rule
    if not isinstance(pruning, Pruning) or pruning.pruner == "none":
        return {}
    judge = Judge(pruning)
    for value in reports:
        judge.prunes(value)
    return judge.attributes


def _earlier_trial(frozen: optuna.trial.FrozenTrial) -> EarlierTrial:
    """Reduce a trial to the parts that a pruner needs."""
    rungs = {name: value for name, value in frozen.system_attrs.items() if name.startswith("completed_rung_")}
    complete = frozen.state.name == "COMPLETE"
    return EarlierTrial(
        "COMPLETE" if complete else "PRUNED", frozen.value, tuple(frozen.intermediate_values.values()), rungs
    )
