"""Principal components against scikit-learn; auto-encoders beside them."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.decomposition import PCA

from lib.data import digits
from lib.harness.contract.seeds import Seed
from lib.models.mlp import Activation, parameter_count
from lib.paradigms.autoencoder import AutoEncoder, principal_components, squared_error
from tests.lib.support import Recording


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    return digits.train().scaled().reshape(-1, 64)


def trained(pictures: np.ndarray, k: int, activation: Activation, epochs: int) -> AutoEncoder:
    coder = AutoEncoder(Seed(0), 64, 64, k, activation)
    coder.train(pictures, Seed(1), Recording(), epochs=epochs, batch=64, learning_rate=0.01)
    return coder


def test_principal_components_are_scikit_learns(pictures: np.ndarray) -> None:
    ours = principal_components(pictures, 5)
    theirs = PCA(5, svd_solver="full").fit(pictures.astype(np.float64))
    assert_allclose(np.abs(np.sum(ours.directions * theirs.components_, axis=1)), 1, atol=1e-6)
    expected = theirs.inverse_transform(theirs.transform(pictures.astype(np.float64)))
    assert_allclose(ours.redrawn(pictures), expected, atol=1e-6)
    assert_allclose(principal_components(pictures, 9).first(5).redrawn(pictures), expected, atol=1e-6)


def test_as_many_components_as_pixels_lose_nothing(pictures: np.ndarray) -> None:
    assert squared_error(pictures, principal_components(pictures, 64).redrawn(pictures)) < 1e-12


def test_the_squared_error_is_per_pixel() -> None:
    assert squared_error(np.zeros((2, 3), np.float32), np.full((2, 3), 2.0)) == 4


def test_a_picture_passes_through_k_numbers() -> None:
    coder = AutoEncoder(Seed(0), 64, 32, 3)
    assert coder.code == 3
    assert [name for name, _ in coder.model.named_children()] == ["encoder", "decoder"]
    count = sum(p.numel() for p in coder.model.parameters())
    assert count == parameter_count((64, 32, 3)) + parameter_count((3, 32, 64))


def test_a_linear_auto_encoder_becomes_pca(pictures: np.ndarray) -> None:
    coder = trained(pictures, 3, "identity", epochs=120)
    components = principal_components(pictures, 3)
    best = squared_error(pictures, components.redrawn(pictures))
    assert best * 0.9999 <= squared_error(pictures, coder.redrawn(pictures)) < 1.01 * best
    # and the space in which it draws is that of the components
    drawn = coder.redrawn(pictures).astype(np.float64)
    plane = np.linalg.svd(drawn - drawn.mean(axis=0), full_matrices=False)[2][:3]
    cosines = np.linalg.svd(plane @ components.directions.T)[1]
    assert cosines.min() > 0.98


def test_with_non_linear_functions_it_does_better_than_pca(pictures: np.ndarray) -> None:
    test = digits.test().scaled().reshape(-1, 64)
    coder = trained(pictures, 2, "relu", epochs=80)
    assert squared_error(test, coder.redrawn(test)) < squared_error(
        test, principal_components(pictures, 2).redrawn(test)
    )


def test_training_lowers_the_logged_error(pictures: np.ndarray) -> None:
    log = Recording()
    AutoEncoder(Seed(0), 64, 16, 4).train(pictures, Seed(1), log, epochs=4, batch=100, learning_rate=5e-3)
    errors = [values["squared_error"] for _, values in log.values]
    assert len(errors) == 4 and errors[-1] < errors[0] / 2
