"""The automl lab: equal budgets, choices on validation pictures, and a winner that is repeated bit for bit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lib.automl.claims import ARMS, gain, over_budget, spent, trials_of
from lib.automl.lab import LAB, SEARCH, AutomlConfig, study
from lib.harness.contract.drawing import can_draw, style
from lib.harness.contract.results import Results
from lib.harness.contract.seeds import Seed
from lib.harness.contract.studies import changed
from lib.harness.contract.texts import LANGUAGES, Language, language
from lib.harness.contract.trial import Result, Trial
from lib.harness.judging.verdicts import judge_all
from tests.lib.support import Recording, answers, run_study, run_trial

CONFIG = AutomlConfig(seeds=2, budget=30, epochs=3, pictures=200, judged=100)


def answer(trial: Trial) -> Result:
    """As if a training had been: the better the nearer the rate is to 0.01; every third trial of TPE's is pruned."""
    config: Any = trial.config
    reached = float(1 - 0.1 * abs(np.log10(config.learning_rate) + 2) - 0.001 * (config.draw % 3))
    reports = (reached - 0.2, reached - 0.1, reached)
    if trial.function == "final":
        return Result(
            trial,
            trial.variant,
            "FINISHED",
            {
                "validation_accuracy": reached,
                "test_accuracy": reached - 0.05,
                "test_right": answers(reached - 0.05),
            },
        )
    if trial.variant.startswith("tpe") and config.draw % 3 == 2:
        return Result(trial, trial.variant, "PRUNED", {"pruned_after": 1}, reports=reports[:1])
    return Result(trial, trial.variant, "FINISHED", {"validation_accuracy": reached}, reports=reports)


def results(run: Any = answer, config: AutomlConfig = CONFIG) -> Results:
    return run_study(LAB, config, run)


def test_every_arm_has_the_same_epochs_and_spends_all_that_whole_trials_can() -> None:
    found = results()
    for seed in range(CONFIG.seeds):
        for arm in ARMS:
            trials = trials_of(found, arm, seed)
            assert CONFIG.budget - CONFIG.epochs < sum(map(spent, trials)) <= CONFIG.budget
    assert len(trials_of(found, "default", 0)) == len(trials_of(found, "random", 0)) == 10
    assert len(trials_of(found, "tpe", 0)) > 10  # what pruning saves is spent
    assert over_budget(found) == 0


def test_a_search_over_its_budget_is_seen() -> None:
    found = results()
    more = replace(found.of("random/000")[0])
    assert over_budget(Results([*found, more])) == 3


def test_the_default_spends_its_epochs_on_starts_and_nothing_else() -> None:
    trials = [result.trial for result in trials_of(results(), "default", 1)]
    assert [changed(trial.config, {"draw": 0}) for trial in trials] == [CONFIG] * 10
    assert [trial.config.model_dump()["draw"] for trial in trials] == list(range(10))


def test_searches_of_one_run_and_of_another_root_draw_differently() -> None:
    def rates(found: Results, arm: Any, seed: int) -> list[float]:
        return [result.trial.config.model_dump()["learning_rate"] for result in trials_of(found, arm, seed)]

    found = results()
    assert rates(found, "random", 0) == rates(results(), "random", 0)
    assert rates(found, "random", 0) != rates(found, "random", 1)
    other = next(study(CONFIG, Seed(1)))
    assert [t.config for t in other] != [r.trial.config for r in found[: len(other)]]
    assert [t.variant for t in other] == [r.trial.variant for r in found[: len(other)]]


def test_the_winner_of_validation_is_repeated_with_its_start_to_read_the_test_pictures() -> None:
    found = results()
    for seed in range(CONFIG.seeds):
        for arm in ARMS:
            whole = [r for r in trials_of(found, arm, seed) if r.status == "FINISHED"]
            best = max(whole, key=lambda r: r.measurements["validation_accuracy"])
            (final,) = [r for r in found.of(f"final/{arm}") if r.trial.seed == seed]
            assert final.trial.config == best.trial.config
    assert all("test_accuracy" not in r.measurements for r in found if not r.trial.variant.startswith("final/"))


def test_a_search_whose_trials_all_fail_leaves_its_claim_unmeasured_and_the_others_measured() -> None:
    def fails(trial: Trial) -> Result:
        if trial.variant.startswith("tpe/"):
            return Result(trial, trial.variant, "FAILED", error="diverged")
        return answer(trial)

    verdicts = {record["id"]: record["verdict"] for record in judge_all(LAB.claims, results(fails), "automl")}
    assert verdicts["search-beats-default/tpe"] == verdicts["search-beats-default"] == "not measured"
    assert verdicts["search-beats-default/random"] == "inconclusive"  # two searches
    assert verdicts["search-beats-default/equal-budget"] == "holds"


def test_gains_are_paired_over_searches() -> None:
    found = results()
    accuracies = {arm: found.values(f"final/{arm}", "test_accuracy") for arm in ARMS}
    by_picture = gain("tpe", "default")(found).values
    assert by_picture.shape == (CONFIG.seeds, 10_000)
    assert by_picture.mean(axis=1) == pytest.approx(accuracies["tpe"] - accuracies["default"], abs=1.1e-4)


@pytest.mark.parametrize("changes", [{}, {"variant": "original", "schedule": "cosine", "weight_decay": 0.1}])
def test_the_repetition_gives_the_same_training(changes: dict[str, Any]) -> None:
    config = changed(CONFIG, {"draw": 3, **changes})
    searched = replace(SEARCH.trial(config), variant="tpe/003", seed=1)
    logs = Recording(), Recording()
    first = run_trial(LAB, searched, logs[0])
    again = run_trial(LAB, replace(searched, function="final"), logs[1])
    assert first.measurements["curve"] == again.measurements["curve"]
    assert len(first.measurements["curve"]) == CONFIG.epochs
    assert logs[0].final == {} and logs[1].final.keys() >= {"conv1.weight", "dense3.bias"}
    assert 0 <= again.measurements["test_accuracy"] <= 1
    other = run_trial(LAB, replace(searched, config=changed(config, {"draw": 4})))
    assert other.measurements["curve"] != first.measurements["curve"]
    reported = [values["validation_accuracy"] for _, values in logs[0].values if "validation_accuracy" in values]
    assert reported == first.measurements["curve"]


def test_a_cosine_schedule_ends_near_nothing_and_differs_from_a_constant_rate() -> None:
    curves = [
        run_trial(LAB, Trial("x", changed(CONFIG, {"schedule": name}), 0, function="search")).measurements["curve"]
        for name in ("constant", "cosine")
    ]
    assert curves[0][0] == curves[1][0] and curves[0] != curves[1]


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("name", LAB.figures)
def test_the_pictures_can_be_drawn_from_few_searches(name: str, code: Language) -> None:
    if not can_draw(code):
        pytest.skip("no font of this machine has Hangul")
    with language(code), style():
        figure = LAB.figures[name](results(), CONFIG)
    drawn = [line for axis in figure.axes for line in axis.get_lines() if np.isfinite(line.get_ydata()).any()]
    assert len(drawn) > 2
