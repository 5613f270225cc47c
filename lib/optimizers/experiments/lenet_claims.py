"""The claims on LeNet: test pictures that one arm recognises and another does not, each arm at its own best rate.

The interval covers other starts and orders *and* other pictures: all seeds are judged on the same ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lib.harness.contract.claim import Claim, InconclusiveError, Role, largest, require_trained
from lib.harness.contract.results import Results
from lib.harness.contract.series import Series
from lib.optimizers.experiments.arms import arm, arms
from lib.optimizers.experiments.functions import SUMMANDS

TRAINED = 0.5
"""Test accuracy from which on LeNet has learned: five times chance, and far below what any rule reaches in the end."""
SHARE = 0.005
"""The smallest difference in accuracy that counts: half a picture in a hundred, about the error of 10,000 pictures, so
that less could not be told from another test set."""


def right(results: Results, name: str) -> Series:
    """Test pictures that an arm recognises: (seeds, pictures).

    Raises:
        InconclusiveError: the run was not to train this arm, as `--quick` leaves some out.
        LookupError: it was, but no trial has finished.
    """
    config: Any = results[0].trial.config if results else None
    if config and name not in arms(config):
        raise InconclusiveError(f"{name} was not trained on LeNet in this run: run the lab in full")
    return results.items(f"lenet/{name}", "test_right")


def more_accurate(better: str, worse: Sequence[str]) -> Callable[[Results], Series]:
    """Pictures recognised by `better` less those by the middle one of `worse`, picture by picture: (seeds, pictures).

    The middle one of several is the one with the median accuracy on the validation pictures.
    """

    def measure(results: Results) -> Series:
        first = right(results, better)
        others = {name: right(results, name) for name in worse}
        by_accuracy = sorted(worse, key=lambda name: validation_accuracy(results, name))
        second = others[by_accuracy[len(worse) // 2]]
        require_trained("the better one's test accuracy", np.maximum(first.mean(axis=1), second.mean(axis=1)), TRAINED)
        return first - second

    return measure


def validation_accuracy(results: Results, name: str) -> float:
    """The mean accuracy of an arm on the validation pictures."""
    return float(np.mean(results.series(f"lenet/{name}", "validation_accuracy").values))


def _better(claim: str, better: str, worse: Sequence[str], role: Role = "sentence") -> Claim:
    measure = more_accurate(better, worse)
    return Claim(claim, role=role, measure=measure, more_than=0.0, smallest=SHARE, interval="items")


def _coincide(claim: str, measurement: str, at_most: float) -> Claim:
    def measure(results: Results) -> float:
        worst: Any = results.of("lenet/coincide")[0].measurements[measurement]
        return largest(worst.values())

    return Claim(claim, role="identity", kind="exact", measure=measure, at_most=at_most)


CLAIMS = (
    _better("momentum-rescues/lenet", "Momentum", ("GradientDescent",), "control"),
    _better("rmsprop-improves-adagrad/lenet", "RMSprop", ("Adagrad",)),
    _better("adam-is-the-sum/lenet", "Adam", SUMMANDS),
    *(
        _better(f"{row}/{name.lower()}", arm(name, kind), (arm(name, peer),))
        for row, kind, peer in (("schedules", "cosine", "constant"), ("warm-up", "warm-up", "cosine"))
        for name in ("Momentum", "Adam")
    ),
    *(_better(f"after-adam/{name.lower()}", name, ("Adam",)) for name in ("AdamW", "Lion", "Muon")),
    _coincide("nobody-writes-them/lenet", "deviation", 1e-12),
    _coincide("nobody-writes-them/lenet-predictions", "predictions", 0),
)
