"""The automl lab: equal budgets, choices on validation pictures, and a winner that is repeated bit for bit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lib.automl.claims import (
    ARMS,
    CLAIMS,
    PRUNED,
    RANDOM,
    TPE,
    WHOLE,
    Arm,
    difference,
    gain,
    over_budget,
    require_learned,
    spent,
    trials_of,
)
from lib.automl.lab import LAB, SEARCH, AutomlConfig, study
from lib.harness.contract.claim import InconclusiveError
from lib.harness.contract.drawing import can_draw, style
from lib.harness.contract.results import Results
from lib.harness.contract.seeds import Seed
from lib.harness.contract.studies import changed
from lib.harness.contract.texts import LANGUAGES, Language, language
from lib.harness.contract.trial import Result, Trial
from lib.harness.judging.verdicts import judge, judge_all
from tests.lib.support import Recording, answers, run_study, run_trial

CONFIG = AutomlConfig(seeds=2, budget=30, epochs=3, pictures=200, judged=100)
BUDGET = AutomlConfig(seeds=4, budget=48, epochs=3, pictures=200, judged=100)
"""Enough for TPE to learn."""


def answer(trial: Trial) -> Result:
    """As if it had been trained: the better the nearer the rate is to 0.01; with pruning, every third is pruned."""
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
    if trial.variant.split("/")[0] in PRUNED and config.draw % 3 == 2:
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
    assert len(trials_of(found, "tpe", 0)) == 10
    for arm in PRUNED:
        assert len(trials_of(found, arm, 0)) > 10  # what pruning saves is spent
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
    first, whole = CONFIG.first, len(rates(found, "random", 0))
    assert rates(found, "random-pruned", 0)[:whole] == rates(found, "random", 0), "the same draws, pruned or not"
    for arm in TPE:
        assert rates(found, arm, 0)[:first] == rates(found, "random", 0)[:first], "random ones before TPE learns"
        assert rates(found, arm, 0)[first] != rates(found, "random", 0)[first]
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
        if trial.variant.startswith("tpe-pruned/"):
            return Result(trial, trial.variant, "FAILED", error="diverged")
        return answer(trial)

    verdicts = {record["id"]: record["verdict"] for record in judge_all(LAB.claims, results(fails), "automl")}
    assert verdicts["search-beats-default/tpe-pruned"] == verdicts["search-beats-default"] == "not measured"
    assert verdicts["search-beats-default/sampler"] == "not measured"
    assert verdicts["search-beats-default/random"] == "inconclusive"  # two searches
    assert verdicts["search-beats-default/equal-budget"] == "holds"


def test_gains_are_paired_over_searches() -> None:
    found = results()
    accuracies = {arm: found.values(f"final/{arm}", "test_accuracy") for arm in ARMS}
    by_picture = gain(("random",), ("default",))(found).values
    assert by_picture.shape == (CONFIG.seeds, 10_000)
    assert by_picture.mean(axis=1) == pytest.approx(accuracies["random"] - accuracies["default"], abs=1.1e-4)
    means = {side: np.mean([accuracies[arm] for arm in side], axis=0) for side in (TPE, RANDOM, PRUNED, WHOLE)}
    for better, worse in ((TPE, RANDOM), (PRUNED, WHOLE)):
        both = difference(found, better, worse).values
        assert both.mean(axis=1) == pytest.approx(means[better] - means[worse], abs=1.1e-4)


def test_tpe_that_has_only_drawn_at_random_is_not_judged() -> None:
    require_learned(results(), "tpe")
    few = results(config=changed(CONFIG, {"budget": 27}))
    with pytest.raises(InconclusiveError, match="a search of tpe has 9 trials, of which 5 are random"):
        gain(TPE, RANDOM)(few)
    gain(("random",), ("default",))(few)  # which TPE has no part in


def made_up(accuracies: dict[Arm, float], luck: float = 0.002) -> Results:
    """The searches as they run, whose winners reach these test accuracies, a little different by search."""

    def run(trial: Trial) -> Result:
        result = answer(trial)
        if trial.function != "final":
            return result
        arm: Any = trial.variant.partition("/")[2]
        noise = np.random.default_rng([trial.seed, ARMS.index(arm)]).normal(0, luck)
        accuracy = accuracies[arm] + noise
        found = {**result.measurements, "test_accuracy": accuracy, "test_right": answers(accuracy)}
        return replace(result, measurements=found)

    return results(run, BUDGET)


def verdicts_of(found: Results) -> dict[str, str]:
    return {record["id"].rpartition("/")[2]: record["verdict"] for record in judge_all(CLAIMS, found, "automl")}


BETTER: dict[Arm, float] = {"default": 0.8, "random": 0.83, "random-pruned": 0.85, "tpe": 0.86, "tpe-pruned": 0.88}
COMPARISONS = [claim.id.rpartition("/")[2] for claim in CLAIMS if claim.smallest]


def test_decisions_on_winners_whose_accuracy_is_known() -> None:
    assert set(verdicts_of(made_up(BETTER)).values()) == {"holds"}
    untrained = verdicts_of(made_up(dict.fromkeys(ARMS, 0.15)))
    assert {untrained[part] for part in COMPARISONS} == {"inconclusive"}


@pytest.mark.parametrize(
    ("changes", "failing"),
    [
        ({"default": 0.88}, "tpe-pruned"),
        ({"random": 0.8}, "random"),
        ({"random": 0.86, "random-pruned": 0.88}, "sampler"),
        ({"random-pruned": 0.83, "tpe-pruned": 0.86}, "pruner"),
    ],
)
def test_each_comparison_fails_where_there_is_no_difference(changes: dict[Arm, float], failing: str) -> None:
    assert verdicts_of(made_up(BETTER | changes))[failing] == "fails"


def test_sabotage_searches_that_are_the_default_leave_no_comparison() -> None:
    """The treatment removed: whatever is searched, the winners are as good as those of the default."""
    broken = verdicts_of(made_up(dict.fromkeys(ARMS, 0.8)))
    assert "holds" not in {broken[part] for part in COMPARISONS}


def test_sabotage_arms_that_are_swapped_refute_the_sentence() -> None:
    swapped: dict[Arm, float] = {**BETTER, "default": BETTER["tpe-pruned"], "tpe-pruned": BETTER["default"]}
    assert verdicts_of(made_up(swapped))["tpe-pruned"] == "fails"


def test_the_row_says_what_came_out() -> None:
    lessons = {LAB.texts.lesson("search-beats-default", verdict) for verdict in ("holds", "fails", "inconclusive")}
    assert len(lessons - {None}) == 3


@pytest.mark.slow
@pytest.mark.parametrize("root", range(1, 21))
def test_exact_claims_hold_for_every_root_seed(root: int) -> None:
    """No search of any root seed spends more than its budget: the draws are real, the trainings made up."""
    found = run_study(replace(LAB, study=lambda config, _: study(config, Seed(root))), BUDGET, answer)
    exact = [claim for claim in CLAIMS if claim.kind == "exact"]
    assert [judge(claim, found, "automl")["verdict"] for claim in exact] == ["holds"]


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
