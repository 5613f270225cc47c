"""LeNet-5: the paper's numbers, torch's plain layers as the oracle, and torch and Keras from the same weights."""

from collections import OrderedDict
from typing import Any, get_args

import numpy as np
import pytest

from lib.data import fashion_mnist
from lib.harness.contract.seeds import Seed
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


def plain(weights: dict[str, np.ndarray], variant: lenet.Variant) -> Any:
    """LeNet-5 of torch's own layers, one after the other."""
    import torch
    from torch import nn

    activation, pool = (nn.ReLU, nn.MaxPool2d) if variant == "modern" else (nn.Sigmoid, nn.AvgPool2d)
    model = nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(1, 6, 5, padding=2),
            activation1=activation(),
            pool1=pool(2),
            conv2=nn.Conv2d(6, 16, 5),
            activation2=activation(),
            pool2=pool(2),
            flatten=nn.Flatten(),
            dense1=nn.Linear(400, 120),
            activation3=activation(),
            dense2=nn.Linear(120, 84),
            activation4=activation(),
            dense3=nn.Linear(84, 10),
        )
    )
    model.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()})
    return model


def moved_weights(variant: lenet.Variant) -> dict[str, np.ndarray]:
    """Weights with biases that are not 0."""
    return {name: array + 0.01 for name, array in lenet.initial_weights(SEED, variant).items()}


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


def test_initial_weights_have_their_variance() -> None:
    modern, original = (lenet.initial_weights(SEED, variant) for variant in VARIANTS[::-1])
    for name, outputs, inputs in (("dense1.weight", 120, 400), ("dense2.weight", 84, 120), ("conv2.weight", 400, 150)):
        assert np.var(modern[name]) == pytest.approx(2 / inputs, rel=0.05)
        assert np.var(original[name]) == pytest.approx(2 / (inputs + outputs), rel=0.05)
        assert np.abs(original[name]).max() <= np.sqrt(6 / (inputs + outputs))
    assert all(not array.any() for w in (modern, original) for name, array in w.items() if name.endswith("bias"))


def test_initial_weights_follow_the_seed() -> None:
    first, again, other = (lenet.initial_weights(seed) for seed in (SEED, SEED, Seed(8)))
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not np.array_equal(first["conv1.weight"], other["conv1.weight"])


@pytest.mark.parametrize("variant", VARIANTS)
def test_names_and_shapes_in_torch(variant: lenet.Variant, torch: Any) -> None:
    model = lenet.torch_lenet(lenet.initial_weights(SEED, variant), variant)
    assert {name: tuple(p.shape) for name, p in model.named_parameters()} == lenet.SHAPES
    assert sum(p.numel() for p in model.parameters()) == lenet.PARAMETERS


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_layer_of_a_picture(variant: lenet.Variant, torch: Any, images: np.ndarray) -> None:
    """In NumPy as in torch's plain layers."""
    weights = moved_weights(variant)
    ours = lenet.layers(weights, images[0], variant)
    shapes = {name: array.shape for name, array in ours.items()}
    assert shapes == {
        "conv1": (6, 28, 28),
        "pool1": (6, 14, 14),
        "conv2": (16, 10, 10),
        "pool2": (16, 5, 5),
        "dense1": (120,),
        "dense2": (84,),
        "dense3": (10,),
    }
    x, theirs = torch.from_numpy(images[:1, None]), {}
    for name, layer in plain(weights, variant).named_children():
        x = layer(x)
        after = name.replace("activation3", "dense1").replace("activation4", "dense2").replace("activation", "conv")
        theirs[after] = x[0].detach().numpy()
    for name, array in ours.items():
        np.testing.assert_allclose(array, theirs[name], rtol=0, atol=1e-12)


@pytest.mark.parametrize("n", [1, 12])
@pytest.mark.parametrize("variant", VARIANTS)
def test_outputs_and_gradients_are_those_of_plain_layers(variant: lenet.Variant, n: int, torch: Any) -> None:
    """On real pictures: their background makes ties in every pooling window, which only the first of may win."""
    split = fashion_mnist.train().first(n)
    inputs = torch.from_numpy(split.scaled().astype(np.float64)[:, None]).requires_grad_()
    labels = torch.from_numpy(split.labels.astype(np.int64))
    weights = moved_weights(variant)
    found = []
    for model in (lenet.torch_lenet(weights, variant), plain(weights, variant)):
        logits = model(inputs)
        loss = torch.nn.functional.cross_entropy(logits, labels)
        gradients = torch.autograd.grad(loss, [inputs, *model.parameters()])
        found.append([logits.detach(), *gradients])
    for ours, theirs in zip(*found, strict=True):
        assert ours.shape == theirs.shape
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)


@pytest.mark.parametrize("rectified", [True, False])
def test_pooled_convolution_against_finite_differences(rectified: bool, torch: Any) -> None:
    from lib.models.pooled_convolution import pooled_convolution

    rng = np.random.default_rng(2)
    x, kernel, bias = (torch.from_numpy(rng.normal(size=s)).requires_grad_() for s in ((2, 8, 10, 3), (4, 2, 5, 5), 4))
    assert pooled_convolution(x, kernel, bias, rectified).shape == (4, 2, 3, 3)
    assert torch.autograd.gradcheck(lambda x, k, b: pooled_convolution(x, k, b, rectified), (x, kernel, bias))


@pytest.mark.parametrize("variant", VARIANTS)
def test_training_in_float32_repeats_and_is_that_of_plain_layers(variant: lenet.Variant) -> None:
    import torch

    split = fashion_mnist.train().first(64)
    inputs, labels = torch.from_numpy(split.scaled()[:, None]), torch.from_numpy(split.labels.astype(np.int64))
    weights = {name: array.astype(np.float32) for name, array in moved_weights(variant).items()}
    ends = []
    for model in (*(lenet.torch_lenet(weights, variant) for _ in range(2)), plain(weights, variant)):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(5):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(inputs), labels).backward()
            optimizer.step()
        ends.append([p.detach().numpy() for p in model.parameters()])
    for first, again, theirs in zip(*ends, strict=True):
        assert np.array_equal(first, again)
        np.testing.assert_allclose(first, theirs, rtol=0, atol=1e-5)


@pytest.mark.parametrize("variant", VARIANTS)
def test_torch_and_keras_agree(variant: lenet.Variant, torch: Any, keras: Any, images: np.ndarray) -> None:
    weights = moved_weights(variant)
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
