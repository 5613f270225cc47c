"""A module written, loaded through every door, and what is said of what is none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lib.data import fashion_mnist
from lib.harness.contract.seeds import Seed
from lib.harness.errors import UserError
from lib.models import lenet
from lib.tf2.hub import modules

WEIGHTS = lenet.initial_weights(Seed(0))
IMAGES = fashion_mnist.validation().first(6).scaled()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    path = str(tmp_path_factory.mktemp("module"))
    modules.export_features(lenet.keras_lenet(WEIGHTS), "dense2", path)
    yield path


@pytest.fixture(scope="module")
def rgb(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A module as TensorFlow Hub has them: coloured pictures of any size, another signature beside the usual one."""
    import tensorflow as tf

    class Mean(tf.Module):  # type: ignore[misc]
        @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3], tf.float32)])  # type: ignore[untyped-decorator]
        def __call__(self, pictures: Any) -> Any:
            return {"mean": tf.reduce_mean(pictures, axis=(1, 2)), "size": tf.shape(pictures)[1:3]}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])  # type: ignore[untyped-decorator]
        def numbers(self, x: Any) -> Any:
            return {"x": x}

    mean, path = Mean(), str(tmp_path_factory.mktemp("rgb"))
    tf.saved_model.save(mean, path, signatures={"serving_default": mean.__call__, "numbers": mean.numbers})
    return path


def test_features_are_those_of_the_exported_layer(folder: str) -> None:
    module = modules.load(folder)
    assert module.input == (28, 28, 1)
    wanted = np.array([lenet.layers(WEIGHTS, image)["dense2"] for image in IMAGES])
    np.testing.assert_allclose(module.features(IMAGES, batch=4), wanted, atol=1e-4)


@pytest.mark.parametrize("trainable", [True, False])
def test_the_layer_gives_them_too_and_trains_if_it_may(folder: str, trainable: bool) -> None:
    import tensorflow as tf

    module = modules.load(folder)
    model = module.classifier(3, trainable)
    head = model.get_layer("head").get_weights()
    pictures = module.pictures(IMAGES)
    np.testing.assert_allclose(np.asarray(model(pictures)), module.features(IMAGES) @ head[0] + head[1], atol=1e-4)
    assert len(model.trainable_variables) == (10 if trainable else 2)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(pictures) ** 2)
    gradients = tape.gradient(loss, [variable.value for variable in model.trainable_variables])
    assert all(np.abs(gradient).max() > 0 for gradient in gradients)


def test_keras_3_refuses_the_layer_of_keras_2_which_works_there(folder: str) -> None:
    found = modules.keras_layer(modules.load(folder), IMAGES)
    assert found["error"].startswith("ValueError: Only instances of `keras.Layer` can be added")
    assert "0x" not in found["error"]
    assert (found["is_keras_3"], found["is_keras_2"]) == (False, True)
    assert found["deviation"] < 1e-5


def test_a_module_of_coloured_pictures_of_any_size_is_given_such(rgb: str) -> None:
    module = modules.load(rgb, size=32)
    assert module.input == (32, 32, 3) and module.pictures(IMAGES).shape == (6, 32, 32, 3)
    np.testing.assert_allclose(module.features(IMAGES)[:, 0], IMAGES.mean(axis=(1, 2)), atol=0.02)


def test_a_missing_signature_is_one_line_that_names_those_there_are(folder: str) -> None:
    with pytest.raises(UserError, match=r"has no signature 'features'; it has: serve, serving_default$") as caught:
        modules.load(folder, "features")
    assert "\n" not in str(caught.value)


def test_a_signature_that_takes_no_pictures(rgb: str) -> None:
    with pytest.raises(UserError, match=r"'numbers' of .* takes .*pictures .* is needed"):
        modules.load(rgb, "numbers")


def test_a_savedmodel_without_signatures(tmp_path: Path) -> None:
    import tensorflow as tf

    tf.saved_model.save(tf.Module(), str(tmp_path))
    with pytest.raises(UserError, match=r"it has: none$"):
        modules.load(str(tmp_path))


def test_what_is_no_savedmodel(tmp_path: Path) -> None:
    (tmp_path / "readme.txt").write_text("nothing")
    for address in (str(tmp_path), str(tmp_path / "none")):
        with pytest.raises(UserError, match=r"module: .* cannot be loaded: .* SavedModel is needed") as caught:
            modules.load(address)
        assert "\n" not in str(caught.value)


def test_an_address_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a room without internet: the package's own error becomes one line."""
    hub = modules.tensorflow_hub()

    def unreachable(address: str) -> str:
        raise OSError("<urlopen error [Errno -3]\n Temporary failure in name resolution>")

    monkeypatch.setattr(hub, "resolve", unreachable)
    with pytest.raises(UserError, match=r"module: https://\S+ cannot be loaded: .* internet for an address$") as caught:
        modules.load("https://tfhub.dev/google/imagenet/mobilenet_v2_050_96/feature_vector/5")
    assert "\n" not in str(caught.value)
