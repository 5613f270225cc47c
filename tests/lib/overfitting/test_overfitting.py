"""The overfitting lab: its claims on made-up results, broken on purpose, and a trial beside its own weights."""

from typing import Any

import numpy as np
import pytest

from lib.data.noisy_digits import judged, noisy_digits
from lib.harness.contract.results import Results
from lib.harness.contract.seeds import Seed
from lib.harness.contract.settings import Options, configure
from lib.harness.contract.trial import Runtime, Trial
from lib.harness.errors import UserError
from lib.mlp.overfitting.claims import CLAIMS, network_errors, threshold_width, valley
from lib.mlp.overfitting.lab import LAB, OverfittingConfig
from lib.models.mlp import parameter_count, torch_mlp
from tests.lib.overfitting.support import made_up, run_variants, verdicts
from tests.lib.support import Recording, assert_drawn, run_trial

CONFIG = OverfittingConfig(seeds=6, widths=(8, 16, 512), more_examples=(1000,))
JITTER = np.array([0.0, 0.01, -0.01, 0.02, -0.02, 0.01])


def network(train: float, test: float, error: float, **more: Any) -> dict[str, Any]:
    """The measurements of a network's trials: losses, and the error by the true digit, a little different by seed."""
    measured: dict[str, Any] = {
        "train_loss": train + JITTER * (1 + train),
        "test_loss": test + JITTER * (1 + test),
        "test_true_error": error * (1 + JITTER / 10),
        "validation_true_error": error * (1 + JITTER / 10),
        "stopped_loss": 1.5 + JITTER,
        "stopped_true_error": 0.15 - JITTER / 10,
        "train_error": 0.0,
    }
    return measured | more


def least_squares(valley: float, threshold: float, beyond: float, residual: float = 1e-9) -> dict[str, Any]:
    errors = np.array([0.5, valley, threshold, beyond]) * (1 + JITTER[:, None] / 10)
    rows = [
        {
            "test_error": list(row),
            "validation_error": list(row),
            "tuned_error": [0.5, valley, valley + 0.01, valley],
            "residual": [1.0, 1.0, residual, residual],
        }
        for row in errors
    ]
    labels = np.array(rows, dtype=object)
    return {"ratios": [0.1, 0.5, 1.0, 50.0], "noisy": labels, "clean": labels}


def all_as_in_theory(**changes: dict[str, Any]) -> Results:
    return made_up(
        CONFIG,
        {
            "width/8": network(0.9, 1.9, 0.28),
            "descent/8": network(0.9, 1.9, 0.28),
            "descent/16": network(0.5, 2.0, 0.22),
            "descent/27": network(0.1, 2.4, 0.32),
            "descent/512": network(0.0, 3.5, 0.25),
            "width/512": network(0.0, 3.5, 0.25),
            "examples/1000": network(0.0, 2.0, 0.1),
            "random labels": network(0.0, 5.0, 0.9),
            "features": least_squares(0.25, 0.75, 0.30),
        }
        | changes,
    )


REFUTED = {"more-wrong-answers", "larger-is-better/noisy-features", "larger-is-better/clean-features"}


def test_decisions_on_results_whose_answer_is_known() -> None:
    found = verdicts(CLAIMS, all_as_in_theory())
    expected = {
        claim.id: "fails" if claim.id in REFUTED | {"larger-is-better/networks"} else "holds" for claim in CLAIMS
    }
    assert found == expected


@pytest.mark.parametrize(
    ("changes", "failing"),
    [
        ({"width/512": network(0.91, 1.91, 0.25)}, "complexity-overfits/does-well-on-training-data"),
        ({"width/512": network(0.0, 1.91, 0.25)}, "complexity-overfits/worse-on-new-data"),
        ({"width/512": network(0.95, 1.91, 0.25)}, "complexity-overfits/gap"),
        ({"examples/1000": network(0.0, 3.49, 0.25)}, "complexity-overfits/more-data"),
        ({"width/512": network(0.0, 1.51, 0.25)}, "early-stopping/loss"),
        ({"width/512": network(0.0, 3.5, 0.151)}, "early-stopping/error"),
        ({"random labels": network(0.0, 5.0, 0.9, train_error=0.5)}, "learns-by-heart/training"),
        ({"random labels": network(0.0, 5.0, 0.3)}, "learns-by-heart/chance"),
        ({"features": least_squares(0.25, 0.75, 0.3, residual=0.1)}, "double-descent/features-interpolate"),
        ({"features": least_squares(0.25, 0.251, 0.1)}, "double-descent/features-rise"),
        ({"features": least_squares(0.25, 0.75, 0.8)}, "double-descent/features-fall"),
        ({"descent/27": network(0.1, 2.4, 0.221)}, "double-descent/networks-rise"),
        ({"descent/512": network(0.0, 3.5, 0.321)}, "double-descent/networks-fall"),
        ({"features": least_squares(0.25, 0.27, 0.26)}, "ridge-flattens-the-peak"),
    ],
)
def test_each_claim_fails_where_it_is_wrong(changes: dict[str, Any], failing: str) -> None:
    assert verdicts(CLAIMS, all_as_in_theory(**changes))[failing] == "fails"


def test_an_effect_within_the_seeds_luck_is_inconclusive() -> None:
    wide = 3.5 + 300 * JITTER
    found = verdicts(CLAIMS, all_as_in_theory(**{"width/512": network(0.0, 3.5, 0.25, test_loss=wide)}))
    assert found["complexity-overfits/worse-on-new-data"] == "inconclusive"


def test_what_is_missing_is_not_measured() -> None:
    results = made_up(CONFIG, {"width/8": network(0.9, 1.9, 0.28)})
    assert set(verdicts(CLAIMS, results).values()) == {"not measured"}


def test_the_valley_of_a_seed_is_chosen_by_the_others() -> None:
    errors = np.array([[0.1, 0.3], [0.5, 0.2], [0.5, 0.2], [0.5, 0.2]])
    assert list(valley(errors)) == [1, 1, 1, 1]  # alone, the first seed would choose its own lucky width


def test_the_valley_lies_below_the_threshold_and_is_read_on_test_pictures() -> None:
    narrow = network(0.5, 2.0, 0.22, validation_true_error=0.2 + JITTER, test_true_error=0.77 + JITTER)
    found = network_errors(all_as_in_theory(**{"descent/16": narrow}))
    assert list(found["valley"]) == list(0.77 + JITTER)


def test_the_threshold_has_as_many_weights_as_numbers_to_fit() -> None:
    for examples in (10, 200, 1000):
        width = threshold_width(examples)
        assert parameter_count((64, width, 10)) == pytest.approx(10 * examples, abs=75 / 2)
    assert threshold_width(200) == 27


SMALL: dict[str, Any] = {
    "seeds": 3,
    "epochs": 60,
    "widths": (4,),
    "more_examples": (1000,),
    "descent_widths": (4, 256),
    "descent_epochs": 10,
    "ratios": (0.2, 1, 10),
}


def test_complexity_holds_and_with_the_same_network_on_both_sides_it_does_not() -> None:
    rows = ("complexity-overfits/does-well-on-training-data", "complexity-overfits/gap")
    claims = tuple(claim for claim in CLAIMS if claim.id in rows)
    for small, holding in ((8, 2), (512, 0)):
        config = OverfittingConfig(**SMALL, small=small)
        results = run_variants(LAB, config, (f"width/{small}", "width/512"))
        assert list(verdicts(claims, results).values()).count("holds") == holding


def test_double_descent_holds_and_with_a_large_ridge_it_does_not() -> None:
    claims = tuple(claim for claim in CLAIMS if claim.id.startswith("double-descent/features"))
    for ridge, broken in ((0, False), (1.0, True)):
        config = OverfittingConfig(**SMALL, ridge=ridge)
        judged_claims = verdicts(claims, run_variants(LAB, config, ("features",)))
        assert (set(judged_claims.values()) == {"holds"}) != broken
        assert (judged_claims["double-descent/features-fall"] == "holds") != broken
        assert (judged_claims["double-descent/features-rise"] == "holds") != broken


def test_a_trial_reports_its_final_weights_and_those_where_it_should_have_stopped() -> None:
    config = OverfittingConfig(width=64, epochs=120)
    log = Recording()
    found = run_trial(LAB, Trial("width/64", config, 0, Runtime("torch"), "network"), log).measurements
    import torch

    data = noisy_digits(Seed(0).child("trial", 0), 200, 0.3)
    model = torch_mlp(log.final)
    with torch.no_grad():
        for part, prefix in ((data.train, "train"), (data.test, "test")):
            oracle = judged(model(torch.from_numpy(part.inputs)).numpy(), part)
            assert found[f"{prefix}_loss"] == pytest.approx(oracle["loss"], abs=1e-5)
            assert found[f"{prefix}_error"] == pytest.approx(oracle["error"], abs=1e-9)
    losses = found["path"]["validation_loss"]
    assert found["best_epoch"] == found["looks"][int(np.argmin(losses))] < 120
    assert found["stopped_loss"] < found["test_loss"]
    assert len(log.values) == 120


def test_all_trainings_take_the_same_number_of_steps() -> None:
    for examples in (10, 100, 200, 999):
        config = OverfittingConfig(width=1, epochs=2, examples=examples)
        log = Recording()
        run_trial(LAB, Trial("examples", config, 0, Runtime("torch"), "network"), log)
        assert [len(values["losses"]) for _, values in log.values] == [5, 5]


def test_the_study_asks_for_every_width_and_seed_once() -> None:
    trials = [trial for batch in LAB.begin(OverfittingConfig(seeds=2), 0) for trial in batch]
    names = [(trial.variant, trial.seed) for trial in trials]
    assert len(names) == len(set(names)) == 2 * (7 + 3 + 1 + 7 + 1)
    assert {"width/8", "descent/133", "examples/1000", "random labels", "features"} <= {name for name, _ in names}


def test_pictures() -> None:
    config = OverfittingConfig(**SMALL | {"epochs": 10, "seeds": 2})
    results = run_variants(LAB, config)
    assert_drawn(LAB, results, config)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("label_noise=1.5", "label_noise"),
        ("widths=[0]", "widths"),
        ("ratios=[0.1, 0.5]", "ratios"),
        ("examples=1001", "examples"),
        ("learning_rate=0", "learning_rate"),
        ("depth=3", "no field 'depth'"),
    ],
)
def test_a_bad_config_is_one_line(change: str, words: str) -> None:
    with pytest.raises(UserError) as error:
        configure(LAB, Options(changes=[change]))
    assert words in str(error.value) and "\n" not in str(error.value)


def test_quick_is_a_config() -> None:
    assert configure(LAB, Options(quick=True)).seeds >= 2
