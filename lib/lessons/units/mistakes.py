"""Hints from wrong results: what a known mistake would have given is compared with what was given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lib.lessons.checks import RELATIVE, Hint, relation, same


def hint_for(
    answer: np.ndarray, expected: np.ndarray, mistakes: Mapping[str, Any], relative: float = RELATIVE
) -> Hint | None:
    """The hint of the mistake that gives this answer, else one for how it is related to the expected one.

    Args:
        answer: the learner's result; as `expected` in shape.
        expected: the right one.
        mistakes: by the hint's key the result of a mistake, in the order in which they are tried.
        relative: tolerance of all comparisons.

    Returns:
        None for the right answer.
    """
    if same(answer, expected, relative=relative):
        return None
    for key, wrong in mistakes.items():
        if same(answer, np.asarray(wrong, dtype=float), relative=relative):
            return Hint(key)
    kind = relation(answer, expected, relative=relative)
    return Hint(kind or "other")
