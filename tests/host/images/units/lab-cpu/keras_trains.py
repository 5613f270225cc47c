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
np.testing.assert_array_equal(keras.models.load_model(path).predict(x, verbose=0), model.predict(x, verbose=0))


@tf.function  # type: ignore[untyped-decorator]
def slope(v: tf.Tensor) -> tf.Tensor:
    """Gradient of sum(v**3), built with control flow so that AutoGraph has something to convert."""
    with tf.GradientTape() as tape:
        tape.watch(v)
        total = tf.zeros((), v.dtype)
        for element in v:
            if element > 0:
                total += element**3
    return tape.gradient(total, v)


v = tf.constant([1.0, -2.0, 3.0], tf.float64)
np.testing.assert_array_equal(slope(v), [3.0, 0.0, 27.0])
