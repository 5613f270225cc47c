"""Keras on TensorFlow learns a separable problem on CPU; a traced function and a tape give the exact gradient."""

import keras
import numpy as np
import tensorflow as tf

assert keras.backend.backend() == "tensorflow"
keras.utils.set_random_seed(0)
x = np.random.default_rng(0).normal(size=(256, 8)).astype("float32")
y = (x.sum(axis=1) > 0).astype("int32")
model = keras.Sequential([keras.layers.Input((8,)), keras.layers.Dense(16, "relu"), keras.layers.Dense(2, "softmax")])
model.compile(keras.optimizers.Adam(1e-2), "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=10, verbose=0)
assert model.evaluate(x, y, verbose=0)[1] > 0.9

path = "/tmp/model.keras"
model.save(path)
loaded = keras.models.load_model(path)
for left, right in zip(loaded.get_weights(), model.get_weights(), strict=True):
    np.testing.assert_array_equal(left, right)
np.testing.assert_allclose(loaded.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-5)


@tf.function  # type: ignore[untyped-decorator]
def slope(v: tf.Tensor) -> tf.Tensor:
    """Gradient of sum(v * v * v), built with control flow so that AutoGraph has something to convert.

    Products of small whole numbers are exact on every processor; a power need not be.
    """
    with tf.GradientTape() as tape:
        tape.watch(v)
        total = tf.zeros((), v.dtype)
        for element in v:
            if element > 0:
                total += element * element * element
    return tape.gradient(total, v)


v = tf.constant([1.0, -2.0, 3.0], tf.float64)
np.testing.assert_array_equal(slope(v), [3.0, 0.0, 27.0])
