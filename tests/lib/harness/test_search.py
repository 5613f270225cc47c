"""Searches: which trials a sampler asks for, whatever runs them, and which of them a pruner ends, and when."""

from __future__ import annotations

import importlib
import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lib.harness.contract.catalogue import find_labs
from lib.harness.contract.lab import Lab
from lib.harness.contract.options import PRUNERS, SAMPLERS
from lib.harness.contract.search import Choices, Range, Search, Space
from lib.harness.contract.seeds import Seed
from lib.harness.contract.settings import Options, configure
from lib.harness.contract.studies import best, changed
from lib.harness.contract.trial import Result, Trial
from lib.harness.errors import UserError
from lib.harness.searching.pruning import Pruning
from lib.harness.searching.search import best_of, grid_size, grid_values, searched
from lib.harness.searching.space import ends, space_of
from tests.lib.harness.labs.tiny import SEARCH, TinyConfig

LABS = find_labs(Path(__file__).resolve().parents[3])
TINY, EVEN = TinyConfig(), TinyConfig(text="even")
SPACE: Space = {"learning_rate": Range(0.001, 1.0, log=True), "steps": Range(10, 20)}
Answer = Callable[[Trial], Result]


def parabola(trial: Trial, best: float = 0.1) -> Result:
    """Best at this rate, with a little for the steps; one report on the way."""
    config: Any = trial.config
    loss = float(np.log10(config.learning_rate / best) ** 2 + 0.01 * config.steps)
    return Result(trial, trial.variant, "FINISHED", {"loss": loss}, reports=(loss + 1, loss))


def flat(trial: Trial) -> Result:
    """Nothing to be learned."""
    return replace(parabola(trial), measurements={"loss": 0.0})


def search(
    answer: Answer = parabola,
    space: Space = SPACE,
    trials: int = 24,
    seed: int = 0,
    config: TinyConfig = TINY,
    **said: Any,
) -> list[Result]:
    """The results of a search over the tiny lab's config when trials answer so."""
    words: dict[str, Any] = {"sampler": "tpe", "pruner": "none", "batch": 4} | said
    study = searched(
        SEARCH,
        space,
        config,
        Seed(seed),
        more=lambda results: trials - len(results),
        named=lambda trial, number: replace(trial, variant=f"{number}"),
        **words,
    )
    batch = next(study)
    while True:
        try:
            batch = study.send([answer(trial) for trial in batch])
        except StopIteration as end:
            found: list[Result] = end.value
            return found


def sampled(results: Sequence[Result], space: Space = SPACE) -> list[tuple[Any, ...]]:
    return [tuple(getattr(r.trial.config, name) for name in space) for r in results]


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_search_asks_for_the_same_trials_again_and_for_others_with_another_seed(sampler: str) -> None:
    first, again, other = (sampled(search(sampler=sampler, trials=16, seed=seed)) for seed in (0, 0, 1))
    assert first == again != other
    assert len(set(first)) == 16
    for rate, steps in first:
        assert 0.001 <= rate <= 1 and 10 <= steps <= 20 and isinstance(steps, int)


def test_tpe_learns_from_its_results_and_random_does_not() -> None:
    assert sampled(search(sampler="random")) == sampled(search(flat, sampler="random"))
    learned, ignorant = sampled(search(trials=60)), sampled(search(flat, trials=60))
    assert learned[:4] == ignorant[:4] and learned[12:] != ignorant[12:]
    assert decades_from_the_best(learned[40:]) < 0.5


def test_cmaes_learns_from_its_results_too() -> None:
    learned, ignorant = (sampled(search(answer, trials=60, sampler="cmaes")) for answer in (parabola, flat))
    assert learned[:4] == ignorant[:4] and learned[12:] != ignorant[12:]
    assert decades_from_the_best(learned[40:]) < 0.5


def decades_from_the_best(rates_and_steps: Sequence[tuple[Any, ...]]) -> float:
    """The median distance of the learning rates; at random it would be 0.75."""
    return float(np.median([abs(np.log10(rate) + 1) for rate, _ in rates_and_steps]))


def test_a_batch_is_asked_for_from_what_was_known_before_it() -> None:
    """What comes back within a batch changes nothing of it."""

    def spoilt(trial: Trial) -> Result:
        return flat(trial) if int(trial.variant) >= 20 else parabola(trial)

    assert sampled(search(trials=24)) == sampled(search(spoilt, trials=24))
    assert sampled(search(trials=28)) != sampled(search(spoilt, trials=28))


def test_a_failed_trial_is_told_as_the_worst_and_does_not_end_the_search() -> None:
    def diverges(trial: Trial) -> Result:
        config: Any = trial.config
        if config.learning_rate > 0.05:
            return Result(trial, trial.variant, "FAILED", error="diverged")
        return parabola(trial, best=0.003)

    results = search(diverges, trials=40)
    assert len(results) == 40
    late = [r.status for r in results[20:]]
    assert late.count("FAILED") < 5  # at random it would be nine of twenty


@pytest.mark.parametrize("pruner", PRUNERS)
@pytest.mark.parametrize("sampler", ["tpe", "random", "cmaes"])
def test_fields_that_do_not_go_together_are_no_trial_and_cost_none(sampler: str, pruner: str) -> None:
    """Odd steps are refused: half of the space."""
    first, again = (search(sampler=sampler, pruner=pruner, config=EVEN) for _ in range(2))
    assert sampled(first) == sampled(again)
    assert len(set(sampled(first))) == 24
    assert {steps % 2 for _, steps in sampled(first)} == {0}
    assert [r.trial.variant for r in first] == [f"{number}" for number in range(24)]
    numbers = [r.trial.stop_rule.number for r in first if isinstance(r.trial.stop_rule, Pruning)]
    assert len(numbers) == 24 and numbers[-1] > 24, "its pruner counts what was refused as its sampler does"


def test_a_sampler_is_told_what_was_refused() -> None:
    """TPE comes to the one choice that is even, where one that is told nothing asks for another three times of four."""
    space: Space = {**SPACE, "steps": Choices((10, 11, 13, 15))}
    numbers = [
        r.trial.stop_rule.number
        for r in search(flat, space=space, trials=60, config=EVEN)
        if isinstance(r.trial.stop_rule, Pruning)
    ]
    assert numbers[59] - numbers[29] < 100  # 276 if told nothing


def test_a_grid_leaves_out_what_does_not_go_together() -> None:
    results = search(sampler="grid", trials=100, config=EVEN)
    assert len(results) == 4 * 2 < grid_size(SPACE)
    assert {steps for _, steps in sampled(results)} == {10, 20}


def test_a_space_of_which_nothing_goes_together_is_one_line() -> None:
    for sampler in SAMPLERS:
        with pytest.raises(
            UserError, match=r"no combination of the space is valid, .*steps=1[1357]: .* steps are odd: change"
        ) as caught:
            search(sampler=sampler, space={**SPACE, "steps": Range(11, 17, step=2)}, config=EVEN)
        assert "\n" not in str(caught.value)


def test_the_best_of_a_search_is_that_of_a_grid() -> None:
    """Finished, finite, and of equals the first one asked for, whatever is wanted."""
    losses = (3.0, float("nan"), 2.0, 2.0, float("-inf"), 9.0, 9.0)
    results = [replace(parabola(Trial(f"{i}", TINY, 0)), measurements={"loss": loss}) for i, loss in enumerate(losses)]
    results += [Result(Trial("failed", TINY, 0), "failed", "FAILED"), replace(results[0], status="PRUNED")]
    assert best_of(SEARCH, results) is best(results, SEARCH.judged) is results[2]
    assert best_of(replace(SEARCH, goal="maximize"), results) is results[5]
    assert best_of(SEARCH, results[-2:]) is None


def test_a_grid_has_every_combination_once_and_ends() -> None:
    space: Space = {**SPACE, "backwards": Choices((False, True))}
    assert grid_size(space) == 4 * 4 * 2
    results = search(space=space, sampler="grid", trials=100)
    assert sorted(sampled(results, space)) == sorted(itertools.product(*map(grid_values, space.values())))
    assert grid_values(SPACE["learning_rate"]) == pytest.approx([0.001, 0.01, 0.1, 1.0])
    assert grid_values(SPACE["steps"]) == [10, 13, 17, 20]
    assert grid_values(Range(32, 160, step=32)) == [32, 64, 128, 160]


def labs_with_a_search() -> list[str]:
    return [name for name, entry in LABS.items() if not isinstance(lab_of(name).search, str)]


def lab_of(name: str) -> Lab:
    lab: Lab = importlib.import_module(LABS[name].module).LAB
    return lab


@pytest.mark.parametrize("quick", [False, True])
@pytest.mark.parametrize("name", labs_with_a_search())
def test_every_corner_of_a_labs_space_is_a_valid_trial(name: str, quick: bool) -> None:
    lab = lab_of(name)
    assert isinstance(lab.search, Search)
    config = configure(lab, Options(quick=quick))
    space = space_of(lab.search, config, [], [])
    for corner in itertools.product(*map(ends, space.values())):
        found = dict(zip(space, corner, strict=True))
        trial = lab.search.trial(changed(config, found))
        assert trial.seed == 0 and trial.runtime.framework in ("torch", "keras")
        assert found.items() <= trial.config.model_dump().items()
        changed(config, lab.search.adopt(config, found))


@pytest.mark.parametrize("name", LABS)
def test_every_lab_says_what_to_search_for_or_why_there_is_nothing(name: str) -> None:
    said = lab_of(name).search
    assert said != Lab.search
    assert isinstance(said, Search) or (said[0].islower() and not said.endswith("."))
