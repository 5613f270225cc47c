"""Searches: studies whose next trials an Optuna sampler chooses from the results of the earlier ones.

A batch is a pure function of the search's seed, its number and the results of the batches before it, which are all
that Optuna's study has: its sampler is made anew for each, seeded by name. So a search asks for the same trials on any
number of workers, and one that is run again over recorded results comes to the same place.

Invalid combinations (a width not divisible by the number of heads, say) are not run. The sampler is asked for another
one and, from the next batch on, knows that the combination scored worst.

Samplers, as Optuna has them, with its own settings:

- ``tpe`` (Bergstra et al. 2011, "Algorithms for hyper-parameter optimization"): values that are likelier among the
  good trials than among the others, after `STARTUP` at random
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
from lib.harness.searching.pruning import FACTORS, STUDY, Earlier, Judge, Pruning, pruner_of

if TYPE_CHECKING:
    import optuna

STARTUP = 10
"""Trials of ``tpe`` at random before it learns, as Optuna has it: a short search may want fewer."""
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
    startup: int = STARTUP,
) -> Generator[list[Trial], list[Result], list[Result]]:
    """Ask for trials of `config` with fields sampled from `space` (``results = yield from searched(…)``).

    Args:
        batch: trials asked for at a time.
        more: from the results so far to how many trials may still be asked for.
        named: from the trial that `search` makes and its number to the one that is asked for.
        startup: trials of ``tpe`` that are drawn at random before it learns.

    Returns:
        All results, in the order in which they were asked for. PRUNED ones have their `reports`. They are fewer than
        `more` says where the space has no other combination that `config` takes, or none was found.

    Raises:
        UserError: not one combination was found that `config` takes.
    """
    distributions = {name: distribution(one) for name, one in space.items()}
    history = History(search, pruner)
    results: list[Result] = []
    while (size := min(batch, more(results))) > 0:
        history.study.sampler = sampler_of(sampler, space, seed, history.count, startup)
        asked: list[optuna.Trial] = []
        trials: dict[int, Trial] = {}
        refused = None
        for _ in range(min(TRIES * size, _left(space, sampler, history.count))):
            one = history.study.ask(distributions)
            asked.append(one)
            try:
                trial = search.trial(changed(config, one.params))
            except ValidationError as error:
                refused = f"{_listed(one.params)}: {error.errors()[0]['msg']}"
                continue
            rule = history.earlier.rule(one.number)
            trials[one.number] = replace(named(trial, len(results) + len(trials)), stop_rule=rule)
            if len(trials) == size:
                break
        if not trials and refused and not results:
            raise UserError(
                f"no combination of the space is valid, the last one was {refused}: change --space or --set"
            )
        if not trials:
            break
        new = yield list(trials.values())
        answers = dict(zip(trials, new, strict=True))
        for one in asked:
            history.add(one.number, answers.get(one.number))
        results += new
    return results


def _listed(params: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in params.items())


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


def sampler_of(name: str, space: Space, seed: Seed, known: int, startup: int = STARTUP) -> optuna.samplers.BaseSampler:
    """Optuna's sampler of this name for what is asked when `known` trials have ended."""
    import optuna

    number = seed.integer("sampler", known)
    if name == "tpe":
        return optuna.samplers.TPESampler(n_startup_trials=startup, seed=number)
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


class History:
    """Optuna's study of a search: what its sampler and its pruner know.

    Combinations that are not valid, and trials that failed (one that diverged, say), count as trials pruned before
    their first report: Optuna ranks that as the worst, whereas it would ignore a failed trial and might sample a
    similar one again.

    Attributes:
        study: that is asked for trials.
        earlier: the trials that have ended, as the pruner reads them.
        count: number of trials that have ended.
    """

    def __init__(self, search: Search, pruner: str):
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._search = search
        self._storage = optuna.storages.InMemoryStorage()
        self.study = optuna.create_study(
            storage=self._storage,
            pruner=pruner_of(pruner),
            direction=search.goal,
            study_name=STUDY,
        )
        self._id = self._storage.get_study_id_from_name(STUDY)
        self.earlier = Earlier(pruner, search.goal, search.reported, self.study)
        self.count = 0

    def add(self, number: int, result: Result | None) -> None:
        """Add the result of the trial with this number; None: it was not valid."""
        from optuna.trial import TrialState

        value: float | None = None
        reports: tuple[float, ...] = ()
        notes: Mapping[str, float] = {}
        if result is not None:
            value = score_of(self._search, result)
            reports = result.reports if value is not None or result.status == "PRUNED" else ()
            notes = _notes(result, reports)
        trial = self._storage.get_trial_id_from_study_id_trial_number(self._id, number)
        for report, reported in enumerate(reports):
            self._storage.set_trial_intermediate_value(trial, report, reported)
        for name, note in notes.items():
            self._storage.set_trial_system_attr(trial, name, note)
        state, values = (TrialState.PRUNED, None) if value is None else (TrialState.COMPLETE, [value])
        self._storage.set_trial_state_values(trial, state, values)
        self.earlier.add(number, reports, notes, complete=value is not None)
        self.count += 1


def _notes(result: Result, reports: Sequence[float]) -> Mapping[str, float]:
    """Return the pruner's notes on a trial, by replaying its reports."""
    rule = result.trial.stop_rule
    if not isinstance(rule, Pruning) or rule.pruner not in FACTORS:
        return {}
    judge = Judge(rule)
    for value in reports:
        judge.prunes(value)
    return judge.notes
