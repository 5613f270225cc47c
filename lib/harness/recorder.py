"""The log that a trial is given: it writes the trial's journal and keeps the running digest."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from lib.harness.journal import Journal, now_ms
from lib.harness.jsonfile import json_bytes
from lib.harness.trace import array_record, canonical, encode

NAMES = re.compile(r"\w[\w .:-]*(/\w[\w .:-]*)*")


class Recorder:
    """Implements the contract's `Log` on a journal."""

    def __init__(self, journal: Journal):
        self._journal = journal
        self._digest = hashlib.sha256()

    def __call__(self, step: int, **values: float | np.ndarray | np.generic) -> None:
        """Record values at a step."""
        self._record({"step": int(step), "values": {name: encode(value) for name, value in values.items()}})

    def timing(self, step: int = 0, **values: float) -> None:
        """Record seconds or bytes, outside the digest."""
        floats = {name: float(value) for name, value in values.items()}
        self._journal.append("timing", step=int(step), values=floats, time=now_ms())

    def parameters(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Record the final parameters and keep them as ``model/parameters.npz``."""
        self._record({"parameters": {name: array_record(np.asarray(array)) for name, array in arrays.items()}})
        folder = self._journal.files / "model"
        folder.mkdir(parents=True, exist_ok=True)
        np.savez(folder / "parameters.npz", allow_pickle=False, **{k: np.asarray(a) for k, a in arrays.items()})

    def measurements(self, measurements: Mapping[str, Any]) -> None:
        """Record what the trial returned, and keep it as ``measurements.json``.

        Raises:
            ValueError: MLflow would refuse the name of a measurement.
        """
        for name in measurements:
            if not NAMES.fullmatch(name):
                raise ValueError(f"measurement '{name}': a name is made of letters, digits, spaces and _ - . : /")
        self._record({"measurements": encode(measurements)})
        (self._journal.files / "measurements.json").write_bytes(json_bytes(measurements))

    def _record(self, record: Mapping[str, Any]) -> None:
        line = canonical(record)
        self._digest.update(line.encode() + b"\n")
        self._journal.append_line(f'{{"kind":"log","time":{now_ms()},"record":{line}}}')

    @property
    def digest(self) -> str:
        """The digest of all that was recorded so far."""
        return self._digest.hexdigest()


def plain(value: Any) -> Any:
    """Measurements as plain JSON types: arrays as nested lists, NumPy's numbers as Python's."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    return value
