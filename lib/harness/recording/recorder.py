"""The log that a trial is given: it writes the trial's journal and keeps the running digest."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from lib.harness.errors import UserError
from lib.harness.recording.journal import Journal
from lib.harness.recording.jsonfile import finite, json_bytes
from lib.harness.recording.trace import (
    FINAL,
    Digest,
    canonical,
    exact,
    measurements_record,
    parameters_record,
    step_record,
    text_keys,
    whole,
)

NAMES = re.compile(r"\w[\w .:-]*(/\w[\w .:-]*)*")
"""The names that MLflow takes for metrics: relative paths of letters, digits, spaces and _ - . :"""
LONGEST_NAME = 250  # MLflow's limit
NAME_REFUSED = "MLflow would refuse the name"


def check_names(names: Iterable[str], prefix: str = "") -> None:
    """Raise `UserError` when MLflow would refuse one of the names of logged values. `prefix`: before each of them."""
    longest = LONGEST_NAME - len(prefix)
    for name in names:
        if not NAMES.fullmatch(name) or len(name) > longest:
            raise UserError(
                f"{NAME_REFUSED} '{name}': use letters, digits, spaces and _ - . : in parts joined by /, "
                f"at most {longest} characters"
            )


class Recorder:
    """Implements the contract's `Log` on a journal. Each of its methods checks names (`check_names`)."""

    def __init__(self, journal: Journal):
        self._journal = journal
        self._digest = Digest()
        self.timings: dict[str, float] = {}

    def __call__(self, step: int, **values: float | np.ndarray | np.generic) -> None:
        """Record values at a step."""
        check_names(values)
        self._record(step_record(step, values))

    def timing(self, step: int = 0, **values: float) -> None:
        """Record seconds or bytes, outside the digest."""
        check_names(values)
        floats = {name: float(value) for name, value in values.items()}
        self.timings |= floats
        self._journal.append("timing", step=whole(step), values=finite(floats), time=self._journal.now_ms())

    def parameters(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Record the final parameters and keep them as ``model/parameters.npz``."""
        check_names(arrays)
        self._record(parameters_record(arrays))
        with self._journal.writing("model/parameters.npz") as file:
            np.savez(file, allow_pickle=False, **{k: np.asarray(a) for k, a in arrays.items()})

    def measurements(self, measurements: Mapping[str, Any]) -> None:
        """Record what the trial returned, and keep it as ``measurements.json``."""
        check_names(measurements, FINAL)
        self._record(measurements_record(measurements))
        self._journal.write("measurements.json", json_bytes(measurements))

    def _record(self, record: Mapping[str, Any]) -> None:
        line = canonical(record)
        self._digest.add(line)
        self._journal.append_line(f'{{"kind":"log","time":{self._journal.now_ms()},"record":{line}}}')

    @property
    def digest(self) -> str:
        """The digest of all that was recorded so far."""
        return str(self._digest)


class EnoughError(BaseException):
    """Ends a trial from within its log; no `Exception`, so that no trial takes it for a failure of its own."""


class Beginning:
    """Implements the contract's `Log` in memory, and ends the trial after `count` lines."""

    def __init__(self, count: int):
        self._count = count
        self.lines: list[str] = []

    def __call__(self, step: int, **values: float | np.ndarray | np.generic) -> None:
        """Keep values at a step."""
        self._keep(step_record(step, values))

    def timing(self, step: int = 0, **values: float) -> None:
        """Seconds are not compared."""

    def parameters(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Keep the final parameters, by their hashes."""
        self._keep(parameters_record(arrays))

    def measurements(self, measurements: Mapping[str, Any]) -> None:
        """Keep what the trial returned, if it came so far."""
        self._keep(measurements_record(measurements))

    def _keep(self, record: Mapping[str, Any]) -> None:
        if len(self.lines) < self._count:  # a trial may log once more as it ends, in a `finally`
            self.lines.append(canonical(record))
        if len(self.lines) == self._count:
            raise EnoughError


def plain(value: Any, name: str = "measurements") -> Any:
    """Measurements as plain JSON types: arrays as nested lists, NumPy's numbers as Python's. `name`: for a user.

    Raises:
        NotExactError: two keys of a mapping are one as texts, or an array's values have no plain type.
    """
    if isinstance(value, Mapping):
        return {key: plain(part, f"{name}.{key}") for key, part in text_keys(value, name).items()}
    if isinstance(value, (list, tuple)):
        return [plain(part, f"{name}[{place}]") for place, part in enumerate(value)]
    if isinstance(value, (np.ndarray, np.generic)):
        return exact(value, name).tolist()
    return value
