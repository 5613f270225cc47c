"""The number of workers: what the control groups of a container say, what a worker needs, and what a user says."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest
from loky.process_executor import BrokenProcessPool

from lib.harness.contract.trial import Runtime
from lib.harness.machine import capacity
from lib.harness.running.pool import Workers
from tests.lib.harness.loaded_worker import private_bytes
from tests.lib.harness.support import Clone, records

GB = 1 << 30
HERE = len(os.sched_getaffinity(0))
Tree = Mapping[str, str]


def groups(folder: Path, own: str, files: Tree) -> dict[str, Path]:
    """A mount of control groups with these files, the groups of a process, and a machine with 64 GiB of memory."""
    for name, text in files.items():
        path = folder / "mounted" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="ascii")
    (folder / "own").write_text(own, encoding="ascii")
    return {"mounted": folder / "mounted", "own": folder / "own"}


TWO = "0::/\n"
ONE = "4:memory:/docker/abc\n2:cpu,cpuacct:/docker/abc\n1:name=systemd:/docker/abc\n"
HYBRID = f"{ONE}0::/docker/abc\n"


@pytest.mark.parametrize(
    ("own", "files", "quota"),
    [
        (TWO, {"cpu.max": "150000 100000\n"}, 1),
        (TWO, {"cpu.max": "50000 100000\n"}, 1),  # half a processor: one worker
        (TWO, {"cpu.max": "max 100000\n"}, HERE),
        (TWO, {}, HERE),
        ("0::/a/b\n", {"a/b/cpu.max": "max 100000\n", "a/cpu.max": "100000 100000\n"}, 1),  # of the group around it
        (ONE, {"cpu,cpuacct/cpu.cfs_quota_us": "100000\n", "cpu,cpuacct/cpu.cfs_period_us": "100000\n"}, 1),
        (ONE, {"cpu/docker/abc/cpu.cfs_quota_us": "190000\n", "cpu/docker/abc/cpu.cfs_period_us": "100000\n"}, 1),
        (ONE, {"cpu,cpuacct/cpu.cfs_quota_us": "-1\n", "cpu,cpuacct/cpu.cfs_period_us": "100000\n"}, HERE),
        (HYBRID, {"unified/docker/abc/cpu.max": "100000 100000\n"}, 1),
    ],
)
def test_a_quota_of_processors_is_seen(tmp_path: Path, own: str, files: Tree, quota: int) -> None:
    assert capacity.cores(**groups(tmp_path, own, files)) == min(quota, HERE)


@pytest.mark.parametrize(
    ("own", "files", "limit"),
    [
        (TWO, {"memory.max": f"{8 * GB}\n"}, 8 * GB),
        (TWO, {"memory.max": "max\n"}, 64 * GB),
        ("0::/a/b\n", {"a/b/memory.max": f"{9 * GB}\n", "a/memory.max": f"{3 * GB}\n"}, 3 * GB),
        (ONE, {"memory/memory.limit_in_bytes": f"{2 * GB}\n"}, 2 * GB),
        (ONE, {"memory/docker/abc/memory.limit_in_bytes": f"{2 * GB}\n"}, 2 * GB),
        (ONE, {"memory/memory.limit_in_bytes": "9223372036854771712\n"}, 64 * GB),  # none
        (TWO, {}, 64 * GB),
    ],
)
def test_a_limit_of_memory_is_seen(tmp_path: Path, own: str, files: Tree, limit: int) -> None:
    machine = tmp_path / "meminfo"
    machine.write_text(f"MemTotal:       {64 * GB // 1024} kB\nMemFree:        1 kB\n", encoding="ascii")
    assert capacity.memory(**groups(tmp_path, own, files), machine=machine) == limit


def test_as_many_workers_as_there_is_memory_for_besides_a_gigabyte(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = capacity.WORKER_BYTES
    monkeypatch.setattr(capacity, "cores", lambda: 64)
    for frameworks, largest in ((("torch",), sizes["torch"]), (("torch", "keras"), sizes["keras"])):
        for bytes_, count in (
            (10 * largest + capacity.LAB_BYTES, 10),
            (10 * largest + capacity.LAB_BYTES - 1, 9),
            (capacity.LAB_BYTES, 1),
            (1000 * GB, 64),
        ):
            monkeypatch.setattr(capacity, "memory", lambda bytes_=bytes_: bytes_)
            assert capacity.workers(frameworks) == count


@pytest.mark.slow
@pytest.mark.parametrize("framework", capacity.WORKER_BYTES)
def test_a_worker_needs_no_more_than_is_planned_and_not_much_less(framework: Any) -> None:
    planned = capacity.WORKER_BYTES[framework]
    assert planned / 8 < private_bytes(framework) <= planned


@pytest.fixture
def scarce(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Workers:
    """Two workers in NumPy, and memory for no more."""
    monkeypatch.setattr(capacity, "memory", lambda: capacity.LAB_BYTES + 2 * capacity.WORKER_BYTES["numpy"])
    workers = Workers(2, ["numpy"])
    workers.log = tmp_path / "workers.log"
    return workers


def test_workers_that_do_nothing_end_where_others_need_their_memory(scarce: Workers) -> None:
    with scarce:
        first = scarce.call(os.getpid, [(), ()])
        assert all(map(psutil.pid_exists, first))
        second = scarce.call(os.getpid, [(), ()], Runtime("numpy", "float64"))
        assert not {*first} & {*second}
        assert not any(map(psutil.pid_exists, first))
        scarce.call(os.getpid, [(), ()], Runtime("numpy", "float64"))
        assert all(map(psutil.pid_exists, second)), "they are not made anew for each call"


def test_workers_stay_where_there_is_memory(tmp_path: Path) -> None:
    with Workers(2, ["numpy"]) as workers:
        workers.log = tmp_path / "workers.log"
        first = workers.call(os.getpid, [(), ()])
        workers.call(os.getpid, [(), ()], Runtime("numpy", "float64"))
        assert all(map(psutil.pid_exists, first))


def test_a_worker_that_was_killed_before_it_was_needed_is_found_out_as_one_killed_later(tmp_path: Path) -> None:
    with Workers(1, ["numpy"]) as workers:
        workers.log = tmp_path / "workers.log"
        (worker,) = workers.call(os.getpid, [()])
        psutil.Process(worker).kill()
        for _ in range(2):  # as it is found out, and when it is known
            (error,) = workers.call(os.getpid, [()])
            assert isinstance(error, BrokenProcessPool)


def test_a_user_who_says_how_many_has_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capacity, "memory", lambda: GB)
    monkeypatch.setattr(capacity, "cores", lambda: 1)
    with Workers(3) as workers:
        assert (workers.count, workers.label) == (3, "3")
    with Workers() as workers:
        assert workers.count == 1


@pytest.mark.slow
def test_the_number_of_workers_is_recorded(clone: Clone) -> None:
    computed = str(capacity.workers(["torch", "keras"]))
    for words, count in (("--workers", "1"), "1"), ((), computed):
        ended = clone.tiny(*words, seeds=1)
        assert ended.code == 0, ended
        assert records(clone.newest() / "run.jsonl")[0]["tags"]["lab.workers"] == count


@pytest.mark.parametrize("words", [("tiny",), ("sweep", "tiny", "--trials", "2"), ("claims",)])
@pytest.mark.parametrize("number", ["0", "two"])
def test_a_number_of_workers_that_is_none_is_one_line(clone: Clone, words: tuple[str, ...], number: str) -> None:
    ended = clone.run(*words, f"--workers={number}")
    ended.assert_one_line(2, "--workers", "at least 1")
    assert not clone.runs()
