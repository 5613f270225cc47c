"""The same Keras model saved, loaded, served, trained on at each level, and used with torch in TensorFlow's place."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from lib.data import fashion_mnist
from lib.harness.contract.seeds import Seed
from lib.harness.contract.trial import Log
from lib.harness.machine import determinism
from lib.models import lenet
from lib.tf2.tf2 import in_torch
from lib.tf2.tf2.agreement import BY_HAND, arms_of, spread, spread_by_mode

ROOT = Path(__file__).parents[3]
MOMENTUM = 0.9


def measure(seed: Seed, log: Log, *, steps: int, batch: int, rate: float) -> dict[str, Any]:
    """All deviations are the largest difference of two arrays: logits or weights.

    `saved`: training that was interrupted by a ``.keras`` file from training that was not, with momentum;
    `weights_only`: the same with only the weights saved. `served`: logits of the exported model, by the way it is
    loaded. `levels`: weights after training the loaded model at the levels that use TensorFlow's kernels, of those run
    eagerly and of those compiled. `torch_*`: from what TensorFlow gives. `uses_*`: the error of every use, empty where
    it works.
    """
    data = fashion_mnist.train()
    which = seed.rng("pictures").permutation(len(data))[: steps * batch]
    images = data.scaled(which)[..., None].reshape(steps, batch, 28, 28, 1)
    labels = data.labels[which].astype(np.int32).reshape(steps, batch)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        straight, model = interrupted(seed, folder, images, labels, rate)
        found: dict[str, Any] = dict(straight)
        model.save(folder / in_torch.MODEL)
        np.savez(folder / in_torch.PICTURES, allow_pickle=False, images=images, labels=labels)
        found |= {"served": served(model, folder, images[0]), "levels": levels(folder, images, labels, rate)}
        here, uses = in_torch.use(folder, rate)
        there, uses_there = torch_side(folder, rate)
    weights = [[side[name] for name in side if name.startswith("weight")] for side in (here, there)]
    log(0, **{name: here[name] for name in here})
    log(1, **{name: there[name] for name in there})
    log.parameters(lenet.named_weights(weights[0]))
    return found | {
        "torch_logits": float(np.abs(here["logits"] - there["logits"]).max()),
        "torch_losses": float(np.abs(here["losses"] - there["losses"]).max()),
        "torch_weights": spread(weights),
        "uses_tensorflow": uses,
        "uses_torch": {name: error.replace(str(folder), "…") for name, error in uses_there.items()},
    }


def interrupted(
    seed: Seed, folder: Path, images: np.ndarray, labels: np.ndarray, rate: float
) -> tuple[dict[str, float], Any]:
    """Training with momentum: without a break, with one through a whole file, and through weights alone."""
    import keras

    def start() -> Any:
        model = lenet.keras_lenet(lenet.initial_weights(seed))
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.SGD(rate / 2, momentum=MOMENTUM), loss, jit_compile=False)
        return model

    def train(model: Any, part: slice) -> Any:
        for batch in zip(images[part], labels[part], strict=True):
            model.train_on_batch(*batch)
        return model

    middle = len(images) // 2
    model = train(start(), slice(middle))
    model.save(folder / "half.keras")
    halfway = model.get_weights()
    straight = train(model, slice(middle, None)).get_weights()
    whole = train(keras.saving.load_model(folder / "half.keras"), slice(middle, None))
    bare = start()
    bare.set_weights(halfway)
    train(bare, slice(middle, None))
    return {
        "saved": spread([straight, whole.get_weights()]),
        "weights_only": spread([straight, bare.get_weights()]),
    }, model


def served(model: Any, folder: Path, images: np.ndarray) -> dict[str, float]:
    """Export it; the logits' deviation through each door of the SavedModel."""
    import keras
    import tensorflow as tf

    path = str(folder / in_torch.SERVED)
    model.export(path, verbose=False)
    wanted = np.asarray(model(images))
    loaded = tf.saved_model.load(path)
    (by_signature,) = loaded.signatures["serving_default"](tf.constant(images)).values()
    answers = {
        "serve": loaded.serve(images),
        "signature": by_signature,
        "TFSMLayer": keras.layers.TFSMLayer(path, call_endpoint="serve")(images),
    }
    return {name: float(np.abs(np.asarray(answer) - wanted).max()) for name, answer in answers.items()}


def levels(folder: Path, images: np.ndarray, labels: np.ndarray, rate: float) -> float:
    """Train the saved model on at each level, eagerly and compiled; how far the weights are apart."""
    import keras
    import tensorflow as tf

    arms = arms_of(keras.saving.load_model(folder / in_torch.MODEL).get_weights(), rate)
    arms = {name: arm for name, arm in arms.items() if not name.startswith(BY_HAND)}
    for batch in zip(images, labels, strict=True):
        tensors = [tf.constant(array) for array in batch]
        for arm in arms.values():
            arm.step(*tensors)
    return spread_by_mode({name: arm.weights() for name, arm in arms.items()})


def torch_side(folder: Path, rate: float) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Use the model on the torch backend: `lib.tf2.tf2.in_torch` in a process of its own.

    Raises:
        RuntimeError: it did not come to its end; with its last words.
    """
    settings = {"KERAS_BACKEND": "torch", "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
    ran = subprocess.run(
        [sys.executable, "-m", in_torch.__name__, str(folder), str(rate)],
        env={**os.environ, **determinism.environment(), **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode:
        raise RuntimeError(f"Keras on torch: {ran.stderr.strip().splitlines()[-1]}")
    with np.load(folder / in_torch.ARRAYS) as file:
        arrays = {name: file[name] for name in file}
    return arrays, json.loads((folder / in_torch.USES).read_text(encoding="utf-8"))
