"""The places where the trials of a run have computed, and the scope of equality that holds for all of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from lib.harness.machine import scope
from lib.harness.recording.reading import last
from lib.harness.running.parent import ParentRun
from lib.harness.running.probe import Probe


def place_tags(run: ParentRun, probe: Probe) -> dict[str, str]:
    """The tags of a run that say where it computed: ``lab.cpu``, ``lab.gpu`` and ``lab.scope``.

    Args:
        run: whose trials have ended.
        probe: of its first trial.
    """
    places = list(_places(run))
    scopes = [place["lab.scope"] for place in places] + list(probe.lowered())
    where = {tag: _joined(place[tag] for place in places) for tag in ("lab.cpu", "lab.gpu")}
    return {**where, "lab.scope": scope.lowest(scopes)}


def _places(run: ParentRun) -> Iterator[dict[str, str]]:
    """The tags of each trial that say where it ran, as its worker has written them, and its scope."""
    for result in run.results:
        journal = run.journal_of(result)
        with journal.open("rb") as file:
            tags = json.loads(file.readline())["tags"] | (last(journal) or {}).get("tags", {})
        yield {
            "lab.cpu": tags["lab.cpu"],
            "lab.gpu": tags["lab.gpu"],
            "lab.scope": scope.of_error(result.error) or tags["lab.scope"],
        }


def _joined(values: Iterable[str]) -> str:
    """Each value once; ``none`` only where there is no other."""
    different = set(values)
    return "; ".join(sorted(different - {"none"} or different))
