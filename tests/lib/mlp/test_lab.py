"""The mlp lab: both frameworks from the same weights, its study, its claims, and that they fall when broken."""

from typing import Any

import numpy as np
import pytest

from lib.harness.contract.results import Results
from lib.harness.contract.seeds import Seed
from lib.harness.contract.settings import Options, configure
from lib.harness.contract.trial import Result, Trial
from lib.harness.errors import UserError
from lib.harness.judging.intervals import SAME
from lib.harness.judging.verdicts import judge
from lib.mlp.mlp import by_hand
from lib.mlp.mlp.lab import LAB
from lib.mlp.mlp.training import TASKS, MlpConfig, activation, examples, make_classifier, weights_of, widths
from lib.models.mlp import initial_weights
from tests.lib.support import Recording, answers, assert_drawn, run_study, run_trial

SMALL: dict[str, Any] = {
    "seeds": 2,
    "learning_rates": (3e-3,),
    "spirals_points": 200,
    "spirals_hidden": (16, 16),
    "spirals_epochs": 12,
    "digits_pictures": 300,
    "digits_hidden": (32, 16),
    "digits_epochs": 3,
    "xor_starts": 20,
    "xor_steps": 300,
}
CLAIMS = {claim.id: claim for claim in LAB.claims}
SEED = Seed(0)


def verdict(claim: str, results: Results) -> str:
    return str(judge(CLAIMS[claim], results, "mlp")["verdict"])


def made_up(measurements: dict[str, list[dict[str, Any]]]) -> Results:
    return Results(
        [
            Result(Trial(variant, MlpConfig(), seed), "", "FINISHED", found)
            for variant, seeds in measurements.items()
            for seed, found in enumerate(seeds)
        ]
    )


def accuracies(**networks: list[float]) -> Results:
    named = {name.replace("_", "-"): values for name, values in networks.items()}
    return made_up({f"spirals/{name}": [{"test_accuracy": v} for v in values] for name, values in named.items()})


@pytest.fixture(scope="module")
def measured() -> Results:
    return run_study(LAB, MlpConfig(**SMALL))


def test_the_frameworks_agree_from_the_same_weights() -> None:
    """Outputs, gradients and one training step, to 1e-5 of the largest."""
    configs = [MlpConfig(framework=f, **SMALL) for f in ("torch", "keras")]
    inputs, labels = examples(configs[0], "digits", "train", SEED)
    inputs, labels = inputs[:40], labels[:40]
    weights = initial_weights(SEED, widths(configs[0], "digits"), "he")
    outputs, gradients = zip(
        *(by_hand.framework_gradients(c.framework, weights, activation(c), inputs, labels) for c in configs),
        strict=True,
    )
    np.testing.assert_allclose(outputs[0], outputs[1], atol=1e-5)
    for name, gradient in gradients[0].items():
        np.testing.assert_allclose(gradient, gradients[1][name], atol=1e-5)
    classifiers = [make_classifier(config, "digits", SEED, inputs, labels) for config in configs]
    losses = [classifier.epoch(np.arange(40)) for classifier in classifiers]
    assert losses[0].shape == (1,)
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-5)
    torch_weights, keras_weights = map(weights_of, classifiers)
    assert list(torch_weights) == list(keras_weights) == list(weights)
    for name, array in torch_weights.items():
        assert np.abs(array - weights[name]).max() > 1e-4  # it has moved
        # Adam's first step is g / (|g| + eps), and Keras' eps weighs 32 times torch's: not where g is next to 0
        sure = np.abs(gradients[0][name]) > 3e-4
        assert sure.any()
        np.testing.assert_allclose(array[sure], keras_weights[name][sure], atol=1e-5)


def test_a_whole_trial_in_keras() -> None:
    config = MlpConfig(framework="keras", **SMALL)
    log = Recording()
    measured = run_trial(LAB, Trial("spirals/relu", config, 0, function="spirals"), log).measurements
    assert [array.shape for array in log.final.values()] == [(16, 2), (16,), (16, 16), (16,), (2, 16), (2,)]
    assert measured["losses"][-1] < measured["losses"][0]
    assert measured["folding"] > 0.1


def test_splits_share_no_example() -> None:
    for task in TASKS:
        inputs = [examples(MlpConfig(), task, s, SEED)[0] for s in ("train", "validation", "test")]
        splits = [{row.tobytes() for row in rows} for rows in inputs]
        assert not (splits[0] & splits[1] or splits[0] & splits[2] or splits[1] & splits[2])


def test_grids_read_no_test_data() -> None:
    trial = Trial("grid", MlpConfig(**SMALL), 0, function="tune-spirals")
    assert set(run_trial(LAB, trial).measurements) == {"validation_loss", "train_accuracy", "losses"}


def test_finals_have_the_rate_that_their_grid_chose() -> None:
    study = LAB.begin(MlpConfig(seeds=5, learning_rates=(1e-3, 1e-2)), 0)
    rates = {
        ("spirals", "one-layer"): 1e-3,
        ("spirals", "identity"): 1e-2,
        ("spirals", "tanh"): 1e-3,
        ("spirals", "relu"): 1e-2,
        ("digits", "one-layer"): 1e-2,
        ("digits", "identity"): 1e-3,
        ("digits", "relu"): 1e-2,
    }
    answers = []
    for trial in next(study):
        config = trial.config
        assert isinstance(config, MlpConfig)
        if trial.function.startswith("tune-"):
            rate = rates[trial.function.removeprefix("tune-"), config.network]
            loss = abs(np.log(config.learning_rate / rate))
            answers.append(Result(trial, "", "FINISHED", {"validation_loss": loss}))
    finals = study.send(answers)
    chosen = {(t.function, t.config.network): t.config.learning_rate for t in finals}  # type: ignore[attr-defined]
    assert chosen == rates
    assert sorted(t.seed for t in finals if t.variant == "digits/relu") == list(range(5))


def test_exact_claims_hold_even_when_tiny(measured: Results) -> None:
    for claim in LAB.claims:
        if claim.kind == "exact":
            assert verdict(claim.id, measured) == "holds", claim.id


def test_every_claim_is_measured_and_every_picture_is_drawn(measured: Results) -> None:
    for claim in LAB.claims:
        assert verdict(claim.id, measured) != "not measured", claim.id
    assert_drawn(LAB, measured, MlpConfig(**SMALL))


def test_decisions_on_made_up_accuracies() -> None:
    linear = [0.70, 0.71, 0.69, 0.70, 0.70]
    better = [v + 0.2 + 0.01 * i for i, v in enumerate(linear)]
    noisy = [v + d for v, d in zip(linear, (0.3, -0.2, 0.2, -0.1, 0.0), strict=True)]
    claim = "nonlinearity-is-the-core/spirals"
    assert verdict(claim, accuracies(relu=better, identity=linear)) == "holds"
    assert verdict(claim, accuracies(relu=[v + 0.001 * i for i, v in enumerate(linear)], identity=linear)) == "fails"
    assert verdict(claim, accuracies(relu=noisy, identity=linear)) == "inconclusive"
    assert verdict(claim, accuracies(relu=better)) == "not measured"
    claim = "nonlinearity-is-the-core/linear-stays-linear-spirals"
    assert (
        verdict(claim, accuracies(identity=[v + 0.001 * i for i, v in enumerate(linear)], one_layer=linear)) == "holds"
    )
    assert verdict(claim, accuracies(identity=better, one_layer=linear)) == "fails"
    assert verdict(claim, accuracies(identity=noisy, one_layer=linear)) == "inconclusive"


def test_decisions_on_made_up_digits() -> None:
    """Compared digit by digit: what other digits would give is in the interval."""

    def digits(**networks: float) -> Results:
        return made_up(
            {
                f"digits/{name.replace('_', '-')}": [
                    {"test_accuracy": each, "test_right": answers(each + 0.001 * seed, 1_000)} for seed in range(6)
                ]
                for name, each in networks.items()
            }
        )

    claim = "nonlinearity-is-the-core/digits"
    assert verdict(claim, digits(relu=0.95, identity=0.90)) == "holds"
    assert verdict(claim, digits(relu=0.90, identity=0.93)) == "fails"
    assert verdict(claim, digits(relu=0.92, identity=0.90)) == "inconclusive"
    assert verdict(claim, digits(relu=0.15, identity=0.10)) == "inconclusive", "neither has learned"
    assert (
        verdict("nonlinearity-is-the-core/linear-stays-linear-digits", digits(identity=0.9, one_layer=0.905)) == "holds"
    )


def test_decisions_on_made_up_starts() -> None:
    def starts(equal: float, random: float, apart: float = 0.0) -> Results:
        solved = [{"equal": equal, "random": random + 0.01 * seed} for seed in range(6)]
        return made_up({"neuron": [{"equal_starts": {"solved": s, "apart": apart, "moved": 0.5}} for s in solved]})

    row = "equal-starts-stay-equal"
    parts = ("apart", "never-xor", "random-starts")
    for results, expected in (
        (starts(0.0, 0.9), ("holds", "holds", "holds")),
        (starts(0.8, 0.9, 0.1), ("fails", "fails", "fails")),
    ):
        assert tuple(verdict(f"{row}/{part}", results) for part in parts) == expected
    xor = [{"xor": {"2": {"solved": 0.8 + 0.01 * s}, "4": {"solved": 1.0 - 0.005 * s}}} for s in range(6)]
    assert verdict("threshold-neuron/more-units-learn", made_up({"neuron": xor})) == "holds"
    other = [{"xor": {"2": each["xor"]["4"], "4": each["xor"]["2"]}} for each in xor]
    assert verdict("threshold-neuron/more-units-learn", made_up({"neuron": other})) == "fails"


def test_decisions_on_made_up_neurons() -> None:
    runs = {"learned": 24, "cycles": 0, "most_mistakes": 12}
    never = {"learned": 0, "cycles": 24, "most_mistakes": 9}
    good: dict[str, Any] = {
        "perceptron": {"AND": runs, "OR": runs, "XOR": never},
        "by_search": [0, 8],
        "by_programming": [0, 8],
    }
    assert verdict("threshold-neuron/and-or", made_up({"neuron": [good]})) == "holds"
    assert verdict("threshold-neuron/xor-never", made_up({"neuron": [good]})) == "holds"
    assert verdict("threshold-neuron/xor-best", made_up({"neuron": [good]})) == "holds"
    bad = {**good, "perceptron": {"AND": runs, "OR": {**runs, "learned": 23}, "XOR": runs}, "by_search": [6]}
    for claim in ("and-or", "xor-never", "xor-best"):
        assert verdict(f"threshold-neuron/{claim}", made_up({"neuron": [bad]})) == "fails"


def test_without_the_activation_the_claims_fall() -> None:
    """The arm that should have ReLU has none: no gain, and it folds."""
    config = MlpConfig(network="identity", **SMALL)
    arms = ("spirals/relu", "spirals/identity")
    trials = [Trial(arm, config, seed, function="spirals") for arm in arms for seed in range(3)]
    results = Results([run_trial(LAB, trial) for trial in trials])
    record = judge(CLAIMS["nonlinearity-is-the-core/spirals"], results, "mlp")
    assert (record["verdict"], record["effect"]) == ("inconclusive", 0.0), "the same network twice"
    assert record["note"].startswith(f"inconclusive: {SAME}; ")
    relu = [result for result in results if result.trial.variant == "spirals/relu"]
    assert all(result.measurements["folding"] < 1e-5 for result in relu)


def test_with_permuted_labels_relu_gains_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from lib.mlp.mlp import spirals
    from lib.mlp.mlp import training as mlp_training

    drawn = spirals.two_spirals

    def shuffled(rng: np.random.Generator, points: int) -> tuple[np.ndarray, np.ndarray]:
        inputs, labels = drawn(rng, points)
        return inputs, rng.permutation(labels)

    monkeypatch.setattr(mlp_training, "two_spirals", shuffled)
    configs = {f"spirals/{network}": MlpConfig(network=network, **SMALL) for network in ("relu", "identity")}
    trials = [Trial(arm, config, seed, function="spirals") for arm, config in configs.items() for seed in range(3)]
    results = Results([run_trial(LAB, trial) for trial in trials])
    assert verdict("nonlinearity-is-the-core/spirals", results) != "holds"


@pytest.mark.parametrize("change", ["spirals_epochs=0", "network=deep", "digits_pictures=60000", "learning_rate=-1"])
def test_bad_settings_are_one_line_that_names_the_field(change: str) -> None:
    with pytest.raises(UserError) as caught:
        configure(LAB, Options(changes=[change]))
    assert str(caught.value).startswith(change.partition("=")[0])
    assert "\n" not in str(caught.value)


def test_both_frameworks_and_quick_are_configs_and_fields_say_why() -> None:
    assert configure(LAB, Options(quick=True, framework="keras")).framework == "keras"
    for name, field in MlpConfig.model_fields.items():
        assert field.description, name
