"""Two files of operations compared: the first operation that differs, and whether its inputs did so already.

A file may come from elsewhere, so it is read as something that anybody has written: checked as a whole first, then line
by line. The host runs this, with the standard library alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any

from lib.harness.errors import UserError, short
from lib.harness.recording.operations import HASH_BYTES, HEADER, VERSION

LONGEST = 64 << 20
"""Bytes of a line that are read at most."""
SAME = (HEADER, "trial", "step")
"""Fields of the header that two files must share to be of one step."""
MAKER = "./invoke reproduce RUN --ops"


@dataclass(frozen=True)
class Recording:
    """A file of operations that is whole.

    Attributes:
        path: of the file.
        header: its first line.
        end: its last line.
    """

    path: Path
    header: dict[str, Any]
    end: dict[str, Any]

    @property
    def count(self) -> int:
        """The number of its operations."""
        return int(self.end["operations"])

    @property
    def step(self) -> str:
        """The step that it is of, for a user."""
        return f"step {self.header['step']} of trial {self.header['trial']}"

    def lines(self) -> Iterator[bytes]:
        """The lines of its operations, read anew at every call."""
        lines = _lines(self.path)
        next(lines)
        yield from islice(lines, self.count)


@dataclass(frozen=True)
class Difference:
    """The first operation in which two files differ.

    Attributes:
        number: of the operation, from 0.
        names: of the operation in each file; None where the file has ended.
        scope: the part of the computation that it belongs to; empty where it is not known.
        inputs: the names of its inputs that differ.
        outputs: the names of its outputs that differ.
        given: in each file, the first of these inputs: its value, or the operation that gave it.
    """

    number: int
    names: tuple[str | None, str | None]
    scope: str
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    given: tuple[str, str] = ("", "")

    def __str__(self) -> str:
        left, right = self.names
        place = f"operation {self.number}, {left or right}{f' in {self.scope}' if self.scope else ''}"
        if left is None or right is None:
            return f"{place}, is in one file only: the other one has ended"
        if left != right:
            return f"{place}, is {right} in the second file: another operation ran"
        if not self.inputs:
            return f"{place}: the same inputs, another {_listed('output', self.outputs)}: it computed differently"
        one, other = self.given
        return (
            f"{place}: every operation before it gave the same, but its {_listed('input', self.inputs)} differed. "
            f"{self.inputs[0] or 'It'} is {one} in the first file and {other} in the second"
        )


def _listed(kind: str, names: tuple[str, ...]) -> str:
    return " ".join([f"{kind}s" if len(names) > 1 else kind, *([", ".join(names)] if any(names) else [])])


def is_recording(path: Path) -> bool:
    """Return whether a file begins as one of operations does."""
    try:
        with path.open("rb") as file:
            return file.read(len(_BEGINNING)) == _BEGINNING
    except OSError:
        return False


_BEGINNING = f'{{"{HEADER}":'.encode()


def read(path: Path) -> Recording:
    """A file of operations, read once from its first line to its last.

    Raises:
        UserError: it is none, is not whole, or is of a version that is not known yet.
    """
    if not is_recording(path):
        raise UserError(f"{path}: this is no file of {MAKER}")
    try:
        header, end = _read(path)
    except (OSError, ValueError, RecursionError, StopIteration) as error:
        reason = f" ({error.strerror})" if isinstance(error, OSError) else ""
        raise UserError(f"{path}: the file is not whole{reason}: make it again, or copy it again ({MAKER})") from None
    if header["version"] != VERSION:
        raise UserError(
            f"{path}: version {header['version']}, and this clone knows {VERSION}: git pull, then try again"
        )
    return Recording(path, header, end)


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The first and the last line of a file. Raises `ValueError` where it is not whole."""
    digest, count = hashlib.blake2b(digest_size=HASH_BYTES), -1
    lines = _lines(path)
    before = first = next(lines)
    for line in lines:
        digest.update(before)
        count += 1
        before = line
    header, end = _mapping(first), _mapping(before)
    texts = all(isinstance(header.get(name), str) for name in SAME) and isinstance(header.get("version"), int)
    if not texts or end.get("operations") != count or end.get("blake2b") != digest.hexdigest():
        raise ValueError(path)
    return header, end


def _lines(path: Path) -> Iterator[bytes]:
    """The lines of a file. Raises `ValueError` for one that is too long or torn."""
    with path.open("rb") as file:
        while line := file.readline(LONGEST):
            if not line.endswith(b"\n"):
                raise ValueError(path)
            yield line


def _mapping(line: bytes) -> dict[str, Any]:
    record = json.loads(line)
    if not isinstance(record, dict):
        raise ValueError(line[:80])
    return record


def first_difference(left: Recording, right: Recording) -> Difference | None:
    """The first operation in which two files differ; None where all are the same.

    Raises:
        UserError: they are of different steps, or one has what is no operation.
    """
    for name in SAME:
        if left.header[name] != right.header[name]:
            raise UserError(
                f"{left.path} is of {left.header[HEADER]}, {left.step}, and {right.path} of {right.header[HEADER]}, "
                f"{right.step}: compare two files of one step"
            )
    for number, (one, other) in enumerate(zip_longest(left.lines(), right.lines())):
        if one != other:
            operations = _operation(left, one), _operation(right, other)
            difference = _difference(number, *operations)
            if difference is not None and difference.inputs:
                one_given, other_given = (
                    _given(recording, operation, difference)
                    for recording, operation in zip((left, right), operations, strict=True)
                )
                return replace(difference, given=(one_given, other_given))
            if difference is not None:
                return difference
    return None


def _given(recording: Recording, operation: _Operation | None, difference: Difference) -> str:
    """The value of the first input that differs, in this file, or the operation that gave it."""
    value = _by_name(operation.inputs if operation else []).get(difference.inputs[0])
    if value is None:
        return "missing"
    if "hash" not in value:
        return short(json.dumps(value.get("value", value.get("dtype"))))
    source, needle = "the output of no operation before it", str(value["hash"]).encode(errors="replace")
    for number, line in enumerate(islice(recording.lines(), difference.number)):
        if needle in line:
            before = _operation(recording, line)
            if before and any(output.get("hash") == value["hash"] for output in before.outputs):
                source = f"the output of operation {number}, {before.name}"
    return source


@dataclass(frozen=True)
class _Operation:
    name: str
    scope: str
    inputs: list[dict[str, Any]]
    outputs: list[dict[str, Any]]


def _operation(recording: Recording, line: bytes | None) -> _Operation | None:
    if line is None:
        return None
    try:
        match _mapping(line):
            case {"name": str(name), "scope": str(scope), "inputs": list(inputs), "outputs": list(outputs)}:
                if all(isinstance(value, dict) for value in (*inputs, *outputs)):
                    return _Operation(name, scope, inputs, outputs)
    except (ValueError, RecursionError):
        pass
    raise UserError(f"{recording.path}: a line of it is no operation: make it again ({MAKER})")


def _difference(number: int, left: _Operation | None, right: _Operation | None) -> Difference | None:
    """The difference of two operations; None where they differ in their scopes alone, which compute nothing."""
    names = left.name if left else None, right.name if right else None
    scope = left.scope if left else right.scope if right else ""
    if left is None or right is None or left.name != right.name:
        return Difference(number, names, scope)
    inputs, outputs = _unequal(left.inputs, right.inputs), _unequal(left.outputs, right.outputs)
    return Difference(number, names, scope, inputs, outputs) if inputs or outputs else None


def _unequal(left: list[dict[str, Any]], right: list[dict[str, Any]]) -> tuple[str, ...]:
    """The names of the values that differ."""
    one, other = _by_name(left), _by_name(right)
    return tuple(name for name in {**one, **other} if one.get(name) != other.get(name))


def _by_name(values: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Values by their names; one without a name by its place, unless it is the only one."""
    return {
        str(value.get("name") or (place if len(values) > 1 else "")): value for place, value in enumerate(values, 1)
    }
