"""Training under the eyes of validation pictures: the path of losses and errors, and the network at its best.

Early stopping as one does it: of all looks the one with the lowest validation loss counts, whose labels are as noisy as
those that are learned. It costs nothing but the looks, so every network has it and the claims say where it is used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from lib.data.noisy_digits import Examples, NoisyDigits, judged, right_digits
from lib.harness.contract.seeds import Seed
from lib.harness.contract.trial import Log
from lib.models.training import Classifier, train


@dataclass(frozen=True)
class Watched:
    """A finished training.

    Attributes:
        looks: epochs after which was looked, (k,), denser at the beginning.
        path: ``train_loss``, ``train_error`` (of noisy labels), ``validation_loss`` (of noisy labels) and
            ``validation_true_error`` (of the digits) at each look.
        best: the look with the lowest validation loss, from 0.
        weights: the classifier's weights there.
    """

    looks: np.ndarray
    path: dict[str, list[float]]
    best: int
    weights: dict[str, np.ndarray]

    def measured(self) -> dict[str, Any]:
        """Measurements of a trial: the path, its last values under their own names, and ``stopped_…`` at the best."""
        return {
            "looks": self.looks,
            "path": self.path,
            "best_epoch": int(self.looks[self.best]),
            **{name: values[-1] for name, values in self.path.items()},
            **{f"stopped_{name}": values[self.best] for name, values in self.path.items()},
        }


def watched(classifier: Classifier, data: NoisyDigits, seed: Seed, log: Log, *, epochs: int, looks: int) -> Watched:
    """Train for `epochs` and look at most `looks` times.

    Raises:
        DivergedError: a loss is NaN or infinite.
    """
    epochs_looked = np.unique(np.geomspace(1, epochs, looks).round().astype(int))
    path: dict[str, list[float]] = {}
    best, weights = 0, classifier.weights()
    for epoch, _ in enumerate(train(classifier, epochs, seed, log), 1):
        if epoch not in epochs_looked:
            continue
        trained = judged(classifier.logits(data.train.inputs), data.train)
        validated = judged(classifier.logits(data.validation.inputs), data.validation)
        now = {
            "train_loss": trained["loss"],
            "train_error": trained["error"],
            "validation_loss": validated["loss"],
            "validation_true_error": validated["true_error"],
        }
        for name, value in now.items():
            path.setdefault(name, []).append(value)
        losses = path["validation_loss"]
        if len(losses) == 1 or losses[-1] < losses[best]:
            best, weights = len(losses) - 1, classifier.weights()
    return Watched(epochs_looked, path, best, weights)


def tested(prefix: str, logits: np.ndarray, test: Examples) -> dict[str, Any]:
    """Measurements of logits (n, 10) of the test pictures: losses, errors, and by picture which digits are right."""
    found: dict[str, Any] = {f"{prefix}_{name}": value for name, value in judged(logits, test).items()}
    return found | {f"{prefix}_true_right": right_digits(logits, test)}
