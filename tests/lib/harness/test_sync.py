"""What `sync` sends, to which MLflow, and that one fault hurts only itself. Journals and MLflow's database are real.

No lab runs here: its journals are written as it writes them.
"""

from __future__ import annotations

import resource
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lib.harness.commands.sync import sync
from lib.harness.errors import UserError
from lib.harness.recording.journal import Journal
from lib.harness.recording.recorder import Recorder
from lib.harness.shipping import server
from tests.lib.harness.support import MLFLOW_IN_PROCESS, Clone, Ended

pytestmark = MLFLOW_IN_PROCESS
FIRST, SECOND = "20260101-000000-tiny-aaaaaa", "20260102-000000-tiny-bbbbbb"


def record(root: Path, key: str, steps: int = 3) -> Path:
    """The folder of a run with two trials that ended well."""
    folder = root / key
    folder.mkdir(parents=True)
    header = {"experiment": "tiny", "params": {"steps": str(steps)}}
    own: dict[str, Any]
    tags = {
        "lab.name": "tiny",
        "lab.seed": "0",
        "lab.framework": "numpy",
        "lab.quick": "false",
        "lab.portable": "false",
    }
    parent = Journal.create(
        folder / "run.jsonl",
        {**header, "key": key, "parent": None, "name": "tiny", "tags": {**tags, "lab.variant": "all"}},
    )
    for number in range(2):
        path = folder / f"trial-{number:04d}.jsonl"
        own = {"key": f"{key}.{path.stem}", "parent": key, "name": f"fast, seed {number}"}
        own |= {"tags": {**tags, "lab.variant": "fast", "lab.dtype": "float64"}}
        with Journal.create(path, {**header, **own}) as journal:
            recorder = Recorder(journal)
            for step in range(steps):
                recorder(step, loss=1 / (1 + step + number), bound=float("inf"))
            recorder.parameters({"w": np.arange(3.0)})
            recorder.measurements({"loss": 0.5})
            journal.end("FINISHED", **{"lab.result_digest": recorder.digest})
    parent.write("claims.json", b"[]")
    parent.end("FINISHED", **{"lab.result_digest": "d"})
    return folder


class Mlflow:
    """An MLflow in a database file, which the test looks into by MLflow's own client. `empty`: such a database."""

    def __init__(self, folder: Path, empty: Path, patch: pytest.MonkeyPatch):
        self.folder, self._empty, self._patch = folder, empty, patch
        self.use()

    def use(self, name: str = "mlflow") -> None:
        """Use the database of this name, an empty one if it is not there."""
        self.file = self.folder / f"{name}.db"
        if not self.file.exists():
            shutil.copy(self._empty, self.file)
        self._patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{self.file}")
        self._patch.setenv("LAB_ARTIFACTS", str(self.folder / "artifacts"))

    def back_up(self, name: str) -> None:
        """Copy the database, with what only its write-ahead log has."""
        with (
            closing(sqlite3.connect(self.file)) as database,
            closing(sqlite3.connect(self.folder / f"{name}.db")) as copy,
        ):
            database.backup(copy)

    @property
    def client(self) -> Any:
        from mlflow import MlflowClient

        return MlflowClient(f"sqlite:///{self.file}")

    def runs(self) -> dict[str, Any]:
        """All runs that are not deleted, by key; fails if one is there twice."""
        experiment = self.client.get_experiment_by_name("tiny")
        runs = list(self.client.search_runs([experiment.experiment_id])) if experiment else []
        by_key = {run.data.tags["lab.run"]: run for run in runs}
        assert len(by_key) == len(runs)
        return by_key

    def assert_complete(self, *keys: str) -> None:
        """Each run with its two trials, all that was logged, and its files."""
        runs = self.runs()
        assert runs.keys() == {each for key in keys for each in (key, f"{key}.trial-0000", f"{key}.trial-0001")}
        for key, run in runs.items():
            assert run.info.status == "FINISHED"
            if "." in key:
                history = self.client.get_metric_history(run.info.run_id, "loss")
                assert [point.step for point in sorted(history, key=lambda point: point.step)] == [0, 1, 2]
                assert run.data.tags["mlflow.parentRunId"] == runs[key.partition(".")[0]].info.run_id
                files = {file.path for file in self.client.list_artifacts(run.info.run_id)}
                assert files == {"measurements.json", "model", "trace.jsonl"}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "journal"
    folder.mkdir()
    monkeypatch.setenv("LAB_JOURNAL", str(folder))
    monkeypatch.delenv("LAB_MLFLOW_STARTING", raising=False)
    return folder


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database without runs; making one takes seconds."""
    from mlflow import MlflowClient

    file = tmp_path_factory.mktemp("empty") / "mlflow.db"
    MlflowClient(f"sqlite:///{file}").search_experiments()
    return file


@pytest.fixture
def mlflow(tmp_path: Path, empty: Path, monkeypatch: pytest.MonkeyPatch) -> Mlflow:
    return Mlflow(tmp_path, empty, monkeypatch)


def printed(capsys: pytest.CaptureFixture[str]) -> str:
    """What `sync` prints; it must end well."""
    assert sync() == 0
    out: str = capsys.readouterr().out
    return out


def test_another_mlflow_is_filled_too(root: Path, mlflow: Mlflow, capsys: pytest.CaptureFixture[str]) -> None:
    record(root, FIRST)
    assert "Sent 1 lab run with all trials, MLflow has everything." in printed(capsys)
    mlflow.assert_complete(FIRST)
    mlflow.use("another")
    assert "Sent 1 lab run" in printed(capsys)
    mlflow.assert_complete(FIRST)
    assert printed(capsys) == "MLflow has everything.\n"
    mlflow.use()
    assert printed(capsys) == "MLflow has everything.\n", "the first one still has it"
    mlflow.assert_complete(FIRST)


def test_an_mlflow_from_an_older_copy_is_filled_again(
    root: Path, mlflow: Mlflow, capsys: pytest.CaptureFixture[str]
) -> None:
    record(root, FIRST)
    printed(capsys)
    mlflow.back_up("older")
    record(root, SECOND)
    assert "Sent 1 lab run" in printed(capsys)
    mlflow.use("older")
    assert "Sent 1 lab run" in printed(capsys)
    mlflow.assert_complete(FIRST, SECOND)


def test_a_deleted_experiment_is_restored(root: Path, mlflow: Mlflow, capsys: pytest.CaptureFixture[str]) -> None:
    record(root, FIRST)
    printed(capsys)
    mlflow.client.delete_experiment(mlflow.client.get_experiment_by_name("tiny").experiment_id)
    record(root, SECOND)
    out = printed(capsys)
    assert "Warning: the experiment 'tiny' was deleted in MLflow: it was restored" in out
    assert "Sent 1 lab run" in out
    mlflow.assert_complete(FIRST, SECOND)


@pytest.mark.parametrize("which", ["", ".trial-0001"])
def test_a_deleted_run_is_let_go_and_keeps_no_other(
    root: Path, mlflow: Mlflow, capsys: pytest.CaptureFixture[str], which: str
) -> None:
    folder = record(root, FIRST)
    printed(capsys)
    deleted = mlflow.runs()[FIRST + which].info.run_id
    mlflow.client.delete_run(deleted)
    (folder / "run.shipped").unlink()
    record(root, SECOND)
    out = printed(capsys)
    assert out.count("Warning") == 1
    assert f"{FIRST}{which} was deleted in MLflow: it is not sent again. To have it there, restore it" in out
    assert FIRST + which not in mlflow.runs()
    assert printed(capsys) == "MLflow has everything.\n", "not refused for ever"
    mlflow.client.restore_run(deleted)
    mlflow.assert_complete(FIRST, SECOND)


def test_a_trial_that_was_deleted_before_all_of_it_had_come_is_completed_when_it_is_restored(
    root: Path, mlflow: Mlflow, capsys: pytest.CaptureFixture[str]
) -> None:
    """As with an experiment that was deleted and is restored; its run has ended, and was never looked at again."""
    folder = record(root, FIRST)
    printed(capsys)
    trial = mlflow.runs()[f"{FIRST}.trial-0001"].info.run_id
    mlflow.client.update_run(trial, "RUNNING")
    mlflow.client.delete_run(trial)
    assert printed(capsys) == "MLflow has everything.\n", "it was let go"
    assert folder.is_dir()
    mlflow.client.restore_run(trial)
    assert "Sent 1 lab run" in printed(capsys)
    mlflow.assert_complete(FIRST)


def test_a_run_that_is_refused_keeps_no_other(root: Path, mlflow: Mlflow, capsys: pytest.CaptureFixture[str]) -> None:
    """MLflow takes no param anew: one with another value stands for whatever it may refuse."""
    record(root, FIRST)
    printed(capsys)
    run = mlflow.runs()[f"{FIRST}.trial-0000"].info.run_id
    path = root / FIRST / "trial-0000.jsonl"
    path.write_text(path.read_text().replace('"steps":"3"', '"steps":"4"').replace('"time":1', '"time":2'))
    mlflow.client.set_tag(run, "lab.sent", "0")
    (root / FIRST / "run.shipped").unlink()
    record(root, SECOND)
    with pytest.raises(UserError, match=rf"{FIRST}.trial-0000: MLflow refuses .*All else was sent \(1 lab runs\)"):
        sync()
    runs = mlflow.runs()
    assert {key: each.info.status for key, each in runs.items() if each.info.status != "FINISHED"} == {
        f"{FIRST}.trial-0000": "FAILED"
    }, "none is RUNNING for ever"
    assert SECOND in runs


def test_a_text_that_is_no_unicode_is_sent_with_a_mark_in_its_place(
    root: Path, mlflow: Mlflow, capsys: pytest.CaptureFixture[str]
) -> None:
    """Such as the message of an error with a file's name in it, whose bytes Python keeps as halves of pairs."""
    path = record(root, FIRST) / "run.jsonl"
    text = path.read_text().replace(
        '"tags":{"lab.result_digest"', '"tags":{"lab.error":"no \\udcff","lab.result_digest"'
    )
    path.write_text(text)
    assert "\\udcff" in text
    assert "Sent 1 lab run" in printed(capsys)
    assert mlflow.runs()[FIRST].data.tags["lab.error"] == "no ?"
    mlflow.assert_complete(FIRST)


@pytest.mark.parametrize("name", ["run.jsonl", "trial-0001.jsonl"])
@pytest.mark.parametrize("place", ['"key"', '"end"'])
def test_a_damaged_journal_is_one_warning(
    root: Path, mlflow: Mlflow, capsys: pytest.CaptureFixture[str], name: str, place: str
) -> None:
    path = record(root, FIRST) / name
    lines = path.read_bytes().splitlines(keepends=True)
    number = next(i for i, line in enumerate(lines) if place.encode() in line)
    lines.insert(number, b"\0\0\0\0\n")
    path.write_bytes(b"".join(lines))
    record(root, SECOND)
    out = printed(capsys)
    warnings = [line for line in out.splitlines() if "Warning" in line]
    assert len(warnings) == 1
    assert f"{path} is damaged" in warnings[0]
    assert f"./invoke forget {FIRST}" in warnings[0]
    assert out.endswith("Sent 1 lab run with all trials, MLflow has everything but 1 damaged lab run.\n")
    runs = mlflow.runs()
    assert {key for key in runs if key.startswith(SECOND)} == {SECOND, f"{SECOND}.trial-0000", f"{SECOND}.trial-0001"}
    assert "RUNNING" not in {run.info.status for run in runs.values()}
    path.write_bytes(path.read_bytes().replace(b"\0\0\0\0\n", b""))
    assert "Sent 1 lab run" in printed(capsys), "it was put back"
    mlflow.assert_complete(FIRST, SECOND)


def test_a_run_without_its_own_journal_is_one_warning(
    root: Path, mlflow: Mlflow, capsys: pytest.CaptureFixture[str]
) -> None:
    (record(root, FIRST) / "run.jsonl").unlink()
    record(root, SECOND)
    out = printed(capsys)
    assert f"{FIRST}/run.jsonl is missing" in out
    assert out.endswith("MLflow has everything but 1 damaged lab run.\n")
    mlflow.assert_complete(SECOND)


def test_a_database_that_cannot_be_used_is_one_line(root: Path, mlflow: Mlflow) -> None:
    record(root, FIRST)
    mlflow.file.write_bytes(b"no database" * 100)
    with pytest.raises(UserError, match=r"MLflow's database .* cannot be used .*: move it away"):
        sync()


def test_a_database_whose_disk_is_full_is_one_line(clone: Clone, empty: Path, tmp_path: Path) -> None:
    """MLflow's client says of it that it is away for now, and prints a traceback."""
    record(clone.journals, FIRST)
    clone.tracking = f"sqlite:///{shutil.copy(empty, tmp_path / 'mlflow.db')}"
    done = subprocess.run(
        [sys.executable, "-m", "lib", "sync"],
        cwd=clone.root,
        env=clone.environment(),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024)),
        capture_output=True,
        text=True,
        check=False,
    )
    Ended(done.returncode, done.stdout, done.stderr).assert_one_line(2, "MLflow's database", "check that disk")


def test_artifacts_that_cannot_be_written_are_one_line(
    root: Path, mlflow: Mlflow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record(root, FIRST)
    blocked = tmp_path / "blocked"
    blocked.touch()
    monkeypatch.setenv("LAB_ARTIFACTS", str(blocked / "artifacts"))
    with pytest.raises(UserError, match=r"MLflow did not get its files \(.*directory.*: check that disk"):
        sync()
    blocked.unlink()
    assert "Sent 1 lab run" in printed(capsys)
    mlflow.assert_complete(FIRST)


def test_an_empty_journal_needs_no_mlflow(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    assert printed(capsys) == "MLflow has everything.\n"


class OtherMlflow(BaseHTTPRequestHandler):
    """An MLflow of another version; one without a version answers too late."""

    version = ""

    def do_GET(self) -> None:
        if not self.version:
            time.sleep(3)
        with suppress(BrokenPipeError):  # nobody waits so long
            self.send_response(200)
            self.end_headers()
            self.wfile.write(self.version.encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing."""


@pytest.fixture
def other(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[OtherMlflow]]:
    handler = type("Handler", (OtherMlflow,), {})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as listening:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{listening.server_port}")
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield handler
        listening.shutdown()
        thread.join()


def test_an_mlflow_of_another_version_is_not_used(root: Path, other: type[OtherMlflow]) -> None:
    record(root, FIRST)
    other.version = "0.9.1"
    with pytest.raises(UserError, match=r"is version 0\.9\.1, and this image has \d.*\./invoke up"):
        sync()


def test_a_slow_mlflow_is_called_slow(root: Path, other: type[OtherMlflow], monkeypatch: pytest.MonkeyPatch) -> None:
    record(root, FIRST)
    monkeypatch.setattr(server, "ANSWER_SECONDS", 1)
    with pytest.raises(UserError, match=r"MLflow is slow: it took more than 1 s to answer"):
        sync()
