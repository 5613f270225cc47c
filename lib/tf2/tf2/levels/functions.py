"""Level 4, lowest: functions of `tf.nn` and tensors. Nothing has a state: a step takes weights and returns new ones."""

from typing import Any

import tensorflow as tf


def lenet(weights: Any, images: Any) -> Any:
    """Pictures to logits."""
    k1, b1, k2, b2, w3, b3, w4, b4, w5, b5 = weights
    x = tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(images, k1, strides=1, padding="SAME"), b1))
    x = tf.nn.max_pool2d(x, ksize=2, strides=2, padding="VALID")
    x = tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(x, k2, strides=1, padding="VALID"), b2))
    x = tf.nn.max_pool2d(x, ksize=2, strides=2, padding="VALID")
    x = tf.nn.relu(tf.nn.bias_add(tf.matmul(tf.reshape(x, (-1, 400)), w3), b3))
    x = tf.nn.relu(tf.nn.bias_add(tf.matmul(x, w4), b4))
    return tf.nn.bias_add(tf.matmul(x, w5), b5)


def descend(weights: Any, images: Any, labels: Any, rate: Any) -> Any:
    """The loss of these weights, and the weights one step down its gradient."""
    with tf.GradientTape() as tape:
        tape.watch(weights)
        each = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, lenet(weights, images))
        loss = tf.reduce_mean(each)
    gradients = tape.gradient(loss, weights)
    return loss, [w - rate * g for w, g in zip(weights, gradients)]  # noqa: B905


class Network:
    """Keeps the weights between the steps."""

    def __init__(self, weights: Any, rate: float, compiled: bool):
        self.tensors = [tf.constant(array) for array in weights]
        self.rate = tf.constant(rate, self.tensors[0].dtype)
        self.descend = tf.function(descend) if compiled else descend

    def step(self, images: Any, labels: Any) -> Any:
        """One step down the gradient."""
        loss, self.tensors = self.descend(self.tensors, images, labels, self.rate)
        return loss

    def logits(self, images: Any) -> Any:
        """The ten numbers for each picture."""
        return lenet(self.tensors, images)

    def weights(self) -> Any:
        """The present weights."""
        return [tensor.numpy() for tensor in self.tensors]
