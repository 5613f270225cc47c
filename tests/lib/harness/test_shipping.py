"""The shipper against a real MLflow server: everything arrives, once, whatever dies in between."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient

from lib.harness.shipping.remote import MlflowServer
from lib.harness.shipping.shipper import Shipper
from lib.harness.shipping.tracking import Tracking
from tests.lib.harness.support import (
    Clone,
    Server,
    descendants,
    end_of,
    journals_of,
    lines_of_trials,
    living,
    params_of,
    points,
    records,
    said,
    send_signal,
    statuses,
    tags_of,
    until,
)

TAGS = {
    "lab.run", "lab.name", "lab.variant", "lab.seed", "lab.framework", "lab.scope", "lab.image", "lab.lock_sha256",
    "lab.code_sha256", "lab.git_commit", "lab.git_dirty", "lab.data_sha256", "lab.cpu", "lab.gpu", "lab.threads",
    "lab.result_digest", "lab.user", "lab.trace_version",
}  # fmt: skip
CHILDS_FILES = {"config.json", "trace.jsonl", "measurements.json", "model/parameters.npz"}
PARENTS_FILES = {"code.tar.gz", "config.json", "environment.json", "trace.jsonl", "claims.json", "figures/losses.png"}


@pytest.fixture
def tracked(clone: Clone, server: Server) -> Clone:
    """The clone with the MLflow server."""
    clone.tracking = server.url
    return clone


def assert_complete(server: Server, folder: Path) -> None:
    """MLflow has every run of this lab and every point of their journals, once, and how each run ended."""
    found = server.runs()
    for key, lines in journals_of(folder).items():
        run = found[key]
        assert server.points(run) == points(lines), key
        assert run["info"]["status"] == lines[-1]["status"]
        assert (int(run["info"]["start_time"]), int(run["info"]["end_time"])) == (lines[0]["time"], lines[-1]["time"])
        tags = tags_of(run)
        assert lines[0]["tags"].items() | lines[-1]["tags"].items() <= tags.items()
        assert params_of(run) == lines[0]["params"]
        parent = lines[0]["parent"]
        assert tags.get("mlflow.parentRunId") == (found[parent]["info"]["run_id"] if parent else None)


def files_below(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def counts(server: Server, folder: Path) -> dict[str, int]:
    """Number of points of each run of a lab in MLflow."""
    return {key: len(server.points(run)) for key, run in server.runs().items() if key.startswith(folder.name)}


def test_everything_is_in_mlflow_when_the_lab_ends_and_a_replay_adds_nothing(tracked: Clone, server: Server) -> None:
    tracked.variables["LAB_MLFLOW_URL"] = "http://127.0.0.1:4711"
    ended = tracked.tiny(seeds=2, steps=1100, text="x" * 7000)
    assert (ended.code, ended.err) == (0, ""), ended
    assert "Warning" not in ended.out
    folder = tracked.newest()
    found = server.runs()
    parent = found[folder.name]
    page = f"http://127.0.0.1:4711/#/experiments/{parent['info']['experiment_id']}/runs/{parent['info']['run_id']}"
    assert f"In MLflow: {page}\n" in ended.out

    journals = journals_of(folder)
    assert len(journals) == 5
    for lines in journals.values():  # one param is longer than MLflow takes: cut there, whole in config.json
        assert len(lines[0]["params"]["text"]) == 7000
        lines[0]["params"]["text"] = "x" * 5999 + "…"
    for key, lines in journals.items():
        run = found[key]
        assert server.points(run) == points(lines)
        assert params_of(run) == lines[0]["params"]
        assert tags_of(run).keys() >= TAGS
        assert tags_of(run)["lab.run"] == key
        artifacts = server.artifacts(run)
        files = folder / ("run.files" if key == folder.name else f"{key.split('.')[-1]}.files")
        trace = artifacts.pop("trace.jsonl").decode("ascii")
        assert artifacts == files_below(files)
        if key == folder.name:
            assert artifacts.keys() | {"trace.jsonl"} == PARENTS_FILES
            assert "mlflow.parentRunId" not in tags_of(run)
            with tarfile.open(fileobj=io.BytesIO(artifacts["code.tar.gz"])) as tar:
                assert "lib/testlabs/tiny.py" in tar.getnames()
            claims = json.loads(artifacts["claims.json"])
            assert {c["id"]: c["verdict"] for c in claims if "/" not in c["id"]} == {
                name.removeprefix("claim."): value for name, value in tags_of(run).items() if name.startswith("claim.")
            }
            keys = {"id", "lab", "statement", "kind", "verdict", "effect", "low", "high", "unit", "seeds"}
            assert all(keys <= claim.keys() for claim in claims)
        else:
            assert artifacts.keys() | {"trace.jsonl"} == CHILDS_FILES
            assert tags_of(run)["mlflow.parentRunId"] == parent["info"]["run_id"]
            assert len(points(lines)) > 1000
            command = ["bash", "-c", "grep -v '^{\"digest\"' | sha256sum"]
            printed = subprocess.run(command, input=trace, capture_output=True, text=True, check=True).stdout
            assert printed.split()[0] == tags_of(run)["lab.result_digest"]
            assert json.loads(artifacts["config.json"])["text"] == "x" * 7000
    printed = subprocess.run(
        ["sha256sum"], input=lines_of_trials(folder), capture_output=True, text=True, check=True
    ).stdout
    assert printed.split()[0] == tags_of(parent)["lab.result_digest"]

    assert_replay_adds_nothing(tracked, server, folder)


def test_a_run_is_recognized_in_mlflow_by_its_name_and_its_numbers(tracked: Clone, server: Server) -> None:
    assert tracked.tiny("--seed", "3", seeds=2).code == 0
    folder = tracked.newest()
    run = server.runs()[folder.name]
    verdicts = Counter(value for name, value in tags_of(run).items() if name.startswith("claim."))
    words = {"holds": ("holds", "hold"), "fails": ("fails", "fail"), "inconclusive": ("inconclusive",) * 2}
    counts = ", ".join(f"{verdicts[v]} {words[v][verdicts[v] > 1]}" for v in words if verdicts[v])
    assert run["info"]["run_name"] == tags_of(run)["mlflow.runName"] == f"tiny · seed 3 · {counts}"
    metrics = {metric["key"]: metric["value"] for metric in run["data"]["metrics"]}
    assert {name: number for name, number in metrics.items() if name.startswith("claims/")} == {
        f"claims/{verdict}": number for verdict, number in verdicts.items()
    }
    losses: dict[str, list[float]] = {}
    for path in folder.glob("trial-*.files/measurements.json"):
        variant = records(path.parent.with_suffix(".jsonl"))[0]["tags"]["lab.variant"]
        losses.setdefault(variant, []).append(json.loads(path.read_text(encoding="utf-8"))["loss"])
    assert losses.keys() == {"fast", "slow"}
    for variant, values in losses.items():
        assert metrics[f"mean/{variant}/loss"] == pytest.approx(sum(values) / 2, rel=1e-12)
    assert "mean/fast/capped" not in metrics, "infinite"
    (note,) = [tag["value"] for tag in server.experiment("tiny")["tags"] if tag["key"] == "mlflow.note.content"]
    assert note == tags_of(run)["lab.summary"]
    assert note.startswith("Least squares in a second")


def assert_replay_adds_nothing(tracked: Clone, server: Server, folder: Path) -> None:
    """The shipper forgets what it has sent and sends it all again."""
    before = counts(server, folder)
    everything = len(server.runs())
    for state in folder.glob("*.shipped"):
        state.unlink()
    ended = tracked.run("sync")
    assert (ended.code, ended.err) == (0, "")
    assert "Sent 1 lab run with all trials, MLflow has everything." in ended.out
    assert counts(server, folder) == before
    assert len(server.runs()) == everything
    assert "MLflow has everything" in tracked.run("sync").out


@pytest.mark.slow
def test_a_server_that_is_killed_in_the_middle_loses_and_doubles_nothing(tracked: Clone, server: Server) -> None:
    process = tracked.start("tiny", *said({"seeds": 2, "steps": 200, "action": "sleep"}))
    until(tracked.runs, what="the lab has begun")
    folder = tracked.newest()
    try:
        until(lambda: any(counts(server, folder).values()), 120, "MLflow has points of the lab")
        server.kill()
        assert process.poll() is None, "the lab is still running"
        ended = end_of(process)
    finally:
        server.start()
    assert (ended.code, ended.err) == (0, ""), ended
    assert "MLflow did not answer. Nothing is lost" in ended.out
    assert statuses(folder) == ["FINISHED"] * 5
    run = server.runs()[folder.name]
    assert run["info"]["status"] == "RUNNING", "MLflow does not know yet how it ended"
    ended = tracked.run("sync")
    assert (ended.code, ended.err) == (0, "")
    assert_complete(server, folder)


def test_a_shipper_that_cannot_be_started_is_the_reason_why_nothing_was_sent(tmp_path: Path) -> None:
    """A full disk has no room for its log. (Here a folder has its place.)"""
    (tmp_path / "shipper.log").mkdir()
    tracking = Tracking(tmp_path)
    tracking.begin()
    assert not tracking.finish()
    assert tracking.trouble == "What sends to MLflow cannot be started (Is a directory)"


def test_a_shipper_that_starts_after_its_lab_has_been_killed_ends(clone: Clone) -> None:
    """It takes a while until it looks: who is its parent then is somebody else."""
    lab = subprocess.Popen(["true"])
    lab.wait()
    folder = clone.journals / "20260101-000000-tiny-abcdef"
    folder.mkdir()
    command = [sys.executable, "-m", "lib.harness.shipping.follow", str(folder), str(lab.pid)]
    done = subprocess.run(
        command, cwd=clone.root, env=clone.environment(), capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stdout) == (0, "away\n"), done


def test_a_trial_that_appears_while_others_are_sent_is_sent_too(clone: Clone, server: Server) -> None:
    """On Ray journals appear whole, and the last one and its parent's end may do so during one round of the shipper."""
    assert clone.tiny(seeds=2, steps=3).code == 0
    folder = clone.newest()
    parent, (*_, last) = folder / "run.jsonl", sorted(folder.glob("trial-*.jsonl"))
    whole, apart = parent.read_bytes(), last.with_suffix(".later")
    last.rename(apart)
    parent.write_bytes(b"".join(line for line in whole.splitlines(keepends=True) if b'"kind":"end"' not in line))

    class Remote(MlflowServer):
        def set_status(self, run: str, status: str, end_time: int | None) -> None:
            super().set_status(run, status, end_time)
            if apart.exists():
                apart.rename(last)
                parent.write_bytes(whole)

    shipper = Shipper(Remote(MlflowClient(server.url)), folder)
    assert not shipper.ship()
    assert shipper.ship()
    assert_complete(server, folder)


def test_a_server_that_cannot_close_a_run_yet_gets_another_chance(tracked: Clone, server: Server) -> None:
    """Every point has arrived, the files cannot be stored: a later sync must still send them and close the runs."""
    with server.without_artifacts():
        ended = tracked.tiny(seeds=1)
        assert (ended.code, ended.err) == (0, ""), ended
        assert "MLflow did not answer. Nothing is lost" in ended.out
        tracked.run("sync").assert_one_line(2, "MLflow does not answer")
    folder = tracked.newest()
    child = next(key for key in journals_of(folder) if key != folder.name)
    assert server.points(server.runs()[child]) == points(journals_of(folder)[child])
    ended = tracked.run("sync")
    assert (ended.code, ended.err) == (0, ""), ended
    assert "Sent 1 lab run with all trials, MLflow has everything." in ended.out
    assert_complete(server, folder)


def test_a_sync_without_a_server_is_one_line(clone: Clone, server: Server) -> None:
    assert clone.tiny(seeds=1).code == 0
    clone.run("sync").assert_one_line(2, "MLflow does not answer", "./invoke up", "./invoke sync")
    clone.tracking = server.url
    assert clone.run("sync").code == 0
    assert_complete(server, clone.newest())


def test_a_server_that_refuses_is_one_line(clone: Clone, server: Server) -> None:
    """Something answers, but it is no MLflow API (a wrong address): said in one line, never a traceback."""
    assert clone.tiny(seeds=1).code == 0
    clone.tracking = f"{server.url}/nothing/here"
    clone.run("sync").assert_one_line(2, "MLflow refuses")
    clone.tracking = server.url
    assert clone.run("sync").code == 0
    assert_complete(server, clone.newest())


@pytest.fixture
def killed(tracked: Clone) -> Iterator[Path]:
    """The folder of a lab of which every process was killed while its trials ran."""
    process = tracked.start("tiny", *said({"seeds": 2, "steps": 1000, "action": "sleep"}))
    until(lambda: tracked.runs() and list(tracked.newest().glob("trial-*.jsonl")), what="a trial has begun")
    processes = descendants(process)
    for each in processes:
        send_signal(each, signal.SIGKILL)
    process.kill()
    process.communicate()
    until(lambda: not living(processes), 30, "no process is left")
    yield tracked.newest()


def test_the_next_lab_ends_what_a_killed_one_left_open(tracked: Clone, server: Server, killed: Path) -> None:
    assert tracked.tiny(seeds=1).code == 0
    assert set(statuses(killed)) == {"FAILED"}
    assert_complete(server, killed)
    assert_complete(server, tracked.newest())
    assert "MLflow has everything" in tracked.run("sync").out


def test_a_sync_ends_what_a_killed_lab_left_open(tracked: Clone, server: Server, killed: Path) -> None:
    ended = tracked.run("sync")
    assert (ended.code, ended.err) == (0, "")
    assert set(statuses(killed)) == {"FAILED"}
    assert_complete(server, killed)


def test_workers_and_shipper_of_a_killed_lab_end_its_runs_and_themselves(tracked: Clone, server: Server) -> None:
    process = tracked.start("tiny", *said({"seeds": 2, "steps": 100_000, "action": "sleep"}))
    until(tracked.runs, what="the lab has begun")
    folder = tracked.newest()
    until(lambda: counts(server, folder).get(folder.name) is not None, 120, "the shipper is at work")
    processes = descendants(process)
    assert len(processes) >= 3
    process.kill()
    process.communicate()
    until(lambda: not living(processes), 60, "no process is left")
    assert set(statuses(folder)) == {"FAILED"}
    assert_complete(server, folder)


@pytest.mark.parametrize(
    ("number", "to_all"), [(signal.SIGINT, True), pytest.param(signal.SIGTERM, False, marks=pytest.mark.slow)]
)
def test_an_interrupted_lab_is_killed_in_mlflow(
    tracked: Clone, server: Server, number: signal.Signals, to_all: bool
) -> None:
    process = tracked.start("tiny", *said({"seeds": 2, "steps": 1000, "action": "sleep"}))
    until(tracked.runs, what="the lab has begun")
    folder = tracked.newest()
    until(lambda: any(counts(server, folder).values()), 120, "MLflow has points of the lab")
    processes = descendants(process)
    (os.killpg if to_all else os.kill)(process.pid, number)
    end_of(process).assert_one_line(130, "Interrupted")
    until(lambda: not living(processes), 30, "no process is left")
    assert set(statuses(folder)) == {"KILLED"}
    assert_complete(server, folder)
