"""The claim of the automl lab, in parts: each search against the default, one against the other, equal budgets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from lib.harness.contract.claim import Claim, require_trained
from lib.harness.contract.results import Results
from lib.harness.contract.series import Series
from lib.harness.contract.trial import Result

Arm = Literal["default", "random", "tpe"]
ARMS: tuple[Arm, ...] = ("default", "random", "tpe")


def spent(result: Result) -> int:
    """The epochs of a trial of a search. One that diverged has spent what it came to, and no less than one."""
    config: Any = result.trial.config
    if result.status == "FINISHED":
        return int(config.epochs)
    return max(1, len(result.reports))


def trials_of(results: Results, arm: Arm, seed: int) -> list[Result]:
    """The trials of one search, in the order in which they were asked for, whatever became of them."""
    return [r for r in results if r.trial.variant.startswith(f"{arm}/") and r.trial.seed == seed]


def over_budget(results: Results) -> float:
    """Epochs by which the most expensive search has exceeded its budget; 0 where none has."""
    config: Any = results[0].trial.config
    totals = [sum(map(spent, trials_of(results, arm, seed))) for arm in ARMS for seed in range(config.seeds)]
    return float(max(0, *(total - config.budget for total in totals)))


def gain(better: Arm, worse: Arm) -> Callable[[Results], Series]:
    """Test pictures that one arm's best training recognises minus those of the other's: (searches, pictures).

    Raises:
        InconclusiveError: neither has learned anything.
    """

    def measure(results: Results) -> Series:
        first, second = (results.series(f"final/{arm}", "test_accuracy") for arm in (better, worse))
        require_trained("the better one's test accuracy", np.maximum(first, second), TRAINED)
        return results.items(f"final/{better}", "test_right") - results.items(f"final/{worse}", "test_right")

    return measure


TRAINED = 0.3
"""Test accuracy from which on a network has learned: three times chance."""
SHARE = 0.005
"""The smallest difference in accuracy that counts: half a picture in a hundred, about the error of 10,000 pictures."""
CLAIMS = (
    Claim(
        "search-beats-default/tpe",
        role="sentence",
        measure=gain("tpe", "default"),
        more_than=0.0,
        smallest=SHARE,
        interval="items",
    ),
    Claim(
        "search-beats-default/random",
        role="control",
        measure=gain("random", "default"),
        more_than=0.0,
        smallest=SHARE,
        interval="items",
    ),
    Claim(
        "search-beats-default/tpe-beats-random",
        role="control",
        measure=gain("tpe", "random"),
        more_than=0.0,
        smallest=SHARE,
        interval="items",
    ),
    Claim(
        "search-beats-default/equal-budget",
        role="identity",
        kind="exact",
        measure=over_budget,
        at_most=0,
        missing="counted",
    ),
)
