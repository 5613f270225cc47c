"""The claims on LeNet, decided on made-up results, and the arms that they compare."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from lib.harness.contract.results import Results
from lib.harness.contract.trial import Result, Trial
from lib.harness.judging.verdicts import judge
from lib.models import lenet
from lib.optimizers import Adam, AdamW, Momentum, Muon
from lib.optimizers.experiments import arms
from lib.optimizers.experiments.config import OptimizersConfig
from lib.optimizers.lab import LAB
from tests.lib.support import answers

CLAIMS = {claim.id: claim for claim in LAB.claims}
PAIR = "momentum-rescues/lenet"
UP, BASE = (0.86, 0.87, 0.88, 0.87, 0.86), (0.80, 0.82, 0.81, 0.82, 0.81)


def trained(
    accuracies: Mapping[str, Sequence[float | None]],
    validation: Mapping[str, float] | None = None,
    **changes: Any,
) -> Results:
    """Finals of these arms with a test accuracy by seed; None: the trial has failed."""
    config = OptimizersConfig(**changes)
    results = []
    for name, values in accuracies.items():
        judged = (validation or {}).get(name)
        for seed, accuracy in enumerate(values):
            trial = Trial(f"lenet/{name}", config, seed)
            if accuracy is None:
                results.append(Result(trial, "", "FAILED", error="no memory"))
                continue
            found = {
                "test_right": answers(accuracy),
                "validation_accuracy": accuracy if judged is None else judged,
            }
            results.append(Result(trial, "", "FINISHED", found))
    return Results(results)


def verdict(claim: str, results: Results) -> str:
    return str(judge(CLAIMS[claim], results, "optimizers")["verdict"])


def note(claim: str, results: Results) -> str:
    return str(judge(CLAIMS[claim], results, "optimizers")["note"])


ARMS: dict[str, tuple[str, tuple[str, ...]]] = {
    "momentum-rescues/lenet": ("Momentum", ("GradientDescent",)),
    "rmsprop-improves-adagrad/lenet": ("RMSprop", ("Adagrad",)),
    "adam-is-the-sum/lenet": ("Adam", ("Adagrad", "RMSprop", "Momentum")),
    "schedules/momentum": ("Momentum-cosine", ("Momentum",)),
    "schedules/adam": ("Adam-cosine", ("Adam",)),
    "warm-up/momentum": ("Momentum-warm-up", ("Momentum-cosine",)),
    "warm-up/adam": ("Adam-warm-up", ("Adam-cosine",)),
    "after-adam/adamw": ("AdamW", ("Adam",)),
    "after-adam/lion": ("Lion", ("Adam",)),
    "after-adam/muon": ("Muon", ("Adam",)),
}
"""By claim the arm that should be better, and those that it is compared with."""


def test_every_comparison_on_lenet_is_made_up_here() -> None:
    assert ARMS.keys() == {claim.id for claim in LAB.claims if claim.interval == "items"}


@pytest.mark.parametrize("claim", ARMS)
def test_a_gain_that_counts_holds_and_the_arms_swapped_fail(claim: str) -> None:
    better, others = ARMS[claim]
    assert verdict(claim, trained({better: UP, **dict.fromkeys(others, BASE)})) == "holds"
    assert verdict(claim, trained({better: BASE, **dict.fromkeys(others, UP)})) == "fails"


def test_less_than_counts_is_none() -> None:
    more = [accuracy + 0.001 * seed for seed, accuracy in enumerate(BASE)]
    assert verdict(PAIR, trained({"Momentum": more, "GradientDescent": BASE})) == "fails"


def test_equal_arms_decide_nothing() -> None:
    assert verdict(PAIR, trained({"Momentum": BASE, "GradientDescent": BASE})) == "inconclusive"


def test_seeds_that_do_not_agree_are_inconclusive() -> None:
    assert verdict(PAIR, trained({"Momentum": (0.9, 0.7, 0.9, 0.7, 0.9), "GradientDescent": BASE})) == "inconclusive"


def test_a_failed_trial_is_named() -> None:
    results = trained({"Momentum": (*UP[:4], None), "GradientDescent": BASE})
    assert verdict(PAIR, results) == "inconclusive"
    assert "lenet/Momentum, seed 4 (FAILED: no memory)" in note(PAIR, results)


def test_series_are_paired_by_seed() -> None:
    """Seed 4 of one arm has no partner; the others are paired by their numbers, whatever their order."""
    results = list(trained({"Momentum": UP, "GradientDescent": BASE[:4]}))
    record = judge(CLAIMS[PAIR], Results(results[::-1]), "optimizers")
    assert record["seeds"] == 4
    assert record["effect"] == pytest.approx(np.mean(np.subtract(UP[:4], BASE[:4])))
    assert (record["verdict"], record["note"].startswith("inconclusive: missing: no partner")) == ("inconclusive", True)


def test_networks_that_have_not_learned_are_not_compared() -> None:
    results = trained({"Momentum": (0.3, 0.32, 0.31, 0.3, 0.33), "GradientDescent": (0.1,) * 5})
    assert verdict(PAIR, results) == "inconclusive"
    assert "hardly learned" in note(PAIR, results)


def test_an_arm_that_diverged_has_lost() -> None:
    assert verdict(PAIR, trained({"Momentum": UP, "GradientDescent": (0.0, 0.1, 0.05, 0.1, 0.0)})) == "holds"


def test_an_arm_that_the_run_leaves_out_is_inconclusive_and_one_that_failed_not_measured() -> None:
    quick = trained({"Adam": UP}, lenet_newer=())
    assert verdict("after-adam/lion", quick) == "inconclusive"
    assert "run the lab in full" in note("after-adam/lion", quick)
    assert verdict("after-adam/lion", trained({"Adam": UP})) == "not measured"


def test_of_several_the_middle_one_by_validation_pictures() -> None:
    others = {"Adagrad": BASE, "RMSprop": UP, "Momentum": (0.84, 0.85, 0.84, 0.86, 0.85)}
    middle = {"Adagrad": 0.8, "RMSprop": 0.9, "Momentum": 0.85}
    adam = [accuracy + 0.02 for accuracy in UP]
    record = judge(CLAIMS["adam-is-the-sum/lenet"], trained({"Adam": adam, **others}, middle), "optimizers")
    assert record["effect"] == pytest.approx(np.mean(np.subtract(adam, others["Momentum"])))
    last = judge(CLAIMS["adam-is-the-sum/lenet"], trained({"Adam": adam, **others}, {**middle, "RMSprop": 0.7}), "x")
    assert last["effect"] == pytest.approx(np.mean(np.subtract(adam, others["Adagrad"])))


# Arms


def test_every_arm_of_a_claim_is_trained() -> None:
    assert set(arms.arms(OptimizersConfig())) >= {
        *("GradientDescent", "Momentum", "Adagrad", "RMSprop", "Adam", "AdamW", "Lion", "Muon"),
        *("Momentum-cosine", "Momentum-warm-up", "Adam-cosine", "Adam-warm-up"),
    }


def test_schedules_in_closed_form() -> None:
    constant, cosine, warm = (arms.schedule(kind, 0.4, 100) for kind in ("constant", "cosine", "warm-up"))
    assert [constant(step) for step in (0, 50, 99)] == [0.4, 0.4, 0.4]
    assert [cosine(step) for step in (0, 50)] == pytest.approx([0.4, 0.2])
    assert 0 < cosine(99) == pytest.approx(0.2 * (1 - math.cos(math.pi / 100)))
    assert [warm(step) for step in (0, 4, 9, 10, 55)] == pytest.approx([0.04, 0.2, 0.4, 0.4, 0.2])
    assert all(warm(step) > 0 for step in range(100))


def test_muon_steps_the_hidden_matrices_and_adamw_the_rest() -> None:
    rng = np.random.default_rng(0)
    params = {name: rng.normal(size=shape) for name, shape in lenet.SHAPES.items()}
    grads = {name: rng.normal(size=array.shape) for name, array in params.items()}
    config = OptimizersConfig(optimizer="Muon", learning_rates={"lenet": 0.01})
    optimizer = arms.optimizer_of(config, 10)
    moved, state = optimizer.update(grads, optimizer.init(params), params)
    assert list(moved) == list(params)
    muon, adamw = Muon(0.01, adjust_lr_fn="match_rms_adamw"), AdamW(0.01)
    for name, array in params.items():
        rule: Any = muon if name in ("dense1.weight", "dense2.weight") else adamw
        np.testing.assert_array_equal(moved[name], rule.update(grads[name], rule.init(array), array)[0])
    again, _ = optimizer.update(grads, state, moved)
    assert all(np.abs(again[name] - moved[name]).max() > 0 for name in params)


@pytest.mark.parametrize(("name", "rule"), [("Momentum", Momentum), ("Adam", Adam)])
def test_an_arm_has_its_rate_at_every_step(name: Any, rule: Any) -> None:
    config = OptimizersConfig(optimizer=name, schedule="warm-up", learning_rates={"lenet": 0.1})
    optimizer = arms.optimizer_of(config, 20)
    assert isinstance(optimizer, rule)
    rates = [optimizer.learning_rate(step) for step in range(20)]
    assert rates == [arms.schedule("warm-up", 0.1, 20)(step) for step in range(20)]


def test_lion_has_keras_convention_in_torch() -> None:
    assert (
        arms.optimizer_of(OptimizersConfig(optimizer="Lion", learning_rates={"lenet": 1e-3}), 5).convention == "keras"
    )
