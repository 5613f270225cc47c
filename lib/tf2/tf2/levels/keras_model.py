"""Level 1, highest: tf.keras. Layers in a list; `compile` makes the training step."""

from typing import Any

import keras
from keras import layers


class Network:
    """LeNet-5 as a Sequential model."""

    def __init__(self, weights: Any, rate: float, compiled: bool):
        self.model = keras.Sequential(
            [
                keras.Input((28, 28, 1)),
                layers.Conv2D(6, 5, padding="same", activation="relu"),
                layers.MaxPooling2D(),
                layers.Conv2D(16, 5, activation="relu"),
                layers.MaxPooling2D(),
                layers.Flatten(),
                layers.Dense(120, activation="relu"),
                layers.Dense(84, activation="relu"),
                layers.Dense(10),
            ]
        )
        self.model.set_weights(weights)
        self.model.compile(
            optimizer=keras.optimizers.SGD(rate),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            run_eagerly=not compiled,
            jit_compile=False,
        )

    def step(self, images: Any, labels: Any) -> Any:
        """One step of `fit`."""
        return self.model.train_on_batch(images, labels)

    def logits(self, images: Any) -> Any:
        """The ten numbers for each picture."""
        return self.model(images)

    def weights(self) -> Any:
        """The present weights."""
        return self.model.get_weights()
