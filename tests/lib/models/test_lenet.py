"""LeNet-5: the paper's numbers, and torch and Keras from the same weights."""

from typing import Any, get_args

import numpy as np
import pytest

from lib.harness.seeds import Seed
from lib.models import evaluation, lenet

VARIANTS = get_args(lenet.Variant)
SEED = Seed(7)


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).random((12, 28, 28))


@pytest.fixture
def torch() -> Any:
    import torch

    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield torch
    torch.set_default_dtype(before)


@pytest.fixture
def keras(keras_float64: Any) -> Any:
    return keras_float64


def test_parameters_by_layer() -> None:
    weights = lenet.initial_weights(SEED)
    layers = {name.split(".")[0]: 0 for name in weights}
    for name, array in weights.items():
        layers[name.split(".")[0]] += array.size
    assert list(layers.values()) == [156, 2_416, 48_120, 10_164, 850]
    assert sum(layers.values()) == lenet.PARAMETERS == 61_706


@pytest.mark.parametrize(("variant", "gain"), [("modern", 2), ("original", 1)])
def test_initial_weights_have_their_variance(variant: lenet.Variant, gain: int) -> None:
    weights = lenet.initial_weights(SEED, variant)
    for name in ("dense1.weight", "dense2.weight"):
        inputs = weights[name].shape[1]
        assert np.var(weights[name]) == pytest.approx(gain / inputs, rel=0.05)
    assert all(not array.any() for name, array in weights.items() if name.endswith("bias"))


def test_initial_weights_follow_the_seed() -> None:
    first, again, other = (lenet.initial_weights(seed) for seed in (SEED, SEED, Seed(8)))
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not np.array_equal(first["conv1.weight"], other["conv1.weight"])


@pytest.mark.parametrize("variant", VARIANTS)
def test_shapes_in_torch(variant: lenet.Variant, torch: Any, images: np.ndarray) -> None:
    model = lenet.torch_lenet(lenet.initial_weights(SEED, variant), variant)
    assert sum(p.numel() for p in model.parameters()) == lenet.PARAMETERS
    x, shapes = torch.from_numpy(images[:1, None]), {}
    for name, layer in model.named_children():
        x = layer(x)
        shapes[name] = tuple(x.shape[1:])
    assert shapes["conv1"] == (6, 28, 28)
    assert shapes["pool1"] == (6, 14, 14)
    assert shapes["conv2"] == (16, 10, 10)
    assert shapes["pool2"] == (16, 5, 5)
    assert [shapes[f"dense{i}"] for i in (1, 2, 3)] == [(120,), (84,), (10,)]


@pytest.mark.parametrize("variant", VARIANTS)
def test_torch_and_keras_agree(variant: lenet.Variant, torch: Any, keras: Any, images: np.ndarray) -> None:
    weights = lenet.initial_weights(SEED, variant)
    weights = {name: array + 0.01 for name, array in weights.items()}  # biases that are not 0
    theirs = lenet.torch_logits(lenet.torch_lenet(weights, variant), images)
    ours = lenet.keras_logits(lenet.keras_lenet(weights, variant), images)
    assert ours.shape == theirs.shape == (12, 10)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)


def test_variants_differ(torch: Any, images: np.ndarray) -> None:
    weights = lenet.initial_weights(SEED)
    modern, original = (lenet.torch_logits(lenet.torch_lenet(weights, v), images) for v in ("modern", "original"))
    assert np.abs(modern - original).max() > 0.1


def test_keras_weights_and_back() -> None:
    weights = lenet.initial_weights(SEED)
    turned = lenet.keras_weights(weights)
    assert turned[0].shape == (5, 5, 1, 6)
    assert turned[4].shape == (400, 120)
    back = lenet.named_weights(turned)
    assert list(back) == list(weights)
    assert all(np.array_equal(back[name], weights[name]) for name in weights)


def test_logits_leave_the_mode_and_do_not_depend_on_the_batch(torch: Any, images: np.ndarray) -> None:
    model = lenet.torch_lenet(lenet.initial_weights(SEED))
    model.train()
    whole = lenet.torch_logits(model, images)
    parts = lenet.torch_logits(model, images, batch=5)
    assert model.training
    np.testing.assert_allclose(whole, parts, rtol=0, atol=1e-13)


def test_evaluation_against_torch(torch: Any) -> None:
    rng = np.random.default_rng(1)
    logits, labels = 30 * rng.normal(size=(50, 10)), rng.integers(0, 10, 50)
    expected = torch.nn.functional.cross_entropy(torch.from_numpy(logits), torch.from_numpy(labels))
    assert evaluation.cross_entropy(logits, labels) == pytest.approx(float(expected), abs=1e-12)
    assert evaluation.accuracy(logits, labels) == np.mean(logits.argmax(1) == labels)


def test_evaluation_of_uniform_and_of_broken_logits() -> None:
    labels = np.arange(10)
    assert evaluation.cross_entropy(np.zeros((10, 10)), labels) == pytest.approx(np.log(10))
    broken = np.full((10, 10), np.nan)
    assert np.isnan(evaluation.cross_entropy(broken, labels))
    assert evaluation.accuracy(broken, labels) == 0.0
