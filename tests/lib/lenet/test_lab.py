"""The lenet lab on a few pictures, and its claims on measurements where the answer is known."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from lib.cnn.lenet import lab
from lib.cnn.lenet.config import ALL_PICTURES, FRAMEWORKS, VARIANTS, LenetConfig
from lib.cnn.lenet.lab import LAB
from lib.data import fashion_mnist, files, mnist_5k
from lib.data.pictures import Split
from lib.harness.contract.drawing import can_draw, style
from lib.harness.contract.results import Results
from lib.harness.contract.seeds import Seed
from lib.harness.contract.studies import changed
from lib.harness.contract.texts import LANGUAGES, Language, language
from lib.harness.contract.trial import Result, Trial
from lib.harness.judging.verdicts import judge, judge_all
from lib.models import evaluation, lenet
from tests.lib.harness.support import Clone, journals_of, said
from tests.lib.support import Recording, answers, run_study, run_trial

SMALL: dict[str, Any] = {
    "seeds": 2,
    "pictures": 512,
    "digits": 256,
    "judged": 200,
    "epochs": 2,
    "digits_epochs": 1,
    "grid_epochs": 1,
    "recipe_epochs": 1,
    "batch_size": 32,
    "learning_rates": (1e-3, 4e-3),
}


@pytest.fixture(scope="module")
def whole() -> Results:
    """The whole study, small."""
    return run_study(LAB, LenetConfig(**SMALL))


def test_it_asks_for_everything(whole: Results) -> None:
    counts = {variant: len(whole.of(variant)) for variant in whole.variants()}
    assert counts == {
        "grid/modern/0.001": 1,
        "grid/modern/0.004": 1,
        "grid/original/0.001": 1,
        "grid/original/0.004": 1,
        "agree/torch": 1,
        "agree/keras": 1,
        "clothes/modern": 2,
        "clothes/original": 2,
        "digits/modern": 2,
        "digits/original": 2,
        "recipe/original": 2,
    }


def test_the_grids_choice_is_used(whole: Results) -> None:
    for variant in VARIANTS:
        losses = {
            rate: whole.values(f"grid/{variant}/{rate:g}", "validation_loss")[0] for rate in SMALL["learning_rates"]
        }
        for stage in ("clothes", "digits"):
            assert whole.of(f"{stage}/{variant}")[0].trial.config.learning_rate == min(losses, key=losses.__getitem__)
    assert "test_accuracy" not in whole.of("grid/modern/0.001")[0].measurements


def test_exact_claims_hold_of_the_real_networks(whole: Results) -> None:
    records = {record["id"]: record for record in judge_all(LAB.claims, whole, "lenet")}
    assert records["lenet-learns/parameters"]["effect"] == 61_706
    for part in ("parameters", "shapes", "same-outputs", "same-gradients", "same-step"):
        assert records[f"lenet-learns/{part}"]["verdict"] == "holds", records[f"lenet-learns/{part}"]
    assert "not measured" not in {record["verdict"] for record in records.values()}


def test_fewer_pictures_decide_nothing_about_what_can_be_reached(whole: Results) -> None:
    for part in ("modern", "original"):
        record = next(judge(claim, whole, "lenet") for claim in LAB.claims if claim.id == f"lenet-learns/{part}")
        assert record["verdict"] == "inconclusive"


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("name", LAB.figures)
def test_figures(whole: Results, name: str, code: Language) -> None:
    if not can_draw(code):
        pytest.skip("no font of this machine has Hangul")
    with language(code), style():
        figure = LAB.figures[name](whole, LenetConfig(**SMALL))
        figure.draw_without_rendering()
        assert all(axis.has_data() for axis in figure.axes if axis.axison)


def train(log: Recording | None = None, seed: int = 0, **changes: Any) -> dict[str, Any]:
    config = LenetConfig(**SMALL | {"learning_rate": 3e-3} | changes)
    return dict(run_trial(LAB, Trial("clothes/modern", config, seed, function="clothes"), log).measurements)


def test_it_learns_and_the_report_is_that_of_the_final_weights() -> None:
    log = Recording()
    found = train(log, epochs=4)
    assert found["validation_accuracy"] > 0.5
    assert found["train_loss_curve"][0] > found["train_loss_curve"][-1] + 0.5
    assert {name: array.shape for name, array in log.final.items()} == lenet.SHAPES
    test = fashion_mnist.test().first(200)
    logits = lenet.torch_logits(lenet.torch_lenet(log.final), test.scaled())
    assert evaluation.accuracy(logits, test.labels) == found["test_accuracy"]
    assert evaluation.cross_entropy(logits, test.labels) == pytest.approx(found["test_loss"], abs=1e-6)
    assert np.sum(found["confusion"]) == 200
    assert np.trace(found["confusion"]) == round(200 * found["test_accuracy"])
    index, answer, sure = found["worst"][0]
    assert logits[index].argmax() == answer != test.labels[index]
    assert sure == pytest.approx(float(np.exp(logits[index]).max() / np.exp(logits[index]).sum()), abs=1e-5)


def test_keras_trains_as_torch_does() -> None:
    """float32 and other kernels: alike, not equal."""
    logs = [Recording(), Recording()]
    torch, keras = (train(log, framework=f) for log, f in zip(logs, FRAMEWORKS, strict=True))
    assert torch["train_loss_curve"] == pytest.approx(keras["train_loss_curve"], abs=0.03)
    for name, array in logs[1].final.items():
        assert array.shape == lenet.SHAPES[name]
        assert np.abs(array - logs[0].final[name]).max() < 0.05


def test_with_labels_that_mean_nothing_it_learns_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Broken on purpose: nothing of the test pictures reaches the network but through the training."""
    real = fashion_mnist.train()
    labels = np.random.default_rng(0).permutation(real.labels)
    monkeypatch.setattr(fashion_mnist, "train", lambda: Split(real.images, labels))
    assert train(epochs=4)["test_accuracy"] < 0.25


def test_two_modern_networks_do_not_beat_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Broken on purpose: where the original is a modern one from another start, the claim does not hold."""
    build, start = lenet.torch_lenet, lenet.initial_weights
    monkeypatch.setattr(lenet, "torch_lenet", lambda weights, variant: build(weights, "modern"))
    monkeypatch.setattr(lenet, "initial_weights", lambda seed, variant: start(seed.child(variant), "modern"))
    config = LenetConfig(**SMALL | {"shift": 0, "epochs": 1})
    results = Results(
        [
            run_trial(LAB, Trial(f"clothes/{variant}", changed(config, {"variant": variant}), seed, function="clothes"))
            for variant in VARIANTS
            for seed in range(3)
        ]
    )
    assert judge(claim_of("modern-beats-original"), results, "lenet")["verdict"] == "inconclusive"


def test_moved_pictures() -> None:
    images = fashion_mnist.train().first(300).scaled()
    config = LenetConfig(shift=1, mirror=True)
    copies = lab.moved(images, config, Seed(0).rng("moved"))
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1)))
    seen = set()
    for k, copy in enumerate(copies):
        for i in range(3):
            for j in range(3):
                for mirrored in (False, True):
                    candidate = padded[k, i : i + 28, j : j + 28]
                    if np.array_equal(candidate[:, ::-1] if mirrored else candidate, copy):
                        seen.add((i, j, mirrored))
    assert len(seen) == 18
    still = lab.moved(images, LenetConfig(shift=0, mirror=False), Seed(0).rng("moved"))
    assert np.array_equal(still, images)


def test_what_judges_was_not_trained_on() -> None:
    for data in (fashion_mnist, mnist_5k):
        seen = {image.tobytes() for image in data.train().first(3_500).images}
        judged = [*data.validation().first(500).images, *data.test().first(1_000).images]
        assert not any(image.tobytes() in seen for image in judged)


# Claims, on made-up measurements


def claim_of(part: str) -> Any:
    return next(claim for claim in LAB.claims if claim.id == f"lenet-learns/{part}")


def made_up(by_variant: dict[str, list[float]], pictures: int = ALL_PICTURES) -> Results:
    """The test accuracies of variants, one for each seed."""
    config = LenetConfig(pictures=pictures)
    return Results(
        [
            Result(Trial(variant, config, seed), "", "FINISHED", {"test_accuracy": value, "test_right": answers(value)})
            for variant, values in by_variant.items()
            for seed, value in enumerate(values)
        ]
    )


HIGH = [0.922, 0.923, 0.924, 0.9225, 0.9235]
LOW = [0.892, 0.893, 0.894, 0.8925, 0.8935]
WIDE = [0.5, 0.99, 0.7, 0.95, 0.91]


@pytest.mark.parametrize(
    ("values", "verdict"), [(HIGH, "holds"), (LOW, "fails"), (WIDE, "inconclusive"), (HIGH[:1], "inconclusive")]
)
def test_modern_reaches(values: list[float], verdict: str) -> None:
    assert judge(claim_of("modern"), made_up({"clothes/modern": values}), "lenet")["verdict"] == verdict


def test_original_reaches() -> None:
    assert judge(claim_of("original"), made_up({"clothes/original": LOW}), "lenet")["verdict"] == "holds"
    worse = [value - 0.1 for value in LOW]
    assert judge(claim_of("original"), made_up({"clothes/original": worse}), "lenet")["verdict"] == "fails"
    record = judge(claim_of("original"), made_up({"clothes/original": worse}, pictures=6_000), "lenet")
    assert record["verdict"] == "inconclusive"


@pytest.mark.parametrize(
    ("part", "better", "worse"),
    [
        ("modern-beats-original", "clothes/modern", "clothes/original"),
        ("digits", "digits/modern", "digits/original"),
        ("recipe", "clothes/original", "recipe/original"),
    ],
)
def test_paired_claims(part: str, better: str, worse: str) -> None:
    for high, low, verdict in ((HIGH, LOW, "holds"), (LOW, HIGH, "fails"), (WIDE, WIDE[::-1], "inconclusive")):
        assert judge(claim_of(part), made_up({better: high, worse: low}), "lenet")["verdict"] == verdict
    assert judge(claim_of(part), made_up({better: HIGH}), "lenet")["verdict"] == "not measured"


def agreeing(
    logit: float = 0.0, gradient: float = 0.0, step: float = 0.0, shape: tuple[int, ...] = (10, 84)
) -> Results:
    """What `agree` measures, with Keras off by these numbers."""

    def one(off: bool) -> dict[str, Any]:
        shapes = {name: list(wanted) for name, wanted in lenet.SHAPES.items()}
        variant = {
            "shapes": shapes | ({"dense3.weight": list(shape)} if off else {}),
            "logits": [[1.0, 2.0 + logit * off]],
            "gradient": {"dense1.weight": [0.5 + gradient * off]},
            "step": {"dense1.weight": [0.5 + step * off]},
        }
        return {"modern": variant, "original": variant}

    config = LenetConfig()
    return Results(
        [
            Result(Trial(f"agree/{framework}", config, 0), "", "FINISHED", one(framework == "keras"))
            for framework in FRAMEWORKS
        ]
    )


@pytest.mark.parametrize(
    ("part", "wrong"),
    [
        ("same-outputs", {"logit": 1e-3}),
        ("same-gradients", {"gradient": -1e-3}),
        ("same-step", {"step": 1e-3}),
        ("shapes", {"shape": (84, 10)}),
        ("parameters", {"shape": (10, 85)}),
    ],
)
def test_exact_claims(part: str, wrong: dict[str, Any]) -> None:
    assert judge(claim_of(part), agreeing(), "lenet")["verdict"] == "holds"
    assert judge(claim_of(part), agreeing(**wrong), "lenet")["verdict"] == "fails"


@pytest.mark.parametrize(
    "changes", [{"epochs": 0}, {"pictures": 60_000}, {"shift": 5}, {"variant": "old"}, {"width": 3}]
)
def test_bad_settings_name_the_field(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as error:
        LenetConfig(**changes)
    assert [found["loc"] for found in error.value.errors()] == [tuple(changes)]


# The real command


@pytest.fixture
def command(tmp_path: Path) -> Clone:
    """``python -m lib`` as it is, with a journal of its own and no MLflow."""
    journals = tmp_path / "journal"
    journals.mkdir()
    data = str(files.folder("fashion-mnist").parent)
    return Clone(Path(__file__).parents[3], journals, variables={"LAB_DATA": data})


@pytest.mark.slow
def test_a_training_that_diverges_has_failed_and_keeps_what_it_had(command: Clone) -> None:
    settings = SMALL | {"seeds": 1, "learning_rates": (1e9,), "grid_epochs": 3, "shift": 0, "mirror": False}
    ended = command.run("lenet", "--workers", "1", *said(settings))
    assert ended.code == 1
    assert "diverged: the loss is" in ended.out + ended.err
    assert "Traceback" not in ended.out + ended.err
    journals = journals_of(command.newest())
    trials = [lines for lines in journals.values() if lines[0]["parent"]]
    diverged = [lines for lines in trials if lines[-1]["status"] == "FAILED"]
    assert diverged
    for lines in diverged:
        assert lines[-1]["tags"]["lab.error"].startswith("diverged: the loss is")
        assert any("losses" in line["record"].get("values", {}) for line in lines if line["kind"] == "log")


def test_bad_settings_are_one_line(command: Clone) -> None:
    command.run("lenet", *said({"epochs": 0})).assert_one_line(2, "epochs")
