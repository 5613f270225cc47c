"""The places where the trials of a run have computed, and the scope of equality that holds for all of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from concurrent.futures import Future

from lib.harness.machine import scope
from lib.harness.recording.journal import read
from lib.harness.recording.trace import canonical
from lib.harness.running.job import Job
from lib.harness.running.parent import ParentRun


def place_tags(run: ParentRun, first: Job, repeated: Future[list[str]]) -> dict[str, str]:
    """The tags of a run that say where it computed: ``lab.cpu``, ``lab.gpu`` and ``lab.scope``.

    Args:
        run: whose trials have ended.
        first: its first trial.
        repeated: the first lines of that trial, recorded once more.
    """
    places = list(_places(run))
    scopes = [place["lab.scope"] for place in places] + list(_lowered(first, repeated))
    where = {tag: _joined(place[tag] for place in places) for tag in ("lab.cpu", "lab.gpu")}
    return {**where, "lab.scope": scope.lowest(scopes)}


def _places(run: ParentRun) -> Iterator[dict[str, str]]:
    """The tags of each trial that say where it ran, as its worker has written them, and its scope."""
    for result in run.results:
        with run.journal_of(result).open("rb") as file:
            tags = json.loads(file.readline())["tags"]
        yield {
            "lab.cpu": tags["lab.cpu"],
            "lab.gpu": tags["lab.gpu"],
            "lab.scope": scope.of_error(result.error) or tags["lab.scope"],
        }


def _joined(values: Iterable[str]) -> str:
    """Each value once; ``none`` only where there is no other."""
    different = set(values)
    return "; ".join(sorted(different - {"none"} or different))


def _lowered(first: Job, repeated: Future[list[str]]) -> Iterator[str]:
    """A scope below the others, if the first lines of a trial differed when it was repeated."""
    records = [record for _, record in read(first.journal)]
    if records[-1].get("status") != "FINISHED":
        return
    error = repeated.exception()
    if error is not None:
        yield f"none: {type(error).__name__} when repeated"
        return
    lines = [canonical(record["record"]) for record in records if record["kind"] == "log"]
    difference = scope.of_repetition(lines, repeated.result())
    if difference:
        yield difference
