"""The shipper: fills MLflow from the journal, now or when MLflow is back.

It runs in a process of its own (importing MLflow takes seconds; a lab never waits for that), at low priority, and
reads journals only. It outlives a lab that was killed just long enough to send how it ended. For each run it remembers
in ``<key>.shipped`` how far it got. Losing that file costs time, not truth: runs are looked up by their tag ``lab.run``
before one is created, and MLflow drops a metric that it has already (same key, step, time and value), so a replay puts
nothing in twice.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import urlsplit

from lib.harness import journal as journals
from lib.harness.errors import UserError
from lib.harness.trace import canonical, trace_lines
from lib.harness.tracking import STARTING_SECONDS

BATCH = 1000  # MLflow's own limit of metrics in a request
TAG_LENGTH, PARAM_LENGTH = 8000, 6000  # MLflow's own limits; the files of the run have the whole text
POLL_SECONDS = 0.5
AWAY_SECONDS = 2.0  # between two attempts to reach a server that is away
BACKLOG_SECONDS = 5.0  # how long a lab that has been sent waits for what earlier labs left behind


class ServerAwayError(Exception):
    """MLflow did not answer. What was to be sent is still in the journal."""


class RefusedError(UserError):
    """MLflow answers and does not want what it was sent."""


def answers() -> bool:
    """Whether somebody listens at ``MLFLOW_TRACKING_URI``. Costs nothing; loading MLflow's client takes seconds."""
    address = urlsplit(os.environ.get("MLFLOW_TRACKING_URI", ""))
    if address.scheme not in ("http", "https"):
        return True  # a database in a file
    port = address.port or (443 if address.scheme == "https" else 80)
    try:
        socket.create_connection((address.hostname or "", port), timeout=AWAY_SECONDS).close()
    except OSError:
        return False
    return True


def comes_up() -> bool:
    """The same, of a server that is waited for where this command has just started it."""
    limit = time.monotonic() + (STARTING_SECONDS if os.environ.get("LAB_MLFLOW_STARTING") else 0)
    while not answers():
        if time.monotonic() >= limit:
            return False
        time.sleep(0.2)
    return True


def connect() -> Any:
    """A client of the server at ``MLFLOW_TRACKING_URI`` that fails soon instead of retrying for minutes."""
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"  # addresses that only containers know
    os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "1"
    os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] = "20"
    os.environ["MLFLOW_TRUNCATE_LONG_VALUES"] = "false"
    os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    from mlflow import MlflowClient

    return MlflowClient()


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
        with _server_errors():
            self._ship_run(parent, may_end=False)
            ended = [self._ship_run(path) for path in sorted(self._folder.glob("trial-*.jsonl"))]
            return all(ended) and self._ship_run(parent)

    def _ship_run(self, path: Path, may_end: bool = True) -> bool:
        """Send what is new of one run. Returns whether its end has been sent."""
        state = _read_state(path)
        if _is_sent(path, state):
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
        if end is None or not may_end:
            return False
        self._finish(path, state["run_id"], end)
        if state.get("model") and end["status"] == "FINISHED":
            self.register(state["model"], state["run_id"])
        state["done"] = True
        _write_state(path, state)
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
        _write_state(path, state)

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

        found = self.client.search_runs([experiment], f"tags.`lab.run` = '{record['key']}'", max_results=1)
        tags = {**record["tags"], "lab.run": record["key"]}
        if record["parent"]:
            parent = _read_state(self._folder / "run.jsonl")["run_id"]
            tags["mlflow.parentRunId"] = parent
            tags["lab.parent"] = record["parent"]
        if found:
            run = found[0]
        else:
            run = self.client.create_run(experiment, start_time=record["time"], tags=tags, run_name=record["name"])
        run_id: str = run.info.run_id
        params = [Param(key, _cut(value, PARAM_LENGTH)) for key, value in record["params"].items()]
        self.client.log_batch(run_id, params=params, tags=_tags(tags) if found else [])
        return run_id

    def experiment(self, name: str) -> str:
        """The id of the experiment of this name, which is created if need be."""
        if name not in self._experiments:
            from mlflow.exceptions import MlflowException

            found = self.client.get_experiment_by_name(name)
            try:
                location = os.environ.get("LAB_ARTIFACTS")  # only without a server: the server knows its own
                self._experiments[name] = (
                    found.experiment_id if found else self.client.create_experiment(name, location)
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


def _is_sent(path: Path, state: dict[str, Any]) -> bool:
    """Whether the end of a run has been sent, and the run was not taken up since."""
    return state["done"] and all(record["kind"] == "end" for _, record in journals.read(path, state["offset"]))


def _state_path(path: Path) -> Path:
    return path.with_suffix(".shipped")


def _read_state(path: Path) -> dict[str, Any]:
    try:
        state: dict[str, Any] = json.loads(_state_path(path).read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return {"run_id": None, "offset": 0, "done": False}
    return state


def page_of(path: Path) -> str:
    """The address below MLflow's of the page of a journal's run; empty before it is known."""
    return str(_read_state(path).get("page", ""))


def _write_state(path: Path, state: dict[str, Any]) -> None:
    new = path.with_suffix(".shipped.new")
    new.write_text(json.dumps(state), encoding="utf-8")
    new.replace(_state_path(path))


@contextlib.contextmanager
def _server_errors() -> Iterator[None]:
    """Turn the many ways in which a server can be away into one."""
    import requests
    from mlflow.exceptions import MlflowException

    try:
        yield
    except requests.exceptions.RequestException as error:
        raise ServerAwayError(str(error)) from error
    except MlflowException as error:
        if error.error_code in ("INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE", "REQUEST_LIMIT_EXCEEDED"):
            raise ServerAwayError(str(error)) from error
        raise RefusedError(f"MLflow refuses what it was sent: {str(error).splitlines()[0]}") from error


@contextlib.contextmanager
def shipping(folder: Path, wait: bool = False) -> Iterator[bool]:
    """Whether this process may ship `folder`: only one does at a time."""
    with (folder / "shipping.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True


def is_shipped(folder: Path) -> bool:
    """Whether everything below `folder` has reached MLflow."""
    paths = list(folder.glob("*.jsonl"))
    return all(_is_sent(path, _read_state(path)) for path in paths)


def unsent(root: Path) -> list[Path]:
    """The folders of `root` that MLflow has not got all of, oldest first."""
    return [folder for folder in sorted(root.glob("*/")) if not is_shipped(folder)]


def mend(folder: Path) -> None:
    """End the runs below `folder` whose process is gone, so that MLflow does not show them as running for ever."""
    parent = folder / "run.jsonl"
    if parent.exists() and not journals.is_orphan(parent):
        return
    for path in sorted(folder.glob("*.jsonl")):
        with contextlib.suppress(BlockingIOError):
            journals.close_orphan(path, "FAILED", "the process that ran it is gone")


def ship_left_behind(client: Any, folder: Path) -> bool:
    """Mend and ship the folder of an earlier lab, unless somebody else does. Returns whether it is all sent.

    Raises:
        ServerAwayError: MLflow does not answer.
        RefusedError: MLflow does not want it.
    """
    with shipping(folder) as mine:
        if not mine:
            return False
        mend(folder)
        return Shipper(client, folder).ship()


def follow(folder: Path, listener: TextIO) -> None:
    """Ship `folder` while its lab runs, and what earlier labs left behind when there is nothing else to do.

    Tells the listener, a line each: ``up``, ``away``, ``run <address of the parent's page>``, ``refused <why>``,
    ``done``. Ends when all is sent, or when the lab is gone and MLflow is away.
    """
    lab = os.getppid()
    told = ""

    def tell(line: str) -> None:
        nonlocal told
        if line != told:
            with contextlib.suppress(BrokenPipeError):  # the lab was killed
                print(line, file=listener, flush=True)
            told = line

    with shipping(folder, wait=True):
        while not answers():
            tell("away")
            if os.getppid() != lab:
                return
            time.sleep(POLL_SECONDS)
        shipper = Shipper(connect(), folder)
        backlog = [other for other in unsent(folder.parent) if other != folder]
        sent_at = None
        while True:
            try:
                done = shipper.ship()
                tell(f"run {shipper.page}" if shipper.page else "up")
                sent_at = sent_at or (time.monotonic() if done else None)
                if sent_at and (not backlog or time.monotonic() - sent_at > BACKLOG_SECONDS):
                    tell("done")
                    return
                if backlog:
                    with contextlib.suppress(RefusedError):  # `sync` says why
                        ship_left_behind(shipper.client, backlog.pop(0))
                    continue
            except ServerAwayError:
                tell("away")
                if os.getppid() != lab:
                    return
                time.sleep(AWAY_SECONDS)
            except RefusedError as error:
                tell(f"refused {error}")
                return
            mend(folder)  # a lab that was killed
            time.sleep(POLL_SECONDS)


def main(arguments: Sequence[str]) -> None:
    """``python -m lib.harness.shipper FOLDER``: follow one lab's journals."""
    with contextlib.suppress(OSError):
        os.nice(5)
    listener, sys.stdout = sys.stdout, sys.stderr  # MLflow's client prints addresses of runs to standard output
    follow(Path(arguments[0]), listener)


if __name__ == "__main__":
    main(sys.argv[1:])
