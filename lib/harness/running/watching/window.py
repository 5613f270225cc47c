"""The window of a trial in which operations are recorded: from one record of its log to another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from typing import TYPE_CHECKING, Any

import numpy as np

from lib.harness.recording.operations import Operations, Value, of_bytes, recorded
from lib.harness.recording.recorder import EnoughError
from lib.harness.recording.trace import (
    GROUPS,
    Digest,
    canonical,
    measurements_record,
    parameters_record,
    step_record,
)

if TYPE_CHECKING:
    from lib.harness.contract.trial import Framework


class Window:
    """Implements the contract's `Log`: it opens after `first` records of the trial and closes with record `last`.

    As a context manager it surrounds the trial. The trial ends with the window.

    Args:
        framework: of the trial.
        first: number of records before the window.
        last: number of records at its end; None for the end of the trial.
        begin: gives the file of the operations, when the window opens.

    Attributes:
        operations: the file; None before the window opens.
        closed: True once record `last` has been made, or the trial has ended in the window.
    """

    def __init__(self, framework: Framework, first: int, last: int | None, begin: Callable[[], Operations]):
        self._framework, self._first, self._last, self._begin = framework, first, last, begin
        self._count, self._digest, self._watching = 0, Digest(), ExitStack()
        self.operations: Operations | None = None
        self.closed = False

    @property
    def logged(self) -> str:
        """Return the digest of all records so far, as of a trace."""
        return str(self._digest)

    def __enter__(self) -> Window:
        if self._first == 0:
            self._open()
        return self

    def __exit__(self, *_: object) -> None:
        self._watching.close()

    def __call__(self, step: int, **values: float | np.ndarray | np.generic) -> None:
        """Count the values of a step, and write them down in the window."""
        self._keep("log", step_record(step, values))

    def timing(self, step: int = 0, **values: float) -> None:
        """Seconds are no part of what a trial computes."""

    def parameters(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Count the final parameters, and write them down in the window."""
        self._keep("log.parameters", parameters_record(arrays))

    def measurements(self, measurements: Mapping[str, Any]) -> None:
        """Write down what the trial returned, in a window that goes on to its end."""
        self._keep("measurements", measurements_record(measurements))
        self.closed = True

    def _keep(self, name: str, record: Mapping[str, Any]) -> None:
        if self.closed:  # a trial may log once more as it ends, in a `finally`
            raise EnoughError
        self._digest.add(canonical(record))
        self._count += 1
        if self.operations is not None:
            self.operations.add(name, list(_logged(record)), [])
        if self._count == self._last:
            self._watching.close()
            self.closed = True
            raise EnoughError
        if self._count == self._first:
            self._open()

    def _open(self) -> None:
        self.operations = self._begin()
        self._watching.enter_context(recorded(self.operations))
        self._watching.enter_context(_watched(self._framework, self.operations))


def _logged(record: Mapping[str, Any]) -> Iterator[Value]:
    """The values of a record of a trace: a number as it stands there, anything else by a hash of what stands there."""
    for group in GROUPS:
        for name, encoded in record.get(group, {}).items():
            if isinstance(encoded, str):
                yield {"name": name, "value": encoded}
            else:
                yield {"name": name, **of_bytes("record", [], canonical({name: encoded}).encode())}


def _watched(framework: Framework, operations: Operations) -> AbstractContextManager[None]:
    """The context in which the operations of a framework are written down."""
    if framework == "torch":
        from lib.harness.running.watching import in_torch

        return in_torch.watched(operations)
    if framework == "keras":
        from lib.harness.running.watching import in_tensorflow

        return in_tensorflow.watched(operations)
    from lib.harness.running.watching import in_numpy

    return in_numpy.watched(operations)
