"""Studies: which trials are asked for, in which order, and what comes back to whom."""

from __future__ import annotations

import math

import pytest
from pydantic import ValidationError

from lib.harness.contract.results import Results
from lib.harness.contract.studies import (
    GRID_SEEDS,
    Part,
    batches,
    best,
    best_mean,
    changed,
    checked,
    gather,
    grid_seed,
    joins,
    side_by_side,
    variants_by_seeds,
)
from lib.harness.contract.trial import Result, Runtime, Study, Trial
from lib.harness.errors import UserError
from tests.lib.harness.labs.tiny import TinyConfig

CONFIG = TinyConfig(seeds=3, batch=4)
VARIANTS = {"fast": {}, "slow": {"learning_rate": 0.01}}


def answer(trials: list[Trial], **measurements: float) -> list[Result]:
    return [Result(trial, f"run-{trial.variant}-{trial.seed}", "FINISHED", measurements) for trial in trials]


def run(study: Study) -> list[list[Trial]]:
    """The batches that a study asks for when every trial ends well."""
    asked = [next(study)]
    while True:
        try:
            asked.append(study.send(answer(asked[-1])))
        except StopIteration:
            return asked


def test_every_variant_meets_every_seed_in_batches_of_the_configs_size() -> None:
    trials = list(variants_by_seeds(CONFIG, VARIANTS, Runtime("torch")))
    assert [(t.variant, t.seed) for t in trials] == [(v, s) for s in range(3) for v in ("fast", "slow")]
    assert {t.variant: t.config for t in trials} == {"fast": CONFIG, "slow": changed(CONFIG, {"learning_rate": 0.01})}
    assert {t.runtime for t in trials} == {Runtime("torch", "float32")}
    assert [len(batch) for batch in run(batches(trials, CONFIG.batch))] == [4, 2]


def test_a_changed_config_is_validated() -> None:
    with pytest.raises(ValidationError):
        changed(CONFIG, {"learning_rate": -1})
    with pytest.raises(ValidationError):
        changed(CONFIG, {"lerning_rate": 0.1})


def test_a_study_can_gather_a_part_and_go_on_with_its_results() -> None:
    """Grid, then fresh seeds for the best: results of the first part decide what the second asks for."""
    grid = [Trial(f"lr={lr}", changed(CONFIG, {"learning_rate": lr}), 0) for lr in (0.01, 0.1, 1.0)]

    def study() -> Study:
        results = yield from gather(batches(grid, 2))
        assert [r.trial for r in results] == grid
        winner = best(results, lambda r: abs(r.trial.config.learning_rate - 0.1))  # type: ignore[attr-defined]
        yield [Trial("final", winner.trial.config, seed) for seed in (1, 2)]

    asked = run(study())
    assert asked[:2] == [grid[:2], grid[2:]]
    assert [(t.variant, t.seed, t.config) for t in asked[2]] == [("final", s, grid[1].config) for s in (1, 2)]


def test_parts_of_a_study_run_side_by_side_and_each_gets_its_own_results() -> None:
    def part(name: str, batches_of_it: int) -> Part[str]:
        seen = []
        for number in range(batches_of_it):
            new = yield [Trial(f"{name}{number}", CONFIG, seed) for seed in range(number + 1)]
            assert [r.trial.variant for r in new] == [f"{name}{number}"] * (number + 1)
            seen += new
        return f"{name} {len(seen)}"

    returned: list[list[str]] = []

    def study() -> Study:
        found = yield from side_by_side([part("a", 2), part("none", 0), part("b", 3)])
        returned.append(found)

    asked = run(study())
    assert [[t.variant for t in batch] for batch in asked] == [["a0", "b0"], ["a1", "a1", "b1", "b1"], ["b2"] * 3]
    assert returned == [["a 3", "none 0", "b 6"]]


def test_what_was_found_joins_the_grid_of_a_lab() -> None:
    class Grid(TinyConfig):
        rates: tuple[float, ...] = (0.1, 0.2)

    adopt = joins("learning_rate", "rates")
    assert adopt(Grid(), {"learning_rate": 0.15, "steps": 12}) == {
        "learning_rate": 0.15,
        "steps": 12,
        "rates": (0.1, 0.15, 0.2),
    }
    assert adopt(Grid(), {"steps": 12}) == {"steps": 12}


def result(variant: str, seed: int, loss: float | None) -> Result:
    trial = Trial(variant, CONFIG, seed)
    if loss is None:
        return Result(trial, f"{variant}{seed}", "FAILED", error="ValueError: on purpose")
    return Result(trial, f"{variant}{seed}", "FINISHED", {"loss": loss, "curve": [loss, 0.0]})


def test_the_best_is_finite_and_the_first_of_equals() -> None:
    losses = [math.nan, math.inf, 2.0, 1.0, 1.0, None, -math.inf]
    results = [result("grid", seed, loss) for seed, loss in enumerate(losses)]
    assert best(results, lambda r: r.measurements["loss"]).trial.seed == 3
    with pytest.raises(LookupError, match="finite score"):
        best(results[:2] + results[5:], lambda r: r.measurements["loss"])


RATES = {0.1: "grid/0.1", 0.2: "grid/0.2", 0.3: "grid/0.3"}


@pytest.mark.parametrize(
    ("losses", "chosen"),
    [
        ({0.1: [3.0, 3.0], 0.2: [1.0, 4.0], 0.3: [0.0, 9.0]}, 0.2),
        ({0.1: [3.0, 3.0], 0.2: [2.0, 4.0], 0.3: [6.0, 0.0]}, 0.1),
        ({0.1: [math.nan, 0.0], 0.2: [5.0, 5.0], 0.3: [math.inf, 0.0]}, 0.2),
        ({0.1: [None, 0.0], 0.2: [5.0, 5.0], 0.3: [-math.inf, 0.0]}, 0.2),
        ({0.1: [math.nan, math.nan], 0.2: [math.inf, math.inf], 0.3: [None, None]}, 0.1),
    ],
    ids=["the mean", "the first of equals", "NaN and infinity", "a failed trial", "all diverged"],
)
def test_the_choice_with_the_lowest_mean_is_taken(losses: dict[float, list[float | None]], chosen: float) -> None:
    results = [result(RATES[rate], seed, loss) for rate, each in losses.items() for seed, loss in enumerate(each)]
    others = [result("grid/of another network", seed, -1.0) for seed in range(2)]
    assert best_mean([*others, *results], RATES, lambda r: r.measurements["loss"]) == chosen


def test_one_choice_needs_no_trial() -> None:
    assert best_mean([], {0.1: "grid/0.1"}, lambda r: r.measurements["loss"]) == 0.1


def test_results_are_paired_by_seed_whatever_their_order() -> None:
    results = Results([result("a", s, 10.0 * s) for s in (2, 0, 1)] + [result("b", s, 1.0 * s) for s in (1, 3, 2)])
    gain = results.series("a", "loss") - results["b"].loss
    assert (gain.seeds, gain.values.tolist()) == ((1, 2), [9.0, 18.0])
    assert results.values("a", "loss").tolist() == [0.0, 10.0, 20.0]
    assert (results["a"].curve - results["b"].curve).values.shape == (2, 2)
    assert results.variants() == ["a", "b"]


def test_failed_trials_are_no_measurements() -> None:
    results = Results([result("a", 0, 1.0), result("a", 1, None), result("b", 1, 1.0), result("c", 0, None)])
    assert results.values("a", "loss").tolist() == [1.0]
    assert results.variants() == ["a", "b"]
    with pytest.raises(LookupError, match="'c'"):
        results.of("c")
    with pytest.raises(LookupError, match="share no seed"):
        results.series("a", "loss") - results.series("b", "loss")


@pytest.mark.parametrize(("seed", "refused"), [(0, True), (grid_seed(), False)])
def test_a_seed_that_has_chosen_does_not_judge(seed: int, refused: bool) -> None:
    """The finals have seeds 0 and 1; a grid with seed 0 is refused when the first final is asked for."""

    def study() -> Study:
        results = yield [Trial(f"grid/{rate}", CONFIG, seed) for rate in (0.1, 1.0)] + [Trial("facts", CONFIG, 0)]
        chosen = best(results[:2], lambda result: 1.0)
        yield [Trial("final", chosen.trial.config, number) for number in range(2)]

    if refused:
        with pytest.raises(UserError, match=r"variant 'final' with seed 0, which a grid has used"):
            run(checked(study(), "lab", lambda trial: None))
    else:
        assert [len(batch) for batch in run(checked(study(), "lab", lambda trial: None))] == [3, 2]
    assert grid_seed(2) == GRID_SEEDS + 2 > 1000, "the most seeds that a config allows"
