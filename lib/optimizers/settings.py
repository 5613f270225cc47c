"""Settings of an optimizer: the conventions of the frameworks, their defaults, and the ranges that are allowed.

A convention is a framework's way to write a rule down: its defaults, and the places of epsilon, the learning rate and
the weight decay. Rules that carry the same name part there, so the convention is always a visible setting.
"""

import math
from collections.abc import Callable
from typing import Any, Literal

Convention = Literal["torch", "keras"]
Schedule = Callable[[int], float]

CONVENTIONS = ("torch", "keras")

BY_CONVENTION: Any = None
"""Default of a setting that the convention decides; None means the same."""

SHARED_DEFAULTS: dict[str, dict[str, Any]] = {
    "torch": {"weight_decay": 0.0, "decoupled_weight_decay": False},
    "keras": {"weight_decay": 0.0, "decoupled_weight_decay": True},
}

AT_LEAST_ZERO = ("learning_rate", "weight_decay", "eps", "initial_accumulator_value", "lr_decay", "momentum_decay")
FRACTIONS = ("momentum", "dampening", "alpha", "rho")
FLAGS = ("decoupled_weight_decay", "centered", "nesterov")


def defaults_of(optimizer: str, convention: Convention, table: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """All defaults of an optimizer in one convention; ValueError where the framework has no such optimizer."""
    if convention not in CONVENTIONS:
        raise ValueError(f"{optimizer}: convention must be 'torch' or 'keras', got {convention!r}")
    if convention not in table:
        other = next(iter(table))
        raise ValueError(f"{optimizer}: {convention} has no {optimizer}; use convention={other!r}")
    return {**SHARED_DEFAULTS[convention], **table[convention]}


def checked(optimizer: str, field: str, value: Any) -> Any:
    """The value of a setting as plain Python numbers; ValueError, naming field and range, where it is not allowed.

    Plain, because a NumPy float64 as a factor would turn float32 parameters into float64.
    """
    if field == "learning_rate" and callable(value):
        return value
    if field in AT_LEAST_ZERO:
        return number(optimizer, field, value, below=math.inf)
    if field in FRACTIONS:
        return number(optimizer, field, value, below=1.0)
    if field == "betas":
        if not isinstance(value, (tuple, list)) or len(value) != 2:
            raise ValueError(f"{optimizer}: betas must be two numbers in [0, 1), got {value!r}")
        return tuple(number(optimizer, f"betas[{i}]", beta, below=1.0) for i, beta in enumerate(value))
    if field in FLAGS and not isinstance(value, bool):
        raise ValueError(f"{optimizer}: {field} must be True or False, got {value!r}")
    return value


def number(optimizer: str, field: str, value: Any, *, below: float) -> float:
    """A finite number in [0, below)."""
    try:
        plain = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        plain = math.nan
    if 0.0 <= plain < below:
        return plain
    allowed = "in [0, 1)" if below == 1.0 else "a finite number >= 0"
    raise ValueError(f"{optimizer}: {field} must be {allowed}, got {value!r}")
