"""The shipper: fills MLflow from the journal, now or when MLflow is back.

It runs in a process of its own (importing MLflow takes seconds; a lab never waits for that), at low priority, and
reads journals only. For each run it remembers in ``<key>.shipped`` how far it got. Losing that file costs time, not
truth: runs are looked up by their tag ``lab.run`` before one is created, and MLflow drops a metric that it has already
(same key, step, time and value), so a replay puts nothing in twice.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

from lib.harness import journal as journals
from lib.harness.trace import canonical, trace_lines

BATCH = 1000  # MLflow's own limit of metrics in a request
POLL_SECONDS = 0.5


class ServerAwayError(Exception):
    """MLflow did not answer. What was to be sent is still in the journal."""


def connect() -> Any:
    """A client of the server at ``MLFLOW_TRACKING_URI`` that fails soon instead of retrying for minutes."""
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "1"
    os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] = "20"
    os.environ["MLFLOW_TRUNCATE_LONG_VALUES"] = "false"
    os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"
    from mlflow import MlflowClient

    return MlflowClient()


class Shipper:
    """Ships the journals below one folder: a parent's ``run.jsonl`` and its children's."""

    def __init__(self, client: Any, folder: Path):
        self._client = client
        self._folder = folder
        self._experiments: dict[str, str] = {}
        self.parent_url = ""

    def ship(self) -> bool:
        """Send what is new. Returns whether everything has been sent; the parent ends last.

        Raises:
            ServerAwayError: MLflow does not answer; call again later.
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
        if state["done"]:
            return True
        metrics: list[Any] = []
        end = None
        for offset, record in journals.read(path, state["offset"]):
            match record["kind"]:
                case "run":
                    state["run_id"] = self._find_or_create(record)
                case "tags":
                    for key, value in record["tags"].items():
                        self._client.set_tag(state["run_id"], key, value)
                case "log" | "timing":
                    metrics += _metrics(record)
                case "end" if not may_end:
                    break
                case "end":
                    end = record
            state["offset"] = offset
            if len(metrics) >= BATCH:
                self._send(path, state, metrics)
        if state["run_id"] is None:
            return False
        self._send(path, state, metrics)
        if end is None:
            return False
        self._finish(path, state["run_id"], end)
        state["done"] = True
        _write_state(path, state)
        return True

    def _send(self, path: Path, state: dict[str, Any], metrics: list[Any]) -> None:
        for start in range(0, len(metrics), BATCH):
            self._client.log_batch(state["run_id"], metrics=metrics[start : start + BATCH])
        metrics.clear()
        _write_state(path, state)

    def _finish(self, path: Path, run_id: str, end: dict[str, Any]) -> None:
        files = journals.files_of(path)
        files.mkdir(exist_ok=True)
        lines = (canonical(record["record"]) for _, record in journals.read(path) if record["kind"] == "log")
        (files / "trace.jsonl").write_text("".join(trace_lines(lines)), encoding="ascii")
        self._client.log_artifacts(run_id, str(files))
        for key, value in end["tags"].items():
            self._client.set_tag(run_id, key, value)
        self._client.set_terminated(run_id, status=end["status"], end_time=end["time"])

    def _find_or_create(self, record: dict[str, Any]) -> str:
        from mlflow.entities import Param, RunTag

        experiment = self._experiment(record["experiment"])
        found = self._client.search_runs([experiment], f"tags.`lab.run` = '{record['key']}'", max_results=1)
        tags = {**record["tags"], "lab.run": record["key"]}
        if record["parent"]:
            parent = _read_state(self._folder / "run.jsonl")["run_id"]
            tags["mlflow.parentRunId"] = parent
            tags["lab.parent"] = record["parent"]
        if found:
            run = found[0]
        else:
            run = self._client.create_run(experiment, start_time=record["time"], tags=tags, run_name=record["name"])
        run_id: str = run.info.run_id
        params = [Param(key, value) for key, value in record["params"].items()]
        self._client.log_batch(run_id, params=params, tags=[RunTag(k, v) for k, v in tags.items()] if found else [])
        if not record["parent"]:
            self.parent_url = f"#/experiments/{experiment}/runs/{run_id}"
        return run_id

    def _experiment(self, name: str) -> str:
        if name not in self._experiments:
            from mlflow.exceptions import MlflowException

            found = self._client.get_experiment_by_name(name)
            try:
                location = os.environ.get("LAB_ARTIFACTS")  # only without a server: the server knows its own
                self._experiments[name] = (
                    found.experiment_id if found else self._client.create_experiment(name, location)
                )
            except MlflowException as error:  # another shipper was first
                if error.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise
                self._experiments[name] = self._client.get_experiment_by_name(name).experiment_id
        return self._experiments[name]


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


def _state_path(path: Path) -> Path:
    return path.with_suffix(".shipped")


def _read_state(path: Path) -> dict[str, Any]:
    try:
        state: dict[str, Any] = json.loads(_state_path(path).read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return {"run_id": None, "offset": 0, "done": False}
    return state


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
        raise


@contextlib.contextmanager
def shipping(folder: Path) -> Iterator[bool]:
    """Whether this process may ship `folder`: only one does at a time."""
    with (folder / "shipping.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True


def is_shipped(folder: Path) -> bool:
    """Whether everything below `folder` has reached MLflow."""
    paths = list(folder.glob("*.jsonl"))
    return all(_read_state(path)["done"] for path in paths)


def unsent(root: Path) -> list[Path]:
    """The folders of `root` that MLflow has not got all of, oldest first."""
    return [folder for folder in sorted(root.glob("*/")) if not is_shipped(folder)]


def mend(folder: Path) -> None:
    """End the runs below `folder` whose process is gone, so that MLflow does not show them as running for ever."""
    for path in sorted(folder.glob("*.jsonl")):
        with contextlib.suppress(BlockingIOError):
            journals.close_orphan(path, "FAILED", "the process that ran it is gone")


def sweep(client: Any, root: Path) -> int:
    """Mend and ship every folder of `root` that nobody else is shipping. Returns how many were sent.

    Raises:
        ServerAwayError: MLflow does not answer.
    """
    sent = 0
    for folder in unsent(root):
        with shipping(folder) as mine:
            if mine:
                mend(folder)
                sent += Shipper(client, folder).ship()
    return sent


def follow(folder: Path, listener: TextIO) -> None:
    """Ship `folder` while its lab runs, and what earlier labs left behind when there is nothing else to do.

    Tells the listener, a line each: ``up``, ``away``, ``run <address of the parent's page>``, ``done``.
    """
    client = connect()
    shipper = Shipper(client, folder)
    wait = POLL_SECONDS
    told = ""

    def tell(line: str) -> None:
        nonlocal told
        if line != told:
            print(line, file=listener, flush=True)
            told = line

    with shipping(folder):
        swept = False
        while True:
            try:
                done = shipper.ship()
                tell(f"run {shipper.parent_url}" if shipper.parent_url else "up")
                wait = POLL_SECONDS
                if done:
                    tell("done")
                    return
                if not swept:
                    sweep(client, folder.parent)
                    swept = True
            except ServerAwayError:
                tell("away")
                wait = min(2 * wait, 5.0)
            time.sleep(wait)


def main(arguments: Sequence[str]) -> None:
    """``python -m lib.harness.shipper FOLDER``: follow one lab's journals."""
    with contextlib.suppress(OSError):
        os.nice(5)
    listener, sys.stdout = sys.stdout, sys.stderr  # MLflow's client prints addresses of runs to standard output
    follow(Path(arguments[0]), listener)


if __name__ == "__main__":
    main(sys.argv[1:])
