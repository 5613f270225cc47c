"""The overfitting lab: its claims on made-up results, broken on purpose, and a trial beside its own weights."""

from typing import Any

import numpy as np
import pytest

from lib.data.noisy_digits import judged, noisy_digits
from lib.harness.contract.claim import Claim
from lib.harness.contract.results import Results
from lib.harness.contract.seeds import Seed
from lib.harness.contract.series import unpacked
from lib.harness.contract.settings import Options, configure
from lib.harness.contract.trial import Runtime, Trial
from lib.harness.errors import UserError
from lib.harness.judging.verdicts import judge
from lib.mlp.overfitting.claims import CLAIMS, of_networks, threshold_width
from lib.mlp.overfitting.lab import LAB, OverfittingConfig
from lib.models.mlp import parameter_count, torch_mlp
from tests.lib.arms import swapped
from tests.lib.decisions import made_up, row_verdict, run_variants, verdicts
from tests.lib.exact_claims import turning
from tests.lib.support import Recording, answers, assert_drawn, run_trial

CONFIG = OverfittingConfig(seeds=6, widths=(8, 16, 512), more_examples=(1000,))
JITTER = np.array([0.0, 0.01, -0.01, 0.02, -0.02, 0.01])


def right(errors: Any) -> np.ndarray:
    """Made-up answers to the 500 test images with these errors, (seeds,)."""
    return np.array([answers(1 - error, 500) for error in np.broadcast_to(errors, JITTER.shape)], dtype=object)


def network(train: float, test: float, error: float, stopped: float = 0.15, **more: Any) -> dict[str, Any]:
    """The measurements of a network's trials: losses, and errors by the true digit, a little different by seed.

    Errors differ by seed as much as they are large, so that those of two networks differ by something as well.
    """
    measured: dict[str, Any] = {
        "train_loss": train + JITTER * (1 + train),
        "test_loss": test + JITTER * (1 + test),
        "validation_loss": test,
        "validation_true_error": error,
        "test_true_right": right(error * (1 + JITTER)),
        "stopped_loss": 1.5 + JITTER,
        "stopped_validation_true_error": stopped,
        "stopped_true_right": right(stopped * (1 - JITTER)),
        "train_error": train / 5 * (1 + JITTER),
    }
    return measured | more


def least_squares(
    valley: float, threshold: float, beyond: float, residual: float = 1e-9, left: float = 0.01
) -> dict[str, Any]:
    """Errors by ratio, a little different by seed; `left`: what a ridge leaves of the peak."""
    errors = np.array([0.5, valley, threshold, beyond]) * (1 + JITTER[:, None])
    tuned = np.array([0.5, valley, valley + left, valley]) + JITTER[:, None] * [0, 0, 1, -1]
    rows = [
        {
            "test_right": [answers(1 - error, 500) for error in row],
            "validation_error": list(row),
            "tuned_right": [answers(1 - error, 500) for error in with_ridge],
            "residual": [1.0, 1.0, residual, residual],
        }
        for row, with_ridge in zip(errors, tuned, strict=True)
    ]
    labels = np.array(rows, dtype=object)
    return {"ratios": [0.1, 0.5, 1.0, 50.0], "noisy": labels, "clean": labels}


def all_as_in_theory(**changes: dict[str, Any]) -> Results:
    return made_up(
        CONFIG,
        {
            "width/8": network(0.9, 1.9, 0.18, 0.24),
            "width/16": network(0.6, 2.1, 0.20, 0.20),
            "width/512": network(0.0, 3.5, 0.25, 0.15),
            "decay/6": network(0.3, 2.0, 0.20),
            "descent/8": network(0.9, 1.9, 0.28),
            "descent/16": network(0.5, 2.0, 0.22),
            "descent/27": network(0.01, 2.4, 0.32),
            "descent/512": network(0.0, 3.5, 0.25),
            "examples/1000": network(0.0, 2.0, 0.1),
            "random labels": network(0.0, 5.0, 0.9),
            "features": least_squares(0.25, 0.75, 0.15),
        }
        | changes,
    )


REFUTED = {"larger-is-better/networks"}


def test_decisions_on_results_whose_answer_is_known() -> None:
    found = verdicts(CLAIMS, all_as_in_theory())
    assert found == {claim.id: "fails" if claim.id in REFUTED else "holds" for claim in CLAIMS}


@pytest.mark.parametrize(
    ("changes", "failing"),
    [
        ({"width/512": network(0.91, 3.5, 0.25)}, "complexity-overfits/does-well-on-training-data"),
        ({"width/512": network(0.91, 3.5, 0.25)}, "complexity-overfits/fewer-training-mistakes"),
        ({"width/512": network(0.0, 1.91, 0.25)}, "complexity-overfits/worse-on-new-data"),
        ({"width/512": network(0.0, 3.5, 0.17)}, "complexity-overfits/more-wrong-answers"),
        ({"width/512": network(0.95, 1.91, 0.25)}, "complexity-overfits/gap"),
        ({"width/512": network(0.0, 3.5, 0.25, 0.24)}, "complexity-overfits/stopped-in-time"),
        ({"examples/1000": network(0.0, 3.49, 0.25)}, "complexity-overfits/more-data"),
        ({"width/512": network(0.0, 1.51, 0.25)}, "early-stopping/loss"),
        ({"width/512": network(0.0, 3.5, 0.151)}, "early-stopping/error"),
        ({"decay/6": network(0.3, 2.0, 0.14)}, "early-stopping/weight-decay"),
        ({"random labels": network(0.0, 5.0, 0.9, train_error=0.5)}, "learns-by-heart/training"),
        ({"random labels": network(0.0, 5.0, 0.3)}, "learns-by-heart/chance"),
        ({"features": least_squares(0.25, 0.75, 0.3, residual=0.1)}, "double-descent/features-interpolate"),
        ({"descent/27": network(0.1, 2.4, 0.32)}, "double-descent/networks-interpolate"),
        ({"features": least_squares(0.25, 0.251, 0.1)}, "double-descent/features-rise"),
        ({"features": least_squares(0.25, 0.75, 0.8)}, "double-descent/features-fall"),
        ({"descent/27": network(0.01, 2.4, 0.221)}, "double-descent/networks-rise"),
        ({"descent/512": network(0.0, 3.5, 0.321)}, "double-descent/networks-fall"),
        ({"features": least_squares(0.25, 0.75, 0.3)}, "larger-is-better/clean-features"),
        ({"features": least_squares(0.25, 0.75, 0.3)}, "larger-is-better/noisy-features"),
        ({"features": least_squares(0.25, 0.4, 0.3, left=0.1)}, "ridge-flattens-the-peak"),
    ],
)
def test_each_claim_fails_where_it_is_wrong(changes: dict[str, Any], failing: str) -> None:
    assert verdicts(CLAIMS, all_as_in_theory(**changes))[failing] == "fails"


def test_an_effect_within_the_seeds_luck_is_inconclusive() -> None:
    wide = 3.5 + 300 * JITTER
    found = verdicts(CLAIMS, all_as_in_theory(**{"width/512": network(0.0, 3.5, 0.25, test_loss=wide)}))
    assert found["complexity-overfits/worse-on-new-data"] == "inconclusive"


def record_of(name: str, results: Results) -> dict[str, Any]:
    (claim,) = [each for each in CLAIMS if each.id == name]
    return judge(claim, results, "overfitting")


def test_a_network_that_has_hardly_learned_is_not_compared() -> None:
    results = all_as_in_theory(**{"width/512": network(3.0, 3.5, 0.25), "descent/27": network(3.0, 2.4, 0.32)})
    for name in ("complexity-overfits/worse-on-new-data", "early-stopping/error", "double-descent/networks-rise"):
        record = record_of(name, results)
        assert record["verdict"] == "inconclusive" and "hardly learned" in record["note"], name


def test_without_a_peak_there_is_nothing_to_flatten() -> None:
    record = record_of("ridge-flattens-the-peak", all_as_in_theory(features=least_squares(0.25, 0.25, 0.25)))
    assert record["verdict"] == "inconclusive" and "nothing to flatten" in record["note"]


def test_a_failed_seed_is_named_and_a_nan_decides_nothing() -> None:
    results = all_as_in_theory()
    lost = [r for r in results if (r.trial.variant, r.trial.seed) != ("width/16", 3)]
    assert record_of("complexity-overfits/worse-on-new-data", Results(lost))["verdict"] == "inconclusive"
    nan = all_as_in_theory(**{"width/512": network(0.0, 3.5, 0.25, test_loss=np.where(JITTER > 0.01, np.nan, 3.5))})
    assert record_of("complexity-overfits/worse-on-new-data", nan)["verdict"] == "inconclusive"


def test_what_is_missing_is_not_measured() -> None:
    results = made_up(CONFIG, {"width/8": network(0.9, 1.9, 0.28)})
    assert set(verdicts(CLAIMS, results).values()) == {"not measured"}


def test_the_valley_lies_below_the_threshold_and_is_read_on_test_pictures() -> None:
    narrow = network(0.5, 2.0, 0.22, validation_true_error=0.2 + JITTER, test_true_right=right(0.77))
    found = of_networks(all_as_in_theory(**{"descent/16": narrow}))
    np.testing.assert_allclose(found["valley"].mean(axis=1), 0.77)


def test_the_threshold_has_as_many_weights_as_numbers_to_fit() -> None:
    for examples in (10, 200, 1000):
        width = threshold_width(examples)
        assert parameter_count((64, width, 10)) == pytest.approx(10 * examples, abs=75 / 2)
    assert threshold_width(200) == 27


SMALL: dict[str, Any] = {
    "seeds": 3,
    "epochs": 60,
    "widths": (8, 512),
    "decays": (6,),
    "more_examples": (1000,),
    "descent_widths": (4, 256),
    "descent_epochs": 10,
    "ratios": (0.2, 1, 10),
}
LOSSES = ("does-well-on-training-data", "worse-on-new-data", "gap")


def claims_of(row: str, *parts: str) -> tuple[Claim, ...]:
    return tuple(claim for claim in CLAIMS if claim.row == row and (not parts or claim.id.partition("/")[2] in parts))


@pytest.fixture(scope="module")
def small() -> Results:
    """The networks of 8 and of 512 units and the random features, of the study made small."""
    return run_variants(LAB, OverfittingConfig(**SMALL), ("width/", "features"))


def test_a_network_is_not_more_complex_than_itself() -> None:
    """Broken on purpose: the treatment is removed, as the large network is the simple one."""
    results = run_variants(LAB, OverfittingConfig(**SMALL | {"widths": (8,), "large": 8}), ("width/", "examples/"))
    for claim in claims_of("complexity-overfits", *LOSSES, "fewer-training-mistakes", "more-wrong-answers"):
        record = judge(claim, results, "overfitting")
        assert record["verdict"] == "inconclusive"
        assert record["effect"] == 0 or "hardly learned" in record["note"], record


def test_with_the_networks_swapped_complexity_does_not_overfit(small: Results) -> None:
    """Broken on purpose: the simple network has what the large one measured. By the loss it holds as it was."""
    assert set(verdicts(claims_of("complexity-overfits", *LOSSES), small).values()) == {"holds"}
    other = swapped(small, ("width/8", "width/512"))
    found = verdicts(claims_of("complexity-overfits", *LOSSES), other)
    assert set(found.values()) == {"fails"}, found
    assert row_verdict(LAB, "complexity-overfits", other) == "fails"


def test_where_training_ends_at_once_stopping_in_time_changes_nothing() -> None:
    """Broken on purpose: the treatment is removed, as there is one epoch to stop at."""
    results = run_variants(LAB, OverfittingConfig(**SMALL | {"epochs": 1}), ("width/512",))
    for claim in claims_of("early-stopping", "loss", "error"):
        record = judge(claim, results, "overfitting")
        assert record["verdict"] == "inconclusive"
        assert record["effect"] in (0, None), record


def test_double_descent_holds_and_with_a_large_ridge_nothing_rises_or_falls(small: Results) -> None:
    """Broken on purpose: the treatment, fitting every label, is removed."""
    assert set(verdicts(claims_of("double-descent", "features-rise", "features-fall"), small).values()) == {"holds"}
    broken = run_variants(LAB, OverfittingConfig(**SMALL, ridge=1.0), ("features",))
    found = verdicts(claims_of("double-descent", "features-rise", "features-fall", "features-interpolate"), broken)
    assert "holds" not in found.values(), found
    assert record_of("ridge-flattens-the-peak", broken)["verdict"] != "holds"


def test_with_the_threshold_and_the_largest_model_swapped_the_error_does_not_fall(small: Results) -> None:
    """Broken on purpose: the measurements at the threshold stand where those of most features did."""

    def turned(of_labels: dict[str, Any]) -> dict[str, Any]:
        return {name: [values[0], values[2], values[1]] for name, values in of_labels.items()}

    results = [r for r in small if r.trial.variant == "features"]
    broken = made_up(
        OverfittingConfig(**SMALL),
        {
            "features": {
                "ratios": [0.2, 1, 10],
                **{
                    labels: np.array([turned(r.measurements[labels]) for r in results], dtype=object)
                    for labels in ("noisy", "clean")
                },
            }
        },
    )
    assert record_of("double-descent/features-fall", broken)["verdict"] == "fails"


@pytest.mark.slow
def test_exact_claims_hold_for_every_root_seed() -> None:
    assert turning(LAB, OverfittingConfig(), ("features",)) == []


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
    assert unpacked(found["test_true_right"]).mean() == pytest.approx(1 - found["test_true_error"])
    losses = found["path"]["validation_loss"]
    assert found["best_epoch"] == found["looks"][int(np.argmin(losses))] < 120
    assert found["stopped_validation_loss"] == min(losses)
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
    assert len(names) == len(set(names)) == 2 * (8 + 4 + 3 + 1 + 7 + 1)
    assert {"width/8", "decay/6", "descent/133", "random labels", "features"} <= {name for name, _ in names}
    decays = {trial.variant: trial.config.model_dump()["weight_decay"] for trial in trials}
    assert (decays["width/512"], decays["decay/6"]) == (0, 6)


def test_a_strong_weight_decay_keeps_the_network_from_fitting() -> None:
    losses = [
        run_trial(
            LAB,
            Trial("any", OverfittingConfig(width=64, epochs=60, weight_decay=decay), 0, Runtime("torch"), "network"),
        ).measurements["train_loss"]
        for decay in (0, 1, 10)
    ]
    assert losses == sorted(losses) and losses[-1] > losses[0] + 0.5


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
