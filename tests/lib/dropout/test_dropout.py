"""The dropout lab: its claims on made-up results, broken on purpose, and a trial beside its own weights."""

from typing import Any

import numpy as np
import pytest

from lib.data.noisy_digits import judged, noisy_digits
from lib.harness.contract.claim import Claim
from lib.harness.contract.results import Results
from lib.harness.contract.seeds import Seed
from lib.harness.contract.settings import Options, configure
from lib.harness.contract.trial import Runtime, Trial
from lib.harness.errors import UserError
from lib.harness.judging.verdicts import judge
from lib.mlp.dropout.claims import CLAIMS, gain_at_equal_fit
from lib.mlp.dropout.lab import LAB, DropoutConfig, simplicity
from lib.mlp.dropout.simplicity import layers
from tests.lib.decisions import made_up, run_variants, verdicts
from tests.lib.support import Recording, answers, assert_drawn, run_trial

CONFIG = DropoutConfig(seeds=6)
JITTER = np.array([0.0, 0.01, -0.01, 0.02, -0.02, 0.01])
EXACT = {"mean_deviation": 1e-15, "variance_deviation": 1e-15, "mean_ratio": 1 + JITTER / 10, "evaluation_deviation": 0}


def right(error: Any) -> np.ndarray:
    """Made-up answers to the 500 test digits with this error, (seeds,)."""
    return np.array([answers(1 - each, 500) for each in np.broadcast_to(error, JITTER.shape)], dtype=object)


def arm(train: float, test: float, error: float, scale: float, **more: Any) -> dict[str, Any]:
    """The measurements of an arm's trials, a little different by seed, and the other way round at the scale of 5."""
    turned = JITTER if scale > 5 else -JITTER
    measures = ("effective_rank", "norm", "input_gradient", "sensitivity")
    errors = error + turned / 10
    path = np.array([{"train_loss": [2.0, train], "validation_true_error": [0.8, e]} for e in errors], dtype=object)
    return {
        "train_loss": train + JITTER / 10,
        "test_loss": test + JITTER,
        "test_true_error": error + JITTER / 10,
        "test_true_right": right(errors),
        "path": path,
        **dict.fromkeys(measures, scale + turned * scale),
        **EXACT,
        **more,
    }


def all_as_the_lecture_says(**changes: dict[str, Any]) -> Results:
    return made_up(
        CONFIG,
        {
            "without": arm(0.01, 3.0, 0.25, 10),
            "with": arm(0.2, 2.0, 0.15, 5),
            "clean labels/without": arm(0.0, 0.3, 0.06, 10),
            "clean labels/with": arm(0.0, 0.25, 0.06, 5),
        }
        | changes,
    )


def test_decisions_on_results_whose_answer_is_known() -> None:
    assert set(verdicts(CLAIMS, all_as_the_lecture_says()).values()) == {"holds"}


@pytest.mark.parametrize(
    ("changes", "failing"),
    [
        ({"effective_rank": 12.0}, "dropout-simplifies/rank"),
        ({"norm": 10.0}, "dropout-simplifies/norm"),
        ({"input_gradient": 10.0}, "dropout-simplifies/input-gradient"),
        ({"sensitivity": 10.0}, "dropout-simplifies/sensitivity"),
        ({"test_loss": 3.2}, "dropout-narrows-gap/gap"),
        ({"test_true_right": right(0.25)}, "dropout-narrows-gap/accuracy"),
        ({"mean_deviation": 0.1}, "dropout-narrows-gap/expected-value"),
        ({"variance_deviation": 0.1}, "dropout-narrows-gap/expected-value"),
        ({"mean_ratio": 0.5 + JITTER / 100}, "dropout-narrows-gap/expected-value-framework"),
        ({"evaluation_deviation": 1e-7}, "dropout-narrows-gap/identity-at-evaluation"),
        ({"path": {"train_loss": [2.0, 0.2], "validation_true_error": [0.8, 0.4]}}, "more-than-slower-learning"),
        ({"test_true_right": right(0.27)}, "clean-labels-hide-it"),
    ],
)
def test_each_claim_fails_where_it_is_wrong(changes: dict[str, Any], failing: str) -> None:
    changed = arm(0.2, 2.0, 0.15, 5) | changes
    assert verdicts(CLAIMS, all_as_the_lecture_says(**{"with": changed}))[failing] == "fails"


def test_an_effect_within_the_seeds_luck_is_inconclusive() -> None:
    lucky = arm(0.2, 2.0, 0.15, 5, test_true_right=right(0.23 + 2 * JITTER))
    assert (
        verdicts(CLAIMS, all_as_the_lecture_says(**{"with": lucky}))["dropout-narrows-gap/accuracy"] == "inconclusive"
    )


def test_equal_fit_compares_at_the_training_loss_of_dropout() -> None:
    """Without: error 0.2 at loss 1, 0.3 at loss 0. Dropout stops at loss 0.5 with 0.1: without had 0.25 there."""
    plain = {"train_loss": [2.0, 1.0, 0.0], "validation_true_error": [0.8, 0.2, 0.3]}
    dropped = {"train_loss": [2.0, 0.5], "validation_true_error": [0.8, 0.1]}
    results = made_up(CONFIG, {"without": {"path": plain}, "with": {"path": dropped}})
    np.testing.assert_allclose(gain_at_equal_fit(results), 0.15)


SMALL: dict[str, Any] = {"seeds": 3, "epochs": 60, "hidden": 128, "ladder": (0.8,), "examples_per_step": 50}
STATISTICAL = ("dropout-simplifies/", "dropout-narrows-gap/gap", "dropout-narrows-gap/accuracy", "clean", "more")


def _statistical(rows: tuple[str, ...] = STATISTICAL) -> tuple[Claim, ...]:
    return tuple(claim for claim in CLAIMS if claim.id.startswith(rows))


def test_with_dropout_0_in_both_arms_no_claim_on_dropout_holds() -> None:
    results = run_variants(LAB, DropoutConfig(**SMALL | {"epochs": 20}, dropout=0.0), ("with", "clean"))
    assert "holds" not in verdicts(_statistical(), results).values()


def test_with_dropout_the_gap_is_narrower() -> None:
    results = run_variants(LAB, DropoutConfig(**SMALL), ("with",))
    assert verdicts(_statistical(("dropout-narrows-gap/gap",)), results) == {"dropout-narrows-gap/gap": "holds"}
    for claim in CLAIMS:
        if claim.kind == "exact":
            assert judge(claim, results, "dropout")["verdict"] == "holds"


@pytest.mark.parametrize("framework", ["torch", "keras"])
def test_a_trial_reports_the_network_without_dropout_on_new_pictures(framework: str) -> None:
    """From its final weights, by a forward pass in NumPy that knows no dropout."""
    config = DropoutConfig(**SMALL | {"epochs": 5}, framework=framework, rate=0.5)
    log = Recording()
    found = run_trial(LAB, Trial("with", config, 0, Runtime(config.framework)), log).measurements
    seed = Seed(0).child("trial", 0)
    data = noisy_digits(seed, 200, 0.3)
    for part, prefix in ((data.train, "train"), (data.test, "test")):
        oracle = judged(layers(log.final, part.inputs)[-1], part)
        assert found[f"{prefix}_loss"] == pytest.approx(oracle["loss"], abs=1e-5)
        assert found[f"{prefix}_error"] == pytest.approx(oracle["error"], abs=0.005)
    assert found["evaluation_deviation"] == 0
    assert found["mean_deviation"] < 1e-12 and abs(found["mean_ratio"] - 1) < 0.01
    assert found["norm"] == pytest.approx(simplicity(config, seed, log.final, data.test.inputs)["norm"])
    assert len(log.values) == 5


@pytest.mark.parametrize("framework", ["torch", "keras"])
def test_dropout_is_on_in_training_and_differs_by_seed(framework: str) -> None:
    """With it, the first loss is another than without, from the same weights, and another for another seed."""
    losses = {}
    for rate, seed in ((0.0, 0), (0.5, 0), (0.5, 1)):
        log = Recording()
        config = DropoutConfig(**SMALL | {"epochs": 1}, framework=framework, rate=rate)
        run_trial(LAB, Trial("any", config, seed, Runtime(config.framework)), log)
        losses[rate, seed] = log.values[0][1]["losses"][0]
    assert len({round(float(loss), 4) for loss in losses.values()}) == 3


def test_a_trial_repeats() -> None:
    logs = [Recording(), Recording()]
    config = DropoutConfig(**SMALL | {"epochs": 2}, rate=0.5)
    for log in logs:
        run_trial(LAB, Trial("with", config, 0, Runtime("torch")), log)
    for name, array in logs[0].final.items():
        assert np.array_equal(array, logs[1].final[name])


def test_the_study_asks_for_every_strength_and_seed_once() -> None:
    trials = [trial for batch in LAB.begin(DropoutConfig(seeds=2), 0) for trial in batch]
    names = [(trial.variant, trial.seed) for trial in trials]
    assert len(names) == len(set(names)) == 2 * (4 + 7)
    rates = {trial.variant: trial.config.model_dump()["rate"] for trial in trials}
    assert (rates["without"], rates["with"], rates["rate/0.8"]) == (0, 0.5, 0.8)


def test_pictures() -> None:
    config = DropoutConfig(**SMALL | {"epochs": 10, "seeds": 2})
    results = run_variants(LAB, config)
    assert_drawn(LAB, results, config)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("dropout=1", "dropout"),
        ("ladder=[0.1, -0.5]", "ladder"),
        ("label_noise=-1", "label_noise"),
        ("examples=5", "examples"),
        ("width=3", "no field 'width'"),
    ],
)
def test_a_bad_config_is_one_line(change: str, words: str) -> None:
    with pytest.raises(UserError) as error:
        configure(LAB, Options(changes=[change]))
    assert words in str(error.value) and "\n" not in str(error.value)


def test_a_framework_that_the_lab_has_not_is_refused() -> None:
    with pytest.raises(UserError, match="torch or keras"):
        configure(LAB, Options(framework="numpy"))
