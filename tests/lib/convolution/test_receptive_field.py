"""Receptive fields: published ones by formula, and LeNet's by gradient."""

import numpy as np
import pytest

from lib.cnn.convolution.receptive_field import LENET, LENET_SIDE, Layer, by_formula, gradient_maps, support
from lib.harness.contract.seeds import Seed
from lib.models import lenet

SIDES = {"conv1": 5, "pool1": 6, "conv2": 14, "pool2": 16, "dense1": 32}


def last(*layers: tuple[int, int]) -> int:
    return list(by_formula([Layer(str(i), *layer) for i, layer in enumerate(layers)]).values())[-1]


def test_published_receptive_fields() -> None:
    assert by_formula(LENET) == SIDES
    assert last((3, 1), (3, 1), (3, 1)) == 7  # Simonyan & Zisserman 2015: three 3 x 3 see 7 x 7
    alexnet = [(11, 4), (3, 2), (5, 1), (3, 2), (3, 1), (3, 1), (3, 1), (3, 2)]
    assert last(*alexnet) == 195  # Araujo, Norris & Sim 2019, table of AlexNet and VGG-16
    vgg16 = [layer for number in (2, 2, 3, 3, 3) for layer in [(3, 1)] * number + [(2, 2)]]
    assert last(*vgg16) == 212


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(64, LENET_SIDE, LENET_SIDE))


def test_lenets_fields_by_gradient(pictures: np.ndarray) -> None:
    maps = gradient_maps(lenet.initial_weights(Seed(1)), "average", pictures[:1])
    assert {name: support(gradient[0]) for name, gradient in maps.items()} == {k: (s, s) for k, s in SIDES.items()}
    for name, gradient in maps.items():
        assert np.count_nonzero(gradient) == SIDES[name] ** 2  # the whole square, without holes


def test_through_max_pooling_one_picture_shows_the_winners_and_many_show_all(pictures: np.ndarray) -> None:
    maps = gradient_maps(lenet.initial_weights(Seed(1)), "maximum", pictures)
    alone = [np.count_nonzero(gradient) for gradient in maps["pool1"]]
    assert max(alone) == 25  # 5 x 5 below the one that won, or nothing where ReLU is off
    assert min(alone) == 0
    assert {name: support(gradient.sum(axis=0)) for name, gradient in maps.items()} == {
        k: (s, s) for k, s in SIDES.items()
    }


def test_the_gradient_is_that_of_the_network_itself(pictures: np.ndarray) -> None:
    """The later layers are made to hand the first dense unit on to the first logit as it is."""
    import torch

    weights = lenet.initial_weights(Seed(2))
    weights["dense1.bias"][0] = 100  # beyond the ReLU's threshold
    for name in ("dense2.weight", "dense3.weight"):
        weights[name][0] = np.eye(weights[name].shape[1])[0]
    inside = pictures[:3].copy()
    inside[:, :2], inside[:, -2:], inside[:, :, :2], inside[:, :, -2:] = 0, 0, 0, 0
    maps = gradient_maps(weights, "maximum", inside)
    x = torch.from_numpy(inside[:, None, 2:-2, 2:-2].copy()).requires_grad_()
    (gradient,) = torch.autograd.grad(lenet.torch_lenet(weights).double()(x)[:, 0].sum(), x)
    np.testing.assert_allclose(maps["dense1"][:, 2:-2, 2:-2], gradient[:, 0].abs().numpy(), atol=1e-6)


def test_support() -> None:
    gradient = np.zeros((6, 6))
    assert support(gradient) == (0, 0)
    gradient[1, 2] = gradient[4, 3] = -1e-300
    assert support(gradient) == (4, 2)
