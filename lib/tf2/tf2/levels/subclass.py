"""Level 2: tf.keras' layers in a class of one's own, and a training step of one's own with `GradientTape`."""

from typing import Any

import keras
import tensorflow as tf
from keras import layers


class LeNet(keras.Model):  # type: ignore[misc]
    """LeNet-5: what the layers are, and how a picture goes through them."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = layers.Conv2D(6, 5, padding="same", activation="relu")
        self.conv2 = layers.Conv2D(16, 5, activation="relu")
        self.pool = layers.MaxPooling2D()
        self.flatten = layers.Flatten()
        self.dense1 = layers.Dense(120, activation="relu")
        self.dense2 = layers.Dense(84, activation="relu")
        self.dense3 = layers.Dense(10)

    def call(self, images: Any) -> Any:
        """Pictures to logits."""
        x = self.pool(self.conv1(images))
        x = self.pool(self.conv2(x))
        x = self.dense1(self.flatten(x))
        return self.dense3(self.dense2(x))


class Network:
    """LeNet-5 with a training step written out."""

    def __init__(self, weights: Any, rate: float, compiled: bool):
        self.model = LeNet()
        self.model(tf.zeros((1, 28, 28, 1)))  # the first call makes the variables
        self.model.set_weights(weights)
        self.loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        self.optimizer = keras.optimizers.SGD(rate)
        self.optimizer.build(self.model.trainable_variables)
        self.step = tf.function(self.descend) if compiled else self.descend

    def descend(self, images: Any, labels: Any) -> Any:
        """One step down the gradient."""
        with tf.GradientTape() as tape:
            loss = self.loss(labels, self.model(images))
        variables = self.model.trainable_variables
        self.optimizer.apply(tape.gradient(loss, variables), variables)
        return loss

    def logits(self, images: Any) -> Any:
        """The ten numbers for each picture."""
        return self.model(images)

    def weights(self) -> Any:
        """The present weights."""
        return self.model.get_weights()
