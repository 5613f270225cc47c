"""Strict JSON, readable by any program."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any


def json_bytes(value: Any) -> bytes:
    """`value` as JSON; what is not finite becomes the text ``inf``, ``-inf`` or ``nan``."""
    return json.dumps(finite(value), indent=1, allow_nan=False, ensure_ascii=False).encode()


def finite(value: Any) -> Any:
    """A copy of `value` with texts for the numbers that JSON lacks: ``inf``, ``-inf`` and ``nan``."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {k: finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(v) for v in value]
    return value
