"""The shipper: fills MLflow from the journal, now or when MLflow is back.

It runs in a process of its own (importing MLflow takes seconds; a lab never waits for that), at low priority, and
reads journals only. It outlives a lab that was killed just long enough to send how it ended. How far it got stands in
MLflow itself, as the tag ``lab.sent`` of each run, which comes and goes with the points. Losing that costs time, not
truth: runs are looked up by their tag ``lab.run`` before one is created, and MLflow drops a metric that it has already
(same key, step, time and value), so a replay puts nothing in twice. What is sent is on the journal's disk before.

A run that MLflow refuses, that was deleted there, or whose journal is damaged does not hold up the others.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lib.harness.recording import journal as journals
from lib.harness.recording import reading
from lib.harness.recording.disk import DISK, Disk
from lib.harness.recording.journal import sync_journal
from lib.harness.recording.trace import canonical, trace_lines
from lib.harness.shipping.points import points_of
from lib.harness.shipping.remote import SENT, Metric, RemoteRun, Server
from lib.harness.shipping.server import RefusedError
from lib.harness.shipping.state import JOURNAL, Sent, read_state, size_of, write_state

BATCH = 900
"""Metrics in a request: MLflow takes 1,000 items, with the tags."""
FOLDER = re.compile(r"\d{8}-\d{6}-(.+)-[0-9a-f]{6}")
"""The name of a run's folder, with that of its experiment in it."""


@dataclass
class Run:
    """A run that is being sent.

    Attributes:
        id: MLflow's.
        sent: bytes of the journal that have been sent.
        read: bytes of the journal that have been read.
        is_new: it was created just now, with its tags.
        metrics, params, tags: read, and not sent yet.
    """

    id: str
    sent: int
    read: int
    is_new: bool = False
    metrics: list[Metric] = field(default_factory=list)
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


class TryAgainError(Exception):
    """MLflow has refused something, and may not do so again: what it has is to be looked up anew."""


class Shipper:
    """Ships the journals below one folder: a parent's ``run.jsonl`` and its children's.

    Args:
        server: MLflow.
        folder: of the journals.
        disk: of the folder.
        heard: is told how much has been sent, each time that MLflow has taken something.

    Attributes:
        problems: a line for each run that MLflow does not have as it is, by the name of its journal.
        refused: whether MLflow refuses one of them.
        damaged: whether a journal is.
        is_to_ship_again: whether the last `ship` has found out why MLflow refused something, and can go on.
    """

    def __init__(
        self, server: Server, folder: Path, disk: Disk = DISK, heard: Callable[[str], None] = lambda progress: None
    ):
        self.server = server
        self.problems: dict[str, str] = {}
        self.refused = self.damaged = self.is_to_ship_again = False
        self._tried_again: set[str] = set()
        self._folder, self._disk, self._heard = folder, disk, heard
        self._trials = self._points = 0
        match = FOLDER.fullmatch(folder.name)
        self._name = match[1] if match else ""  # of the experiment, until a journal says it
        self.forget()

    def forget(self) -> None:
        """Ask MLflow again what it has: it may be another one by now, or may have done what it did not answer."""
        self._experiment: str | None = None
        self._remote: dict[str, RemoteRun] = {}
        self._runs: dict[str, Run] = {}
        self._done: set[str] = set()
        self._end_time = 0
        self._has_ended = False

    @property
    def page(self) -> str:
        """The address of the parent's page below the server's; empty before it is known."""
        run = self._runs.get(JOURNAL)
        return f"#/experiments/{self._experiment}/runs/{run.id}" if run else read_state(self._folder, self._disk).page

    def ship(self) -> bool:
        """Send what is new. Returns whether all that MLflow takes has been sent; the parent ends last.

        Raises:
            ServerAwayError: MLflow does not answer; call again later.
            RefusedError: MLflow takes nothing of it; calling again would not help.
            JournalError: the disk of the journal has failed.
        """
        self.is_to_ship_again = self._has_ended = False
        if not self._disk.exists(self._folder / JOURNAL):
            return False
        size = size_of(self._folder / JOURNAL, self._disk)  # what a lab that is resumed adds from now on counts as new
        try:
            if self._ship(JOURNAL, may_end=False):
                self._has_ended = self._is_over()
            trials = [name for name in self._disk.names(self._folder) if reading.is_trial(name)]
            self._trials = len(trials)  # all of them, where the parent had ended before they were listed
            ended = [self._ship(name) for name in trials if name not in self._done]
            if not (all(ended) and self._has_ended and self._ship(JOURNAL)):
                return False
        except TryAgainError:
            self.is_to_ship_again = True
            self.forget()
            return False
        except BaseException:
            self.forget()
            raise
        if not (self.refused or self.damaged):
            state = Sent(self.page, True, size, self._end_time)
            self._write(state)
        return True

    def _write(self, state: Sent) -> None:
        """Write the state down; it only spares questions, so that a full disk does not matter."""
        if read_state(self._folder, self._disk) != state:
            with suppress(OSError):
                write_state(self._folder, state, self._disk)

    def _ship(self, name: str, may_end: bool = True) -> bool:
        """Send what is new of one run. Returns whether nothing of it is left to send."""
        if name in self._done:
            return True
        path = self._folder / name
        try:
            run = self._runs.get(name) or self._begin(path)
            return name in self._done or (run is not None and self._send_new(path, run, may_end))
        except reading.DamagedError as error:
            if not may_end and name in self._runs:  # its trials come first
                self._has_ended = self._is_left()
                return False
            return self._end_damaged(path, error)
        except RefusedError as error:
            return self._leave(path, error)

    def _begin(self, path: Path) -> Run | None:
        """The run of a journal, looked up or created; None where it has no record yet, or there is nothing to send."""
        header = next((record for _, record in reading.read(path, disk=self._disk)), None)
        if header is None:
            return None
        reading.require_header(path, header)
        remote = self._known(header["experiment"], header["tags"].get("lab.summary", "")).get(header["key"])
        parent = self._runs.get(JOURNAL)
        if remote and remote.deleted:
            self._let_go(path)
            return None
        if remote and remote.is_ended and self._ends(path, remote):
            if path.name == JOURNAL:  # its trials may not have arrived
                self._runs[path.name] = Run(remote.id, 0, 0)
            self._end(path, remote.end_time)
            return None
        tags = {"lab.run": header["key"]}
        if header["parent"]:
            if parent is None and remote is None and JOURNAL not in self._done:
                return None
            if parent is None and remote is None:  # its parent was let go
                self._end(path, 0)
                return None
            tags |= {"mlflow.parentRunId": parent.id} if parent else {}
            tags["lab.parent"] = header["parent"]
        if remote is None:
            sync_journal(path, self._disk, named=True)  # no power cut takes a journal away that MLflow knows
            assert self._experiment is not None
            tags = {**header["tags"], **tags}
            id_ = self.server.create_run(self._experiment, header["name"], header["time"], tags)
            run = Run(id_, 0, 0, is_new=True)
        else:
            sent = remote.sent if reading.ends_at(path, remote.sent, self._disk) else 0  # of a backup it may be shorter
            run = Run(remote.id, sent, sent, tags=tags)
        self._runs[path.name] = run
        if path.name == JOURNAL and read_state(self._folder, self._disk).page != self.page:
            self._write(Sent(self.page))
        return run

    def _known(self, experiment: str, description: str = "") -> dict[str, RemoteRun]:
        """The runs of this folder that MLflow has, by key; asked once. A deleted experiment is restored."""
        self._name = experiment
        if self._experiment is None:
            match = self.server.experiment(experiment)
            if match is None:
                self.server.create_experiment(experiment, description)
                match = self.server.experiment(experiment)
            elif match.deleted:
                self.server.restore_experiment(match.id)
                self.problems["experiment"] = (
                    f"the experiment '{experiment}' was deleted in MLflow: it was restored, with the runs that it had"
                )
            if match is None:
                raise RefusedError(f"MLflow refuses the experiment '{experiment}'")
            self._remote = self.server.runs(match.id, self._folder.name)
            self._experiment = match.id
        return self._remote

    def _ends(self, path: Path, remote: RemoteRun) -> bool:
        """Return whether a journal ends as its run in MLflow has ended. All else of a run is sent before its end."""
        start, record = reading.last_at(path, self._disk)
        end = record or {}
        same = (end.get("status"), end.get("time")) == (remote.status, remote.end_time)
        return same and remote.sent in (0, start)  # 0: from before there was such a tag

    def _send_new(self, path: Path, run: Run, may_end: bool) -> bool:
        """Send what is new of a run. Returns whether its end has been sent."""
        end = None
        try:
            for offset, record in reading.read(path, run.sent, self._disk):
                match record["kind"]:
                    case "run":
                        run.params |= record["params"]
                        run.tags |= {} if run.is_new else record["tags"]
                    case "tags":
                        run.tags |= record["tags"]
                    case "log" | "timing":
                        run.metrics += points_of(record)
                    case "end":  # it stays unread until the run is closed: the server may die before that
                        end = record
                        continue
                    case "resume":
                        end = None
                        self._flush(path, run)
                        self._resume(run, record)
                run.read = offset
                if len(run.metrics) >= BATCH:
                    self._flush(path, run)
        except reading.DamagedError:
            self._flush(path, run)
            raise
        self._flush(path, run)
        if path.name == JOURNAL and not may_end:
            self._has_ended = end is not None
        if end is None and self._is_left():  # `mend` could not end it: it may be damaged before what is new
            for _ in reading.read(path, disk=self._disk):
                pass
        if end is None or not may_end:
            return False
        self._finish(path, run, end)
        return True

    def _resume(self, run: Run, record: Mapping[str, Any]) -> None:
        """The run of a lab that was interrupted goes on: what was said of its end is void."""
        self.server.delete_tag(run.id, "lab.ended")
        self.server.log(run.id, [], {}, record["tags"])
        self.server.set_status(run.id, "RUNNING", None)

    def _flush(self, path: Path, run: Run) -> None:
        """Send what has been read and how far that is, when it is on the disk."""
        if run.read == run.sent and not run.tags:
            return
        sync_journal(path, self._disk)
        *earlier, last = range(0, max(1, len(run.metrics)), BATCH)
        for start in earlier:
            self.server.log(run.id, run.metrics[start : start + BATCH], {}, {})
        self.server.log(run.id, run.metrics[last:], run.params, {**run.tags, SENT: str(run.read)})
        self._points += len(run.metrics)
        run.sent, run.is_new = run.read, False
        run.metrics, run.params, run.tags = [], {}, {}
        self._tell()

    def _finish(self, path: Path, run: Run, end: Mapping[str, Any]) -> None:
        """Send a run's files and then its end."""
        sync_journal(path, self._disk)
        self.server.send_lines(run.id, "trace.jsonl", trace_lines(self._trace(path)))
        self.server.send_files(run.id, reading.files_of(path))
        self.server.log(run.id, [], {}, end["tags"])
        if end["status"] == "FINISHED" and path.name == JOURNAL and (model := self._model(path)):
            self.server.register(run.id, model)
        self.server.set_status(run.id, end["status"], end["time"])
        self._end(path, end["time"])

    def _trace(self, path: Path) -> Iterator[str]:
        """The canonical lines of a journal."""
        for _, record in reading.read(path, disk=self._disk):
            if record["kind"] == "log":
                yield canonical(record["record"])

    def _model(self, path: Path) -> str:
        """The name of the model that a parent run hands on; empty for none."""
        tags = [record["tags"] for _, record in reading.read(path, disk=self._disk) if record["kind"] == "tags"]
        return next((each["lab.model"] for each in reversed(tags) if "lab.model" in each), "")

    def _end(self, path: Path, end_time: int) -> None:
        """Note that nothing of a run is left to send. `end_time`: in MLflow."""
        self._done.add(path.name)
        if path.name == JOURNAL:
            self._end_time = end_time
        self._tell()

    def _tell(self) -> None:
        done = len(self._done) - (JOURNAL in self._done)
        self._heard(f"{done} of {self._trials} trials, {self._points:,} points")

    def _key(self, path: Path) -> str:
        """The key of the run of a journal."""
        return reading.key_of(path)

    def _let_go(self, path: Path) -> None:
        self.problems[path.name] = (
            f"{self._key(path)} was deleted in MLflow: it is not sent again. To have it there, restore it in MLflow's "
            "list of deleted runs, then: ./invoke sync"
        )
        self._end(path, 0)

    def _end_damaged(self, path: Path, error: reading.DamagedError) -> bool:
        """End a run in MLflow whose journal is damaged and has no writer. Returns whether that is done."""
        self.problems[path.name] = str(error)
        self.damaged = True
        if not self._is_left():
            return False
        remote = self._known(self._name).get(self._key(path)) if self._name else None
        run = self._runs.get(path.name)
        if remote and (remote.is_ended or remote.deleted):
            self._end(path, remote.end_time)
            return True
        if run or remote:
            id_ = run.id if run else remote.id if remote else ""
            self.server.log(id_, [], {}, {"lab.ended": str(error)})
            self.server.set_status(id_, "FAILED", None)
        self._end(path, 0)
        return True

    def _is_over(self) -> bool:
        """Return whether the lab's journal has its end, or no lab."""
        try:
            end = reading.last(self._folder / JOURNAL, self._disk)
        except reading.DamagedError:
            return self._is_left()
        is_damaged = self.damaged and JOURNAL in self.problems  # nobody can end it
        return (end or {}).get("kind") == "end" or (is_damaged and self._is_left())

    def _is_left(self) -> bool:
        """Return whether the lab is known to be gone."""
        try:
            return journals.is_orphan(self._folder / JOURNAL, self._disk)
        except OSError:
            return False

    def _leave(self, path: Path, error: RefusedError) -> bool:
        """Find out why MLflow refuses a run, and go on without it. Returns True.

        Raises:
            TryAgainError: it may take it now.
            RefusedError: nothing of the folder can be sent.
        """
        run = self._runs.get(path.name)
        if run is None and path.name == JOURNAL:
            raise error
        self._experiment = None
        remote = self._known(self._name).get(self._key(path))
        if remote and remote.deleted:
            self._let_go(path)
            return True
        if path.name not in self._tried_again:  # it was gone, or in an experiment that was deleted
            self._tried_again.add(path.name)
            raise TryAgainError
        self.problems[path.name] = f"{self._key(path)}: {error}"
        self.refused = True
        if run is not None:
            with suppress(RefusedError):
                self.server.set_status(run.id, "FAILED", None)
        self._end(path, 0)
        return True
