"""Tables of mistakes, written as the code that a learner writes: each begins with a line ``# exercise: hint``."""

from __future__ import annotations

import re

Case = tuple[str, str, str]
"""The exercise, the key of its hint, and the code."""
HEAD = re.compile(r"^# (\w+): (\w+)$", re.MULTILINE)


def cases(table: str) -> list[Case]:
    """The cases of a table."""
    parts = HEAD.split(table)[1:]
    return [(parts[i], parts[i + 1], parts[i + 2].strip("\n") + "\n") for i in range(0, len(parts), 3)]


def spellings(table: str) -> dict[str, dict[str, int]]:
    """For each exercise its hints, and in how many spellings each occurs."""
    found: dict[str, dict[str, int]] = {}
    for exercise, key, _ in cases(table):
        hints = found.setdefault(exercise, {})
        hints[key] = hints.get(key, 0) + 1
    return found
