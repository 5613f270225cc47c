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
        """Whether only whole numbers are meant."""
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
    """How a lab's settings are searched for (``invoke sweep``).

    Attributes:
        space: what may vary; the rest is the config's.
        trial: from a config with sampled fields to the one trial, of seed 0, that judges them: one network, few epochs.
        measure: what it is judged by, on validation data, never on test data: a measurement of that trial, if `value`
            is missing.
        goal: what is wanted of it.
        reported: a value on the same scale that the trial logs at every epoch or so, by which it may be pruned;
            empty where it logs none.
        adopt: from the config of a run of the lab and the fields found to the changes with which it runs with them
            (``--config best``). A lab whose study chooses a field by a grid of its own says how the two go together.
        value: from the finished trial to `measure`, where that is a part of a measurement or was logged only.
    """

    space: Space
    trial: Callable[[Any], Trial]
    measure: str
    goal: Literal["minimize", "maximize"]
    reported: str = ""
    adopt: Callable[[Any, Mapping[str, Any]], Mapping[str, Any]] = as_found
    value: Callable[[Result], float] | None = None

    def judged(self, result: Result) -> float:
        """What a finished trial is judged by."""
        return float(self.value(result) if self.value else result.measurements[self.measure])
