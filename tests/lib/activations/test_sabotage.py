"""The experiments broken on purpose: without the treatment no comparison holds, and with arms exchanged no sentence."""

from collections.abc import Iterable
from typing import Any

import pytest

from lib.harness.contract.results import Results
from lib.harness.contract.studies import changed
from lib.harness.contract.trial import Runtime, Trial
from lib.harness.judging.verdicts import judge
from lib.mlp.activations import gradients, very_deep
from lib.mlp.activations.lab import LAB
from lib.mlp.activations.training import ActivationsConfig
from tests.lib.arms import swapped
from tests.lib.exact_claims import run_with, turning

COMPARISONS = {
    "not-the-sigmoid-but-its-start/learns",
    "a-high-rate-kills-units/high-rate",
    "a-high-rate-kills-units/leaky-learns-more",
    "a-hundred-layers/above-plain",
    "a-hundred-layers/skips-alone",
    "a-hundred-layers/normalisation-alone",
    "a-hundred-layers/depth-costs",
    "a-hundred-layers/inputs-look-alike",
}
CONFIG = ActivationsConfig(
    seeds=1,
    deep=14,
    depths=(2, 14),
    activations=("sigmoid",),
    training_seeds=3,
    learning_rates=(1e-3,),
    epochs=15,
    very_deep=(10, 40),
    very_deep_seeds=3,
    very_deep_rates=(1e-3,),
    very_deep_epochs=6,
)
ROOT = 11
TRAINED = ("train/sigmoid", "high-rate/", "very-deep/")


def measured(config: ActivationsConfig = CONFIG, prefixes: tuple[str, ...] = TRAINED) -> Results:
    study = LAB.begin(config, ROOT)
    first = next(study)
    trials = [*first, *study.send([])]
    return Results([run_with(LAB, trial, ROOT) for trial in trials if trial.variant.startswith(prefixes)])


def verdicts(results: Results, claims: Iterable[str]) -> dict[str, str]:
    return {c.id: str(judge(c, results, LAB.name)["verdict"]) for c in LAB.claims if c.id in set(claims)}


@pytest.fixture(scope="module")
def real() -> Results:
    return measured(prefixes=("train/sigmoid", "very-deep/"))


def test_the_comparisons_are_all_of_them() -> None:
    compared = {c.id for c in LAB.claims if c.smallest and c.id != "a-high-rate-kills-units/at-the-start"}
    assert compared == COMPARISONS


def test_with_arms_exchanged_the_sentences_fail(real: Results) -> None:
    pairs = [(f"very-deep/both/{depth}", f"very-deep/plain/{depth}") for depth in CONFIG.very_deep]
    claims = ("not-the-sigmoid-but-its-start/learns", "a-hundred-layers/above-plain", "a-hundred-layers/learns")
    assert set(verdicts(real, claims[:2]).values()) == {"holds"}
    other = swapped(real, ("train/sigmoid", "train/sigmoid-as-tanh"), *pairs)
    assert set(verdicts(other, claims).values()) == {"fails"}


def test_without_the_treatment_no_comparison_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """No clothes, no leak, no high rate, neither skip nor normalisation, no depth."""
    from torch import nn

    monkeypatch.setattr(gradients, "in_tanhs_clothes", dict)
    monkeypatch.setattr(gradients, "modules", lambda: {"sigmoid": nn.Sigmoid, "relu": nn.ReLU, "leaky": nn.ReLU})
    monkeypatch.setattr(very_deep, "ARMS", dict.fromkeys(very_deep.ARMS, very_deep.ARMS["plain"]))
    config = changed(CONFIG, {"high_rate": 1e-3, "deep": 3, "very_deep": (4, 5)})
    found = verdicts(measured(config), COMPARISONS)
    assert found.keys() == COMPARISONS
    assert "holds" not in found.values(), found


def test_with_sigmoid_in_the_place_of_relu_the_gradient_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    from torch import nn

    exchanged: dict[Any, Any] = {**gradients.modules(), "relu": nn.Sigmoid, "sigmoid": nn.ReLU}
    monkeypatch.setattr(gradients, "modules", lambda: exchanged)
    config = ActivationsConfig(depths=(10,), deep=10, examples=32)
    trials = [Trial("gradient", config, seed, Runtime("torch", "float64"), "gradient") for seed in range(4)]
    results = Results([run_with(LAB, trial, ROOT) for trial in trials])
    sentences = ("relu-keeps-gradient/ratio", "sigmoid-gradient-vanishes/factor", "sigmoid-gradient-vanishes/ratio")
    assert set(verdicts(results, sentences).values()) == {"fails"}


def test_exact_claims_have_one_verdict_for_twenty_root_seeds() -> None:
    config = ActivationsConfig(depths=(2, 12), deep=12, examples=32, training_seeds=1, epochs=2)
    variants = ("gradient", "functions", "high-rate/leaky")
    assert turning(LAB, config, variants, fails=["whatever-activation/most-regions"]) == []
