"""A lab that is interrupted, whichever way, and taken up: as if nothing had happened, and nothing twice."""

from __future__ import annotations

import dataclasses
import fcntl
import json
import math
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lib.harness.contract.trial import Result, Trial
from lib.harness.errors import UserError
from lib.harness.machine import gpus
from lib.harness.recording import provenance, reading
from lib.harness.recording.disk import LocalDisk
from lib.harness.recording.journal import Journal, JournalFullError
from lib.harness.recording.recorder import Recorder
from lib.harness.running import resumption
from lib.harness.running.job import Job
from lib.harness.running.ray.pool import _write
from lib.harness.running.ray.task import Returned
from lib.harness.shipping.points import points_of
from tests.lib.harness.labs.tiny import TinyConfig
from tests.lib.harness.support import (
    Clone,
    Ended,
    Server,
    descendants,
    digests,
    end_of,
    finished,
    interrupt,
    journals_of,
    points,
    records,
    said,
    tags_of,
    until,
)

SETTINGS = {"seeds": 6, "steps": 20, "batch": 4, "action": "sleep"}


def assert_as_if_nothing_had_happened(clone: Clone, folder: Path, before: dict[str, bytes], whole: Path) -> None:
    """The run has the digests of the uninterrupted one, and every journal begins as it did before."""
    assert digests(folder) == digests(whole)
    parents = [records(each / "run.jsonl") for each in (folder, whole)]
    assert parents[0][-1]["status"] == "FINISHED"
    assert parents[0][-1]["tags"]["lab.result_digest"] == parents[1][-1]["tags"]["lab.result_digest"]
    assert (folder / "run.files/claims.json").read_bytes() == (whole / "run.files/claims.json").read_bytes()
    for name, data in before.items():
        assert (folder / name).read_bytes().startswith(data)
    well = [lines[0]["name"] for lines in journals_of(folder).values() if lines[-1]["status"] == "FINISHED"]
    assert len(well) == len(set(well)) == 13, "the parent and each trial, once"


@pytest.mark.parametrize("how", [pytest.param(signal.SIGINT, marks=pytest.mark.slow), signal.SIGKILL])
def test_a_lab_is_taken_up_where_it_was(clone: Clone, server: Server, how: signal.Signals) -> None:
    clone.tracking = server.url
    folder, ended = interrupt(clone, how=how, settings=SETTINGS)
    if how == signal.SIGINT:
        ended.assert_one_line(130, "Interrupted", f"./invoke lab tiny --resume {folder.name}")
    begun = {path.name: path.read_bytes() for path in folder.glob("*.jsonl")}
    done = finished(folder)
    assert 3 <= len(done) < 12
    ended = clone.run("tiny", "--resume", folder.name)
    assert (ended.code, ended.err) == (0, ""), ended
    assert clone.newest() == folder, "no other run"
    assert f"12 trials ({len(done)} of them before) in" in ended.out
    assert len(finished(folder)) == 12
    assert clone.tiny("--workers", "2", **SETTINGS).code == 0
    assert_as_if_nothing_had_happened(clone, folder, begun, clone.newest())

    found = {key: run for key, run in server.runs().items() if key.startswith(folder.name)}
    journals = journals_of(folder)
    assert found.keys() == journals.keys()
    assert {key: run["info"]["status"] for key, run in found.items()} == {
        key: lines[-1]["status"] for key, lines in journals.items()
    }
    assert all(server.points(run) == points(journals[key]) for key, run in found.items())
    tags = tags_of(found[folder.name])
    assert tags["lab.resumed"] == "1"
    assert "lab.ended" not in tags
    assert int(found[folder.name]["info"]["end_time"]) == journals[folder.name][-1]["time"]

    for state in folder.glob("*.shipped"):
        state.unlink()
    ended = clone.run("sync")
    assert (ended.code, ended.err) == (0, ""), ended
    again = {key: run for key, run in server.runs().items() if key.startswith(folder.name)}
    assert again == found


@pytest.mark.slow
def test_a_lab_is_taken_up_twice_by_its_name(clone: Clone) -> None:
    """The second time it is interrupted, too; its options are those with which it began."""
    folder, _ = interrupt(clone, "--seed", "7", how=signal.SIGINT, settings=SETTINGS)
    first = finished(folder)
    process = clone.start("tiny", "--workers", "2", "--resume", "last:tiny")
    until(lambda: len(finished(folder)) >= len(first) + 2, what="two more have ended")
    os.killpg(process.pid, signal.SIGINT)
    end_of(process).assert_one_line(130, "--resume")
    begun = {path.name: path.read_bytes() for path in folder.glob("*.jsonl")}
    ended = clone.run("tiny", "--resume", folder.name[:-4])
    assert ended.code == 0, ended
    assert clone.tiny("--seed", "7", "--workers", "2", **SETTINGS).code == 0
    assert_as_if_nothing_had_happened(clone, folder, begun, clone.newest())


def test_what_has_failed_or_is_not_whole_runs_again(clone: Clone) -> None:
    """A lab whose worker was killed ends in one line that says how to go on, and does not adopt half a trial."""
    ended = clone.tiny("--workers", "1", seeds=2, action="die")
    folder = clone.newest()
    ended.assert_one_line(2, "A worker was killed", f"./invoke lab tiny --resume {folder.name}")
    (done,) = finished(folder)
    spoilt = done.with_suffix(".files") / "measurements.json"
    spoilt.write_text(spoilt.read_text().replace('"loss": ', '"loss": 1'))
    clone.run("tiny", "--resume", folder.name, "--workers", "1").assert_one_line(2, "A worker was killed")
    assert {path.name for path in folder.glob("trial-*.jsonl")} == {
        "trial-0000.jsonl", "trial-0000-2.jsonl", "trial-0001.jsonl", "trial-0001-2.jsonl"
    }  # fmt: skip
    assert finished(folder) == [folder / "trial-0000-2.jsonl", folder / "trial-0000.jsonl"]


@pytest.fixture
def interrupted(clone: Clone) -> Path:
    """The folder of a lab that ended in the middle."""
    assert clone.tiny("--workers", "1", seeds=1, action="die").code == 2
    return clone.newest()


def refused(clone: Clone, folder: Path, *words: str) -> Ended:
    """What a lab says that cannot be taken up, and that its record is as it was."""
    before = {path: path.read_bytes() for path in folder.rglob("*.jsonl")}
    ended = clone.run(*words)
    assert {path: path.read_bytes() for path in folder.rglob("*.jsonl")} == before
    assert len(clone.runs()) == len({path.parent for path in before if path.name == "run.jsonl"})
    return ended


def test_what_cannot_be_taken_up_is_one_line(clone: Clone, interrupted: Path) -> None:
    key = interrupted.name
    for words, expected in (
        (["tiny", "--resume", "nowhere"], ["--resume nowhere", "no such run"]),
        (["tiny", "--resume", "last:other"], ["--resume last:other", "no such run"]),
        (["tiny", "--resume", "first:tiny"], ["first:tiny", "last:NAME"]),
        (["tiny", "--resume", ""], ["last:NAME"]),
        (["claims", "--resume", key], ["--resume", "claims"]),
        (["tiny", "--resume", key, "--quick"], ["leave out --quick"]),
        (["tiny", "--resume", key, "--set", "steps=3"], ["leave out --set"]),
        (["tiny", "--resume", key, "--seed", "1"], ["leave out --seed"]),
        (["stray", "--resume", key], ["a run of 'tiny'", f"./invoke lab tiny --resume {key}"]),
    ):
        refused(clone, interrupted, *words).assert_one_line(2, *expected)


def test_a_run_of_other_code_or_another_lock_is_refused(clone: Clone, interrupted: Path) -> None:
    key = interrupted.name
    clone.variables["LAB_LOCK_SHA256"] = "m" * 64
    refused(clone, interrupted, "tiny", "--resume", key).assert_one_line(2, key, "other lock", "run the lab anew")
    del clone.variables["LAB_LOCK_SHA256"]
    header = json.dumps({**records(interrupted / "run.jsonl")[0]})
    tag = records(interrupted / "run.jsonl")[0]["tags"]["lab.code_sha256"]
    journal = interrupted / "run.jsonl"
    journal.write_text(journal.read_text().replace(tag, "0" * 64))
    assert tag in header
    refused(clone, interrupted, "tiny", "--resume", key).assert_one_line(2, key, "other code", "commit unknown")


@pytest.mark.parametrize(("kind", "option"), [("config digest", ""), ("none", " --local")])
def test_the_way_to_go_on_leads_where_the_run_was(clone: Clone, kind: str, option: str) -> None:
    clone.variables["LAB_IMAGE_KIND"] = kind
    ended = clone.tiny("--workers", "1", seeds=1, action="die")
    assert ended.err.endswith(f"./invoke lab tiny --resume {clone.newest().name}{option}\n"), ended


def test_a_run_of_before_the_kernels_goes_on_without_them(clone: Clone, interrupted: Path) -> None:
    """Its record has no tag for them: torch computed."""
    run = resumption.find(clone.journals, "tiny", interrupted.name)
    present = dict(run.tags)
    older = dataclasses.replace(run, header={"tags": {k: v for k, v in present.items() if k != "lab.kernels"}})
    older.require_same(present | {"lab.kernels": "none"})
    with pytest.raises(UserError, match="ran with other kernels than there is now"):
        older.require_same(present | {"lab.kernels": "0" * 64})


def test_a_run_goes_on_in_another_image_of_the_same_content(clone: Clone, interrupted: Path) -> None:
    run = resumption.find(clone.journals, "tiny", interrupted.name)
    begun = dataclasses.replace(run, header={"tags": {**run.tags, "lab.image": "sha256:1", "lab.image_content": "a"}})
    begun.require_same({**begun.tags, "lab.image": "sha256:2"})
    with pytest.raises(UserError, match="ran with other image than there is now"):
        begun.require_same({**begun.tags, "lab.image": "sha256:2", "lab.image_content": "b"})
    older = {name: value for name, value in begun.tags.items() if name != "lab.image_content"}
    with pytest.raises(UserError, match="ran with other image than there is now"):
        dataclasses.replace(run, header={"tags": older}).require_same({**begun.tags, "lab.image": "sha256:2"})


def test_a_run_on_a_gpu_goes_on_there(clone: Clone, interrupted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hint at its end says how, and so does the line that refuses. (A tag of the journal stands for a GPU.)"""
    monkeypatch.setenv(gpus.ENABLED, "keras")
    assert provenance.place() == " --gpu --framework keras"
    journal = interrupted / "run.jsonl"
    cpu = resumption.find(clone.journals, "tiny", interrupted.name)
    with pytest.raises(UserError, match="did not run on a GPU: leave out --gpu"):
        cpu.require_same({**cpu.tags, "lab.lock_sha256": "that of another image"})
    cpu.require_same(cpu.tags)
    journal.write_text(journal.read_text().replace('"lab.gpu":"none"', '"lab.gpu":"H200, driver 580"'))
    refused(clone, interrupted, "tiny", "--resume", interrupted.name).assert_one_line(
        2, f"{interrupted.name} ran on a GPU (H200, driver 580): say --gpu --framework torch"
    )


def test_a_run_that_another_resume_has_finished_is_not_taken_up_again(clone: Clone, interrupted: Path) -> None:
    """It was not finished when it was found, and is when its lock is to be had."""
    first = Journal.reopen(interrupted / "run.jsonl")
    second = clone.start("tiny", "--resume", interrupted.name)
    until(lambda: descendants(second), what="it has found the run and starts its workers")
    first.end("FINISHED")
    before = {path: path.read_bytes() for path in interrupted.glob("*.jsonl")}
    end_of(second).assert_one_line(2, f"{interrupted.name} is finished")
    assert {path: path.read_bytes() for path in interrupted.glob("*.jsonl")} == before


MEASURED = {
    "text": "nan",
    "texts": ["inf", {"t": "-inf"}, "0x1.8000000000000p+0"],
    "number": math.nan,
    "numbers": [math.inf, -math.inf, 3, 3.0, -0.0],
    "large": [2**53 + 1, 10**30],
    "solved": [True, None],
    "nested": {"m": {"i": 1.5}, "shape": [1]},
}


def test_a_resumed_trial_has_the_values_that_it_measured(tmp_path: Path) -> None:
    """Each with its type: its text "nan" is no number, which no metric is made of, and 3 is no 3.0."""
    trial = Trial("fast", TinyConfig(), 0)
    tags = {"lab.variant": "fast", "lab.seed": "0", "lab.framework": "numpy", "lab.dtype": "float32"}
    header: dict[str, Any] = {"key": "k.trial-0000", "parent": "k", "experiment": "tiny", "name": "fast, seed 0"}
    header |= {"params": {}, "tags": tags}
    files = {"config.json": provenance.config_json(trial.config)}
    (tmp_path / "k").mkdir()
    journal = Journal.create(tmp_path / "k" / "trial-0000.jsonl", header)
    journal.files.mkdir()
    (journal.files / "config.json").write_bytes(files["config.json"])
    recorder = Recorder(journal)
    recorder.measurements(MEASURED)
    journal.end("FINISHED", **{"lab.result_digest": recorder.digest})
    adopted = resumption.result(journal.path, trial, header, files)
    assert adopted is not None
    assert repr(adopted.measurements) == repr(MEASURED)
    assert adopted.digest == recorder.digest

    logged = next(record for record in records(journal.path) if record["kind"] == "log")
    metrics = {name: value for name, value, _, _ in points_of(logged)}
    assert metrics.keys() == {"final/number"}
    assert math.isnan(metrics["final/number"])

    (journal.files / "config.json").write_bytes(provenance.config_json(TinyConfig(steps=21)))
    assert resumption.result(journal.path, trial, header, files) is None, "the config is a part of the run's digest"


CUT_SHORT = """
import os, sys
from pathlib import Path
from lib.harness.recording.journal import Journal
from lib.harness.running.job import Job
from lib.harness.running.ray.pool import _write
from lib.harness.running.ray.task import Returned

path = Path(sys.argv[2])
rename = os.replace
os.replace = lambda old, new: os.kill(os.getpid(), 9) if str(new).endswith(".jsonl") else rename(old, new)
if sys.argv[1] == "here":
    Journal.create(path, {"key": "k"})
else:
    _write(Job(None, "k", "", 0, path, {}, {"config.json": b"{}"}), Returned(None, b"{}", {"more/stale.txt": b""}, ""))
"""


def test_what_is_left_of_trials_without_a_journal_is_in_nobodys_way(clone: Clone) -> None:
    """Of a lab that is killed while it makes a trial's journal, or writes what a trial on Ray has returned."""
    folder, _ = interrupt(clone, settings={"seeds": 6, "steps": 20, "batch": 4, "action": "sleep"})
    for name, where in (("trial-0009", "here"), ("trial-0010", "on ray"), ("trial-0011", "on ray")):
        command = [sys.executable, "-c", CUT_SHORT, where, str(folder / f"{name}.jsonl")]
        killed = subprocess.run(command, cwd=clone.root, env=clone.environment(), check=False)
        assert killed.returncode == -signal.SIGKILL
    (folder / "trial-0010.jsonl.part").unlink()
    left = {"trial-0009.new", "trial-0010.files", "trial-0011.files", "trial-0011.jsonl.part"}
    assert left <= {path.name for path in folder.iterdir()}
    ended = clone.run("tiny", "--resume", folder.name)
    assert (ended.code, ended.err) == (0, ""), ended
    assert len(finished(folder)) == 12
    assert not [*folder.glob("*.new"), *folder.glob("*.part"), *folder.glob("*.files/more")]


def test_a_journal_from_ray_for_which_there_is_no_room_leaves_no_part_of_it(small_disk: Path) -> None:
    trial = Trial("fast", TinyConfig(), 0)
    job = Job(trial, "k", "", 0, small_disk / "trial-0000.jsonl", {}, {})
    with pytest.raises(JournalFullError):
        _write(job, Returned(Result(trial, "k", "FINISHED"), b"x" * 2_000_000, {}, "worker"))
    assert list(small_disk.iterdir()) == []


class CountingDisk(LocalDisk):
    """The disk of this machine, with a count of the files that are opened to be written, and of those put on it."""

    opened = syncs = 0

    def open(self, path: Path, new: bool) -> int:
        self.opened += 1
        return super().open(path, new)

    def sync(self, descriptor: int) -> None:
        self.syncs += 1
        super().sync(descriptor)


def test_trials_that_have_ended_are_put_on_the_disk_and_not_written_when_a_run_is_resumed(tmp_path: Path) -> None:
    opened = set()
    for count in (3, 30):
        folder = tmp_path / f"20260101-000000-tiny-{count:06x}"
        folder.mkdir()
        tags = dict.fromkeys(reading.TAGS, "0")
        header: dict[str, Any] = {"parent": None, "experiment": "tiny", "tags": tags, "params": {}}
        for name in ("run", *(f"trial-{number:04d}" for number in range(count)), "trial-9999"):
            with Journal.create(folder / f"{name}.jsonl", {**header, "key": folder.name, "name": name}) as journal:
                if name not in ("run", "trial-9999"):
                    journal.end("FINISHED")
        disk, run = CountingDisk(), resumption.read_run(folder / "run.jsonl")
        assert run is not None
        run.take_up(disk).close()
        assert records(folder / "trial-9999.jsonl")[-1]["status"] == "FAILED"
        opened.add(disk.opened)
        assert disk.syncs > count
    assert len(opened) == 1


def test_a_trial_that_somebody_else_ends_is_waited_for(
    clone: Clone, interrupted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial = interrupted / "trial-0001.jsonl"
    *begun, _ = trial.read_bytes().splitlines(keepends=True)
    trial.write_bytes(b"".join(begun))
    monkeypatch.setattr(resumption, "WRITERS_SECONDS", 0.0)
    run = resumption.find(clone.journals, "tiny", interrupted.name)
    with trial.open("rb") as looked_at:
        fcntl.flock(looked_at, fcntl.LOCK_SH)
        with pytest.raises(UserError, match=f"{interrupted.name}: trial-0001 is still running"):
            run.take_up()
    run.take_up().close()
    assert records(trial)[-1]["status"] == "FAILED"
    assert records(interrupted / "run.jsonl")[-1]["tags"] == {"lab.resumed": "1"}


def test_a_run_that_goes_on_or_is_finished_is_refused(clone: Clone) -> None:
    process = clone.start("tiny", *said({"seeds": 1, "steps": 40, "action": "sleep"}))
    until(lambda: clone.runs() and list(clone.newest().glob("trial-*.jsonl")), what="a trial has begun")
    os.killpg(process.pid, signal.SIGSTOP)
    try:
        clone.run("tiny", "--resume", "last:tiny").assert_one_line(2, clone.newest().name, "still running")
    finally:
        os.killpg(process.pid, signal.SIGCONT)
    assert end_of(process).code == 0
    folder = clone.newest()
    refused(clone, folder, "tiny", "--resume", folder.name).assert_one_line(2, "is finished")
    refused(clone, folder, "tiny", "--resume", "last:tiny").assert_one_line(2, "no such run")


def begun(root: Path, key: str, time: int) -> None:
    """An interrupted run that began at this time, in ms since the epoch."""
    (root / key).mkdir()
    tags = dict.fromkeys(reading.TAGS, "0")
    header = {"key": key, "parent": None, "experiment": "tiny", "name": "tiny", "tags": tags, "params": {}}
    Journal.create(root / key / "run.jsonl", header).end("KILLED")
    path = root / key / "run.jsonl"
    first, *rest = path.read_text().splitlines()
    path.write_text("".join(f"{line}\n" for line in [json.dumps({**json.loads(first), "time": time}), *rest]))


def test_the_last_run_is_the_one_that_began_last(tmp_path: Path) -> None:
    """Clocks are set back, and older runs have the local time in their key: the later one has the smaller key."""
    begun(tmp_path, "20261101-015000-tiny-aaaaaa", time=1_793_512_200_000)
    begun(tmp_path, "20261101-011500-tiny-bbbbbb", time=1_793_513_700_000)
    assert resumption.find(tmp_path, "tiny", "last:tiny").key == "20261101-011500-tiny-bbbbbb"


def test_a_damaged_journal_is_in_the_way_of_no_other_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lib.harness.errors._warned", set())
    begun(tmp_path, "20261101-015000-tiny-aaaaaa", time=1)
    begun(tmp_path, "20261101-015000-other-cccccc", time=2)
    path = tmp_path / "20261101-015000-other-cccccc" / "run.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"run"', b"\0\0\0\0\0"))
    assert resumption.find(tmp_path, "tiny", "last:tiny").key == "20261101-015000-tiny-aaaaaa"
    warning = capsys.readouterr().err
    assert warning.count("Warning") == 1
    assert f"{path} is damaged" in warning
    assert resumption.find(tmp_path, "tiny", "20261101-015000-tiny").key == "20261101-015000-tiny-aaaaaa"
    assert capsys.readouterr().err == "", "the other one is not even read"
    with pytest.raises(UserError, match=r"is damaged.*./invoke forget 20261101-015000-other-cccccc"):
        resumption.find(tmp_path, "other", path.parent.name)
