"""The experiments broken on purpose: without the treatment no comparison holds, and with arms exchanged no sentence."""

from typing import Any

import pytest

from lib.harness.contract.results import Results
from lib.harness.judging.verdicts import judge
from lib.mlp.mlp import equal_starts, threshold
from lib.mlp.mlp.lab import LAB
from lib.mlp.mlp.training import MlpConfig
from tests.lib.arms import swapped
from tests.lib.exact_claims import run_with, turning

CONFIG = MlpConfig(
    seeds=3,
    learning_rates=(3e-3,),
    spirals_points=300,
    spirals_hidden=(32, 32),
    spirals_epochs=60,
    digits_hidden=(128, 128),
    digits_epochs=10,
    xor_starts=40,
    xor_steps=1_500,
)
ROOT = 12
COMPARISONS = {
    "nonlinearity-is-the-core/spirals",
    "nonlinearity-is-the-core/digits",
    "nonlinearity-is-the-core/tanh-too",
    "threshold-neuron/more-units-learn",
    "equal-starts-stay-equal/random-starts",
}


def measured() -> Results:
    study = LAB.begin(CONFIG, ROOT)
    first = next(study)
    return Results([run_with(LAB, trial, ROOT) for trial in [*first, *study.send([])] if trial.variant != "hand"])


def verdicts(results: Results) -> dict[str, str]:
    return {c.id: str(judge(c, results, LAB.name)["verdict"]) for c in LAB.claims if c.smallest}


@pytest.fixture(scope="module")
def real() -> Results:
    return measured()


def test_with_arms_exchanged_the_sentences_fail(real: Results) -> None:
    arms = [(f"{task}/relu", f"{task}/identity") for task in ("spirals", "digits")]
    sentences = ("nonlinearity-is-the-core/spirals", "nonlinearity-is-the-core/digits")
    assert verdicts(real).keys() == COMPARISONS
    assert [verdicts(real)[claim] for claim in sentences] == ["holds", "holds"]
    assert [verdicts(swapped(real, *arms))[claim] for claim in sentences] == ["fails", "fails"]


def test_without_the_treatment_no_comparison_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """No activation between the layers, as many units, and random weights where they should be equal."""
    from lib.mlp.mlp import training
    from lib.models.mlp import initial_weights

    def random_start(seed: Any, width: int) -> Any:
        return initial_weights(seed, (2, width, 2), "xavier")

    monkeypatch.setattr(training, "activation", lambda config: "identity")
    learn = threshold.learn_xor
    monkeypatch.setattr(threshold, "learn_xor", lambda config, hidden, seed: learn(config, threshold.FEWEST, seed))
    monkeypatch.setattr(equal_starts, "equal_start", random_start)
    found = verdicts(measured())
    assert found.keys() == COMPARISONS
    assert "holds" not in found.values(), found


def test_exact_claims_have_one_verdict_for_twenty_root_seeds() -> None:
    config = MlpConfig(learning_rates=(3e-3,), xor_starts=10, xor_steps=600)
    folds = {"nonlinearity-is-the-core/folds", "nonlinearity-is-the-core/relu-does-not-fold"}
    assert turning(LAB, config, ("neuron", "hand"), without=folds) == []


@pytest.mark.slow
def test_what_is_folded_stays_linear_for_twenty_root_seeds() -> None:
    small: dict[str, Any] = {"spirals_epochs": 20, "spirals_points": 200, "digits_epochs": 2, "digits_pictures": 500}
    config = MlpConfig(seeds=1, learning_rates=(3e-3,), **small)
    claims = [claim for claim in LAB.claims if "fold" in claim.id]
    for root in range(1, 21):
        study = LAB.begin(config, root)
        next(study)
        finals = [trial for trial in study.send([]) if trial.variant.endswith(("/identity", "/relu"))]
        results = Results([run_with(LAB, trial, root) for trial in finals])
        assert [judge(claim, results, LAB.name)["verdict"] for claim in claims] == ["holds", "holds"], root
