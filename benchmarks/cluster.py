"""What a Ray cluster gives and costs: python -m benchmarks.cluster

- Trials a second with two workers of a real cluster on this machine, beside one.
- What a trial costs that computes next to nothing, with its journal and files, beside a bare task of Ray's.
- How many journals a second one MLflow takes, beside what 1,000 workers with trials of a minute write: real journals
  and a real server with SQLite; one shipper, then four at once as of four labs. Each sends for less than a minute.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from lib.harness.contract.trial import Trial
from lib.harness.recording.journal import Journal
from lib.harness.recording.recorder import Recorder
from lib.harness.running.job import Job
from lib.harness.running.pool import Workers
from lib.harness.running.ray.pool import RayWorkers
from lib.harness.shipping.follow import ship_left_behind
from lib.harness.shipping.remote import MlflowServer
from lib.harness.shipping.server import connect
from lib.harness.shipping.shipper import Shipper
from tests.lib.harness.conftest import ROOT
from tests.lib.harness.labs.tiny import TinyConfig
from tests.lib.harness.ray_cluster import LOCK, RayCluster
from tests.lib.harness.support import Server

TRIALS, TRIAL_STEPS = 24, 10_000
EMPTY_TRIALS = 100
FOLDERS, JOURNALS, STEPS = 20, 50, 100
NEEDED = 1000 / 60  # journals a second of 1,000 workers with trials of a minute
SHIPPING_SECONDS = 40.0
Row = tuple[str, str, str, float, str]


def run() -> list[Row]:
    """Rows of (what, ours, peer, ours / peer, goal)."""
    return [*on_ray(), *arriving()]


def on_ray() -> list[Row]:
    """Trials a second, and what one costs."""
    cluster = RayCluster(path=ROOT)
    os.environ |= {"RAY_ADDRESS": cluster.address, "LAB_LOCK_SHA256": LOCK}
    try:
        cluster.add_worker()
        with tempfile.TemporaryDirectory() as folder, RayWorkers("lib.harness.commands.lab") as workers:
            batch(workers, Path(folder, "begun"), 2, steps=1)
            trial = batch(workers, Path(folder, "empty"), EMPTY_TRIALS, steps=1) / EMPTY_TRIALS
            bare = bare_tasks(EMPTY_TRIALS) / EMPTY_TRIALS
            one = TRIALS / batch(workers, Path(folder, "one"), TRIALS, TRIAL_STEPS)
            cluster.add_worker()
            batch(workers, Path(folder, "begun-too"), 8, steps=1)
            two = TRIALS / batch(workers, Path(folder, "two"), TRIALS, TRIAL_STEPS)
    finally:
        cluster.close()
    what = f"on Ray, trials a second, two workers : one ({len(os.sched_getaffinity(0))} cores)"
    return [
        (what, f"{two:.2f} /s", f"{one:.2f} /s", two / one, ">= 1.6"),
        ("on Ray, a trial of 1 ms : a bare task", f"{1000 * trial:.1f} ms", f"{1000 * bare:.1f} ms", trial / bare, ""),
    ]


def batch(workers: Workers, folder: Path, count: int, steps: int) -> float:
    """Seconds in which the cluster runs `count` trials of the test lab, their journals written here."""
    folder.mkdir()
    jobs = [
        Job(
            trial=Trial("fast", TinyConfig(steps=steps), number),
            run=f"bench.{number}",
            module="tests.lib.harness.labs.tiny",
            root_seed=0,
            journal=folder / f"trial-{number:04d}.jsonl",
            header={"key": f"bench.{number}", "name": f"fast, seed {number}", "tags": {"lab.portable": "false"}},
            files={},
        )
        for number in range(count)
    ]
    begin = time.perf_counter()
    results = workers.run(jobs, started=lambda job: None, ended=lambda result, worker: None)
    seconds = time.perf_counter() - begin
    assert {result.status for result in results} == {"FINISHED"}, results[0].error
    return seconds


def bare_tasks(count: int) -> float:
    """Seconds in which the cluster runs `count` tasks that do nothing."""
    import ray

    task = ray.remote(num_cpus=1)(lambda: None)
    ray.get(task.remote())
    begin = time.perf_counter()
    ray.get([task.remote() for _ in range(count)])
    return time.perf_counter() - begin


def arriving() -> list[Row]:
    """Journals a second that reach one MLflow."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder))
        server.start()
        os.environ["MLFLOW_TRACKING_URI"] = server.url
        try:
            return [arriving_from(shippers, Path(folder, f"from-{shippers}")) for shippers in (1, 4)]
        finally:
            server.kill()


def arriving_from(shippers: int, root: Path) -> Row:
    """The row of so many shippers at once."""
    folders = [written(root / f"{root.name}-{number}") for number in range(FOLDERS)]
    with ProcessPoolExecutor(shippers, get_context("spawn")) as pool:
        list(pool.map(abs, range(shippers)))
        rates = pool.map(shipped_per_second, [folders[first::shippers] for first in range(shippers)])
        rate = sum(rates)
    what = f"journals a second to MLflow, {shippers} at once : 1,000 workers, trials of a minute"
    return (what, f"{rate:.1f} /s", f"{NEEDED:.1f} /s", rate / NEEDED, "")


def shipped_per_second(folders: Sequence[Path]) -> float:
    """Journals that a shipper sends in a second, of these folders or as many as it sends in its time."""
    client = connect()
    client.search_experiments(max_results=1)
    server = MlflowServer(client)
    begin, sent = time.perf_counter(), 0
    for folder in folders:
        assert ship_left_behind(Shipper(server, folder), folder)
        sent += JOURNALS
        if time.perf_counter() - begin > SHIPPING_SECONDS:
            break
    return sent / (time.perf_counter() - begin)


def written(folder: Path) -> Path:
    """A folder with the journals of a lab that has ended, with as many files as a trial has."""
    folder.mkdir(parents=True)
    header = {"experiment": "bench", "tags": {}, "params": {"learning_rate": "0.1"}}
    parent = Journal.create(folder / "run.jsonl", {**header, "key": folder.name, "parent": None, "name": "bench"})
    parent.end("FINISHED")
    for number in range(JOURNALS):
        path = folder / f"trial-{number:04d}.jsonl"
        own = {"key": f"{folder.name}.{path.stem}", "parent": folder.name, "name": path.stem}
        journal = Journal.create(path, {**header, **own})
        journal.write("config.json", bytes(1_000))
        recorder = Recorder(journal)
        for step in range(STEPS):
            recorder(step, loss=1 / (step + 1))
        recorder.measurements({"accuracy": 0.5})
        journal.end("FINISHED", **{"lab.result_digest": recorder.digest})
    return folder


if __name__ == "__main__":
    for each in run():
        print(*each, sep="  ")
