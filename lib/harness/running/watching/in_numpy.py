"""Functions of a lab that computes in NumPy, as its operations: NumPy itself has no place where all of them are seen.

An operation is a call of a function of the lab's own code, or of what the lab shares with others. Its inputs are the
arrays and numbers among its arguments; its outputs are those that it returns, and those that its names hold then. So
`self.velocity` of an optimizer by hand is seen as it is after each step. A function that another one calls comes before
it. What is no array and no number, or deeper in other things than `DEPTH`, is not seen.
"""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType, ModuleType
from typing import Any

import numpy as np

from lib.harness.recording.operations import Operations, Value, of

DEPTH = 3
HARNESS = Path(__file__).resolve().parents[2]
ELSEWHERE = (str(HARNESS), sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"), "<")
"""Where the files are whose functions are not the lab's."""


@contextmanager
def watched(operations: Operations) -> Iterator[None]:
    """For the block, write down every call of a function of the lab."""
    before = sys.getprofile()
    sys.setprofile(_Calls(operations).event)
    try:
        yield
    finally:
        sys.setprofile(before)


class _Calls:
    """The calls that have begun and not ended, each with its inputs."""

    def __init__(self, operations: Operations):
        self._operations = operations
        self._open: list[tuple[FrameType, list[Value]]] = []
        self._own: dict[CodeType, bool] = {}

    def event(self, frame: FrameType, event: str, returned: Any) -> None:
        """Take an event of `sys.setprofile`."""
        if event not in ("call", "return") or not self._is_own(frame.f_code):
            return
        if event == "call":
            self._open.append((frame, list(_named(frame.f_locals))))
        elif self._open and self._open[-1][0] is frame:
            _, inputs = self._open.pop()
            outputs = [*_values("return", returned, DEPTH), *_named(frame.f_locals)]
            module = str(frame.f_globals.get("__name__", ""))
            self._operations.add(frame.f_code.co_qualname, inputs, outputs, module)

    def _is_own(self, code: CodeType) -> bool:
        if code not in self._own:
            self._own[code] = not (code.co_filename.startswith(ELSEWHERE) or code.co_name.startswith("<"))
        return self._own[code]


def _is_no_state(value: Any) -> bool:
    """Return whether an object has nothing that a lab computes with: a class, a module, or a part of the harness."""
    return isinstance(value, (type, ModuleType)) or type(value).__module__.startswith("lib.harness.")


def _named(names: Mapping[str, Any]) -> Iterator[Value]:
    for name, value in sorted(names.items()):
        yield from _values(name, value, DEPTH)


def _values(name: str, value: Any, depth: int) -> Iterator[Value]:
    """The arrays and numbers in a value, each with the name by which it is reached."""
    if isinstance(value, (np.ndarray, np.generic, bool, int, float)):
        yield {"name": name, **of(value)}
    elif isinstance(value, np.random.Generator):
        yield {"name": name, **of(np.frombuffer(repr(value.bit_generator.state).encode(), np.uint8))}
    elif depth == 0:
        return
    elif hasattr(value, "_asdict"):  # a named tuple
        yield from _values(name, value._asdict(), depth)
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from _values(f"{name}.{key}", part, depth - 1)
    elif isinstance(value, (list, tuple)):
        for place, part in enumerate(value):
            yield from _values(f"{name}[{place}]", part, depth - 1)
    elif hasattr(value, "__dict__") and not _is_no_state(value):
        for key, part in vars(value).items():
            yield from _values(f"{name}.{key}", part, depth - 1)
