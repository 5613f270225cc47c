"""The activations lab: gradients against closed forms and by hand; its claims, and that they fall when broken."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lib.data import digits
from lib.harness.contract.drawing import can_draw, style
from lib.harness.contract.results import Results
from lib.harness.contract.seeds import Seed
from lib.harness.contract.settings import Options, configure
from lib.harness.contract.texts import LANGUAGES, language
from lib.harness.contract.trial import Result, Trial
from lib.harness.errors import UserError
from lib.harness.judging.verdicts import judge
from lib.mlp.activations import gradients
from lib.mlp.activations.lab import LAB
from lib.mlp.activations.training import ActivationsConfig
from lib.mlp.activations.very_deep import ARMS
from lib.mlp.mlp import neuron
from lib.models.mlp import initial_weights
from tests.lib.support import Recording, answers, run_study, run_trial

SMALL: dict[str, Any] = {
    "seeds": 3,
    "depths": (2, 4),
    "examples": 32,
    "activations": ("sigmoid", "relu"),
    "deep": 4,
    "training_seeds": 2,
    "learning_rates": (3e-3,),
    "epochs": 2,
    "very_deep": (3, 5),
    "very_deep_seeds": 2,
    "very_deep_rates": (1e-3,),
    "very_deep_epochs": 2,
}
CLAIMS = {claim.id: claim for claim in LAB.claims}
STARTS = (*gradients.SCHEMES, "as-tanh")
RNG = np.random.default_rng(0)
INPUTS, LABELS = RNG.normal(size=(40, gradients.WIDTH)), RNG.integers(0, 10, 40)


@pytest.fixture
def float64() -> Iterator[None]:
    import torch

    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


@pytest.fixture(scope="module")
def measured() -> Results:
    return run_study(LAB, ActivationsConfig(**SMALL))


def verdict(claim: str, results: Results) -> str:
    return str(judge(CLAIMS[claim], results, "activations")["verdict"])


def made_up(variant: str, seeds: list[dict[str, Any]], **changes: Any) -> Results:
    config = ActivationsConfig(**changes)
    return Results([Result(Trial(variant, config, i), "", "FINISHED", found) for i, found in enumerate(seeds)])


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("name", ["sigmoid", "tanh", "relu"])
def test_a_probe_is_back_propagation_by_hand(name: gradients.Activation) -> None:
    found = gradients.probe(gradients.network(name, "xavier", 3, Seed(1)), INPUTS, LABELS)
    weights = initial_weights(Seed(1), (64, 64, 64, 64, 64, 10), "xavier")
    _, ours = neuron.loss_and_gradients(weights, name, INPUTS, LABELS)
    hidden = [f"dense{i}" for i in (2, 3, 4)]
    np.testing.assert_allclose(found.weights, [np.linalg.norm(ours[f"{n}.weight"]) for n in hidden], rtol=1e-10)
    # the bias gradient is the derivative summed over the examples; of one example it is the derivative itself
    one = gradients.probe(gradients.network(name, "xavier", 3, Seed(1)), INPUTS[:1], LABELS[:1])
    _, single = neuron.loss_and_gradients(weights, name, INPUTS[:1], LABELS[:1])
    np.testing.assert_allclose(one.derivatives, [np.linalg.norm(single[f"{n}.bias"]) for n in hidden], rtol=1e-10)
    assert max(found.product, one.product) < 1e-12


def test_the_network_has_its_hidden_layers_and_the_activation() -> None:
    model = gradients.network("gelu", "he", 20, Seed(0))
    kinds = [type(module).__name__ for module in model]
    assert kinds.count("Linear") == 22
    assert kinds.count("GELU") == 21
    assert "Identity" not in kinds


@pytest.mark.usefixtures("float64")
def test_facts_of_the_functions_in_closed_form() -> None:
    found = gradients.functions()
    # s' < 0.05 where s (1 - s) < 0.05; tanh' = 1 - tanh²; SELU' = lambda alpha e^x for x < 0
    sigmoid = np.log((1 + np.sqrt(0.8)) / (1 - np.sqrt(0.8)))
    tanh = np.arctanh(np.sqrt(0.95))
    selu = -np.log(0.05 / (1.0507009873554805 * 1.6732632423543772))
    expected = {"sigmoid": 1 - sigmoid / 10, "tanh": 1 - tanh / 10, "relu": 0.5, "leaky": 0.5, "selu": 0.5 - selu / 20}
    for name, share in expected.items():
        assert found[name]["flat"] == pytest.approx(share, abs=2e-4), name
    largest = {"sigmoid": 0.25, "tanh": 1, "relu": 1, "leaky": 1}
    for name, size in largest.items():
        assert found[name]["largest"] == pytest.approx(size, abs=1e-6) and found[name]["largest"] <= size
    assert found["relu"]["on"] == found["relu"]["unbounded"] == 0
    assert found["sigmoid"]["unbounded"] == pytest.approx(1)
    for facts in found.values():
        numeric = np.gradient(np.asarray(facts["value"]), np.asarray(facts["x"]))
        assert np.abs(numeric - facts["slope"])[1:-1].mean() < 0.01


def test_dead_units_are_counted() -> None:
    import torch

    model = gradients.network("relu", "he", 2, Seed(0))
    before = gradients.dead_units(model, INPUTS)
    with torch.no_grad():
        model.get_submodule("dense2").bias[:16] = -1e6  # type: ignore[operator]
    after = gradients.dead_units(model, INPUTS)
    assert before.shape == after.shape == (3,)
    assert before[0] == after[0] == 0
    assert after[1] == 0.25
    assert not gradients.dead_units(gradients.network("leaky", "he", 2, Seed(0)), INPUTS).any()


def test_every_claim_is_measured_and_every_picture_is_drawn(measured: Results) -> None:
    for claim in LAB.claims:
        assert verdict(claim.id, measured) != "not measured", claim.id
    for code in filter(can_draw, LANGUAGES):
        with language(code), style():
            for name, figure in LAB.figures.items():
                drawing = figure(measured, ActivationsConfig(**SMALL))
                drawing.draw_without_rendering()
                assert all(axis.has_data() for axis in drawing.axes), name


def test_the_same_weights_for_all_activations_of_a_start(measured: Results) -> None:
    """Pairs differ in the activation alone: leaky ReLU is nearly ReLU, so nearly the same comes out."""
    for result in measured.of("gradient"):
        ratio = result.measurements["weight"]
        assert ratio["leaky/he/4"] == pytest.approx(ratio["relu/he/4"], rel=0.2)


def test_finals_have_the_rate_that_their_grid_chose_and_grids_read_no_test_data() -> None:
    study = LAB.begin(ActivationsConfig(learning_rates=(0.01, 0.1), very_deep_rates=(0.01, 0.1)), 0)
    wanted = {"sigmoid": 0.1, "tanh": 0.01, "relu": 0.01, "leaky": 0.1, "gelu": 0.01, "selu": 0.01}
    wanted |= {"sigmoid-as-tanh": 0.01, "sigmoid-shallow": 0.1, "both/20": 0.1, "plain/100": 0.1}
    found = []
    for trial in next(study):
        config = trial.config
        assert isinstance(config, ActivationsConfig)
        if trial.function.startswith("tune"):
            name = trial.variant.removeprefix("grid/").removeprefix("very-deep/").rpartition("/")[0]
            loss = abs(np.log(config.learning_rate / wanted.get(name, 0.01)))
            found.append(Result(trial, "", "FINISHED", {"validation_loss": loss}))
    finals: list[Any] = []
    batch = study.send(found)
    while batch:
        finals += batch
        try:
            batch = study.send([])
        except StopIteration:
            break
    chosen = {t.variant.partition("/")[2]: t.config.learning_rate for t in finals if t.seed == 4}
    assert chosen == {**{f"{arm}/{depth}": 0.01 for arm in ARMS for depth in (20, 50, 100)}, **wanted}
    for function in ("tune", "tune-very-deep"):
        grid = Trial("grid", ActivationsConfig(**SMALL), 0, function=function)
        assert set(run_trial(LAB, grid).measurements) == {"validation_loss"}


def test_a_rate_that_diverges_is_never_chosen() -> None:
    config = ActivationsConfig(learning_rate=10, **SMALL)
    assert run_trial(LAB, Trial("grid", config, 0, function="tune")).measurements["validation_loss"] > 2


def ratios(value: Any, depths: tuple[int, ...] = (2, 20)) -> Results:
    """Made-up gradients: `value` of (activation, depth, seed) for every start."""
    seeds = []
    for seed in range(6):
        found = {f"{a}/{s}/{d}": value(a, d, seed) for a in gradients.USUAL for s in STARTS for d in depths}
        flat = dict.fromkeys(gradients.USUAL, 0.01 * (1 + seed))
        seeds.append({"weight": found, "derivative": found, "product": 0.0, "flat": flat})
    return made_up("gradient", seeds, depths=depths)


def test_decisions_on_made_up_gradients() -> None:
    quarter = ratios(lambda a, d, s: 0.24 ** (d - 1) * (1 + 0.01 * s))
    half = ratios(lambda a, d, s: 0.5 ** (d - 1) * (1 + 0.01 * s))
    kept = ratios(lambda a, d, s: 1.5 if s % 2 else 0.8)
    wild = ratios(lambda a, d, s: 1e3 if s % 2 else 1e-3)
    for claim, verdicts in {
        "sigmoid-gradient-vanishes/factor": ("holds", "fails", "fails"),
        "sigmoid-gradient-vanishes/ratio": ("holds", "fails", "fails"),
        "whatever-activation/every-activation": ("holds", "holds", "fails"),
        "whatever-activation/tanh-keeps": ("fails", "fails", "holds"),
        "relu-keeps-gradient/ratio": ("fails", "fails", "holds"),
    }.items():
        assert tuple(verdict(claim, results) for results in (quarter, half, kept)) == verdicts, claim
    assert verdict("relu-keeps-gradient/ratio", wild) == "inconclusive"


def test_one_activation_that_keeps_its_gradient_refutes_whatever() -> None:
    results = ratios(lambda a, d, s: (1.0 if a == "selu" else 1e-9) * (1 + 0.01 * s))
    assert verdict("whatever-activation/every-activation", results) == "fails"


def trained(variant: str, accuracy: float, seeds: int = 5, **more: Any) -> Results:
    """Made-up training: a little more accurate with every seed."""
    found = [
        {
            "test_accuracy": accuracy + 0.002 * i,
            "test_right": answers(accuracy + 0.002 * i, 500),
            "validation_accuracies": [0.1, accuracy],
            **more,
        }
        for i in range(seeds)
    ]
    return made_up(variant, found)


def together(*parts: Results) -> Results:
    return Results([result for part in parts for result in part])


def test_decisions_on_made_up_trainings() -> None:
    for accuracy, trains in ((0.95, "holds"), (0.1, "fails")):
        relu, tanh = trained("train/relu", accuracy), trained("train/tanh", 0.05)
        results = together(relu, tanh, trained("train/sigmoid-shallow", 0.9))
        assert verdict("relu-keeps-gradient/trains", results) == trains
        assert verdict("whatever-activation/does-not-learn", results) == {"holds": "fails", "fails": "holds"}[trains]
        short = together(relu, tanh, trained("train/sigmoid-shallow", 0.1))
        assert verdict("whatever-activation/does-not-learn", short) == "inconclusive", "nothing learns in so few steps"
        as_tanh = trained("train/sigmoid-as-tanh", accuracy)
        assert verdict("sigmoid-gradient-vanishes/another-start", as_tanh) == trains
    shallow = trained("train/sigmoid-shallow", 0.9)
    for moved, stays in ((1e-5, "holds"), (0.5, "fails")):
        seeds = [{"moved": [moved * (1 + 0.1 * i), 1.0]} for i in range(5)]
        results = together(shallow, made_up("train/sigmoid", seeds))
        assert verdict("sigmoid-gradient-vanishes/first-layer-stays", results) == stays


def test_decisions_on_made_up_dead_units() -> None:
    """The share after less the share before: units that were dead at the start do not count."""
    for after, die in ((0.5, "fails"), (0.9, "holds"), (0.52, "fails")):
        seeds = [{"dead": [[0.5, 0.5], [after, after + 0.001 * i]]} for i in range(5)]
        results = together(made_up("high-rate/relu", seeds), made_up("train/relu", seeds))
        assert verdict("a-high-rate-kills-units/high-rate", results) == die
        assert verdict("relu-keeps-gradient/no-units-die", results) == ("holds" if after == 0.5 else "fails")
    noisy = [{"dead": [[0.5, 0.5], [0.5 + d, 0.5 + d]]} for d in (0.3, -0.2, 0.1, -0.1, 0.2)]
    assert verdict("a-high-rate-kills-units/high-rate", made_up("high-rate/relu", noisy)) == "inconclusive"


def very_deep(**accuracies: float) -> Results:
    """Made-up networks of 20 and 100 layers, those of 100 with these accuracies."""
    parts = [
        trained(f"very-deep/{arm}/{d}", a if d == 100 else 0.95) for arm, a in accuracies.items() for d in (20, 100)
    ]
    return together(*parts)


def test_decisions_on_made_up_very_deep_networks() -> None:
    results = very_deep(plain=0.3, norm=0.1, skip=0.6, both=0.95)
    expected = {
        "learns": "holds",
        "above-plain": "holds",
        "skips-alone": "holds",
        "normalisation-alone": "fails",
        "depth-costs": "holds",
    }
    assert {part: verdict(f"a-hundred-layers/{part}", results) for part in expected} == expected
    better = very_deep(plain=0.97, norm=0.5, skip=0.7, both=0.6)
    assert {part: verdict(f"a-hundred-layers/{part}", better) for part in expected} == dict.fromkeys(expected, "fails")
    short = very_deep(plain=0.3, norm=0.1, skip=0.2, both=0.3)
    assert verdict("a-hundred-layers/normalisation-alone", short) == "inconclusive", "nothing learns in so few steps"


def test_decisions_on_made_up_starts() -> None:
    for plain, alike in ((0.999, "holds"), (0.985, "fails")):
        parts = [
            made_up(f"very-deep/{arm}/100", [{"likeness": [0.5, c - 1e-5 * i], "ratio": 1.0 + i} for i in range(5)])
            for arm, c in (("plain", plain), ("both", 0.98))
        ]
        assert verdict("a-hundred-layers/inputs-look-alike", together(*parts)) == alike
        assert verdict("a-hundred-layers/plain-keeps-gradient", together(*parts)) == "holds"


def test_with_permuted_labels_nothing_trains(monkeypatch: pytest.MonkeyPatch) -> None:
    train = digits.train()
    order = np.random.default_rng(0).permutation(len(train))
    config = ActivationsConfig(learning_rate=3e-3, **{**SMALL, "epochs": 25})
    trial = Trial("train/relu", config, 0, function="train")
    log = Recording()
    right = run_trial(LAB, trial, log).measurements
    assert right["test_accuracy"] > 0.8
    assert right["losses"][-1] < right["losses"][0]
    assert len(log.final) == 2 * 22
    monkeypatch.setattr(digits, "train", lambda: replace(train, labels=train.labels[order]))
    assert run_trial(LAB, trial).measurements["test_accuracy"] < 0.3


@pytest.mark.parametrize("change", ["epochs=0", "activation=step", "depths=[]", "batch_size=0", "framework=keras"])
def test_bad_settings_are_one_line_that_names_the_field(change: str) -> None:
    with pytest.raises(UserError) as caught:
        configure(LAB, Options(changes=[change]))
    assert str(caught.value).startswith(change.partition("=")[0])
    assert "\n" not in str(caught.value)


def test_fields_say_why() -> None:
    for name, field in ActivationsConfig.model_fields.items():
        assert field.description, name
