"""Modules to reuse: a network's features as a SavedModel, and the doors through which others load it.

TensorFlow Hub's format for a module is the SavedModel: a graph with its weights, without the Python that made it.

- `export_features` writes one; `load` opens one from a folder or from an address such as
  ``https://tfhub.dev/google/imagenet/mobilenet_v2_050_96/feature_vector/5``, which needs the internet
- ``tensorflow_hub.load`` gives the bare functions of a module, ``keras.layers.TFSMLayer`` makes a layer of one, which
  can be trained on. ``tensorflow_hub.KerasLayer`` is a layer of Keras 2 (``tf_keras``), which Keras 3 does not take:
  https://github.com/tensorflow/hub/issues/903
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lib.harness.errors import UserError

if TYPE_CHECKING:
    import keras

SIGNATURE = "serving_default"


def tensorflow_hub() -> Any:
    """The package; it warns of what it imports itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import tensorflow_hub
    return tensorflow_hub


def export_features(model: keras.Model, layer: str, folder: str) -> keras.Model:
    """Write the part of a model from its input to the named layer as a SavedModel, and return that part."""
    import keras
    import tensorflow as tf

    part = keras.Model(model.inputs[0], model.get_layer(layer).output)
    logger = tf.get_logger()
    level = logger.level
    logger.setLevel("ERROR")  # it would say where it writes
    try:
        part.export(folder, verbose=False)
    finally:
        logger.setLevel(level)
    return part


@dataclass(frozen=True)
class Module:
    """A loaded module: one signature, from pictures to features.

    Attributes:
        folder: where the SavedModel is on this machine.
        signature: the name of the signature.
        function: it, as `tensorflow_hub.load` has it.
        input: height, width and channels of its pictures.
        output: the name of its features.
    """

    folder: str
    signature: str
    function: Any
    input: tuple[int, int, int]
    output: str

    def pictures(self, images: np.ndarray) -> Any:
        """Grey pictures (n, height, width) in [0, 1] as the module wants them: float32, its size and its channels."""
        import tensorflow as tf

        height, width, channels = self.input
        x = tf.constant(images[..., None], tf.float32)
        if (height, width) != images.shape[1:]:
            x = tf.image.resize(x, (height, width))
        return tf.repeat(x, channels, axis=3)

    def features(self, images: np.ndarray, batch: int = 500) -> np.ndarray:
        """The features (n, d) of grey pictures (n, height, width) in [0, 1]."""
        parts = [images[i : i + batch] for i in range(0, len(images), batch)]
        found = [self.function(self.pictures(part))[self.output].numpy() for part in parts]
        return np.concatenate(found).reshape(len(images), -1)

    def classifier(self, classes: int, trainable: bool) -> keras.Model:
        """A Keras model: the module as a `TFSMLayer`, and a new dense layer on top of it."""
        import keras

        layer = keras.layers.TFSMLayer(self.folder, call_endpoint=self.signature, trainable=trainable)
        inputs = keras.Input(self.input)
        features = layer(inputs)[self.output]
        return keras.Model(inputs, keras.layers.Dense(classes, name="head")(keras.layers.Flatten()(features)))


def load(address: str, signature: str = SIGNATURE, size: int = 96) -> Module:
    """A module from a folder or an address. `size`: of pictures for a module that takes any.

    Raises:
        UserError: it cannot be had, is no SavedModel, or has no such signature from one picture to features.
    """
    hub = tensorflow_hub()
    try:
        folder = hub.resolve(address)
        loaded = hub.load(folder)
    except Exception as error:  # each kind of address fails in its own way
        reason = " ".join(str(error).split())
        raise UserError(
            f"module: {address} cannot be loaded: {reason[:200]}. A folder with a SavedModel is needed, or internet "
            "for an address"
        ) from None
    signatures = getattr(loaded, "signatures", {})
    if signature not in signatures:
        there = ", ".join(sorted(signatures)) or "none"
        raise UserError(f"signature: {address} has no signature '{signature}'; it has: {there}")
    function = signatures[signature]
    inputs = list(function.structured_input_signature[1].values())
    shapes = [spec.shape.as_list() if spec.shape.rank is not None else [] for spec in inputs]
    if len(shapes) != 1 or len(shapes[0]) != 4 or shapes[0][3] not in (1, 3, None):
        raise UserError(
            f"signature: '{signature}' of {address} takes {shapes}: one batch of pictures "
            "[n, height, width, 1 or 3] is needed"
        )
    _, height, width, channels = shapes[0]
    ranks = {name: spec.shape.rank for name, spec in function.structured_outputs.items() if spec.dtype.is_floating}
    output = next((name for name, rank in ranks.items() if rank is None or rank > 1), None)
    if output is None:
        raise UserError(f"signature: '{signature}' of {address} gives no features [n, …]: another signature is needed")
    return Module(folder, signature, function, (height or size, width or size, channels or 3), output)


def keras_layer(module: Module, images: np.ndarray) -> dict[str, Any]:
    """Try `tensorflow_hub.KerasLayer` in a model of Keras 3 and in one of Keras 2.

    `error`: the message of Keras 3. `is_keras_3`, `is_keras_2`: whose layer it is. `deviation`: the difference between
    the layer's features in a model of Keras 2 (``tf_keras``) and the module's.
    """
    import keras

    from lib.models.error_text import error_of

    hub = tensorflow_hub()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import tf_keras

        layer = hub.KerasLayer(module.folder, signature=module.signature, output_key=module.output)
        error = error_of(lambda: keras.Sequential([keras.Input(module.input), layer]))
        old = tf_keras.Sequential([tf_keras.Input(module.input), layer])
        found = np.asarray(old(module.pictures(images)))
    return {
        "error": error,
        "is_keras_3": isinstance(layer, keras.Layer),
        "is_keras_2": isinstance(layer, tf_keras.layers.Layer),
        "deviation": float(np.abs(found - module.features(images)).max()),
    }
