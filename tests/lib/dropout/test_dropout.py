"""The dropout lab: its claims on made-up results, broken on purpose, and a trial beside its own weights."""

from typing import Any

import numpy as np
import pytest

from lib.data.noisy_digits import judged, noisy_digits
from lib.harness.contract.claim import Claim
from lib.harness.contract.results import Results
from lib.harness.contract.seeds import Seed
from lib.harness.contract.series import unpacked
from lib.harness.contract.settings import Options, configure
from lib.harness.contract.trial import Result, Runtime, Trial
from lib.harness.errors import UserError
from lib.harness.judging.verdicts import judge
from lib.mlp.dropout.claims import CLAIMS, EQUAL_FIT
from lib.mlp.dropout.lab import LAB, DropoutConfig, simplicity
from lib.mlp.dropout.simplicity import layers
from tests.lib.arms import swapped
from tests.lib.decisions import made_up, row_verdict, verdicts
from tests.lib.exact_claims import turning
from tests.lib.support import Recording, answers, assert_drawn, run_study, run_trial

CONFIG = DropoutConfig(seeds=6)
JITTER = np.array([0.0, 0.01, -0.01, 0.02, -0.02, 0.01])
EXACT = {"mean_deviation": 1e-15, "variance_deviation": 1e-15, "mean_ratio": 1 + JITTER / 10, "evaluation_deviation": 0}


def right(error: Any) -> np.ndarray:
    """Made-up answers to the 500 test digits with this error, (seeds,)."""
    return np.array([answers(1 - each, 500) for each in np.broadcast_to(error, JITTER.shape)], dtype=object)


def arm(train: float, test: float, error: float, scale: float, **more: Any) -> dict[str, Any]:
    """The measurements of an arm's trials, a little different by seed, and the other way round at the scale of 5."""
    turned = JITTER if scale > 5 else -JITTER
    measures = (
        "effective_rank",
        "stable_rank",
        "participation_ratio",
        "norm",
        "input_gradient",
        "sensitivity",
    )
    return {
        "train_loss": train + JITTER / 10,
        "test_loss": test + JITTER,
        "validation_true_error": error,
        "stopped_loss": test / 2 + turned,
        "stopped_validation_loss": test / 2,
        "stopped_validation_true_error": error,
        "test_true_right": right(error + turned / 10),
        "stopped_true_right": right(error + turned / 10),
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
            EQUAL_FIT: arm(0.2, 2.5, 0.22, 10),
            "decay/6": arm(0.5, 2.4, 0.2, 10),
            "clean labels/without": arm(0.0, 0.3, 0.06, 10),
            "clean labels/with": arm(0.0, 0.25, 0.06, 5),
        }
        | changes,
    )


def test_decisions_on_results_whose_answer_is_known() -> None:
    assert set(verdicts(CLAIMS, all_as_the_lecture_says()).values()) == {"holds"}


WORSE = right(0.25 - JITTER / 10)


@pytest.mark.parametrize(
    ("changes", "failing"),
    [
        ({"effective_rank": 12.0}, "dropout-simplifies/rank"),
        ({"norm": 10.0}, "dropout-simplifies/norm"),
        ({"input_gradient": 10.0}, "dropout-simplifies/input-gradient"),
        ({"sensitivity": 10.0}, "dropout-simplifies/sensitivity"),
        ({"stable_rank": 10.0}, "dropout-simplifies/stable-rank"),
        ({"participation_ratio": 10.0}, "dropout-simplifies/participation-ratio"),
        ({"test_loss": 3.2}, "dropout-narrows-gap/gap"),
        ({"stopped_true_right": WORSE}, "dropout-narrows-gap/accuracy"),
        ({"stopped_loss": 1.5}, "dropout-narrows-gap/loss"),
        ({"test_true_right": WORSE}, "dropout-narrows-gap/to-the-end"),
        ({"test_true_right": WORSE}, "dropout-narrows-gap/instead-of-stopping"),
        ({"stopped_true_right": right(0.2 - JITTER / 10)}, "dropout-narrows-gap/weight-decay"),
        ({"mean_deviation": 0.1}, "dropout-narrows-gap/expected-value"),
        ({"variance_deviation": 0.1}, "dropout-narrows-gap/expected-value"),
        ({"mean_ratio": 0.5 + JITTER / 100}, "dropout-narrows-gap/expected-value-framework"),
        ({"evaluation_deviation": 1e-7}, "dropout-narrows-gap/identity-at-evaluation"),
        ({"test_true_right": right(0.22 - JITTER / 10)}, "more-than-slower-learning"),
        ({"test_true_right": right(0.27)}, "clean-labels-hide-it"),
    ],
)
def test_each_claim_fails_where_it_is_wrong(changes: dict[str, Any], failing: str) -> None:
    changed = arm(0.2, 2.0, 0.15, 5) | changes
    assert verdicts(CLAIMS, all_as_the_lecture_says(**{"with": changed}))[failing] == "fails"


def test_an_effect_within_the_seeds_luck_is_inconclusive() -> None:
    lucky = arm(0.2, 2.0, 0.15, 5, stopped_true_right=right(0.23 + 2 * JITTER))
    found = verdicts(CLAIMS, all_as_the_lecture_says(**{"with": lucky}))
    assert found["dropout-narrows-gap/accuracy"] == "inconclusive"


def record_of(name: str, results: Results) -> dict[str, Any]:
    (claim,) = [each for each in CLAIMS if each.id == name]
    return judge(claim, results, "dropout")


def test_a_network_that_has_hardly_learned_is_not_compared() -> None:
    untrained = all_as_the_lecture_says(without=arm(2.3, 2.31, 0.9, 10), **{EQUAL_FIT: arm(2.3, 2.31, 0.9, 10)})
    for claim in CLAIMS:
        if claim.kind == "statistical" and claim.says != "identity" and not claim.id.endswith("weight-decay"):
            record = judge(claim, untrained, "dropout")
            assert record["verdict"] == "inconclusive" and "hardly learned" in record["note"], claim.id


def test_a_missing_seed_is_named_and_a_nan_decides_nothing() -> None:
    results = all_as_the_lecture_says()
    lost = Results([r for r in results if (r.trial.variant, r.trial.seed) != (EQUAL_FIT, 2)])
    for name in ("dropout-simplifies/norm", "more-than-slower-learning"):
        record = record_of(name, lost)
        assert record["verdict"] == "inconclusive" and "2" in record["note"], name
    nan = arm(0.2, 2.0, 0.15, 5, norm=np.where(JITTER > 0.01, np.nan, 5.0))
    found = record_of("dropout-simplifies/norm", all_as_the_lecture_says(**{"with": nan}))
    assert found["verdict"] == "inconclusive"


def test_the_strength_is_that_which_the_other_seeds_find_best() -> None:
    """Where 0.65 has fewer wrong answers on validation pictures, it is what is read; where it has more, it is not."""
    for error, gain in ((0.05, 0.2), (0.3, 0.1)):
        other = arm(0.5, 2.0, 0.05, 5, stopped_validation_true_error=error)
        record = record_of("dropout-narrows-gap/accuracy", all_as_the_lecture_says(**{"rate/0.65": other}))
        assert record["effect"] == pytest.approx(gain, abs=0.005)


def test_a_loss_is_chosen_by_the_loss() -> None:
    other = arm(0.5, 2.0, 0.05, 5, stopped_loss=0.2 - JITTER, stopped_validation_loss=0.1)
    found = record_of("dropout-narrows-gap/loss", all_as_the_lecture_says(**{"rate/0.65": other}))
    assert found["effect"] == pytest.approx(1.3, abs=0.01)


@pytest.mark.parametrize("loss", [0.1, 0.5])
def test_networks_that_do_not_fit_equally_are_not_compared(loss: float) -> None:
    results = all_as_the_lecture_says(**{EQUAL_FIT: arm(loss, 2.5, 0.22, 10)})
    for name in ("dropout-simplifies/norm", "more-than-slower-learning"):
        record = record_of(name, results)
        assert record["verdict"] == "inconclusive" and "near the training loss" in record["note"], name


SMALL: dict[str, Any] = {
    "seeds": 3,
    "epochs": 60,
    "hidden": 128,
    "ladder": (0.65,),
    "decays": (6,),
    "examples_per_step": 50,
}


def statistical(*rows: str) -> tuple[Claim, ...]:
    """The claims of these rows, or of all, that compare networks."""
    return tuple(
        claim
        for claim in CLAIMS
        if claim.kind == "statistical" and claim.says != "identity" and (not rows or claim.row in rows)
    )


@pytest.fixture(scope="module")
def small() -> Results:
    """The whole study, small."""
    return run_study(LAB, DropoutConfig(**SMALL))


def test_with_dropout_0_in_both_arms_no_claim_on_dropout_holds() -> None:
    """Broken on purpose: the treatment is removed."""
    removed = {"epochs": 20, "dropout": 0.0, "ladder": (0.0,), "decays": (1e-6,)}
    results = run_study(LAB, DropoutConfig(**SMALL | removed))
    found = verdicts(statistical(), results)
    assert "holds" not in found.values(), found
    for name in ("dropout-narrows-gap/to-the-end", "dropout-narrows-gap/accuracy", "dropout-narrows-gap/loss"):
        record = record_of(name, results)
        assert (record["verdict"], record["effect"]) == ("inconclusive", 0), name


def test_with_dropout_the_gap_is_narrower_and_with_the_arms_swapped_it_is_not(small: Results) -> None:
    """Broken on purpose: the network without dropout has what the one with it measured."""
    assert record_of("dropout-narrows-gap/gap", small)["verdict"] == "holds"
    other = swapped(small, ("with", "without"))
    assert record_of("dropout-narrows-gap/gap", other)["verdict"] == "fails"
    assert row_verdict(LAB, "dropout-narrows-gap", other) == "fails"


def test_with_dropout_activations_are_smaller_and_with_the_arms_swapped_they_are_not(small: Results) -> None:
    """Broken on purpose: the network stopped at equal fit has what the one with dropout measured."""
    assert record_of("dropout-simplifies/norm", small)["verdict"] == "holds"
    other = swapped(small, ("with", EQUAL_FIT))
    assert record_of("dropout-simplifies/norm", other)["verdict"] == "fails"
    assert row_verdict(LAB, "dropout-simplifies", other) == "fails"


def test_at_equal_fit_the_training_losses_are_equal(small: Results) -> None:
    for fitted, dropped in zip(small.of(EQUAL_FIT), small.of("with"), strict=True):
        assert fitted.trial.seed == dropped.trial.seed
        aim, reached = dropped.measurements["train_loss"], fitted.measurements["train_loss"]
        assert 0.7 * aim < reached <= aim
        assert fitted.measurements["epochs"] < SMALL["epochs"]


def test_without_a_network_with_dropout_there_is_none_to_fit_equally() -> None:
    def fail(trial: Trial) -> Result:
        status: Any = "FAILED" if (trial.variant, trial.seed) == ("with", 0) else "FINISHED"
        return Result(trial, "", status, {"train_loss": 0.2})

    asked = [r.trial for r in run_study(LAB, DropoutConfig(seeds=2), fail) if r.trial.variant == EQUAL_FIT]
    assert [(trial.seed, trial.config.model_dump()["fit"]) for trial in asked] == [(1, 0.2)]


@pytest.mark.slow
@pytest.mark.parametrize("framework", ["torch", "keras"])
def test_exact_claims_hold_for_every_root_seed(framework: str) -> None:
    assert turning(LAB, DropoutConfig(**SMALL | {"epochs": 2}, framework=framework), ("with",)) == []


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
    assert unpacked(found["test_true_right"]).mean() == pytest.approx(1 - found["test_true_error"])
    assert found["stopped_validation_loss"] == min(found["path"]["validation_loss"])
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
    trials = next(LAB.begin(DropoutConfig(seeds=2), 0))
    names = [(trial.variant, trial.seed) for trial in trials]
    assert len(names) == len(set(names)) == 2 * (4 + 4 + 4)
    rates = {trial.variant: trial.config.model_dump()["rate"] for trial in trials}
    assert (rates["without"], rates["with"], rates["rate/0.8"], rates["decay/6"]) == (0, 0.5, 0.8, 0)
    decays = {trial.variant: trial.config.model_dump()["weight_decay"] for trial in trials}
    assert (decays["without"], decays["with"], decays["decay/6"]) == (0, 0, 6)


def test_pictures(small: Results) -> None:
    assert_drawn(LAB, small, DropoutConfig(**SMALL))


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
