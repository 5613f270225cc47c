"""Loads the test lab's model: a product with its parameters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np


class Served:
    def __init__(self, folder: Path):
        self._w = np.load(folder / "parameters.npz")["w"]
        self.settings = json.loads((folder / "settings.json").read_text(encoding="utf-8"))

    def predict(self, model_input: Any, params: Any = None) -> np.ndarray:
        product: np.ndarray = np.asarray(model_input) @ self._w
        return product


def _load_pyfunc(folder: str) -> Served:
    return Served(Path(folder))
