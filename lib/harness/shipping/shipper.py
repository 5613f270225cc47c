"""The shipper: fills MLflow from the journal, now or when MLflow is back.

It runs in a process of its own (importing MLflow takes seconds; a lab never waits for that), at low priority, and
reads journals only. It outlives a lab that was killed just long enough to send how it ended. For each run it remembers
in ``<key>.shipped`` how far it got. Losing that file costs time, not truth: runs are looked up by their tag ``lab.run``
before one is created, and MLflow drops a metric that it has already (same key, step, time and value), so a replay puts
nothing in twice.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from lib.harness.recording import journal as journals
from lib.harness.recording.trace import canonical, trace_lines
from lib.harness.shipping.server import server_errors
from lib.harness.shipping.state import is_sent, page_of, read_state, write_state

BATCH = 1000
"""MLflow's own limit of metrics in a request."""
TAG_LENGTH, PARAM_LENGTH = 8000, 6000
"""MLflow's own limits; the files of the run have the whole text."""


class Shipper:
    """Ships the journals below one folder: a parent's ``run.jsonl`` and its children's."""

    def __init__(self, client: Any, folder: Path):
        self.client = client
        self._folder = folder
        self._experiments: dict[str, str] = {}

    @property
    def page(self) -> str:
        """The address of the parent's page below the server's; empty before it is known."""
        return page_of(self._folder / "run.jsonl")

    def ship(self) -> bool:
        """Send what is new. Returns whether everything has been sent; the parent ends last.

        Raises:
            ServerAwayError: MLflow does not answer; call again later.
            RefusedError: calling again would not help.
        """
        parent = self._folder / "run.jsonl"
        if not parent.exists():
            return False
        with server_errors():
            is_over = self._ship_run(parent, close=False)  # first: then the journals of all its trials are there
            ended = [self._ship_run(path) for path in sorted(self._folder.glob("trial-*.jsonl"))]
            return all(ended) and is_over and self._ship_run(parent)

    def _ship_run(self, path: Path, close: bool = True) -> bool:
        """Send what is new of one run. Returns whether the run has ended; MLflow knows that then only if `close`."""
        state = read_state(path)
        if is_sent(path, state):
            return True
        state["done"] = False
        metrics: list[Any] = []
        end = None
        for offset, record in journals.read(path, state["offset"]):
            match record["kind"]:
                case "run":
                    experiment = self.experiment(record["experiment"])
                    state["run_id"] = self._find_or_create(experiment, record)
                    state["page"] = f"#/experiments/{experiment}/runs/{state['run_id']}"
                case "tags":
                    self.client.log_batch(state["run_id"], tags=_tags(record["tags"]))
                    state["model"] = record["tags"].get("lab.model", state.get("model"))
                case "log" | "timing":
                    metrics += _metrics(record)
                case "end":  # it stays unread until the run is closed: the server may die before that
                    end = record
                    continue
                case "resume":
                    end = None
                    self._take_up(state["run_id"], record)
            state["offset"] = offset
            if len(metrics) >= BATCH:
                self._send(path, state, metrics)
        if state["run_id"] is None:
            return False
        self._send(path, state, metrics)
        if end is None or not close:
            return end is not None
        self._finish(path, state["run_id"], end)
        if state.get("model") and end["status"] == "FINISHED":
            self.register(state["model"], state["run_id"])
        state["done"] = True
        write_state(path, state)
        return True

    def _take_up(self, run_id: str, record: dict[str, Any]) -> None:
        """The run of a lab that was interrupted goes on: what was said of its end is void."""
        if "lab.ended" in self.client.get_run(run_id).data.tags:
            self.client.delete_tag(run_id, "lab.ended")
        self.client.log_batch(run_id, tags=_tags(record["tags"]))
        self.client.update_run(run_id, status="RUNNING")

    def _send(self, path: Path, state: dict[str, Any], metrics: list[Any]) -> None:
        for start in range(0, len(metrics), BATCH):
            self.client.log_batch(state["run_id"], metrics=metrics[start : start + BATCH])
        metrics.clear()
        write_state(path, state)

    def _finish(self, path: Path, run_id: str, end: dict[str, Any]) -> None:
        lines = (canonical(record["record"]) for _, record in journals.read(path) if record["kind"] == "log")
        with tempfile.TemporaryDirectory() as folder:  # the journal has it already: it need not fill the disk twice
            trace = Path(folder, "trace.jsonl")
            trace.write_text("".join(trace_lines(lines)), encoding="ascii")
            self.client.log_artifact(run_id, str(trace))
        if journals.files_of(path).is_dir():
            self.client.log_artifacts(run_id, str(journals.files_of(path)))
        self.client.log_batch(run_id, tags=_tags(end["tags"]))
        self.client.set_terminated(run_id, status=end["status"], end_time=end["time"])

    def register(self, name: str, run_id: str) -> None:
        """Make the run's ``model`` folder a version in MLflow's registry, unless it is one."""
        from mlflow.exceptions import MlflowException

        try:
            self.client.create_registered_model(name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        if not self.client.search_model_versions(f"name = '{name}' and run_id = '{run_id}'"):
            source = f"{self.client.get_run(run_id).info.artifact_uri}/model"
            self.client.create_model_version(name, source, run_id)

    def _find_or_create(self, experiment: str, record: dict[str, Any]) -> str:
        from mlflow.entities import Param

        matches = self.client.search_runs([experiment], f"tags.`lab.run` = '{record['key']}'", max_results=1)
        tags = {**record["tags"], "lab.run": record["key"]}
        if record["parent"]:
            parent = read_state(self._folder / "run.jsonl")["run_id"]
            tags["mlflow.parentRunId"] = parent
            tags["lab.parent"] = record["parent"]
        if matches:
            run = matches[0]
        else:
            run = self.client.create_run(experiment, start_time=record["time"], tags=tags, run_name=record["name"])
        run_id: str = run.info.run_id
        params = [Param(key, _cut(value, PARAM_LENGTH)) for key, value in record["params"].items()]
        self.client.log_batch(run_id, params=params, tags=_tags(tags) if matches else [])
        return run_id

    def experiment(self, name: str) -> str:
        """The id of the experiment of this name, which is created if need be."""
        if name not in self._experiments:
            from mlflow.exceptions import MlflowException

            existing = self.client.get_experiment_by_name(name)
            try:
                location = os.environ.get("LAB_ARTIFACTS")  # only without a server: the server knows its own
                self._experiments[name] = (
                    existing.experiment_id if existing else self.client.create_experiment(name, location)
                )
            except MlflowException as error:  # another shipper was first
                if error.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise
                self._experiments[name] = self.client.get_experiment_by_name(name).experiment_id
        return self._experiments[name]


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def _tags(tags: dict[str, str]) -> list[Any]:
    from mlflow.entities import RunTag

    return [RunTag(key, _cut(value, TAG_LENGTH)) for key, value in tags.items()]


def _metrics(record: dict[str, Any]) -> list[Any]:
    """The numbers of a record as MLflow metrics. Arrays and texts have no place there: they are in the trace."""
    from mlflow.entities import Metric

    if record["kind"] == "timing":
        return [Metric(name, value, record["time"], record["step"]) for name, value in record["values"].items()]
    inner = record["record"]
    step = inner.get("step", 0)
    if "measurements" in inner:
        values = {f"final/{name}": value for name, value in inner["measurements"].items()}
    else:
        values = inner.get("values", {})
    numbers = {name: float.fromhex(value) for name, value in values.items() if _is_number(value)}
    return [Metric(name, value, record["time"], step) for name, value in numbers.items()]


def _is_number(value: Any) -> bool:
    return isinstance(value, str) and value.lstrip("-")[:2] in ("0x", "in", "na") and _parses(value)


def _parses(value: str) -> bool:
    try:
        float.fromhex(value)
    except ValueError:
        return False
    return True
