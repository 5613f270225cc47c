"""A trained LeNet-5 as MLflow's pyfunc model: pictures in, probabilities out.

The model's folder has ``parameters.npz`` (named and shaped as in `lib.models.lenet`) and ``settings.json``, such as
``{"variant": "modern"}``. MLflow calls `_load_pyfunc` with it, in `mlflow models serve` and `mlflow.pyfunc.load_model`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lib.harness.errors import UserError
from lib.models import lenet

WHITE = 255


class ServedLenet:
    """A trained LeNet-5 that answers with probabilities."""

    def __init__(self, weights: Mapping[str, np.ndarray], variant: lenet.Variant):
        self._model = lenet.torch_lenet(weights, variant)

    def predict(self, model_input: Any, params: Mapping[str, Any] | None = None) -> np.ndarray:
        """The probabilities (n, 10), float32, of the ten classes for pictures (n, 28, 28) or (n, 784).

        Pictures are an array or a data frame: whole numbers from 0 to 255, or floating-point numbers from 0 to 1.

        Raises:
            UserError: they are not.
        """
        logits = lenet.torch_logits(self._model, pictures(model_input)).astype(np.float64)
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True), dtype=np.float32)


def pictures(model_input: Any) -> np.ndarray:
    """The input as float32 pictures (n, 28, 28) from 0 to 1; `UserError` if it cannot be."""
    array = model_input.to_numpy() if hasattr(model_input, "to_numpy") else np.asarray(model_input)
    whole = np.issubdtype(array.dtype, np.integer)
    if not (whole or np.issubdtype(array.dtype, np.floating)) or array.shape[1:] not in ((28, 28), (784,)):
        raise UserError(
            f"pictures: {array.dtype} of shape {array.shape}: numbers of shape (n, 28, 28) or (n, 784) are needed"
        )
    highest = WHITE if whole else 1
    if array.size and not (array.min() >= 0 and array.max() <= highest):
        raise UserError(f"pictures: {array.min()} to {array.max()}: {array.dtype} must be from 0 to {highest}")
    if whole and array.size and array.max() <= 1:  # MLflow's server makes 0 and 1 of what was between them
        raise UserError(f"pictures: whole numbers from 0 to {array.max()} are all but black: 0 to {WHITE} are needed")
    return (array.reshape(-1, 28, 28) / highest).astype(np.float32)


def _load_pyfunc(data_path: str) -> ServedLenet:
    """The model in the folder `data_path`; called by MLflow."""
    folder = Path(data_path)
    settings = json.loads((folder / "settings.json").read_text(encoding="utf-8"))
    with np.load(folder / "parameters.npz", allow_pickle=False) as weights:
        return ServedLenet({name: weights[name] for name in lenet.SHAPES}, settings["variant"])
