"""Times reach claims and figures beside the measurements, outside the digest."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from lib.harness.recording.journal import Journal
from lib.harness.recording.recorder import Recorder


def test_the_last_of_each_is_kept(tmp_path: Path) -> None:
    recorder = Recorder(Journal.create(tmp_path / "trial.jsonl", {"key": "trial"}))
    before = recorder.digest
    recorder.timing(0, seconds=1, bytes=3)
    recorder.timing(1, seconds=2)
    assert recorder.timings == {"seconds": 2.0, "bytes": 3.0}
    assert recorder.digest == before


TWICE = """
import sys
from pathlib import Path
from lib.harness.contract.trial import Runtime, Trial
from lib.harness.running.job import Job, run_job
from tests.lib.harness.labs import tiny
trial = Trial("fast", tiny.TinyConfig(steps=2), 0, Runtime())
for name in ("first", "second"):
    job = Job(trial, name, tiny.__name__, 0, Path(sys.argv[1], f"{name}.jsonl"), {"key": name}, {})
    result = run_job(job)
    print(result.status, *sorted(result.timings), result.timings["trial_seconds"] > 0, result.digest)
"""


def test_a_trials_result_has_its_timings(tmp_path: Path) -> None:
    """In a process of its own, as a trial must not find a framework that it has not asked for."""
    done = subprocess.run([sys.executable, "-c", TWICE, tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first.startswith("FINISHED clock trial_seconds True ")
    assert first == second
