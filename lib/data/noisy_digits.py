"""Few digits with noisy labels: the task on which overfitting shows, which clean digits are too easy for.

A share of the labels is replaced by a class drawn uniformly from all ten (Zhang et al. 2017, "Understanding deep
learning requires rethinking generalization"), so a tenth of the replaced ones stay right by chance. The labels of the
pictures to choose on and of those to test on go through the same, so that losses on all three are of the same kind.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lib.data import digits
from lib.data.pictures import Split
from lib.harness.contract.seeds import Seed
from lib.harness.contract.series import packed
from lib.models import evaluation

CLASSES = len(digits.CLASSES)
INPUTS = 64


@dataclass(frozen=True)
class Examples:
    """Digits as rows.

    inputs: (n, 64) float32 in [0, 1]. labels: (n,) int64, noisy. digits: (n,) int64, the true classes.
    """

    inputs: np.ndarray
    labels: np.ndarray
    digits: np.ndarray


@dataclass(frozen=True)
class NoisyDigits:
    """The examples to train on, to choose on (297) and to test on (500)."""

    train: Examples
    validation: Examples
    test: Examples


def randomised(labels: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Labels (n,) of which each is replaced, with probability `share`, by a class drawn uniformly from all ten."""
    replaced = rng.random(len(labels)) < share
    return np.where(replaced, rng.integers(0, CLASSES, len(labels)), labels).astype(np.int64)


def noisy_digits(seed: Seed, examples: int, label_noise: float) -> NoisyDigits:
    """`examples` of the 1,000 digits to train on, drawn by the seed; more of them include the fewer."""

    def noisy(name: str, split: Split) -> Examples:
        labels = randomised(split.labels, label_noise, seed.rng("label noise", name))
        return Examples(split.scaled().reshape(-1, INPUTS), labels, split.labels.astype(np.int64))

    train = noisy("train", digits.train())
    drawn = seed.rng("examples").permutation(digits.TRAIN)[:examples]
    return NoisyDigits(
        Examples(train.inputs[drawn], train.labels[drawn], train.digits[drawn]),
        noisy("validation", digits.validation()),
        noisy("test", digits.test()),
    )


def right_digits(logits: np.ndarray, examples: Examples) -> str:
    """Digits that logits (n, 10) recognise, by the true digit, packed for an interval over items."""
    return packed(evaluation.right(logits, examples.digits))


def judged(logits: np.ndarray, examples: Examples) -> dict[str, float]:
    """Losses and errors of logits (n, 10): `loss` in nats and `error` for the noisy labels, `true_*` for the digits.

    An error is a share in [0, 1].
    """
    return {
        "loss": evaluation.cross_entropy(logits, examples.labels),
        "error": 1 - evaluation.accuracy(logits, examples.labels),
        "true_loss": evaluation.cross_entropy(logits, examples.digits),
        "true_error": 1 - evaluation.accuracy(logits, examples.digits),
    }
