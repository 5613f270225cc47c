"""One Keras model on two backends: the same uses of it, each really tried. Run as a program, it is the torch side.

Keras has one backend in a process, so the trial, which has TensorFlow's, starts ``python -m lib.tf2.tf2.in_torch
FOLDER`` with ``KERAS_BACKEND=torch``. Both call `use`. The folder has ``model.keras`` and ``pictures.npz``; the
answers are ``torch.npz`` and ``torch.json``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lib.harness.contract.trial import Runtime
from lib.harness.machine import determinism
from lib.models.error_text import error_of

MODEL, PICTURES, ARRAYS, USES, SERVED = "model.keras", "pictures.npz", "torch.npz", "torch.json", "served"


def use(folder: Path, rate: float) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Load the model that is in the folder and use it in every way, on this process' backend.

    Returns the logits of all pictures and the weights after a step on each batch; and for each use its error, empty
    where it works.
    """
    import keras

    with np.load(folder / PICTURES) as file:
        images, labels = file["images"], file["labels"]  # (steps, batch, 28, 28, 1), (steps, batch)
    backend = keras.backend.backend()
    model = keras.saving.load_model(folder / MODEL, compile=False)
    arrays = {"logits": np.concatenate([np.asarray(model.predict_on_batch(batch)) for batch in images])}
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(rate), loss, jit_compile=False)
    losses = [float(model.train_on_batch(*batch)) for batch in zip(images, labels, strict=True)]
    arrays |= {"losses": np.array(losses)} | {f"weight {i}": array for i, array in enumerate(model.get_weights())}
    return arrays, errors(_more_uses(model, images[0], labels[0], folder, backend))


def errors(uses: Mapping[str, Callable[[], Any]]) -> dict[str, str]:
    """The uses of a model with what each raises, after the three that have worked when this is called."""
    done = dict.fromkeys(("load the .keras file", "predict", "compile and train"), "")
    return done | {name: error_of(call) for name, call in uses.items()}


def _more_uses(model: Any, images: np.ndarray, labels: np.ndarray, folder: Path, backend: str) -> dict[str, Any]:
    """Further uses that a reader of the lecture has for a Keras model."""
    import keras

    def save() -> None:
        model.save(folder / f"{backend}.keras")
        again = keras.saving.load_model(folder / f"{backend}.keras", compile=False)
        assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), again.get_weights(), strict=True))

    def tape() -> None:
        import tensorflow as tf

        with tf.GradientTape() as tape:
            each = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, model(images))
            loss = tf.reduce_mean(each)
        gradients = tape.gradient(loss, [variable.value for variable in model.trainable_variables])
        model.optimizer.apply(gradients, model.trainable_variables)

    def graph() -> None:
        import tensorflow as tf

        tf.function(lambda pictures: tf.reduce_sum(model(pictures)))(tf.constant(images))

    def dataset() -> None:
        import tensorflow as tf

        model.fit(tf.data.Dataset.from_tensors((images, labels)), shuffle=False, verbose=0)

    return {
        "save it again": save,
        "fit on tf.data": dataset,
        "tf.GradientTape": tape,
        "inside tf.function": graph,
        "export a SavedModel": lambda: model.export(folder / f"{backend}-exported", verbose=False),
        "TFSMLayer": lambda: keras.layers.TFSMLayer(str(folder / SERVED), call_endpoint="serve")(images),
    }


def main(folder: Path, rate: float) -> None:
    """Use the model of a folder in torch and leave the answers there."""
    determinism.prepare(Runtime("torch"))
    arrays, uses = use(folder, rate)
    np.savez(folder / ARRAYS, allow_pickle=False, **arrays)
    (folder / USES).write_text(json.dumps(uses), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
