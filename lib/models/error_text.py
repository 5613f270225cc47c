"""Errors of a framework as measurements: one line that is the same in every run."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any


def error_of(call: Callable[[], Any]) -> str:
    """The error that a call raises, as ``Type: message`` in one line; empty if it raises nothing.

    The parts that differ from run to run are left out: addresses in memory, files, the numbers that make names unique.
    For an error in a graph it is the message's last line, as the first ones say where it was raised.
    """
    try:
        call()
    except Exception as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [""]
        if not lines[0].startswith("in user code"):
            return f"{type(error).__name__}: {_steady(lines[0])}"
        kind = f"{type(error).__name__}: "
        return kind + _steady(lines[-1].removeprefix(kind))
    return ""


def _steady(text: str) -> str:
    return re.sub(r" at 0x[0-9a-fA-F]+|,? ?id=\d+|\S*\.py:\d+:? ?|(?<=[a-z])_\d+\b", "", text)
