"""The probe of a run: the first records of its first trial, made once more and compared.

It begins when the first trial has ended, and repeats only what that trial recorded early: a long trial is never run
twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

from lib.harness.contract.trial import ENDED_WELL, Result
from lib.harness.machine import scope
from lib.harness.recording.reading import read
from lib.harness.recording.trace import canonical
from lib.harness.running.job import Job
from lib.harness.running.pool import Workers

LINES = 3
"""Records that are repeated, at most."""
EARLY_SECONDS = 10.0
"""After the start of the trial; later records are not repeated."""
WAIT_SECONDS = 60.0
"""How long a run that has ended waits for its probe."""


class Probe:
    """The probe of a run whose first trial is `first`."""

    def __init__(self, first: Job, workers: Workers):
        self._first, self._workers = first, workers
        self._lines: list[str] = []
        self._repeated: Future[list[str]] | None = None

    def ended(self, result: Result) -> None:
        """A trial of the run has ended: when it is the first and ended well, it is started again."""
        if result.run == self._first.run and result.status in ENDED_WELL:
            self._lines = early_lines(self._first.journal, pruned=result.status == "PRUNED")
            if self._lines:
                self._repeated = self._workers.start_again(self._first, len(self._lines))

    def lowered(self) -> Iterator[str]:
        """A scope below the others, if the first records differed when they were repeated."""
        if self._repeated is None:
            return
        try:
            error = self._repeated.exception(WAIT_SECONDS)
        except TimeoutError:  # nothing is known then
            return
        if error is not None:
            yield f"none: {type(error).__name__} when repeated"
            return
        difference = scope.of_repetition(self._lines, self._repeated.result())
        if difference:
            yield difference


def early_lines(path: Path, pruned: bool) -> list[str]:
    """The first lines of a trial's trace, as far as they came early. The end of a pruned trial is left out."""
    lines: list[str] = []
    start = 0
    for _, record in read(path):
        if record["kind"] == "run":
            start = record["time"]
        elif record["kind"] == "log":
            if len(lines) == LINES or record["time"] - start > 1000 * EARLY_SECONDS:
                break
            if not (pruned and "measurements" in record["record"]):
                lines.append(canonical(record["record"]))
    return lines
