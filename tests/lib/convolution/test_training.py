"""LeNet against an MLP: equal sizes, moves and shuffles, features, and choices without the test pictures."""

from typing import Any

import numpy as np
import pytest

from lib.cnn.convolution import training
from lib.cnn.convolution.config import ConvolutionConfig
from lib.cnn.convolution.lab import LAB
from lib.data import fashion_mnist
from lib.data.pictures import Split
from lib.harness.contract.results import Results
from lib.harness.contract.seeds import Seed
from lib.harness.contract.trial import Trial
from lib.harness.judging.verdicts import judge
from lib.models import lenet, mlp
from tests.lib.convolution.support import SMALL
from tests.lib.support import Recording, run_trial


def config(**changes: Any) -> ConvolutionConfig:
    return ConvolutionConfig(**{**SMALL, "learning_rate": 3e-3, **changes})


def test_the_mlps_have_as_many_parameters_as_can_be() -> None:
    one, two = training.hidden_widths()
    assert (one, two) == ((78,), (70, 84))
    for widths in (one, two):
        found = mlp.parameter_count((784, *widths, 10))
        wider, narrower = (mlp.parameter_count((784, widths[0] + d, *widths[1:], 10)) for d in (1, -1))
        assert abs(found - 61_706) <= min(abs(wider - 61_706), abs(narrower - 61_706))
    assert mlp.parameter_count((784, *two, 10)) - lenet.PARAMETERS == 58


def test_equal_parameters_are_not_equal_work() -> None:
    places = {"conv1": 28 * 28, "conv2": 10 * 10}
    weights = {name: int(np.prod(shape)) for name, shape in lenet.SHAPES.items() if name.endswith("weight")}
    products = sum(count * places.get(name.split(".")[0], 1) for name, count in weights.items())
    assert products / (784 * 78 + 78 * 10) == pytest.approx(6.7, abs=0.05)


def test_pictures_are_moved_exactly_that_far_in_all_directions() -> None:
    images = np.zeros((400, 28, 28), np.float32)
    images[:, 14, 14] = 1
    assert np.array_equal(training.shifted(images, 0, Seed(0)), images)
    for distance in (1, 3):
        moved = training.shifted(images, distance, Seed(0))
        places = np.argwhere(moved)[:, 1:] - 14
        assert len(places) == 400
        assert np.abs(places).max(axis=1).tolist() == [distance] * 400
        assert len({tuple(place) for place in places}) == 8 * distance


def test_what_leaves_the_frame_is_lost_and_background_comes_in() -> None:
    images = np.random.default_rng(0).random((5, 28, 28)).astype(np.float32) + 1
    for before, after in zip(images, training.shifted(images, 4, Seed(1)), strict=True):
        rows, columns = np.nonzero(after.any(axis=1))[0], np.nonzero(after.any(axis=0))[0]
        down, right = 28 - len(rows), 28 - len(columns)
        assert max(down, right) == 4
        source = (
            slice(0, 28 - down) if rows[0] else slice(down, 28),
            slice(0, 28 - right) if columns[0] else slice(right, 28),
        )
        assert np.array_equal(after[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], before[source])


def test_shuffled_pictures_have_the_same_pixels_in_the_same_new_places_for_both() -> None:
    images = np.random.default_rng(0).random((3, 28, 28)).astype(np.float32)
    cnn, other = (training.layout(config(arm=f"{arm}-shuffled"), Seed(3))(images) for arm in ("cnn", "mlp"))
    assert cnn.shape == (3, 1, 28, 28)
    assert other.shape == (3, 784)
    assert np.array_equal(cnn.reshape(3, 784), other)
    assert np.array_equal(np.sort(other), np.sort(images.reshape(3, 784)))
    assert not np.array_equal(other, images.reshape(3, 784))
    assert np.array_equal(training.layout(config(arm="cnn"), Seed(3))(images)[:, 0], images)


def test_features_are_what_lenets_dense_layers_get() -> None:
    weights = lenet.initial_weights(Seed(4))
    images = fashion_mnist.validation().first(7).scaled()
    first, last = training.features(weights, images, batch=3)
    assert (first.shape, last.shape) == ((7, 6, 28, 28), (7, 400))
    x = last.astype(np.float64)
    for layer in ("dense1", "dense2", "dense3"):
        x = x @ weights[f"{layer}.weight"].T + weights[f"{layer}.bias"]
        x = x if layer == "dense3" else np.maximum(x, 0)
    logits = lenet.torch_logits(lenet.torch_lenet(weights), images)
    np.testing.assert_allclose(x, logits, atol=1e-4)


def test_the_linear_classifier_is_scikit_learns_ridge_regression() -> None:
    from sklearn.linear_model import Ridge

    splits = [fashion_mnist.train().first(800), fashion_mnist.validation().first(300), fashion_mnist.test().first(300)]
    inputs = [split.scaled().reshape(len(split), -1) for split in splits]
    labels = [split.labels for split in splits]
    spread = float(inputs[0].std(dtype=np.float64))
    scores = []
    for ridge in training.RIDGES:
        model = Ridge(alpha=ridge * spread**2).fit(inputs[0].astype(np.float64), np.eye(10)[labels[0]])
        found = [model.predict(part.astype(np.float64)).argmax(axis=1) for part in inputs[1:]]
        scores.append([float(np.mean(f == y)) for f, y in zip(found, labels[1:], strict=True)])
    expected = max(scores, key=lambda pair: pair[0])[1]
    assert training.ridge_answers(inputs, labels).mean() == pytest.approx(expected, abs=0.004)


def test_a_choice_reads_no_test_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> Split:
        raise AssertionError("the test pictures are not for choices")

    monkeypatch.setattr(fashion_mnist, "test", refuse)
    found = run_trial(LAB, Trial("grid", config(arm="cnn"), 0, function="grid")).measurements
    assert "test_accuracy" not in found
    assert 0 < found["validation_accuracy"] < 1
    with pytest.raises(AssertionError, match="not for choices"):
        run_trial(LAB, Trial("training/cnn", config(arm="cnn"), 0, function="final"))


def test_a_final_training_learns_and_reports() -> None:
    log = Recording()
    found = run_trial(LAB, Trial("training/cnn", config(arm="cnn", epochs=3), 0, function="final"), log).measurements
    assert found["train"][-1] < found["train"][0] < 2.4
    assert found["parameters"] == sum(array.size for array in log.final.values()) == lenet.PARAMETERS
    assert len(found["test_accuracy"]) == 5
    assert found["test_accuracy"][0] > 0.5 > found["test_accuracy"][-1]
    assert set(found["linear"]) == {"pixels", "start", "learned"}
    assert np.shape(found["filters"]["learned"]) == (6, 5, 5)
    assert np.shape(found["maps"][0]["conv1"]) == (6, 28, 28)


def test_arms_of_a_seed_see_the_same_order_and_fresh_seeds_are_not_the_grids() -> None:
    starts = {
        stage: training.start_weights(config(arm="cnn"), Seed(0).child("training", stage))
        for stage in ("grid", "final")
    }
    assert not np.array_equal(starts["grid"]["conv1.weight"], starts["final"]["conv1.weight"])


def test_with_labels_permuted_there_is_nothing_to_extract(monkeypatch: pytest.MonkeyPatch) -> None:
    """Broken on purpose, the treatment removed: both are at chance, and nothing is compared."""
    whole = fashion_mnist.train()

    def permuted() -> Split:
        return Split(whole.images, np.random.default_rng(0).permutation(whole.labels))

    monkeypatch.setattr(fashion_mnist, "train", permuted)
    arms = {"cnn": (), "mlp": training.hidden_widths()[0]}
    results = Results(
        [
            run_trial(LAB, Trial(f"training/{arm}", config(arm=arm, hidden=hidden), seed, function="final"))
            for arm, hidden in arms.items()
            for seed in range(SMALL["seeds"])
        ]
    )
    assert results.values("training/cnn", "test_accuracy").mean() < 0.25
    for part in ("cnn-beats-mlp", "more-so-when-moved", "linear"):
        (claim,) = [each for each in LAB.claims if each.id == f"extracts-features/{part}"]
        record = judge(claim, results, LAB.name)
        assert record["verdict"] == "inconclusive" and "hardly learned" in record["note"], part
