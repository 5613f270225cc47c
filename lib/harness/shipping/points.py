"""The points of a record of the journal, as MLflow's metrics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lib.harness.recording.trace import FINAL, metric
from lib.harness.shipping.remote import Metric


def points_of(record: Mapping[str, Any]) -> list[Metric]:
    """The numbers of a record as MLflow metrics. Arrays and texts have no place there: they are in the trace."""
    if record["kind"] == "timing":
        return [(name, float(value), record["time"], record["step"]) for name, value in record["values"].items()]
    inner = record["record"]
    step = inner.get("step", 0)
    if "measurements" in inner:
        values = {f"{FINAL}{name}": value for name, value in inner["measurements"].items()}
    else:
        values = inner.get("values", {})
    numbers = ((name, metric(value)) for name, value in values.items())
    return [(name, value, record["time"], step) for name, value in numbers if value is not None]
