"""Traces of version 2 in the form of version 1, for the comparison of a run with one that was recorded before.

Version 1 had no marks: a text "nan" and the number were equal, as were integers that round to the same float64.
It wrote ``True`` of Python and of NumPy in two ways; here both are numbers, in traces of either version.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from lib.harness.comparing.records import Child
from lib.harness.errors import UserError
from lib.harness.recording.trace import GROUPS, canonical, digest_of, is_array, metric


def as_version_1(child: Child, version: str) -> Child:
    """A trial whose trace is of `version`, with the trace that version 1 would have, but for booleans.

    Raises:
        UserError: a value in it is too deep, as only somebody who means it writes one.
    """

    marked = version != "1"

    def part(value: Any) -> Any:
        match value:
            case bool():
                form: Any = float(value).hex()
            case list():
                form = [part(each) for each in value]
            case {"t": str(text), **others} if marked and not others:
                form = text
            case {"i": str(), **others} if marked and not others and (number := metric(value)) is not None:
                form = number.hex()
            case {"m": dict(parts), **others} if marked and not others:
                form = {key: part(each) for key, each in parts.items()}
            case dict() if not is_array(value):
                form = {key: part(each) for key, each in value.items()}
            case _:
                form = value
        return form

    def line(record: dict[str, Any]) -> str:
        groups = {group: {name: part(value) for name, value in record.get(group, {}).items()} for group in GROUPS}
        return canonical({**record, **{group: parts for group, parts in groups.items() if group in record}})

    def lines() -> Iterator[str]:
        for text in child.trace():
            try:
                yield line(json.loads(text))
            except RecursionError:
                raise UserError(f"trial {child.name}: a value is too deep to be compared with version 1") from None

    return replace(child, trace=lines, digest=digest_of(lines()))
