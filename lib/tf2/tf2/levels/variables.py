"""Level 3, low: Python and `tf.Variable`. Loops, `if` and operators say what a layer is; autograph makes the graph.

At a picture's black background the inputs of ReLU are exactly 0. `tf.maximum(x, 0)` has the slope 1 there, ReLU 0.
"""

from typing import Any

import tensorflow as tf


def relu(x: Any) -> Any:
    """Replace negative numbers by 0."""
    return tf.where(x <= 0, tf.zeros_like(x), x)


def convolve(images: Any, kernel: Any, bias: Any) -> Any:
    """The kernel slides over the pictures: a sum over its places."""
    size, _, inputs, outputs = kernel.shape
    rows, columns = images.shape[1] - size + 1, images.shape[2] - size + 1
    total = bias
    for i in range(size):
        for j in range(size):
            part = tf.reshape(images[:, i : i + rows, j : j + columns], (-1, inputs))
            total = total + part @ kernel[i, j]
    return tf.reshape(total, (-1, rows, columns, outputs))


def pool(images: Any) -> Any:
    """The largest of each square of 2 x 2."""
    _, rows, columns, maps = images.shape
    return tf.reduce_max(tf.reshape(images, (-1, rows // 2, 2, columns // 2, 2, maps)), axis=(2, 4))


class Network:
    """LeNet-5 from variables."""

    def __init__(self, weights: Any, rate: float, compiled: bool):
        self.variables = [tf.Variable(array) for array in weights]
        self.rate = rate
        self.step = tf.function(self.descend) if compiled else self.descend

    def logits(self, images: Any) -> Any:
        """The ten numbers for each picture."""
        k1, b1, k2, b2, w3, b3, w4, b4, w5, b5 = self.variables
        x = tf.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0)))
        x = pool(relu(convolve(x, k1, b1)))
        x = pool(relu(convolve(x, k2, b2)))
        x = relu(tf.reshape(x, (-1, 400)) @ w3 + b3)
        x = relu(x @ w4 + b4)
        return x @ w5 + b5

    def descend(self, images: Any, labels: Any) -> Any:
        """One step down the gradient, unless the loss is not a number."""
        with tf.GradientTape() as tape:
            z = self.logits(images)
            z = z - tf.reduce_max(z, axis=1, keepdims=True)
            right = tf.gather(z, labels, batch_dims=1)
            loss = tf.reduce_mean(tf.math.log(tf.reduce_sum(tf.exp(z), axis=1)) - right)
        if tf.math.is_finite(loss):
            for variable, gradient in zip(self.variables, tape.gradient(loss, self.variables)):  # noqa: B905
                variable.assign_sub(self.rate * gradient)
        return loss

    def weights(self) -> Any:
        """The present weights."""
        return [variable.numpy() for variable in self.variables]
