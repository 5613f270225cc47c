"""Many labs, many points: what eight labs send to one MLflow at once arrives, and points cost no memory.

All processes are real. Memory is the most that a process had resident, as the kernel counts it, beside that of a run
with few points: a hundred thousand points in memory are forty megabytes or more.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import requests

from lib.harness.recording.journal import Journal
from lib.harness.recording.recorder import Recorder
from tests.lib.harness.support import ROOT, Clone, LabServer, points, records, said

pytestmark = pytest.mark.slow

LABS, TRIALS, STEPS = 8, 3, 2_000
FOLLOWER = "lib.harness.shipping.follow"
FEW, MANY = 100, 100_000
SPARE = 25_000_000
"""Bytes that a longer run may have more, for caches that are full at some time."""


@pytest.fixture
def lab_server(tmp_path: Path) -> Iterator[LabServer]:
    """The server of the image on a folder of its own."""
    folder = tmp_path / "mlflow"
    folder.mkdir()
    server = LabServer(folder)
    server.start()
    yield server
    server.kill()


def recorded(root: Path, number: int) -> Path:
    """The folder of a lab with some trials, all of which have ended."""
    folder = root / f"20260101-000000-bench-{number:06x}"
    folder.mkdir(parents=True)
    header = {"experiment": "bench", "tags": {"lab.variant": "all"}, "params": {"number": str(number)}}
    parent = Journal.create(folder / "run.jsonl", {**header, "key": folder.name, "parent": None, "name": "bench"})
    for trial in range(TRIALS):
        own = {"key": f"{folder.name}.trial-{trial:04d}", "parent": folder.name, "name": f"{trial}"}
        journal = Journal.create(folder / f"trial-{trial:04d}.jsonl", {**header, **own})
        recorder = Recorder(journal)
        for step in range(STEPS):
            recorder(step, loss=number + 1 / (step + 1))
        journal.end("FINISHED")
    parent.end("FINISHED")
    return folder


def test_eight_labs_send_to_one_mlflow_at_once_and_its_page_answers(lab_server: LabServer, tmp_path: Path) -> None:
    root = tmp_path / "journal"
    folders = [recorded(root, number) for number in range(LABS)]
    environment = Clone(ROOT, root, lab_server.url).environment()
    shippers = [
        subprocess.Popen(
            [sys.executable, "-m", FOLLOWER, str(folder), str(os.getpid())],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        for folder in folders
    ]
    experiments = f"{lab_server.url}/api/2.0/mlflow/experiments/search"
    answers: list[int] = []
    while any(shipper.poll() is None for shipper in shippers):
        answers.append(requests.get(lab_server.url, timeout=60).status_code)
        answers.append(requests.post(experiments, json={"max_results": 10}, timeout=60).status_code)
        time.sleep(0.1)
    for shipper in shippers:
        out, _ = shipper.communicate()
        assert out.splitlines()[-1] == "done", out
    assert set(answers) == {200}
    assert "locked" not in (lab_server.folder / "server.log").read_text(encoding="utf-8")
    runs = lab_server.runs("bench")
    for folder in folders:
        for path in folder.glob("trial-*.jsonl"):
            assert lab_server.points(runs[f"{folder.name}.{path.stem}"]) == points(records(path))


def peaks(process: subprocess.Popen[str]) -> dict[str, int]:
    """The most memory that a lab and its shipper had, in bytes. Returns when the lab has ended."""
    found: dict[str, int] = {}

    def look(role: str, pid: int) -> None:
        with suppress(OSError):
            status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
            sizes = [int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:")]
            found[role] = max(found.get(role, 0), *sizes, 0)

    reader = threading.Thread(target=process.communicate)  # what it prints must not hold it up
    reader.start()
    while reader.is_alive():
        look("lab", process.pid)
        with suppress(psutil.Error):
            for child in psutil.Process(process.pid).children():
                with suppress(psutil.Error):
                    if FOLLOWER in child.cmdline():
                        look("shipper", child.pid)
        reader.join(0.1)
    return found


def test_points_cost_a_lab_and_its_shipper_no_memory(clone: Clone, tmp_path: Path) -> None:
    """They go to a database in a file: what an MLflow without a server keeps in memory is also the shipper's."""
    found = {}
    for steps in (FEW, MANY):
        clone.tracking = f"sqlite:///{tmp_path}/{steps}.db"
        process = clone.start("tiny", "--workers", "1", *said({"seeds": 1, "steps": steps}))
        found[steps] = peaks(process)
        assert process.returncode == 0
        assert records(clone.newest() / "trial-0000.jsonl")[-1]["status"] == "FINISHED"
    for role in ("lab", "shipper"):
        assert found[MANY][role] < found[FEW][role] + SPARE, (role, found)
