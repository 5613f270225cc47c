"""The claim of the automl lab, in parts: the tool against the default, then what its sampler and its pruner add."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from lib.harness.contract.claim import Claim, InconclusiveError, require_trained
from lib.harness.contract.results import Results
from lib.harness.contract.series import Series
from lib.harness.contract.trial import Result

Arm = Literal["default", "random", "random-pruned", "tpe", "tpe-pruned"]
ARMS: tuple[Arm, ...] = ("default", "random", "random-pruned", "tpe", "tpe-pruned")
RANDOM: tuple[Arm, ...] = ("random", "random-pruned")
TPE: tuple[Arm, ...] = ("tpe", "tpe-pruned")
WHOLE: tuple[Arm, ...] = ("random", "tpe")
PRUNED: tuple[Arm, ...] = ("random-pruned", "tpe-pruned")

TRAINED = 0.3
"""Test accuracy from which on a network has learned: three times chance."""
SHARE = 0.005
"""The smallest difference in accuracy that counts: half a picture in a hundred, about the error of 10,000 pictures."""


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


def difference(results: Results, better: tuple[Arm, ...], worse: tuple[Arm, ...]) -> Series:
    """Test pictures that the winners of some arms recognise minus those of others: (searches, pictures).

    Each side is the mean of its arms, so that two against two is the main effect of what tells them apart.
    """
    return _right(results, better) - _right(results, worse)


def gain(better: tuple[Arm, ...], worse: tuple[Arm, ...]) -> Callable[[Results], Series]:
    """The difference of the winners, where it can be judged.

    Raises:
        InconclusiveError: none of them has learned anything, or TPE has only drawn at random.
    """

    def measure(results: Results) -> Series:
        best = np.stack([results.series(f"final/{arm}", "test_accuracy") for arm in (*better, *worse)], axis=1).max(
            axis=1
        )
        require_trained("the best winner's test accuracy", best, TRAINED)
        for arm in (*better, *worse):
            if arm in TPE:
                require_learned(results, arm)
        return difference(results, better, worse)

    return measure


def _right(results: Results, arms: tuple[Arm, ...]) -> Series:
    """The test pictures that the winners of the arms recognise, their mean: (searches, pictures)."""
    total = results.items(f"final/{arms[0]}", "test_right")
    for arm in arms[1:]:
        total = total + results.items(f"final/{arm}", "test_right")
    return total / len(arms)


def require_learned(results: Results, arm: Arm) -> None:
    """Refuse to judge a sampler by searches that were mostly random.

    Raises:
        InconclusiveError: a search has fewer than twice as many trials as are drawn at random.
    """
    config: Any = results[0].trial.config
    fewest = min(len(trials_of(results, arm, seed)) for seed in range(config.seeds))
    if fewest < 2 * config.first:
        raise InconclusiveError(
            f"a search of {arm} has {fewest} trials, of which {config.first} are random: give it a larger budget"
        )


def _compared(part: str, role: Any, better: tuple[Arm, ...], worse: tuple[Arm, ...]) -> Claim:
    return Claim(
        f"search-beats-default/{part}",
        role=role,
        measure=gain(better, worse),
        more_than=0.0,
        smallest=SHARE,
        interval="items",
    )


COMPARED: tuple[tuple[str, tuple[Arm, ...], tuple[Arm, ...]], ...] = (
    ("tpe-pruned", ("tpe-pruned",), ("default",)),
    ("random", ("random",), ("default",)),
    ("sampler", TPE, RANDOM),
    ("pruner", PRUNED, WHOLE),
)
"""The comparisons: the name, and the arms on both sides. The first one is the lecture's sentence."""
CLAIMS = (
    *(
        _compared(part, "control" if place else "sentence", better, worse)
        for place, (part, better, worse) in enumerate(COMPARED)
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
