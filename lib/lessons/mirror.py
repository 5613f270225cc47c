"""A copy of the learner's work in MLflow: one run a student and lesson, in the experiment ``lessons``, resumed.

A kernel only starts this module as a process of its own (``python -m lib.lessons.mirror FILE``), a little after a
change and at the lowest priority: loading MLflow's client takes seconds, for which no picture should wait. Nothing
that goes wrong here reaches the learner: the file has it all, and the next change sends what is missing.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from lib.harness.recording.disk import DISK
from lib.harness.recording.provenance import ROOT

EXPERIMENT = "lessons"
STUDENT, KEY, LESSON, STATE = "lesson.student", "lesson.student_key", "lesson.name", "lesson.state"
"""Tags of a run: whose it is, the same as a word for filters, which lesson's, and the digest of what it has."""
DELAY_SECONDS = 2.0
"""Between a change and sending it: an answer is often followed by the next one."""
LIMIT_SECONDS = 300.0
NICE = 19


class Mirror:
    """Sends a file of progress to MLflow, in the background, when it is told that there is something new."""

    def __init__(self, file: Path):
        self._file = file
        self._lock = threading.Lock()
        self._new = False
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """There is something new. This returns at once."""
        if not os.environ.get("MLFLOW_TRACKING_URI"):
            return
        with self._lock:
            self._new = True
            if self._thread is None:
                self._thread = threading.Thread(target=self._send, daemon=True)
                with suppress(RuntimeError):  # no room for another thread
                    self._thread.start()

    def join(self, seconds: float) -> None:
        """Wait until all is sent, for tests."""
        thread = self._thread
        if thread is not None:
            thread.join(seconds)

    def _send(self) -> None:
        while True:
            time.sleep(DELAY_SECONDS)
            with self._lock:
                self._new = False
            with suppress(Exception):
                send_apart(self._file)
            with self._lock:
                if not self._new:
                    self._thread = None
                    return


def send_apart(file: Path) -> None:
    """Send a file of progress from a process of its own, unless nobody listens at MLflow's address."""
    from lib.harness.shipping import server

    if not server.answers():
        return
    paths = [str(ROOT), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    subprocess.run(
        [sys.executable, "-m", "lib.lessons.mirror", str(file)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(dict.fromkeys(paths))},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=LIMIT_SECONDS,
        start_new_session=True,  # an interrupted kernel does not interrupt it
        check=False,
    )


def send(file: Path) -> None:
    """Send every lesson that MLflow does not have as it is now.

    Raises:
        Exception: whatever MLflow's client raises.
    """
    from lib.harness.shipping import server
    from lib.lessons.progress import LOCK, Progress

    kept = Progress(file, "en")
    client = server.connect()
    descriptor = DISK.lock(file.with_name(f"mlflow-{LOCK}"), wait=True)  # else two processes make two runs
    try:
        experiment = _experiment(client)
        runs = {
            run.data.tags.get(LESSON): run
            for run in client.search_runs(
                [experiment], f"tags.`{KEY}` = '{key_of(kept.student)}'", order_by=["attributes.start_time DESC"]
            )
        }
        state = json.loads(file.read_text(encoding="utf-8"))
        for lesson, work in state["lessons"].items():
            run = runs.get(lesson)
            digest = hashlib.sha256(json.dumps(work, sort_keys=True).encode()).hexdigest()
            if run is not None and run.data.tags.get(STATE) == digest:
                continue
            if run is None:
                tags = {STUDENT: kept.student, KEY: key_of(kept.student), LESSON: lesson}
                run = client.create_run(experiment, run_name=f"{lesson} {kept.student}", tags=tags)
            _write(client, run.info.run_id, *facts(lesson, work))
            client.set_tag(run.info.run_id, STATE, digest)  # last: without it everything is sent again
    finally:
        if descriptor is not None:
            DISK.close(descriptor)


def facts(lesson: str, work: Mapping[str, Any]) -> tuple[dict[str, float], dict[str, str]]:
    """The metrics and the tags of a lesson's run."""
    exercises = work["exercises"]
    metrics = {
        "votes": float(len(work["votes"])),
        "exercises_right": float(sum(each["right"] for each in exercises.values())),
        "exercises_tried": float(len(exercises)),
        "wrong_answers": float(sum(each["wrong"] for each in exercises.values())),
    }
    tags = {f"vote.{row}": vote for row, vote in work["votes"].items()}
    tags |= {f"exercise.{name}": "right" if each["right"] else "not yet" for name, each in exercises.items()}
    tags |= {f"run.{lab}": record["run"] for lab, record in work["runs"].items()}
    return metrics, tags | {LESSON: lesson}


def key_of(student: str) -> str:
    """A word that stands for a name, which may have signs that a filter of MLflow's has no way to write."""
    return hashlib.sha256(student.encode()).hexdigest()[:16]


def _write(client: Any, run: str, metrics: Mapping[str, float], tags: Mapping[str, str]) -> None:
    from mlflow.entities import Metric, RunTag

    now = int(time.time() * 1000)
    client.log_batch(
        run,
        metrics=[Metric(name, value, now, 0) for name, value in metrics.items()],
        tags=[RunTag(name, value) for name, value in tags.items()],
    )
    client.set_terminated(run)  # nobody waits for more, and the next change is taken all the same


def _experiment(client: Any) -> str:
    """The experiment's id; it is made, or taken back from the deleted ones, where it has to be."""
    from mlflow.exceptions import MlflowException

    experiment = client.get_experiment_by_name(EXPERIMENT)
    if experiment is None:
        try:
            return str(client.create_experiment(EXPERIMENT))
        except MlflowException:  # another process was faster
            experiment = client.get_experiment_by_name(EXPERIMENT)
    if experiment.lifecycle_stage == "deleted":
        client.restore_experiment(experiment.experiment_id)
    return str(experiment.experiment_id)


if __name__ == "__main__":
    os.nice(NICE)
    send(Path(sys.argv[1]))
