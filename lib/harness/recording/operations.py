"""The hashes of a step's operations, as a file: what two machines compare to find the first operation that differs.

A file has one line of JSON for each of these:

- the header: ``{"operations_of":"20261124-…","version":1,"trial":"adam, seed 3","step":"140",…}``
- each operation, in the order in which they ran:
  ``{"operation":7,"name":"aten.mm.default","scope":"…","inputs":[…],"outputs":[…]}``
- the end: ``{"operations":212,"blake2b":"…",…}``, their number and the hash of all lines before it

A value is an array, by its dtype, shape and the BLAKE2b hash of its bytes (C order, little-endian), or something else,
by its text: numbers in C's hexadecimal notation. Arrays are hashed at once and never kept.

The host reads such files, so that nothing but the standard library is loaded until an array is hashed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO

HEADER = "operations_of"
"""The first key of the header: the key of the run."""
VERSION = 1
HASH_BYTES = 16
Value = dict[str, Any]
"""The hash of an array or the text of something else, with its name where it has one."""


class Operations:
    """The writer of such a file.

    Args:
        stream: that takes the lines.
        run: the key of the run.
        about: the rest of the header.
    """

    def __init__(self, stream: BinaryIO, run: str, about: Mapping[str, Any]):
        self._stream, self._digest = stream, hashlib.blake2b(digest_size=HASH_BYTES)
        self._scopes: list[str] = []
        self.count = 0
        self._write({HEADER: run, "version": VERSION, **about})

    def add(self, name: str, inputs: Sequence[Value], outputs: Sequence[Value], scope: str | None = None) -> None:
        """Write an operation down. `scope`: where it belongs; by default the innermost part that was entered."""
        where = self.scope if scope is None else scope
        self._write({"operation": self.count, "name": name, "scope": where, "inputs": inputs, "outputs": outputs})
        self.count += 1

    @property
    def scope(self) -> str:
        """Return the name of the innermost part that was entered and not left; empty outside of all."""
        return self._scopes[-1] if self._scopes else ""

    def enter(self, part: str) -> None:
        """Enter a part of the computation: a layer, an optimizer's step."""
        self._scopes.append(part)

    def leave(self) -> None:
        """Leave the part that was entered last."""
        if self._scopes:  # it may have been entered before the first operation that is recorded
            self._scopes.pop()

    def end(self, **facts: Any) -> None:
        """Write the last line, with more facts about the step."""
        line = {"operations": self.count, "blake2b": self._digest.hexdigest(), **facts}
        self._stream.write(_line(line))
        self._stream.flush()

    def _write(self, record: Mapping[str, Any]) -> None:
        line = _line(record)
        self._digest.update(line)
        self._stream.write(line)


def _line(record: Mapping[str, Any]) -> bytes:
    return json.dumps(record, separators=(",", ":")).encode("ascii") + b"\n"


_active: list[Operations] = []


def active() -> Operations | None:
    """The file to which the present operations of this process go; None where nobody asks for them."""
    return _active[-1] if _active else None


@contextmanager
def recorded(operations: Operations) -> Iterator[None]:
    """For the block, let `active` be these."""
    _active.append(operations)
    try:
        yield
    finally:
        _active.pop()


def note(name: str, inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> None:
    """Write an operation of our own down, where operations are recorded. Its inputs are as they were before it."""
    present = active()
    if present is not None:
        present.add(name, values(inputs), values(outputs))


def values(named: Mapping[str, Any]) -> list[Value]:
    """Arrays of NumPy and other values, each with its name, as a file has them."""
    return [{"name": name, **of(value)} for name, value in named.items()]


def of(value: Any) -> Value:
    """An array of NumPy by its hash, anything else by its text."""
    if hasattr(value, "dtype") and hasattr(value, "tobytes"):
        return _of_array(value)
    return {"value": text(value)}


def text(value: Any) -> Any:
    """A value that is no array: numbers exactly, texts as they are, lists piece by piece, anything else by its type."""
    if isinstance(value, float):
        return value.hex()
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, complex):
        return f"{value.real.hex()} + {value.imag.hex()} i"
    if isinstance(value, (list, tuple)):
        return [text(part) for part in value]
    return type(value).__name__


def _of_array(array: Any) -> Value:
    import numpy as np

    array = np.asarray(array)
    if array.dtype.hasobject:
        return {"dtype": "object", "shape": list(array.shape)}
    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    return of_bytes(array.dtype.name, array.shape, little.reshape(-1).view(np.uint8))


def of_bytes(dtype: str, shape: Sequence[int], data: Any) -> Value:
    """An array by its hash. `data`: its bytes, as a buffer."""
    digest = hashlib.blake2b(data, digest_size=HASH_BYTES)
    return {"dtype": dtype, "shape": list(shape), "hash": digest.hexdigest()}
