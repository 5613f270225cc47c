"""Labs on a real Ray cluster: the same digests as here, whatever dies in between, and nothing twice."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import pytest

from lib.harness.machine import scope
from lib.harness.running.ray.client import reason
from tests import tiny
from tests.lib.harness.conftest import ROOT
from tests.lib.harness.ray_cluster import RayCluster
from tests.lib.harness.support import (
    Clone,
    Server,
    digests,
    end_of,
    free_port,
    journals_of,
    points,
    records,
    said,
    send_signal,
    statuses,
    tags_of,
    until,
)

pytestmark = pytest.mark.slow  # its nodes take half a minute each to start
SLOW = {"seeds": 3, "steps": 60, "action": "sleep"}


@pytest.fixture(scope="module")
def shared_cluster() -> Iterator[RayCluster]:
    """A head and a worker, for the tests that kill nothing."""
    cluster = RayCluster()
    cluster.add_worker()
    yield cluster
    cluster.close()


@pytest.fixture
def cluster() -> Iterator[RayCluster]:
    """A head for one test."""
    own = RayCluster()
    yield own
    own.close()


def on(clone: Clone, cluster: RayCluster) -> Clone:
    clone.variables["RAY_ADDRESS"] = cluster.address
    return clone


def until_or_end_of(process: subprocess.Popen[str], condition: Callable[[], object], what: str) -> None:
    """Wait for a running lab; fail with what it has printed if it ends before."""
    until(lambda: process.poll() is not None or condition(), 600, what)
    assert condition(), end_of(process)


def until_a_trial_has_ended(process: subprocess.Popen[str], clone: Clone, before: Path | None = None) -> None:
    """Wait for the first journal of a trial in a run newer than `before`."""
    until_or_end_of(
        process,
        lambda: clone.runs() and clone.newest() != before and list(clone.newest().glob("trial-*.jsonl")),
        "a trial has ended",
    )


@pytest.fixture
def outside(tmp_path: Path) -> str:
    """The path of a folder with the test lab, which imports a file beside it."""
    folder = tmp_path / "study"
    tiny.put(folder / "lab.py", "mine", "from .second import x")
    (folder / "second.py").write_text("x = 1\n", encoding="utf-8")
    return str(folder)


def test_trials_on_ray_have_the_digests_of_local_ones(clone: Clone, shared_cluster: RayCluster) -> None:
    """In NumPy and both frameworks; and the record is that of a local run, made by the worker."""
    settings = {"seeds": 2, "runtimes": ["numpy", "torch", "keras"]}
    local = clone.tiny(**settings)
    here = clone.newest()
    ended = on(clone, shared_cluster).tiny("--on", "ray", **settings)
    assert (ended.code, ended.err) == (local.code, local.err), ended
    there = clone.newest()
    assert there != here
    assert len(digests(there)) == 12
    assert digests(there) == digests(here)
    assert f"tiny: 12 of 12 trials ({os.uname().nodename}: 12)" in ended.out
    for name in ("run.files/claims.json", "trial-0000.files/measurements.json", "trial-0000.files/config.json"):
        assert (there / name).read_bytes() == (here / name).read_bytes()
    files = [{p.relative_to(folder).as_posix() for p in folder.glob("*.files/**/*")} for folder in (there, here)]
    assert files[0] - files[1] == {f"trial-{number:04d}.files/environment.json" for number in range(12)}
    assert files[0] >= files[1]
    assert not list(there.glob("*.new"))
    header = records(there / "trial-0000.jsonl")[0]
    assert header["tags"]["lab.worker"] == os.uname().nodename
    assert records(there / "run.jsonl")[-1]["tags"]["lab.cpu"] == header["tags"]["lab.cpu"] == scope.cpu_model()
    assert header["tags"]["lab.scope"] == "machine"
    assert header["tags"].keys() - {"lab.worker"} == records(here / "trial-0000.jsonl")[0]["tags"].keys()
    packages = json.loads((there / "trial-0000.files/environment.json").read_text())["packages"]
    assert "ray" in packages


def test_a_lab_from_outside_runs_there_as_here(clone: Clone, shared_cluster: RayCluster, outside: str) -> None:
    settings = said({"seeds": 2, "steps": 5})
    assert clone.run(outside, *settings).code == 0
    here = digests(clone.newest())
    ended = on(clone, shared_cluster).run(outside, *settings, "--on", "ray")
    assert (ended.code, ended.err) == (0, ""), ended
    assert len(here) == 4
    assert digests(clone.newest()) == here
    assert len(clone.runs()) == 2


def test_a_sweep_on_ray_asks_for_the_same_trials_and_prunes_the_same(clone: Clone, shared_cluster: RayCluster) -> None:
    words = ("sweep", "tiny", "--trials", "10", "--fresh", "1")
    assert clone.run(*words).code == 0
    here = clone.newest()
    ended = on(clone, shared_cluster).run(*words, "--on", "ray")
    assert (ended.code, ended.err) == (0, ""), ended
    there = clone.newest()
    assert there != here
    assert len(digests(there)) == 12
    assert digests(there) == digests(here)
    found = [json.loads((folder / "run.files" / "best.json").read_text())["found"] for folder in (there, here)]
    assert found[0] == found[1]


def test_a_trial_that_fails_on_ray_is_recorded_as_here(clone: Clone, shared_cluster: RayCluster) -> None:
    ended = on(clone, shared_cluster).tiny("--on", "ray", seeds=1, action="fail-slow")
    assert (ended.code, ended.err) == (1, ""), ended
    folder = clone.newest()
    assert statuses(folder) == ["FAILED", "FINISHED", "FAILED"]
    assert "the trial fails on purpose" in (folder / "trial-0001.files/traceback.txt").read_text()


def test_an_error_of_the_cluster_is_its_last_line_whatever_its_class() -> None:
    frames = 'Traceback (most recent call last):\n  File "/x.py", line 1, in start\n    wait()\n'
    zombie = "psutil.ZombieProcess: PID still exists\n  but it's a zombie"
    text = f"Initialization failure from server:\n{frames}ValueError: the first\n\n{frames}{zombie}\n"
    assert reason(ConnectionAbortedError(text)) == "psutil.ZombieProcess: PID still exists but it's a zombie"


def test_a_trial_that_kills_every_worker_ends_the_lab_in_one_line(clone: Clone, shared_cluster: RayCluster) -> None:
    ended = on(clone, shared_cluster).tiny("--on", "ray", seeds=1, action="die")
    assert clone.runs(), ended
    folder = clone.newest()
    ended.assert_one_line(2, "workers were killed", "slow, seed 0", "LAB_MEMORY", f"--resume {folder.name}")
    assert statuses(folder) == ["FAILED", "FINISHED"], "what was cut short has left nothing"


def test_an_interrupted_lab_leaves_the_cluster_free(clone: Clone, shared_cluster: RayCluster) -> None:
    process = on(clone, shared_cluster).start("tiny", "--on", "ray", *said({**SLOW, "steps": 2000}))
    until_or_end_of(process, lambda: clone.runs() and (clone.newest() / "shipper.log").exists(), "the lab has begun")
    os.killpg(process.pid, signal.SIGINT)
    end_of(process).assert_one_line(130, "Interrupted", "--resume")
    assert statuses(clone.newest()) == ["KILLED"]
    assert clone.tiny("--on", "ray", seeds=1).code == 0, "its worker serves the next one"


def test_a_worker_of_another_image_is_refused(clone: Clone, shared_cluster: RayCluster) -> None:
    clone.variables["LAB_LOCK_SHA256"] = "m" * 64
    ended = on(clone, shared_cluster).tiny("--on", "ray", seeds=1)
    ended.assert_one_line(2, "another image", "llllllllllll, not mmmmmmmmmmmm")


def test_a_worker_that_is_killed_costs_nothing_but_time(clone: Clone, server: Server, cluster: RayCluster) -> None:
    local = clone.tiny(**SLOW)
    assert local.code == 0
    here = clone.newest()
    clone.tracking = server.url
    workers = [cluster.add_worker(), cluster.add_worker()]
    process = on(clone, cluster).start("tiny", "--on", "ray", *said(SLOW))
    until_a_trial_has_ended(process, clone, before=here)
    cluster.kill(workers[0])
    ended = end_of(process)
    assert (ended.code, ended.err) == (0, ""), ended
    there = clone.newest()
    assert digests(there) == digests(here)
    assert statuses(there) == ["FINISHED"] * 7
    found = {key: run for key, run in server.runs().items() if key.startswith(there.name)}
    journals = journals_of(there)
    assert found.keys() == journals.keys()
    assert all(server.points(run) == points(journals[key]) for key, run in found.items())
    assert all(run["info"]["status"] == "FINISHED" for run in found.values())
    assert (
        tags_of(found[there.name])["lab.result_digest"] == records(there / "run.jsonl")[-1]["tags"]["lab.result_digest"]
    )


def test_a_head_that_is_killed_is_one_line_and_the_rest_runs_later(clone: Clone, cluster: RayCluster) -> None:
    cluster.add_worker()
    process = on(clone, cluster).start("tiny", "--on", "ray", *said(SLOW))
    until_a_trial_has_ended(process, clone)
    cluster.kill(cluster.head)
    folder = clone.newest()
    ended = end_of(process)
    ended.assert_one_line(2, "head of the Ray cluster", "is gone", f"./invoke lab tiny --resume {folder.name}")
    done = [path for path in folder.glob("trial-*.jsonl") if b"FINISHED" in path.read_bytes()]
    assert done
    ended = clone.run("tiny", "--resume", folder.name)
    assert (ended.code, ended.err) == (0, ""), ended
    assert f"6 trials ({len(done)} of them before) in" in ended.out
    assert clone.tiny(**SLOW).code == 0
    assert digests(folder) == digests(clone.newest())


@pytest.fixture
def nvml(clone: Clone, monkeypatch: pytest.MonkeyPatch) -> Iterator[RayCluster]:
    """A cluster whose workers have a stand-in for NVML; `numpy` stands for the framework that computes on GPUs."""
    monkeypatch.setenv("NVML_ONE_MODEL", "1")
    clone.variables["LAB_GPU_FRAMEWORK"] = "numpy"
    own = RayCluster(path=ROOT / "tests" / "lib" / "devices" / "nvml")
    yield own
    own.close()


def test_trials_on_gpus_elsewhere(clone: Clone, nvml: RayCluster, outside: str) -> None:
    """Each asks for a share of a GPU and sees that one, those in another framework see none; here is none at all.

    A lab of the clone and one from outside alike.
    """
    refused = on(clone, nvml).tiny("--gpu", "--on", "ray")
    refused.assert_one_line(2, "There is no worker with a GPU", "docs/cluster.md")
    nvml.add_worker(gpus=1)
    settings = {"seeds": 1, "runtimes": ["numpy", "torch"]}
    clone.tiny("--gpu", "--on", "ray", **settings)
    folder = clone.newest()
    assert statuses(folder)[1:] == ["FINISHED"] * 4
    headers = [records(path)[0]["tags"] for path in folder.glob("trial-*.jsonl")]
    places = {tags["lab.framework"]: (tags["lab.gpu"], tags["lab.scope"]) for tags in headers}
    label = "NVIDIA H100, driver 580.65.06"
    assert places == {"numpy": (label, "device"), "torch": ("none", "machine")}
    assert records(folder / "run.jsonl")[-1]["tags"]["lab.gpu"] == label
    environment = json.loads((folder / "trial-0000.files/environment.json").read_text(encoding="utf-8"))
    assert environment["gpu"]["devices"][0]["name"] == "NVIDIA H100"

    ended = clone.run(outside, "--gpu", "--on", "ray", *said({"action": "say-gpu", **settings}))
    assert ended.code == 1, ended
    trials = [records(path) for path in clone.newest().glob("trial-*.jsonl")]
    seen = {lines[0]["tags"]["lab.framework"]: lines[-1]["tags"]["lab.error"] for lines in trials}
    assert seen == {"numpy": "sees GPU 0", "torch": "sees GPU none"}


def test_a_worker_with_gpus_of_several_models_is_refused(
    clone: Clone, nvml: RayCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NVML_ONE_MODEL")
    nvml.add_worker(gpus=1)
    ended = on(clone, nvml).tiny("--gpu", "--on", "ray", seeds=1)
    ended.assert_one_line(2, f"The worker {os.uname().nodename}: GPUs of several models (NVIDIA H100, NVIDIA T4)")


def test_a_run_that_asked_for_gpus_elsewhere_is_taken_up_there(clone: Clone, nvml: RayCluster) -> None:
    nvml.add_worker(gpus=1)
    clone.variables["LAB_GPU_FRAMEWORK"] = "torch"
    process = on(clone, nvml).start("tiny", "--gpu", "--on", "ray", *said(SLOW))
    until_a_trial_has_ended(process, clone)
    os.killpg(process.pid, signal.SIGINT)
    end_of(process).assert_one_line(130, "--gpu --framework torch --on ray")
    folder = clone.newest()
    clone.run("tiny", "--resume", folder.name).assert_one_line(2, "ran on a GPU (of a Ray cluster)", "--gpu")
    ended = clone.run("tiny", "--resume", folder.name, "--gpu", "--on", "ray")
    assert (ended.code, ended.err) == (0, ""), ended
    assert "6 trials (" in ended.out
    assert records(folder / "run.jsonl")[-1]["tags"]["lab.gpu"] == "none", "no trial in torch was there"


def test_no_cluster_is_one_line_before_anything_runs(clone: Clone) -> None:
    for address, expected in (
        ("", ["RAY_ADDRESS names no Ray cluster", "./invoke up --workers 2"]),
        ("127.0.0.1:6379", ["RAY_ADDRESS=127.0.0.1:6379", "ray://HOST:10001"]),
        ("ray://127.0.0.1:9", ["No Ray cluster answers at ray://127.0.0.1:9", "./invoke up --workers 2"]),
    ):
        clone.variables["RAY_ADDRESS"] = address
        clone.run("tiny", "--on", "ray").assert_one_line(2, *expected)
        assert clone.runs() == []


def test_a_cluster_without_workers_is_one_line(clone: Clone, cluster: RayCluster) -> None:
    on(clone, cluster).run("tiny", "--on", "ray").assert_one_line(2, "There is no worker in", "./invoke up --workers 2")
    assert clone.runs() == []


def test_a_cluster_that_asks_for_a_token(clone: Clone) -> None:
    with closing(RayCluster(token="a" * 64)) as cluster:
        cluster.add_worker()
        refused = on(clone, cluster).run("tiny", "--on", "ray")
        refused.assert_one_line(2, "refuses the lab", "RAY_AUTH_MODE=token and RAY_AUTH_TOKEN")
        clone.variables |= cluster.token | {"RAY_AUTH_TOKEN": "b" * 64}
        clone.tiny("--on", "ray").assert_one_line(2, "refuses the lab", "RAY_AUTH_TOKEN")
        assert clone.runs() == []
        clone.variables |= cluster.token
        assert clone.tiny("--on", "ray", seeds=1).code == 0


def test_something_else_at_the_address_is_one_line(clone: Clone, server: Server) -> None:
    clone.variables["RAY_ADDRESS"] = server.url.replace("http://", "ray://")
    clone.run("tiny", "--on", "ray").assert_one_line(2, "The Ray cluster at", "refuses the lab")
    assert clone.runs() == []


def test_a_node_whose_folder_of_ray_is_another_users() -> None:
    """A machine that users share has one `/tmp/ray`, whoever was first: the recipe for SLURM names another folder."""
    page = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
    (recipe,) = re.findall(r'^ray="apptainer exec .*? labs\.sif (ray start .*)"$', page, re.MULTILINE)
    with TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as node:
        (Path(node) / "ray").touch()  # a folder would be in nobody's way where root runs the tests
        words = recipe.replace("$SLURM_JOB_ID", "7").replace("/tmp/", f"{node}/").split()
        words += ["--head", f"--port={free_port()}", "--num-cpus=0", "--include-dashboard=false"]
        words += ["--node-ip-address=127.0.0.1", "--object-store-memory=100000000"]
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("LAB_", "RAY_", "PYTEST"))}
        own = {"RAY_TMPDIR": node, "RAY_USAGE_STATS_ENABLED": "0", "RAY_raylet_start_wait_time_s": "120"}
        log = Path(node) / "log"
        with log.open("wb") as stream:
            head = subprocess.Popen(words, env=kept | own, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream)
        try:
            until(lambda: head.poll() is not None or "Ray runtime started" in log.read_text(), 600, "it has started")
            assert head.poll() is None, log.read_text()
            assert (Path(node) / "ray-7").is_dir()
        finally:
            if head.poll() is None:
                for process in [*psutil.Process(head.pid).children(recursive=True), psutil.Process(head.pid)]:
                    send_signal(process, signal.SIGKILL)
                head.wait()
