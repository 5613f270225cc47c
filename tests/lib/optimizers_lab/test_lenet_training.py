"""LeNet on the real pictures, a few steps: ours beside the frameworks' own, and what a training reports."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from lib.data import fashion_mnist
from lib.harness.contract.claim import largest
from lib.harness.contract.drawing import style
from lib.harness.contract.seeds import Seed
from lib.harness.contract.series import unpacked
from lib.harness.contract.trial import Trial
from lib.models import evaluation
from lib.optimizers.experiments import lenet
from lib.optimizers.experiments.config import LECTURE, OptimizersConfig
from lib.optimizers.lab import LAB
from tests.lib.optimizers_lab.support import only
from tests.lib.support import Recording, run_study, run_trial

SMALL: dict[str, Any] = {
    "lenet_pictures": 512,
    "lenet_subset": 256,
    "lenet_judged": 200,
    "lenet_batch": 64,
    "lenet_coincide": 3,
}


@pytest.fixture
def float64(keras_float64: Any) -> Iterator[None]:
    import torch

    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


def final(framework: str = "torch", rate: float = 3e-3, **changes: Any) -> Trial:
    rates = {"lenet": rate}
    config = OptimizersConfig(framework=framework, optimizer="Adam", learning_rates=rates, **SMALL | changes)
    return Trial("lenet/Adam", config, 0, function="lenet-final")


def test_it_learns_and_reports() -> None:
    log = Recording()
    found = run_trial(LAB, final(), log).measurements
    losses = [values["loss"] for _, values in log.values]
    assert len(losses) == found["steps"] == 2 * 512 // 64
    assert losses[0] == pytest.approx(np.log(10), abs=0.5)
    assert np.mean(unpacked(found["test_right"])) == found["test_accuracy"]
    assert found["validation_loss"] < losses[0] - 0.5
    assert found["validation_accuracy"] > 0.4
    assert found["test_loss"] != found["validation_loss"]  # not the same pictures
    assert sum(array.size for array in log.final.values()) == 61_706


def test_the_report_is_that_of_the_final_weights() -> None:
    log = Recording()
    found = run_trial(LAB, final(), log).measurements
    net = lenet.torch_network(Seed(0))
    net.put(log.final)
    test = fashion_mnist.test().first(200)
    assert evaluation.cross_entropy(net.logits(test.scaled()), test.labels) == pytest.approx(
        found["test_loss"], abs=1e-6
    )


def test_torch_and_keras_train_alike() -> None:
    """float32 and other kernels: alike, not equal."""
    logs = [Recording(), Recording()]
    for framework, log in zip(("torch", "keras"), logs, strict=True):
        run_trial(LAB, final(framework), log)
    torch, keras = ([values["loss"] for _, values in log.values] for log in logs)
    assert torch[0] == pytest.approx(keras[0], abs=1e-4)
    np.testing.assert_allclose(torch[:3], keras[:3], atol=0.02)


def test_a_training_that_diverges_ends_at_once_with_infinite_loss() -> None:
    log = Recording()
    found = run_trial(LAB, final(rate=1.0), log).measurements
    assert found["diverged"]
    assert found["validation_loss"] == found["test_loss"] == np.inf
    assert found["validation_accuracy"] == 0.0
    assert unpacked(found["test_right"]).tolist() == [0.0] * 200
    assert len(log.values) == found["steps"] < 16


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("framework", ["torch", "keras"])
def test_ours_and_the_frameworks_own_coincide(framework: str) -> None:
    config = OptimizersConfig(framework=framework, **SMALL)
    found = run_trial(LAB, Trial("lenet/coincide", config, 0, function="lenet-coincide")).measurements
    assert largest(found["deviation"].values()) <= 1e-12
    assert largest(found["predictions"].values()) == 0


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("framework", ["torch", "keras"])
def test_gradients_agree_with_finite_differences(framework: str) -> None:
    net = lenet.network(framework, Seed(1))
    pictures = fashion_mnist.train().first(8)
    images, labels = pictures.scaled(), pictures.labels
    weights = net.weights()
    _, gradients = net.gradient(images, labels)
    gradients = {name: np.array(g) for name, g in gradients.items()}
    for name in ("conv1.weight", "dense2.weight", "dense3.bias"):
        place = np.unravel_index(int(np.abs(gradients[name]).argmax()), gradients[name].shape)
        losses = []
        for h in (1e-5, -1e-5):
            moved = {key: array.copy() for key, array in weights.items()}
            moved[name][place] += h
            net.put(moved)
            losses.append(evaluation.cross_entropy(net.logits(images), labels))
        assert (losses[0] - losses[1]) / 2e-5 == pytest.approx(gradients[name][place], rel=1e-4)


def test_training_pictures_are_not_among_those_that_judge() -> None:
    train = {image.tobytes() for image in fashion_mnist.train().first(512).images}
    judged = [*fashion_mnist.validation().first(200).images, *fashion_mnist.test().first(200).images]
    assert not any(image.tobytes() in train for image in judged)


def test_the_whole_of_lenet_with_its_pictures() -> None:
    config = OptimizersConfig(
        lenet_seeds=2,
        lenet_grid_points=2,
        lenet_epochs=1,
        lenet_optimizers=("Momentum", "Adam"),
        lenet_scheduled=("Adam",),
        lenet_newer=("Lion", "Muon"),
        **SMALL | {"lenet_coincide": 1},
    )
    import torch

    before = torch.get_default_dtype()
    results = run_study(LAB, config, only("lenet-grid", "lenet-final", "lenet-coincide"))
    assert torch.get_default_dtype() == before
    assert len(results.of("lenet/Adam")) == 2
    assert results.of("lenet/coincide")[0].measurements["deviation"].keys() == set(LECTURE)
    with style():
        for name in ("lenet-sensitivity", "lenet-curves", "schedules", "after-adam"):
            figure = LAB.figures[name](results, config)
            figure.draw_without_rendering()
            assert all(axis.has_data() for axis in figure.axes)
