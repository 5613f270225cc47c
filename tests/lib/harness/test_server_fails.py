"""MLflow dies before or after a lab, its disk is full, or it is stopped with a reason: nothing is lost."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.lib.harness.support import (
    Clone,
    Server,
    descendants,
    end_of,
    free_port,
    living,
    said,
    statuses,
    until,
)
from tests.lib.harness.test_shipping import assert_complete

ROOT = Path(__file__).resolve().parents[3]
REASON = "MLflow's database was written by a newer MLflow: check out its commit"


@pytest.fixture
def tracked(clone: Clone, server: Server) -> Clone:
    clone.tracking = server.url
    return clone


@contextmanager
def full_disk(server: Server) -> Iterator[None]:
    """No file of the server can be written beyond its first 1024 bytes."""
    assert server._process is not None
    workers = [server._process.pid, *(child.pid for child in psutil.Process(server._process.pid).children(True))]
    before = resource.prlimit(server._process.pid, resource.RLIMIT_FSIZE)
    for pid in workers:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (1024, before[1]))
    try:
        yield
    finally:
        for pid in workers:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


@pytest.mark.slow
def test_a_server_that_dies_before_a_lab_or_right_after_it_loses_nothing(tracked: Clone, server: Server) -> None:
    server.kill()
    ended = tracked.tiny(seeds=1)
    assert (ended.code, ended.err) == (0, ""), ended
    assert "Nothing is lost" in ended.out
    before = tracked.newest()
    server.start()
    ended = tracked.tiny(seeds=1)  # sends the earlier one as well
    server.kill()
    server.start()
    assert (ended.code, ended.err) == (0, ""), ended
    assert "Nothing is lost" not in ended.out
    assert_complete(server, tracked.newest())
    assert tracked.run("sync").code == 0
    assert_complete(server, before)


def test_a_server_whose_disk_is_full_loses_nothing(tracked: Clone, server: Server) -> None:
    with full_disk(server):
        ended = tracked.tiny(seeds=1)
        assert (ended.code, ended.err) == (0, ""), ended
        assert "Nothing is lost" in ended.out
        refused = tracked.run("sync")
        assert (refused.code, refused.out, len(refused.err.splitlines())) == (2, "", 1), refused
    assert set(statuses(tracked.newest())) == {"FINISHED"}
    ended = tracked.run("sync")
    assert (ended.code, ended.err) == (0, ""), ended
    assert_complete(server, tracked.newest())


@pytest.fixture
def stopped_server() -> Iterator[str]:
    """The address of an MLflow that its container has stopped, as docker/service.py does."""
    port = free_port()
    service = [sys.executable, "-c", f"import sys; print({REASON!r}); sys.exit(78)"]
    keeper = [sys.executable, "-I", "-S", str(ROOT / "docker" / "service.py"), "MLflow", str(port), "MLFLOW_MEMORY"]
    with subprocess.Popen([*keeper, *service], stdout=subprocess.DEVNULL) as program:
        yield f"http://127.0.0.1:{port}"
        program.terminate()


def test_a_server_that_is_stopped_says_why_and_is_not_waited_for(clone: Clone, stopped_server: str) -> None:
    """A lab waits 90 s for a server that its own command has started."""
    clone.tracking = stopped_server
    clone.variables["LAB_MLFLOW_STARTING"] = "1"
    ended = clone.tiny(seeds=1)
    assert (ended.code, ended.err) == (0, ""), ended
    assert REASON in " ".join(ended.out.split())
    assert "Nothing is lost" in ended.out
    clone.run("sync").assert_one_line(2, REASON)


@pytest.mark.slow
def test_a_terminal_that_closes_ends_the_runs_once(tracked: Clone, server: Server) -> None:
    """It sends SIGHUP, and what started the lab sends SIGTERM on top."""
    process = tracked.start("tiny", *said({"seeds": 2, "steps": 1000, "action": "sleep"}))
    until(lambda: tracked.runs() and list(tracked.newest().glob("trial-*.jsonl")), what="a trial has begun")
    processes = descendants(process)
    os.kill(process.pid, signal.SIGHUP)
    os.kill(process.pid, signal.SIGTERM)
    end_of(process).assert_one_line(130, "Interrupted")
    until(lambda: not living(processes), 60, "no process is left")
    assert set(statuses(tracked.newest())) == {"KILLED"}
    sent = tracked.run("sync")
    assert (sent.code, sent.err) == (0, "") and "MLflow has everything" in sent.out, sent
    assert_complete(server, tracked.newest())
