"""The LeNet-5 that MLflow loads from a folder: probabilities of pictures, and one line for what is none."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lib.data import fashion_mnist
from lib.harness.contract.seeds import Seed
from lib.harness.errors import UserError
from lib.models import lenet
from lib.models.served_lenet import ServedLenet, _load_pyfunc

SPLIT = fashion_mnist.validation().first(6)


@pytest.fixture(params=["modern", "original"])
def variant(request: Any) -> lenet.Variant:
    name: lenet.Variant = request.param
    return name


@pytest.fixture
def model(variant: lenet.Variant, tmp_path: Path) -> ServedLenet:
    weights = {k: a.astype(np.float32) for k, a in lenet.initial_weights(Seed(4), variant).items()}
    np.savez(tmp_path / "parameters.npz", allow_pickle=False, **weights)
    (tmp_path / "settings.json").write_text(json.dumps({"variant": variant}), encoding="utf-8")
    return _load_pyfunc(str(tmp_path))


def test_probabilities_are_those_of_the_network(model: ServedLenet, variant: lenet.Variant) -> None:
    found = model.predict(SPLIT.images)
    assert found.shape == (6, 10)
    assert found.dtype == np.float32
    weights = lenet.initial_weights(Seed(4), variant)
    for picture, probabilities in zip(SPLIT.scaled(), found, strict=True):
        powers = np.exp(lenet.layers(weights, picture, variant)["dense3"])
        np.testing.assert_allclose(probabilities, powers / powers.sum(), rtol=0, atol=1e-6)


def test_every_form_of_picture_gives_the_same(model: ServedLenet) -> None:
    import pandas as pd

    expected = model.predict(SPLIT.images)
    rows = SPLIT.images.reshape(6, 784)
    for given in (rows, SPLIT.scaled(), SPLIT.scaled().astype(np.float64), rows.astype(np.int64), pd.DataFrame(rows)):
        np.testing.assert_allclose(model.predict(given, params={}), expected, rtol=0, atol=1e-6)
    assert model.predict(SPLIT.images.tolist()).shape == (6, 10)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (np.zeros((2, 27, 28)), "shape (2, 27, 28)"),
        (np.eye(28, dtype=np.uint8)[None], "0 to 255 are needed"),
        (np.zeros(784), "shape (784,)"),
        (np.array([["a"] * 784]), "numbers of shape (n, 28, 28) or (n, 784) are needed"),
        (np.full((1, 784), 256), "256 to 256: int64 must be from 0 to 255"),
        (np.full((1, 784), 2.0), "2.0 to 2.0: float64 must be from 0 to 1"),
        (np.full((1, 784), np.nan), "must be from 0 to 1"),
    ],
)
def test_bad_pictures_are_one_line(given: np.ndarray, words: str, tmp_path: Path) -> None:
    served = ServedLenet(lenet.initial_weights(Seed(4)), "modern")
    with pytest.raises(UserError) as error:
        served.predict(given)
    assert words in str(error.value)
    assert len(str(error.value).splitlines()) == 1
