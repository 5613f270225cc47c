"""What many trials and many points cost: python -m benchmarks.load

- 10,000 trials in one run, which is killed in the middle and resumed, and a million points in one trial of another:
  the most memory that the lab itself, what sends to MLflow, and MLflow ever had, as the kernel counts it (VmHWM).
- The same of the commands that read these records, and of a sweep of 1,000 trials.
- Eight labs at once: points that MLflow has not got, and requests that it refused meanwhile.
- A worker with its framework and a network in training: the memory that it shares with no other.

All of it is real: `python -m lib`, its workers and its shipper, and the server of the image. It takes an hour on two
cores, most of which MLflow takes for 10,000 runs.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from lib.harness.machine import capacity
from tests.lib.harness.loaded_worker import private_bytes
from tests.lib.harness.support import (
    Clone,
    LabServer,
    descendants,
    finished,
    harness_in,
    living,
    said,
    statuses,
    until,
)

TRIALS, SEEDS, POINTS = 10_000, 1_000, 1_000_000
SWEPT = 1_000
LABS, POINTS_OF_EACH = 8, 20_000
LIMIT = 500
"""Megabytes that each process may have at most."""
LAB = Path(__file__).parent / "labs" / "many.py"
FOLLOWER = "lib.harness.shipping.follow"
Row = tuple[str, str, str, float, str]


def run() -> list[Row]:
    """Rows of (what, ours, peer, ours / peer, goal)."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "clone")
        harness_in(root)
        (root / "lib" / "testlabs" / "many.py").write_bytes(LAB.read_bytes())
        rows = [
            *trials(_bench(root, Path(folder, "trials"))),
            *points(_bench(root, Path(folder, "points"))),
            *sweep(_bench(root, Path(folder, "sweep"))),
            *at_once(_bench(root, Path(folder, "at-once"))),
        ]
    return [*rows, *(row for framework in ("torch", "keras") for row in worker(framework))]


def _bench(root: Path, folder: Path) -> Clone:
    """The clone with a journal of its own, in a new folder."""
    (folder / "journal").mkdir(parents=True)
    return Clone(root, folder / "journal")


class Peaks:
    """The most memory, in megabytes, that processes had: by role, read from the kernel while they live.

    A process's peak is kept by the kernel: nothing is missed between two looks but its last moments.
    """

    def __init__(self) -> None:
        self.by_role: Counter[str] = Counter()
        self._stop = threading.Event()

    @contextmanager
    def of(self, process: subprocess.Popen[str], server: int | None = None) -> Iterator[None]:
        """Watch a command with its workers and its shipper, and the process `server`."""
        watching = threading.Thread(target=self._watch, args=(process.pid, server))
        self._stop.clear()
        watching.start()
        try:
            yield
        finally:
            self._stop.set()
            watching.join()

    def _watch(self, command: int, server: int | None) -> None:
        while not self._stop.wait(0.2):
            self._look("lab", command)
            if server is not None:
                self._look("server", server)
            with suppress(psutil.Error):
                for child in psutil.Process(command).children(recursive=True):
                    with suppress(psutil.Error):
                        self._look("shipper" if FOLLOWER in child.cmdline() else "worker", child.pid)

    def _look(self, role: str, process: int) -> None:
        with suppress(OSError):
            status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
            sizes = [int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")]
            self.by_role[role] = max(self.by_role[role], *(size // 1000 for size in sizes), 0)

    def rows(self, what: str, *roles: str) -> list[Row]:
        """A row for each of the roles."""
        peaks = [(role, self.by_role[role]) for role in roles]
        assert all(peak for _, peak in peaks), peaks
        return [(f"{what}, memory of the {r} : limit", f"{p} MB", f"{LIMIT} MB", p / LIMIT, "<= 1") for r, p in peaks]


def _run(clone: Clone, peaks: Peaks, *words: str, server: LabServer | None = None) -> str:
    """Run a command to its end, watched. Returns what it printed."""
    process = clone.start(*words)
    with peaks.of(process, server.pid if server else None):
        out, err = process.communicate()
    assert process.returncode == 0, (words, out[-2000:], err[-2000:])
    return out


@contextmanager
def _server(clone: Clone) -> Iterator[LabServer]:
    server = LabServer(clone.journals.parent)
    server.start()
    clone.tracking = server.url
    try:
        yield server
    finally:
        server.kill()


def trials(clone: Clone) -> list[Row]:
    """Rows of a run with 10,000 trials."""
    peaks, reading = Peaks(), Peaks()
    words = ("many", *said({"arms": TRIALS // SEEDS, "seeds": SEEDS, "batch": 1024}))
    with _server(clone) as server:
        begin = time.perf_counter()
        process = clone.start(*words)
        with peaks.of(process, server.pid):
            while len(list(clone.journals.glob("*/trial-*.jsonl"))) < TRIALS / 2:
                assert process.poll() is None, process.communicate()
                time.sleep(1)
            processes = descendants(process)
            process.kill()
            process.communicate()
        until(lambda: not living(processes), 600, "its processes are gone")
        key = clone.newest().name
        _run(clone, peaks, "many", "--resume", key, server=server)
        _run(clone, peaks, "sync", server=server)
        seconds = time.perf_counter() - begin
        assert Counter(statuses(clone.newest()))["FINISHED"] == TRIALS + 1
        _records(clone, reading, key, server)
    rate = TRIALS / seconds
    return [
        *peaks.rows(f"{TRIALS:,} trials", "lab", "shipper", "server"),
        *reading.rows(f"record, diff, export, import of {TRIALS:,} trials", "lab", "server"),
        (f"{TRIALS:,} trials, recorded and sent, a second : one", f"{rate:.1f} /s", "1 /s", rate, ""),
    ]


def points(clone: Clone) -> list[Row]:
    """Rows of a run with a million points."""
    peaks, reading = Peaks(), Peaks()
    with _server(clone) as server:
        begin = time.perf_counter()
        _run(clone, peaks, "many", *said({"arms": 1, "seeds": 1, "points": POINTS}), server=server)
        _run(clone, peaks, "sync", server=server)
        seconds = time.perf_counter() - begin
        _records(clone, reading, clone.newest().name, server)
    rate = POINTS / seconds
    return [
        *peaks.rows(f"{POINTS:,} points", "lab", "worker", "shipper", "server"),
        *reading.rows(f"record, diff, export, import of {POINTS:,} points", "lab", "server"),
        (f"{POINTS:,} points, recorded and sent, a second : 1,000", f"{rate:,.0f} /s", "1,000 /s", rate / 1000, ""),
    ]


def _records(clone: Clone, peaks: Peaks, key: str, server: LabServer) -> None:
    """Read the record of a run in every way, and put it into another MLflow."""
    _run(clone, peaks, "record", key, server=server)
    _run(clone, peaks, "diff", key, key, server=server)
    folder = clone.journals.parent / "records"
    with (clone.journals.parent / "records.tar").open("w+b") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "lib", "export", key],
            cwd=clone.root,
            env=clone.environment(),
            stdout=file,
            text=True,
        )
        with peaks.of(process, server.pid):
            assert process.wait() == 0
        file.seek(0)
        with tarfile.open(fileobj=file) as tar:
            tar.extractall(folder)
    elsewhere = Clone(clone.root, clone.journals)
    (clone.journals.parent / "elsewhere").mkdir()
    other = LabServer(clone.journals.parent / "elsewhere")
    other.start()
    elsewhere.tracking = other.url
    try:
        _run(elsewhere, peaks, "import", str(folder), server=other)
    finally:
        other.kill()


def sweep(clone: Clone) -> list[Row]:
    """Rows of a sweep, without MLflow: what grows with the trials is in the lab."""
    peaks = Peaks()
    _run(clone, peaks, "sweep", "many", "--trials", str(SWEPT), "--sampler", "random", "--batch", "16")
    return peaks.rows(f"a sweep of {SWEPT:,} trials", "lab", "worker")


def at_once(clone: Clone) -> list[Row]:
    """Rows of eight labs that send to one MLflow at once."""
    with _server(clone) as server:
        words = ("many", "--workers", "1", *said({"arms": 1, "seeds": 2, "points": POINTS_OF_EACH}))
        labs = [clone.start(*words, "--seed", str(number)) for number in range(LABS)]
        asked, answered = 0, 0
        while any(lab.poll() is None for lab in labs):
            asked += 1
            with suppress(OSError), urllib.request.urlopen(server.url, timeout=20) as page:
                answered += page.status == 200
            time.sleep(0.5)
        assert all(lab.wait() == 0 for lab in labs), [lab.communicate() for lab in labs]
        sent = clone.run("sync")
        assert sent.code == 0, sent
        wanted = [f"{path.parent.name}.{path.stem}" for folder in clone.runs() for path in finished(folder.parent)]
        runs = server.runs("many")
        lost = sum(POINTS_OF_EACH + 2 - len(server.points(runs[key])) for key in wanted)
        refused = (server.folder / "server.log").read_text().count("locked")
    total = len(wanted) * (POINTS_OF_EACH + 2)
    return [
        (f"{LABS} labs at once, points lost : sent", f"{lost:,}", f"{total:,}", lost / total, "<= 0"),
        (f"{LABS} labs at once, lock errors : requests of the page", f"{refused}", f"{asked}", refused / asked, "<= 0"),
        (f"{LABS} labs at once, pages : asked for", f"{answered}", f"{asked}", answered / asked, ">= 1"),
    ]


def worker(framework: str) -> list[Row]:
    """The row of a worker in training."""
    used, planned = private_bytes(framework) / 1e6, capacity.WORKER_BYTES[framework] / 1e6
    what = f"a worker that trains LeNet in {framework}, memory of its own : planned"
    return [(what, f"{used:.0f} MB", f"{planned:.0f} MB", used / planned, "<= 1")]


if __name__ == "__main__":
    for each in run():
        print(*each, sep="  ")
