"""The results of a study, as claims and figures ask for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from lib.harness.contract.trial import Result


class Results(Sequence[Result]):
    """The results of a study, with the two questions that claims and figures ask of them."""

    def __init__(self, results: Sequence[Result]):
        self._results = list(results)

    def __getitem__(self, index: Any) -> Any:
        return self._results[index]

    def __len__(self) -> int:
        return len(self._results)

    def __iter__(self) -> Iterator[Result]:
        return iter(self._results)

    def of(self, variant: str) -> Results:
        """The finished results of a variant, ordered by seed. Raises `LookupError` when there are none."""
        found = [r for r in self._results if r.trial.variant == variant and r.status == "FINISHED"]
        if not found:
            raise LookupError(f"no finished trial of variant '{variant}'")
        return Results(sorted(found, key=lambda r: r.trial.seed))

    def variants(self, prefix: str = "") -> list[str]:
        """The names of the finished variants that start with `prefix`, in the order in which they ran."""
        finished = (r.trial.variant for r in self._results if r.status == "FINISHED")
        return [v for v in dict.fromkeys(finished) if v.startswith(prefix)]

    def values(self, variant: str, measurement: str) -> np.ndarray:
        """One measurement of a variant as an array with a row per seed."""
        return np.asarray([r.measurements[measurement] for r in self.of(variant)])

    def paired(self, first: str, second: str, measurement: str) -> tuple[np.ndarray, np.ndarray]:
        """One measurement of two variants over the seeds that both have, aligned by seed. Shapes (seeds, …)."""
        a = {r.trial.seed: r.measurements[measurement] for r in self.of(first)}
        b = {r.trial.seed: r.measurements[measurement] for r in self.of(second)}
        seeds = sorted(a.keys() & b.keys())
        if not seeds:
            raise LookupError(f"variants '{first}' and '{second}' share no seed")
        return np.asarray([a[s] for s in seeds]), np.asarray([b[s] for s in seeds])
