"""The lab broken on purpose: without the treatment no comparison holds, with the arms swapped the sentence fails.

Real runs of what each claim reads, small; the same runs unbroken hold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from lib.harness.contract.results import Results
from lib.harness.contract.trial import Result, Trial
from lib.harness.judging.verdicts import judge
from lib.optimizers import Adagrad, GradientDescent, RMSprop
from lib.optimizers.experiments import arms, forms, functions, identities, rates, stochastic
from lib.optimizers.experiments.config import OptimizersConfig, of_lecture
from lib.optimizers.lab import LAB
from tests.lib.optimizers_lab.support import only
from tests.lib.support import run_study, run_trial

CLAIMS = {claim.id: claim for claim in LAB.claims}
COMPARISONS = [claim.id for claim in LAB.claims if claim.smallest]
RACING = {"grid_points": 15, "starts": 3, "steps": 500, "hold": 50}
NAMES = ("GradientDescent", "Momentum", "Adagrad", "RMSprop", "Adam")


def verdicts(results: Results, *ids: str) -> dict[str, str]:
    return {claim: str(judge(CLAIMS[claim], results, "optimizers")["verdict"]) for claim in ids}


def renamed(monkeypatch: pytest.MonkeyPatch, names: Mapping[str, str]) -> None:
    """Every experiment builds another optimizer than the one that it names."""

    def other(name: str, convention: str, **settings: Any) -> Any:
        return of_lecture(names.get(name, name), convention, **settings)

    for module in (arms, forms, functions):
        monkeypatch.setattr(module, "build", other)
    monkeypatch.setattr(rates, "of_lecture", other)


def race() -> Results:
    """Grids and finals of the five optimizers that claims compare, over six seeds."""
    run = only("functions-grid", "functions-final")

    def some(trial: Trial) -> Result:
        left_out = trial.function == "functions-grid" and trial.config.optimizer not in NAMES  # type: ignore[attr-defined]
        return Result(trial, "", "FAILED") if left_out else run(trial)

    return run_study(LAB, OptimizersConfig(**RACING), some)


RACED = [claim for claim in COMPARISONS if CLAIMS[claim].interval == "median"]
MOMENTUM = ("momentum-rescues/ravine", "momentum-rescues/bowl")


def test_unbroken_momentum_is_faster() -> None:
    assert verdicts(race(), *MOMENTUM) == dict.fromkeys(MOMENTUM, "holds")


def test_with_one_rule_under_every_name_no_race_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    renamed(monkeypatch, dict.fromkeys(NAMES, "GradientDescent"))
    assert set(verdicts(race(), *RACED).values()) <= {"fails", "inconclusive"}


def test_with_momentum_and_descent_swapped_the_sentence_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    renamed(monkeypatch, {"Momentum": "GradientDescent", "GradientDescent": "Momentum"})
    assert verdicts(race(), *MOMENTUM) == dict.fromkeys(MOMENTUM, "fails")


STOCHASTIC = ("gradient-descends/cost-coarse", "gradient-descends/cost", "schedules/noise")


def batches() -> Results:
    trials = [Trial("stochastic", OptimizersConfig(), seed, function="stochastic") for seed in range(5)]
    return Results([run_trial(LAB, trial) for trial in trials])


def test_unbroken_small_batches_and_a_falling_rate_save() -> None:
    assert verdicts(batches(), *STOCHASTIC) == dict.fromkeys(STOCHASTIC, "holds")


def test_full_batches_under_both_names_and_a_constant_rate_save_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stochastic, "COST_BATCHES", (stochastic.EXAMPLES,))
    monkeypatch.setattr(stochastic, "SMALL_BATCH", stochastic.EXAMPLES)
    monkeypatch.setattr(stochastic, "schedule", lambda kind, rate, steps: lambda step: rate)
    assert "holds" not in verdicts(batches(), *STOCHASTIC, "gradient-descends/cost-fine").values()


def test_with_the_batches_and_the_schedules_swapped_they_fail() -> None:
    swapped = []
    for result in batches():
        cost, left = result.measurements["cost"], result.measurements["left"]
        other = {
            "cost": {"10": cost["200"], "200": cost["10"]},
            "left": {"constant": left["cosine"], "cosine": left["constant"]},
        }
        swapped.append(replace(result, measurements={**result.measurements, **other}))
    assert verdicts(Results(swapped), *STOCHASTIC) == dict.fromkeys(STOCHASTIC, "fails")


def exact(function: str) -> Results:
    return Results([run_trial(LAB, Trial(function, OptimizersConfig(), 0, function=function))])


def test_a_rate_that_does_not_shrink_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """With RMSprop in Adagrad's place, and the other way round, both sentences fail."""
    row = ("adagrad-decays/monotone", "adagrad-decays/valley", "rmsprop-improves-adagrad/recovers")
    assert verdicts(exact("rates"), *row) == dict.fromkeys(row, "holds")
    renamed(monkeypatch, {"Adagrad": "RMSprop", "RMSprop": "Adagrad"})
    assert verdicts(exact("rates"), *row) == dict.fromkeys(row, "fails")


def test_without_a_drop_of_the_rate_the_forms_are_one(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = ("momentum-forms/constant", "momentum-forms/schedule")
    assert verdicts(exact("forms"), *parts) == dict.fromkeys(parts, "holds")
    monkeypatch.setattr(forms, "falling", lambda step: forms.RATE)
    assert verdicts(exact("forms"), *parts) == {parts[0]: "holds", parts[1]: "fails"}


PEERS: dict[str, tuple[str, Callable[..., Any]]] = {
    "rmsprop": ("RMSprop", lambda rate, alpha, eps: Adagrad(rate, eps=eps)),
    "adagrad": ("Adagrad", lambda rate, eps: RMSprop(rate, eps=eps)),
    "momentum": ("Momentum", lambda rate, momentum: GradientDescent(rate)),
}
"""By identity: the summand, and another rule in its place."""


@pytest.mark.parametrize("name", PEERS)
def test_another_rule_in_the_place_of_a_summand_is_none(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    claim = f"adam-is-the-sum/{name}"
    assert verdicts(exact("identities"), claim) == {claim: "holds"}
    monkeypatch.setattr(identities, *PEERS[name])
    assert verdicts(exact("identities"), claim) == {claim: "fails"}


TRAINING: dict[str, Any] = {
    "lenet_pictures": 3_000,
    "lenet_subset": 1_000,
    "lenet_judged": 1_000,
    "lenet_batch": 32,
    "lenet_seeds": 3,
    "lenet_grid_points": 2,
    "lenet_optimizers": NAMES,
}
ON_LENET = [claim for claim in COMPARISONS if CLAIMS[claim].interval == "items"]


@pytest.mark.slow
def test_with_one_rule_and_no_schedule_under_every_name_nothing_holds_on_lenet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arms, "schedule", lambda kind, rate, steps: lambda step: 1e-3)
    monkeypatch.setattr(arms, "Divided", lambda hidden, others: others)

    def adam(name: str, convention: str, learning_rate: Any, **settings: Any) -> Any:
        return of_lecture("Adam", "torch", learning_rate=learning_rate)

    monkeypatch.setattr(arms, "build", adam)
    results = run_study(LAB, OptimizersConfig(**TRAINING), only("lenet-grid", "lenet-final"))
    records = [judge(CLAIMS[claim], results, "optimizers") for claim in ON_LENET]
    assert len(records) == 10
    for record in records:
        assert record["verdict"] == "inconclusive", record["id"]
        assert "all seeds gave the same" in record["note"], record["note"]
