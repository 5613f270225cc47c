"""Results that notice which failed trials a measure would have needed: what is missing never vanishes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from lib.harness.contract.results import Results
from lib.harness.contract.trial import ENDED_WELL, Result
from lib.harness.errors import one_line

SHOWN = 3
"""Missing trials that a note names; the rest is counted."""


class WatchedResults(Results):
    """Results for one claim.

    Attributes:
        missing: the failed trials among those that it has read, by variant and seed.
    """

    def __init__(self, results: Sequence[Result]):
        super().__init__(results)
        self._failed = [result for result in self._results if result.status not in ENDED_WELL]
        self._noticed: set[str] = set()
        self._indexed: list[Result] = []

    @property
    def missing(self) -> list[Result]:
        """The failed trials of the variants that were read, and those that were read by their place."""
        missing = (
            result
            for result in self._failed
            if result.trial.variant in self._noticed or any(result is each for each in self._indexed)
        )
        return sorted(missing, key=lambda result: (result.trial.variant, result.trial.seed))

    @property
    def each_has_ended(self) -> bool:
        """Return whether each of the variants that were read has a trial that has ended."""
        ended = {result.trial.variant for result in self._results if result.status in ENDED_WELL}
        return self._noticed | {result.trial.variant for result in self._indexed} <= ended

    def __getitem__(self, index: Any) -> Any:
        found = super().__getitem__(index)
        if not isinstance(index, str):
            self._indexed += found if isinstance(found, list) else [found]
        return found

    def __iter__(self) -> Iterator[Result]:
        self._noticed |= {result.trial.variant for result in self._failed}
        return super().__iter__()

    def of(self, variant: str) -> Results:
        """Return the results of `Results.of`, and notice its failed trials."""
        self._noticed.add(variant)
        return super().of(variant)

    def variants(self, prefix: str = "") -> list[str]:
        """Return the names of `Results.variants`, and notice the variants of which all trials have failed."""
        found = super().variants(prefix)
        failed = {result.trial.variant for result in self._failed}
        self._noticed |= {variant for variant in failed if variant.startswith(prefix)} - set(found)
        return found


def described(missing: Sequence[Result], dropped: Iterable[int]) -> str:
    """The missing trials and seeds, in one line; empty where nothing is."""
    reasons = [f"{r.trial.variant}, seed {r.trial.seed} ({_reason(r)})" for r in missing[:SHOWN]]
    if len(missing) > SHOWN:
        reasons.append(f"{len(missing) - SHOWN} more")
    failed = {result.trial.seed for result in missing}
    if alone := sorted(set(dropped) - failed):
        reasons.append(f"no partner for seed {', '.join(map(str, alone))}")
    return "; ".join(reasons)


def _reason(result: Result) -> str:
    first = one_line(result.error.splitlines()[0]) if result.error else ""
    return f"{result.status}: {first}" if first else result.status
