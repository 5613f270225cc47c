"""Records that MLflow has: found by the name that a user gives, and read whole.

Every look-up reads all of MLflow's pages: a parent run is older than its trials, so it is on the last one.
"""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from lib.harness.comparing.records import NEEDED, Record, RecordedTrial
from lib.harness.errors import UserError, warn_once
from lib.harness.recording.journal import is_full
from lib.harness.shipping import server
from lib.harness.shipping.remote import IMPORTED

KEY = re.compile(r"[\w-]+(\.trial-\d+(-\d+)?)?")
PAGE = 250
"""Runs that MLflow is asked for at a time, each with all of its tags."""
POINTS = 25_000
"""Points of a metric that MLflow is asked for at a time, as its own client does."""
PARENT = "tags.`lab.variant` = 'all'"
ARRIVAL_SECONDS = 60.0
"""How long a reproduction that has just ended may take to reach MLflow."""


def connect() -> Any:
    """A client of MLflow.

    Raises:
        UserError: it does not answer.
    """
    if not server.comes_up():
        raise UserError("MLflow does not answer, and records are read from it: ./invoke up")
    return server.connect()


@contextmanager
def connected() -> Iterator[Any]:
    """Give a client of MLflow to the block.

    Raises:
        UserError: MLflow does not answer, or stops doing so in the block; a disk is full or fails.
    """
    try:
        client = connect()
        with server.server_errors():
            yield client
    except server.ServerAwayError as error:
        what = "takes too long to answer" if error.slow else "does not answer any more"
        raise UserError(f"MLflow {what}: ./invoke up, then the same command again") from None
    except OSError as error:
        if not is_full(error):
            raise
        raise UserError(f"The disk is full ({error.filename}): make room, then the same command again") from None


def search(client: Any, experiments: Sequence[str], condition: str, order: Sequence[str] = ()) -> Iterator[Any]:
    """All runs of experiments that meet a condition of MLflow's, page by page."""
    token = None
    while True:
        page = client.search_runs(
            list(experiments), condition, max_results=PAGE, order_by=list(order), page_token=token
        )
        yield from page
        token = page.token
        if not token:
            return


def find(client: Any, name: str) -> Any:
    """The parent run of this name: its key or MLflow's id, a beginning of one that no other run has, or last:NAME.

    The key of a trial stands for the run that it belongs to. An imported run is not found by the key of one of ours.

    Raises:
        UserError: there is none, or more than one.
    """
    if name.startswith("last:"):
        return _newest(client, name.removeprefix("last:"))
    if not KEY.fullmatch(name):
        raise UserError(f"{name}: a run is its key (lab.run), MLflow's id, a beginning of one of them, or last:NAME")
    experiments = _experiments(client)
    parents = _parents(client, experiments, f"LIKE '{name.partition('.')[0]}%'")
    if not parents:
        by_id = search(client, experiments, f"attributes.run_id LIKE '{name}%'")
        keys = {run.data.tags.get("lab.run", "").partition(".")[0] for run in by_id} - {""}
        parents = [run for key in sorted(keys) for run in _parents(client, experiments, f"= '{key}'")]
    ours = {run.data.tags["lab.run"] for run in parents if IMPORTED not in run.data.tags}
    parents = [run for run in parents if IMPORTED not in run.data.tags or run.data.tags["lab.run"] not in ours]
    if len(parents) == 1:
        return parents[0]
    if parents:
        keys_found = ", ".join(sorted(run.data.tags["lab.run"] for run in parents)[:3])
        raise UserError(f"{name}: {len(parents)} runs begin with it ({keys_found}, …): give more of the key")
    raise UserError(f"{name}: MLflow has no such run (./invoke sync sends what it has not got yet)")


def own(client: Any, key: str) -> Any:
    """The parent run of this key that was recorded here and not imported; None where there is none."""
    runs = _parents(client, _experiments(client), f"= '{key}'")
    return next((run for run in runs if IMPORTED not in run.data.tags), None)


def _experiments(client: Any) -> list[str]:
    ids, token = [], None
    while True:
        page = client.search_experiments(max_results=PAGE, page_token=token)
        ids += [experiment.experiment_id for experiment in page]
        token = page.token
        if not token:
            return ids


def _parents(client: Any, experiments: Sequence[str], key: str) -> list[Any]:
    """The parent runs whose key meets this comparison."""
    runs = search(client, experiments, f"tags.`lab.run` {key} AND {PARENT}")
    return [run for run in runs if _is_parent(run)]


def _is_parent(run: Any) -> bool:
    """Return whether a run is a lab's own run and not a trial, whose variant may also be called ``all``."""
    return "lab.run" in run.data.tags and "mlflow.parentRunId" not in run.data.tags


def _newest(client: Any, lab: str) -> Any:
    experiment = client.get_experiment_by_name(lab)
    if experiment is not None:
        condition = f"{PARENT} AND attributes.status = 'FINISHED'"
        for run in search(client, [experiment.experiment_id], condition, ["start_time DESC"]):
            if _is_parent(run) and "lab.reproduces" not in run.data.tags:
                return run
    raise UserError(f"last:{lab}: MLflow has no finished run of a lab '{lab}' (./invoke labs lists the labs)")


def reproduction_of(client: Any, original: Record) -> Any:
    """The newest run that reproduces `original`; its end, whichever it is, may still be on the way to MLflow.

    One that measured too little for a claim is FAILED; what it has measured is compared like any other.

    Raises:
        UserError: none has arrived in time.
    """
    condition = f"tags.`lab.reproduces` = '{original.key}' AND {PARENT}"
    deadline = time.monotonic() + ARRIVAL_SECONDS
    while True:
        experiment = client.get_experiment_by_name(original.tags["lab.name"])  # none yet, if it was imported
        runs = search(client, [experiment.experiment_id], condition, ["start_time DESC"]) if experiment else iter(())
        newest = next(filter(_is_parent, runs), None)
        if newest is not None and newest.info.status != "RUNNING":
            return newest
        if time.monotonic() > deadline:
            raise UserError(f"{original.key}: its reproduction has not reached MLflow: ./invoke sync, then look there")
        time.sleep(0.5)


def all_of(client: Any, lab: str) -> list[Any]:
    """The parent runs of a lab that have ended, oldest first.

    Raises:
        UserError: there are none.
    """
    experiment = client.get_experiment_by_name(lab)
    runs = search(client, [experiment.experiment_id], PARENT) if experiment is not None else iter(())
    ended = [run for run in runs if _is_parent(run) and run.info.status != "RUNNING"]
    if not ended:
        raise UserError(f"all:{lab}: MLflow has no run of a lab '{lab}' that has ended (./invoke labs lists the labs)")
    return sorted(ended, key=lambda run: str(run.data.tags["lab.run"]))


def child_runs(client: Any, run: Any) -> Iterator[Any]:
    """The runs of the trials of a parent run. One that is no trial of a lab is left out, with a warning."""
    for child in search(client, [run.info.experiment_id], f"tags.mlflow.parentRunId = '{run.info.run_id}'"):
        if "lab.run" in child.data.tags:
            yield child
        else:
            warn_once(
                f"{run.data.tags['lab.run']}: the run {child.info.run_id} below it in MLflow has no tag lab.run: "
                "it is left out"
            )


def read(client: Any, run: Any) -> Record:
    """The whole record of a parent run.

    Raises:
        UserError: a part of it is missing, or is not what its digest says.
    """
    if missing := [tag for tag in NEEDED if tag not in run.data.tags]:
        raise UserError(f"{run.data.tags['lab.run']} has no tag {missing[0]} in MLflow: the record is not whole")
    return Record(
        key=run.data.tags["lab.run"],
        tags=dict(run.data.tags),
        params=dict(run.data.params),
        status=run.info.status,
        began=run.info.start_time,
        time=run.info.end_time or 0,
        page=f"#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}",
        source=MlflowRun(client, run),
    ).require_whole()


@dataclass(frozen=True)
class MlflowRun:
    """A parent run as a `Source`."""

    client: Any
    run: Any

    def file(self, name: str) -> bytes | None:
        """An artifact of the run; None where it is missing."""
        return _artifact(self.client, self.run, name)

    def trials(self) -> Iterator[RecordedTrial]:
        """The run's trials."""
        for child in child_runs(self.client, self.run):
            tags = dict(child.data.tags)
            config = _artifact(self.client, child, "config.json")
            yield RecordedTrial(
                tags["lab.run"], tags, child.info.status, partial(self._trace, child.info.run_id), config
            )

    def _trace(self, child: str) -> Iterator[str]:
        """The lines of a trial's ``trace.jsonl``; MLflow's id is `child`. Raises `UserError` where it is missing."""
        with _downloaded(self.client, child, "trace.jsonl") as path:
            if path is None:
                raise UserError(
                    f"{self.run.data.tags['lab.run']}: its trace.jsonl is missing in MLflow "
                    f"(run {child}): the record is not whole"
                )
            with path.open(encoding="ascii", errors="replace", newline="\n") as lines:
                yield from lines

    def __str__(self) -> str:
        return f"MLflow (run {self.run.info.run_id})"


def points(client: Any, run: Any) -> Iterator[Any]:
    """Every point of a run's metrics, as MLflow has them: metric by metric, each from its first to its last."""
    store = client._tracking_client.store  # the client itself gives all points of a metric at once
    for name in sorted(run.data.metrics):
        token = None
        while True:
            page = store.get_metric_history(run.info.run_id, name, max_results=POINTS, page_token=token)
            yield from page
            token = page.token
            if not token:
                break


def _artifact(client: Any, run: Any, name: str) -> bytes | None:
    with _downloaded(client, run.info.run_id, name) as path:
        return None if path is None else path.read_bytes()


@contextmanager
def _downloaded(client: Any, run: str, name: str) -> Iterator[Path | None]:
    """An artifact of a run as a file that is gone afterwards; None where MLflow has no such artifact."""
    from mlflow.exceptions import MlflowException

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        try:
            path = Path(client.download_artifacts(run, name, folder))
        except (MlflowException, OSError):  # it is missing, or MLflow does not answer
            if name in [file.path for file in client.list_artifacts(run, name.rpartition("/")[0] or None)]:
                raise
        yield path if path.is_file() else None
