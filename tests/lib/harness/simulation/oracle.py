"""Compares a simulated machine with its promises, and its MLflow with its journals, byte by byte."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lib.harness.recording.reading import key_of
from tests.lib.harness.simulation.disk import Disk
from tests.lib.harness.simulation.lab import Promise
from tests.lib.harness.simulation.tracking import Store, StoredRun


def lines_of(disk: Disk, path: Path) -> tuple[list[dict[str, Any]], bool]:
    """The records at the beginning of a journal, and whether one more comes after a bad line."""
    data = disk.data(path) or b""
    records: list[dict[str, Any]] = []
    *lines, _ = data.split(b"\n")
    whole = True
    for line in lines:
        try:
            record = json.loads(line)
        except ValueError:
            record = None
        if not isinstance(record, dict):
            whole = False
        elif not whole:
            return records, True
        else:
            records.append(record)
    return records, False


def after_power_cut(disk: Disk, promises: dict[Path, Promise], damaged: set[Path]) -> list[str]:
    """List what was promised before the power was cut and is gone. What is there becomes the promise."""
    lost = []
    for path, promise in list(promises.items()):
        records, _ = lines_of(disk, path)
        if path not in damaged:
            if len(records) < promise.count:
                lost.append(f"{path}: {len(records)} records after the power cut, and {promise.count} were on the disk")
            if records and records[-1].get("status") == "FINISHED":
                for file, data in promise.files.items():
                    if disk.data(file) != data:
                        lost.append(f"{path} has ended well, and its file {file.name} is missing or torn")
            if promise.status and promise.count and records and records[-1]["kind"] == "log":
                lost.append(f"{path}: its end is gone")
        if disk.data(path) is None:
            del promises[path]
            continue
        promise.appended = [float("-inf")] * len(records)
        promise.count = len(records)
    return lost


def compare(disk: Disk, store: Store, damaged: set[Path]) -> Iterator[str]:
    """Yield what MLflow lacks of the journals on the disk, or has otherwise."""
    active = [run for run in store.runs.values() if not run.deleted]
    for key, number in Counter(run.tags["lab.run"] for run in active).items():
        if number > 1:
            yield f"{key} is there {number} times"
    runs = {run.tags["lab.run"]: run for run in store.runs.values()} | {run.tags["lab.run"]: run for run in active}
    known = set()
    for path in disk.journals():
        records, is_damaged = lines_of(disk, path)
        if is_damaged and path not in damaged:
            yield f"{path}: only its writer can have damaged it"
        if records:
            known.add(records[0]["key"])
            if path.name == "run.jsonl" or lines_of(disk, path.parent / "run.jsonl")[0]:
                yield from compare_known(disk, path, records, runs, is_damaged or path in damaged)
        elif (run := runs.get(key_of(path))) and not run.deleted and run.status == "RUNNING":
            yield f"{path} is damaged at its beginning, and its run is RUNNING for ever"
    for key, run in runs.items():
        if key not in known and not run.deleted and not any(path.parent.name in key for path in damaged):
            yield f"{key} is in MLflow ({run.status}), and no journal knows it"


def compare_known(
    disk: Disk, path: Path, records: list[dict[str, Any]], runs: Mapping[str, StoredRun], is_damaged: bool
) -> Iterator[str]:
    """Yield what MLflow lacks of one run; of one that was deleted there, or is damaged, only its status counts."""
    key, parent = records[0]["key"], runs.get(records[0]["parent"] or "")
    run = runs.get(key)
    if (run and run.deleted) or (parent and parent.deleted):
        if run and run.status == "RUNNING" and not run.deleted:
            yield f"{key}: its parent was deleted, and it is RUNNING"
    elif run is None:
        yield f"{key} is not in MLflow"
    elif parent and run.tags.get("mlflow.parentRunId") != parent.id:
        yield f"{key} hangs on {run.tags.get('mlflow.parentRunId')}"
    elif not is_damaged:
        yield from compare_run(disk, path, records, run)
    elif run.status == "RUNNING":
        yield f"{key} is damaged, and RUNNING for ever"


def compare_run(disk: Disk, path: Path, records: list[dict[str, Any]], run: StoredRun) -> Iterator[str]:
    """Yield what MLflow lacks of one whole run, or has otherwise."""
    key, end = records[0]["key"], records[-1]
    if end["kind"] != "end":
        yield f"{key}: its journal has no end"
        return
    if (run.status, run.end_time) != (end["status"], end["time"]):
        yield f"{key} is {run.status} at {run.end_time}, and its journal says {end['status']} at {end['time']}"
    points = set(points_of(records))
    if run.points != points:
        yield f"{key}: {len(points - run.points)} points are missing, {len(run.points - points)} are too many"
    wanted = {**records[0]["tags"], **end["tags"]}
    if not wanted.items() <= run.tags.items():
        yield f"{key}: tags are missing: {wanted.keys() - run.tags.keys()}"
    if "lab.ended" in run.tags and "lab.ended" not in end["tags"]:
        yield f"{key}: an end is noted that is void"
    if run.params != records[0]["params"]:
        yield f"{key}: its params are {run.params}"
    if run.start_time != records[0]["time"]:
        yield f"{key} began at {run.start_time}"
    trace = [line for line in run.files.get("trace.jsonl", b"").splitlines() if not line.startswith(b'{"digest"')]
    if [json.loads(line) for line in trace] != [record["record"] for record in records if record["kind"] == "log"]:
        yield f"{key}: its trace is another"
    digest = hashlib.sha256(b"".join(line + b"\n" for line in trace)).hexdigest()
    if end["status"] == "FINISHED" and records[0]["parent"] and digest != end["tags"]["lab.result_digest"]:
        yield f"{key}: the digest of its trace is another"
    for name, data in disk.files_below(path.with_suffix(".files")).items():
        if run.files.get(name) != data:
            yield f"{key}: its file {name} is missing or another"


def points_of(records: list[dict[str, Any]]) -> Iterator[tuple[str, str, int, int]]:
    """The points of a journal: (name, value, time, step)."""
    for record in records:
        values: Mapping[str, Any] = {}
        step = 0
        if record["kind"] == "timing":
            values, step = record["values"], record["step"]
        elif record["kind"] == "log":
            inner = record["record"]
            step = inner.get("step", 0)
            values = inner.get("values") or {f"final/{name}": v for name, v in inner.get("measurements", {}).items()}
        for name, value in values.items():
            if isinstance(value, dict | list):  # an array, which is no metric
                continue
            number = float.fromhex(value) if isinstance(value, str) else float(value)
            yield name, number.hex(), record["time"], step
