"""The part of the contract for hyperparameter searches: which fields may vary, and how a trial is scored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from lib.harness.contract.trial import Result, Trial


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included; whole ones where both are `int`.

    `log`: drawn evenly by their logarithm. `step`: only those that many steps above `low`.
    """

    low: float
    high: float
    log: bool = False
    step: float | None = None

    @property
    def whole(self) -> bool:
        """Return whether the range holds whole numbers only."""
        return isinstance(self.low, int) and isinstance(self.high, int)


@dataclass(frozen=True)
class Choices:
    """One of these values."""

    values: tuple[bool | int | float | str, ...]


Space = Mapping[str, Range | Choices]
"""What a search may set: fields of a config, and what each may be."""


def as_found(config: Any, found: Mapping[str, Any]) -> Mapping[str, Any]:
    """The fields that a search has found, as they are: for a lab whose study chooses none of them itself."""
    return found


@dataclass(frozen=True)
class Search:
    """The search for a lab's settings (``invoke sweep``).

    Attributes:
        space: the fields that vary; all others keep the config's values.
        trial: function from a config with sampled fields to the one trial, of seed 0, that judges them: one network,
            few epochs.
        measure: the score of a trial, on validation data, never on test data: a measurement of that trial, if `value`
            is missing.
        goal: whether the score is to be as high or as low as possible.
        reported: a value on the same scale that the trial logs about once an epoch, by which it may be pruned;
            empty if it logs none.
        adopt: function from the config of a run of the lab and the best fields to the changes with which the lab runs
            with them (``--config best``). A lab whose study chooses a field by a grid says how grid and field combine.
        value: function from the finished trial to `measure`, if that is part of a measurement or was only logged.
    """

    space: Space
    trial: Callable[[Any], Trial]
    measure: str
    goal: Literal["minimize", "maximize"]
    reported: str = ""
    adopt: Callable[[Any, Mapping[str, Any]], Mapping[str, Any]] = as_found
    value: Callable[[Result], float] | None = None

    def judged(self, result: Result) -> float:
        """Return the score of a finished trial."""
        return float(self.value(result) if self.value else result.measurements[self.measure])
