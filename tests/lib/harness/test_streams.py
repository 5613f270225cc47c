"""Records are streams: what reads or compares them has no whole trace in memory, whatever its length.

Memory is counted in bytes that Python allocates, work in how often a trace is opened.
"""

from __future__ import annotations

import io
import json
import sys
import tarfile
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lib.harness.commands import transfer
from lib.harness.comparing import comparison, from_export, from_journals, from_mlflow
from lib.harness.comparing.records import Record
from lib.harness.contract.results import Results
from lib.harness.contract.trial import Result, Trial
from lib.harness.recording.journal import Journal
from lib.harness.recording.jsonfile import json_bytes
from lib.harness.recording.recorder import Recorder
from lib.harness.recording.trace import parent_digest, trial_line
from lib.harness.shipping.follow import ship_left_behind
from lib.harness.shipping.remote import MlflowServer
from lib.harness.shipping.server import connect
from lib.harness.shipping.shipper import Shipper
from tests.lib.harness.labs.tiny import TinyConfig
from tests.lib.harness.memory import Memory, record, trace
from tests.lib.harness.support import MLFLOW_IN_PROCESS

POINTS = 6_000
KEY = "20260101-000000-bench-abcdef"
TAGS = {"lab.trace_version": "2", "lab.name": "bench", "lab.variant": "all", "lab.seed": "0", "lab.framework": "numpy"}
SUMS = {"lab.code_sha256": "c", "lab.data_sha256": "none", "lab.lock_sha256": "l"}


def written(root: Path, points: int = POINTS) -> Path:
    """The folder of a run with one trial that has so many points."""
    folder = root / KEY
    folder.mkdir(parents=True)
    header: dict[str, Any] = {"experiment": "bench", "params": {}}
    own: dict[str, Any] = {"key": KEY, "parent": None, "name": "bench", "tags": {**TAGS, **SUMS}}
    parent = Journal.create(folder / "run.jsonl", {**header, **own})
    own = {"key": f"{KEY}.trial-0000", "parent": KEY, "name": "a, seed 0"}
    own |= {"tags": {**TAGS, "lab.variant": "a", "lab.dtype": "float64"}}
    trial = Journal.create(folder / "trial-0000.jsonl", {**header, **own})
    trial.write("config.json", b"{}")
    recorder = Recorder(trial)
    for step in range(points):
        recorder(step, loss=1 / (step + 1))
    recorder.measurements({"accuracy": 0.5})
    trial.end("FINISHED", **{"lab.result_digest": recorder.digest})
    line = trial_line("2", variant="a", seed=0, config=b"{}", digest=recorder.digest)
    parent.end("FINISHED", **{"lab.result_digest": parent_digest([line])})
    return folder


def peak(work: Callable[[], object]) -> int:
    """The most bytes that Python has allocated for `work` at a time."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run with a long trial."""
    return written(tmp_path_factory.mktemp("journal"))


@pytest.fixture(scope="module")
def exported(long: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The export of that run, as `transfer.export` writes it; without MLflow."""
    root = tmp_path_factory.mktemp("export")
    for name in ("run", "trial-0000"):
        header, *_, end = map(json.loads, (long / f"{name}.jsonl").read_text().splitlines())
        key = header["key"]
        folder = root / key
        (folder / "artifacts").mkdir(parents=True)
        described = {"format": 2, "start_time": 0, "end_time": 1, "status": "FINISHED"}
        described |= {name: header[name] for name in ("key", "parent", "experiment", "name", "params")}
        (folder / "run.json").write_bytes(
            json_bytes({**described, "tags": {**header["tags"], **end["tags"], "lab.run": key}})
        )
        (folder / "metrics.jsonl").write_text("".join(f'["loss", {step}, 0, 1.0]\n' for step in range(100)))
        (folder / "artifacts" / "config.json").write_bytes(b"{}")
    with (folder / "artifacts" / "trace.jsonl").open("w") as file:
        file.writelines(from_journals._trace(long / "trial-0000.jsonl"))
    return root


def test_a_journal_is_checked_line_by_line(long: Path) -> None:
    def check() -> None:
        whole = from_journals.read(long)
        assert whole is not None
        (child,) = whole.children.values()
        assert child.values == POINTS + 1

    assert peak(check) < (long / "trial-0000.jsonl").stat().st_size / 4


def test_an_export_is_checked_line_by_line(exported: Path) -> None:
    size = (exported / f"{KEY}.trial-0000" / "artifacts" / "trace.jsonl").stat().st_size
    assert peak(lambda: from_export.require_whole(exported, from_export.read_runs(exported))) < size / 4


def test_the_hash_of_an_exported_file_is_computed_piece_by_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "PIECE", 10_000)
    (tmp_path / "large").write_bytes(bytes(10_000_000))
    (tmp_path / transfer.SUMS).write_text(f"{transfer._sha256(io.BytesIO(bytes(10_000_000)))}  large\n")
    assert peak(lambda: transfer._check_files(tmp_path)) < 1_000_000


def counted(whole: Record, opened: Counter[str]) -> Record:
    """A record whose traces are counted as they are opened."""
    assert isinstance(whole.source, Memory)

    def counting(key: str, lines: Callable[[], Any]) -> Callable[[], Any]:
        def open_() -> Any:
            opened[key] += 1
            return lines()

        return open_

    trials = [replace(trial, trace=counting(trial.key, trial.trace)) for trial in whole.source.recorded]
    return replace(whole, source=Memory(whole.source.files, trials))


def test_traces_are_read_once_and_again_only_where_the_first_differences_are() -> None:
    count = 3 * comparison.SHOWN
    left = {("a", seed): trace([1.0, 0.5]) for seed in range(count)}
    right = {("a", seed): trace([1.0, 0.25 if seed % 2 else 0.5]) for seed in range(count)}
    opened = Counter[str]()
    result = comparison.compare(counted(record(left), opened), counted(record(right), opened))
    assert (result.trials, result.different, len(result.differences)) == (count, count // 2, comparison.SHOWN)
    assert sum(opened.values()) == 2 * count + 2 * comparison.SHOWN
    assert str(result).startswith(
        f"differs in {count // 2} of {count} trials, first from step 1 of trial a, seed 1: loss"
    )


class Output:
    """Standard output with a buffer that can be read again."""

    def __init__(self) -> None:
        self.buffer = io.BytesIO()


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MlflowServer]:
    """MLflow with a run of 1,000 points."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.setenv("LAB_ARTIFACTS", (tmp_path / "artifacts").as_uri())
    folder = written(tmp_path / "journal", 1_000)
    server = MlflowServer(connect())
    assert ship_left_behind(Shipper(server, folder), folder)
    yield server


@MLFLOW_IN_PROCESS
def test_points_are_exported_page_by_page(store: MlflowServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(from_mlflow, "POINTS", 64)
    pages: list[int] = []
    metrics = type(store.client._tracking_client.store)
    asked = metrics.get_metric_history

    def page(*args: Any, **options: Any) -> Any:
        found = asked(*args, **options)
        pages.append(len(found))
        return found

    monkeypatch.setattr(metrics, "get_metric_history", page)
    output = Output()
    monkeypatch.setattr(sys, "stdout", output)
    assert transfer.export(KEY) == 0
    output.buffer.seek(0)
    with tarfile.open(fileobj=output.buffer) as tar:
        file = tar.extractfile(f"{KEY}.trial-0000/metrics.jsonl")
        assert file is not None
        points = [json.loads(line) for line in file]
    assert sorted(step for name, step, *_ in points if name == "loss") == [*range(1_000)]
    assert [point[3] for point in points if point[:2] == ["loss", 3]] == [0.25]
    assert max(pages) == 64
    assert sum(pages) == len(points) == 1_001


class Watched(Trial):
    """A trial that counts how often its variant is asked for."""

    asked = 0

    def __getattribute__(self, name: str) -> Any:
        if name == "variant":
            Watched.asked += 1
        return super().__getattribute__(name)


def test_results_are_looked_up_by_variant_without_going_through_all() -> None:
    count = 1_000
    results = Results(
        [Result(Watched(f"v{n}", TinyConfig(), 0), f"r{n}", "FINISHED", {"loss": float(n)}) for n in range(count)]
    )
    Watched.asked = 0
    values = [results.values(variant, "loss") for variant in results.variants()]
    assert np.array_equal(np.ravel(values), np.arange(count))
    assert Watched.asked < 10 * count
