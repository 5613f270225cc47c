"""The results of a study, as claims and figures ask for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from lib.harness.contract.series import Series, unpacked
from lib.harness.contract.trial import Result

if TYPE_CHECKING:
    import pandas as pd


class UnknownMeasurementError(LookupError):
    """A finished trial has no measurement of the name that was asked for: a mistake in the lab, no missing data."""


class Variant:
    """The measurements of one variant: ``results["wide"].accuracy`` is ``results.series("wide", "accuracy")``."""

    def __init__(self, results: Results, name: str):
        self._results, self._name = results, name

    def __getattr__(self, measurement: str) -> Series:
        if measurement.startswith("_"):
            raise AttributeError(measurement)
        return self._results.series(self._name, measurement)

    def __getitem__(self, measurement: str) -> Series:
        return self._results.series(self._name, measurement)


class Results(Sequence[Result]):
    """The results of a study: ``results["wide"].accuracy`` is a measurement of a variant, labelled by seed."""

    def __init__(self, results: Sequence[Result]):
        self._results = list(results)

    @cached_property
    def _finished(self) -> dict[str, list[Result]]:
        """The finished results of each variant."""
        by_variant: dict[str, list[Result]] = {}
        for result in self._results:
            if result.status == "FINISHED":
                by_variant.setdefault(result.trial.variant, []).append(result)
        return by_variant

    def __getitem__(self, index: Any) -> Any:
        return Variant(self, index) if isinstance(index, str) else self._results[index]

    def __len__(self) -> int:
        return len(self._results)

    def __iter__(self) -> Iterator[Result]:
        return iter(self._results)

    def of(self, variant: str) -> Results:
        """The finished results of a variant, ordered by seed. Raises `LookupError` when there are none."""
        if variant not in self._finished:
            raise LookupError(f"no finished trial of variant '{variant}'")
        return Results(sorted(self._finished[variant], key=lambda r: r.trial.seed))

    def variants(self, prefix: str = "") -> list[str]:
        """The names of the finished variants that start with `prefix`, in the order in which they ran."""
        return [variant for variant in self._finished if variant.startswith(prefix)]

    def series(self, variant: str, measurement: str) -> Series:
        """One measurement of a variant, labelled by seed.

        Raises:
            LookupError: no trial of the variant has finished.
            UnknownMeasurementError: one of them has no such measurement.
        """
        finished = self.of(variant)
        for result in finished:
            if measurement not in result.measurements:
                names = ", ".join(result.measurements)
                raise UnknownMeasurementError(f"no measurement '{measurement}' of variant '{variant}'; it has: {names}")
        return Series([r.trial.seed for r in finished], [r.measurements[measurement] for r in finished])

    def items(self, variant: str, measurement: str) -> Series:
        """Correctness by item that trials have `packed`, as 0 and 1: shape (seeds, items). Raises as `series` does."""
        return self.series(variant, measurement).map(unpacked)

    def values(self, variant: str, measurement: str) -> np.ndarray:
        """One measurement of a variant as a plain array, shape (seeds, …), for figures. Raises as `series` does."""
        return self.series(variant, measurement).values

    def table(self) -> pd.DataFrame:
        """All trials as a table: one row a trial, with its variant, seed, framework, status and measurements."""
        import pandas as pd

        return pd.DataFrame(
            {
                "variant": r.trial.variant,
                "seed": r.trial.seed,
                "framework": r.trial.runtime.framework,
                "status": r.status,
                **r.measurements,
            }
            for r in self
        )
