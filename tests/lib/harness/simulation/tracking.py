"""An MLflow that is simulated: what it keeps, and how it can fail.

`tests/lib/harness/test_simulation.py` makes the same calls of it and of a real MLflow and compares what both have then.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from lib.harness.shipping.remote import SENT, Experiment, Metric, RemoteRun
from lib.harness.shipping.server import RefusedError, ServerAwayError
from tests.lib.harness.simulation.machine import Machine

T = TypeVar("T")


@dataclass
class StoredRun:
    """A run. `points`: (name, value in hexadecimal, time, step), each once."""

    id: str
    experiment: str
    name: str
    tags: dict[str, str]
    start_time: int
    status: str = "RUNNING"
    end_time: int = 0
    params: dict[str, str] = field(default_factory=dict)
    points: set[tuple[str, str, int, int]] = field(default_factory=set)
    files: dict[str, bytes] = field(default_factory=dict)
    deleted: bool = False


@dataclass
class Store:
    """All that an MLflow keeps."""

    experiments: dict[str, Experiment] = field(default_factory=dict)
    runs: dict[str, StoredRun] = field(default_factory=dict)
    versions: set[tuple[str, str]] = field(default_factory=set)
    number: int = 0


def _is_parent_or_open(key: str, run: StoredRun) -> bool:
    return (run.tags.get("lab.variant") == "all" and "." not in key) or run.status == "RUNNING"


class SimulatedServer:
    """The `lib.harness.shipping.remote.Server` of a machine.

    Attributes:
        store: what it keeps.
        up: whether it listens.
        failures: how the next calls fail, one after the other: ``error`` (it does nothing), ``lost`` (it does what it
            is asked and does not answer), ``slow`` (it does, too late), empty (it answers).
    """

    def __init__(self, machine: Machine):
        self.machine = machine
        self.store = Store()
        self.up = True
        self.failures: list[str] = []

    def _call(self, name: str, work: Callable[[], T]) -> T:
        self.machine.call(name)
        if not self.up:
            raise ServerAwayError("down")
        failure = self.failures.pop(0) if self.failures else ""
        if failure:
            self.machine.counts[f"{name}: {failure}"] += 1
        if failure == "error":
            raise ServerAwayError("500")
        result = work()
        if failure == "slow":
            self.machine.clock.advance(25)
            raise ServerAwayError("timed out", slow=True)
        if failure == "lost":
            raise ServerAwayError("connection reset")
        return result

    def answers(self) -> bool:
        """Return whether it listens."""
        return self.up

    def experiment(self, name: str) -> Experiment | None:
        """The experiment of this name."""
        return self._call("experiment", lambda: self.store.experiments.get(name))

    def create_experiment(self, name: str, description: str) -> None:
        """Create an experiment, unless it is there."""
        experiments = self.store.experiments
        self._call(
            "create_experiment", lambda: experiments.setdefault(name, Experiment(str(len(experiments) + 1), False))
        )

    def restore_experiment(self, experiment: str) -> None:
        """Take an experiment and its runs out of the bin."""
        self._call("restore_experiment", lambda: self.bin_experiment(experiment, deleted=False))

    def bin_experiment(self, experiment: str, deleted: bool) -> None:
        """Put an experiment and its runs into the bin, or take them out, as MLflow's page does."""
        (name,) = [name for name, each in self.store.experiments.items() if each.id == experiment]
        self.store.experiments[name] = Experiment(experiment, deleted)
        for run in self.store.runs.values():
            if run.experiment == experiment:
                run.deleted = deleted

    def runs(self, experiment: str, beginning: str) -> dict[str, RemoteRun]:
        """The runs whose key has this beginning."""
        return self._call(
            "runs", lambda: self._some(lambda key, run: run.experiment == experiment and key.startswith(beginning))
        )

    def parents(self) -> dict[str, RemoteRun]:
        """The parent runs, and trials that have not ended."""
        return self._call("parents", lambda: self._some(_is_parent_or_open))

    def _some(self, wanted: Callable[[str, StoredRun], bool]) -> dict[str, RemoteRun]:
        matches = {}
        for run in sorted(self.store.runs.values(), key=lambda each: not each.deleted):
            key = run.tags["lab.run"]
            if wanted(key, run):
                matches[key] = RemoteRun(run.id, run.status, run.end_time, int(run.tags.get(SENT, 0)), run.deleted)
        return matches

    def create_run(self, experiment: str, name: str, time: int, tags: Mapping[str, str]) -> str:
        """Create a run."""

        def create() -> str:
            if any(each.deleted for each in self.store.experiments.values() if each.id == experiment):
                raise RefusedError("the experiment must be active")
            self.store.number += 1
            run = StoredRun(f"r{self.store.number}", experiment, name, dict(tags), time)
            self.store.runs[run.id] = run
            return run.id

        return self._call("create_run", create)

    def _run(self, id_: str) -> StoredRun:
        run = self.store.runs.get(id_)
        if run is None or run.deleted:
            raise RefusedError("the run must be active")
        return run

    def log(self, run: str, metrics: Sequence[Metric], params: Mapping[str, str], tags: Mapping[str, str]) -> None:
        """Record metrics, params and tags."""

        def record() -> None:
            stored = self._run(run)
            for name, value in params.items():
                if stored.params.setdefault(name, value) != value:
                    raise RefusedError(f"the param {name} cannot be changed")
            stored.points |= {(name, value.hex(), time, step) for name, value, time, step in metrics}
            stored.tags |= tags

        self._call("log", record)

    def delete_tag(self, run: str, name: str) -> None:
        """Delete a tag."""
        self._call("delete_tag", lambda: self._run(run).tags.pop(name, None))

    def set_status(self, run: str, status: str, end_time: int | None) -> None:
        """Set a run's status."""

        def change() -> None:
            stored = self._run(run)
            stored.status = status
            stored.end_time = stored.end_time if end_time is None else end_time

        self._call("set_status", change)

    def send_lines(self, run: str, name: str, lines: Iterable[str]) -> None:
        """Store lines as a file."""
        text = "".join(lines).encode()
        self._call("send_lines", lambda: self._run(run).files.__setitem__(name, text))

    def send_files(self, run: str, folder: Path) -> None:
        """Store the files of a folder."""
        disk = self.machine.disk

        self._call("send_files", lambda: self._run(run).files.update(disk.files_below(folder)))

    def register(self, run: str, model: str) -> None:
        """Make a version of a model."""
        self._call("register", lambda: self.store.versions.add((model, run)))

    def copy(self) -> Store:
        """A copy of all that it keeps, as a backup has it."""
        return copy.deepcopy(self.store)
