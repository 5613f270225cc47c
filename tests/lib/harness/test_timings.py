"""Times reach claims and figures beside the measurements, outside the digest."""

from __future__ import annotations

from pathlib import Path

from lib.harness.contract import Runtime, Trial
from lib.harness.journal import Journal
from lib.harness.recorder import Recorder
from lib.harness.workers import Job, run_job
from tests.lib.harness.labs import tiny


def test_the_last_of_each_is_kept(tmp_path: Path) -> None:
    recorder = Recorder(Journal.create(tmp_path / "trial.jsonl", {"key": "trial"}))
    before = recorder.digest
    recorder.timing(0, seconds=1, bytes=3)
    recorder.timing(1, seconds=2)
    assert recorder.timings == {"seconds": 2.0, "bytes": 3.0}
    assert recorder.digest == before


def test_a_trials_result_has_its_timings(tmp_path: Path) -> None:
    trial = Trial("fast", tiny.TinyConfig(steps=2), 0, Runtime())
    digests = set()
    for name in ("first", "second"):
        job = Job(trial, name, tiny.__name__, 0, tmp_path / f"{name}.jsonl", {"key": name}, {})
        result = run_job(job)
        assert result.status == "FINISHED", result.error
        assert result.timings.keys() == {"clock", "trial_seconds"}
        assert result.timings["trial_seconds"] > 0
        digests.add(result.digest)
    assert len(digests) == 1
