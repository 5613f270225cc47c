"""The space of a sweep: what the lab declares, what ``--space`` changes of it, and what ``--set`` fixes."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from lib.harness.contract.config import Config
from lib.harness.contract.options import SPACE_FORMS
from lib.harness.contract.search import Choices, Range, Search, Space
from lib.harness.contract.settings import allowed_values, key_and_text, value_of
from lib.harness.contract.studies import changed
from lib.harness.errors import UserError, short

FORMS = f"write it as {SPACE_FORMS}"
FIXED = ("framework", "seeds", "batch")
"""Fields of every config on which no single trial depends, or that have an option of their own."""
MOST_STEPS = 1e15
"""From one end of a range to the other, so that each step is a number of its own in float64."""


def space_of(search: Search, config: Config, texts: Sequence[str], fixed: Sequence[str]) -> dict[str, Range | Choices]:
    """The lab's space with the changes of ``--space`` (`texts`), without the other fields that ``--set`` has `fixed`.

    Raises:
        UserError: a change that is not understood, or a value that the config or the judged trial would not take.
    """
    space = dict(search.space)
    changes = dict(_parsed(config, text) for text in texts)
    space |= changes
    for name in (text.partition("=")[0] for text in fixed):
        if name not in changes:
            space.pop(name, None)
    if not space:
        raise UserError("--set fixes all that the sweep would search: leave one of its fields out, or give --space")
    for name, one in space.items():
        _check(search, config, name, one)
    return space


def ends(one: Range | Choices) -> tuple[Any, ...]:
    """The values at the ends of a range, or all choices."""
    return one.values if isinstance(one, Choices) else (one.low, one.high)


def words(space: Space) -> list[str]:
    """A space as ``--space`` says it."""
    arguments = []
    for name, one in space.items():
        if isinstance(one, Choices):
            values = (value if isinstance(value, str) else json.dumps(value) for value in one.values)
            arguments.append(f"{name}={','.join(values)}")
        else:
            more = ":log" if one.log else f":{one.step!r}" if one.step else ""
            arguments.append(f"{name}={one.low!r}:{one.high!r}{more}")
    return arguments


def described(space: Space) -> dict[str, Any]:
    """A space as plain JSON."""
    plain: dict[str, Any] = {}
    for name, one in space.items():
        if isinstance(one, Choices):
            plain[name] = {"choices": list(one.values)}
        else:
            plain[name] = {"low": one.low, "high": one.high, "log": one.log, "step": one.step}
    return plain


def _parsed(config: Config, text: str) -> tuple[str, Range | Choices]:
    name, value = key_and_text(type(config), "--space", text, FORMS)
    if name in FIXED:
        raise UserError(f"--space {short(text)}: '{name}' says how the lab is run; it cannot be searched")
    if ":" not in value:
        return name, Choices(tuple(_scalar(text, part) for part in value.split(",")))
    low, high, *more = value.split(":")
    if len(more) > 1:
        raise UserError(f"--space {short(text)}: {FORMS}")
    log = more == ["log"]
    numbers = [_number(text, part) for part in (low, high, *([] if log else more))]
    kind = type(config).model_fields[name].annotation
    if kind is float:
        numbers = [float(number) for number in numbers]
    if kind is int and not all(isinstance(number, int) for number in numbers):
        raise UserError(f"--space {short(text)}: '{name}' is a whole number, so all of them must be whole numbers")
    if not numbers[0] < numbers[1]:
        raise UserError(f"--space {short(text)}: {short(low)} must be below {short(high)}")
    if log and numbers[0] <= 0:
        raise UserError(f"--space {short(text)}: a logarithm needs {short(low)} to be above 0")
    step = numbers[2] if len(numbers) > 2 else None
    if step is not None and not 0 < step <= numbers[1] - numbers[0]:
        raise UserError(f"--space {short(text)}: a step from {short(low)} to {short(high)} cannot be {short(more[0])}")
    if not (numbers[1] - numbers[0]) / (step or 1) < MOST_STEPS:
        raise UserError(
            f"--space {short(text)}: {short(low)} and {short(high)} are too far apart: at most {MOST_STEPS:.0e} steps "
            "are searched"
        )
    if step is not None and (left := _left_over(*numbers)):
        last = Decimal(repr(numbers[1])) - left
        raise UserError(
            f"--space {short(text)}: no step of {short(more[0])} ends at {short(high)}: "
            f"write {name}={short(low)}:{last}:{short(more[0])}"
        )
    return name, Range(numbers[0], numbers[1], log=log, step=step)


def _left_over(low: float, high: float, step: float) -> Decimal:
    """Return the remainder of (high - low) / step in decimal arithmetic, so that 0.3 is exactly three steps of 0.1."""
    first, last, each = (Decimal(repr(number)) for number in (low, high, step))
    return (last - first) % each


def _number(text: str, part: str) -> int | float:
    try:
        return int(part)
    except ValueError:
        pass
    try:
        number = float(part)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise UserError(f"--space {short(text)}: '{short(part)}' is not a number; {FORMS}")
    return number


def _scalar(text: str, part: str) -> bool | int | float | str:
    value = value_of("--space", text.partition("=")[0], part)
    if not isinstance(value, (bool, int, float, str)) or value == "":
        raise UserError(f"--space {short(text)}: '{short(part)}' is no single value; {FORMS}")
    return value


def _check(search: Search, config: Config, name: str, one: Range | Choices) -> None:
    """See that the field takes all of a part of the space, and that the judged trial keeps it.

    Whether it goes with the other fields is seen where all are sampled.
    """
    field = type(config).model_fields[name]
    for value in ends(one):
        try:
            sampled = changed(config, {name: value})
        except ValidationError as error:
            (first, *_) = error.errors()
            if not first["loc"]:
                continue
            raise UserError(
                f"--space {name}: {short(repr(value))} is refused: {first['msg']} (allowed: {allowed_values(field)})"
            ) from None
        kept: Mapping[str, Any] = search.trial(sampled).config.model_dump()
        if kept[name] != sampled.model_dump()[name]:
            raise UserError(
                f"--space {name}: the trial that judges a config sets this field itself, so it cannot be searched"
            )
    factor = next((m.multiple_of for m in field.metadata if hasattr(m, "multiple_of")), None)
    if factor and isinstance(one, Range) and (one.log or (one.step or 1) % factor):
        raise UserError(
            f"--space {name}: between {one.low} and {one.high} it takes only multiples of {factor}: "
            f"write {name}={one.low}:{one.high}:{factor}"
        )
