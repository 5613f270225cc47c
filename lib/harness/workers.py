"""Worker processes: they run trials, each trial in one thread, all cores at once.

Workers are pooled by runtime, as a framework, its dtype and its flags are set once per process. The first pool is
started before the command knows what it will run: its processes load what every trial needs while the command reads
its lab, and the first runtime takes it over. Later pools have no more processes than they have trials to run at a time.
Results come back in the order of the batch.

Nothing heavy is imported here: the sooner the first pool starts, the sooner the first trial does.
"""

from __future__ import annotations

import importlib
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lib.harness import determinism, gpus, scope
from lib.harness.errors import UserError
from lib.harness.journal import Journal, is_full, on_disk
from lib.harness.methods import PRUNED

if TYPE_CHECKING:
    from lib.harness.contract import Log, Result, Runtime, Trial
    from lib.harness.pruning import PruningLog
    from lib.harness.recorder import Recorder

PROBED_LINES = 3  # of the first trial, which are recorded twice
PARENT_SECONDS = 1.0  # how often a worker looks whether its parent lives


@dataclass(frozen=True)
class Job:
    """A trial with all that a worker needs to run and record it."""

    trial: Trial
    run: str
    module: str
    root_seed: int
    journal: Path
    header: Mapping[str, Any]
    files: Mapping[str, bytes]


def run_job(job: Job) -> Result:
    """Run one trial in this process and write its journal from the first record to the last.

    Raises:
        JournalFullError: the disk of the journal is full.
    """
    from lib.harness.contract import Result
    from lib.harness.pruning import PruningLog
    from lib.harness.recorder import Recorder

    journal = Journal.create(job.journal, job.header)
    recorder = Recorder(journal)
    watched = PruningLog(recorder, job.trial.pruning) if job.trial.pruning else None
    with on_disk(job.journal.parent):
        try:
            journal.files.mkdir()
            for name, data in job.files.items():
                (journal.files / name).write_bytes(data)
            measurements, pruned = _train(job, recorder, watched)
        except Exception as error:
            if is_full(error):
                raise
            message = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
            (journal.files / "traceback.txt").write_text(traceback.format_exc(), encoding="utf-8")
            refused = scope.of_error(message)
            journal.end("FAILED", **{"lab.error": message, **({"lab.scope": refused} if refused else {})})
            reports = tuple(watched.reports) if watched else ()
            return Result(job.trial, job.run, "FAILED", error=message, reports=reports)
        early = {PRUNED: f"after {measurements['pruned_after']} reports"} if pruned else {}
        journal.end("FINISHED", **{"lab.result_digest": recorder.digest}, **early)
    return Result(
        job.trial,
        job.run,
        "PRUNED" if pruned else "FINISHED",
        measurements,
        recorder.digest,
        timings=recorder.timings,
        reports=tuple(watched.reports) if watched else (),
    )


def beginning(job: Job) -> list[str]:
    """The first lines that a trial records, from a start of it that leaves nothing behind."""
    from lib.harness.recorder import Beginning, EnoughError

    log = Beginning(PROBED_LINES)
    with suppress(EnoughError):
        log.measurements(_measure(job, log))
    return log.lines


def _train(job: Job, recorder: Recorder, watched: PruningLog | None) -> tuple[dict[str, Any], bool]:
    """The trial itself: its measurements, recorded, and whether it was pruned."""
    from lib.harness.pruning import PrunedError

    started = time.perf_counter()
    pruned = False
    try:
        measurements = _measure(job, watched or recorder)
    except PrunedError:
        assert watched is not None
        measurements, pruned = {"pruned_after": len(watched.reports)}, True
    recorder.measurements(measurements)
    recorder.timing(trial_seconds=time.perf_counter() - started)
    return measurements, pruned


def _measure(job: Job, log: Log) -> dict[str, Any]:
    """What the trial returns, from the state that a fresh process has."""
    from lib.harness.recorder import plain
    from lib.harness.seeds import Seed

    trial = job.trial
    lab = importlib.import_module(job.module).LAB
    # every variant of a seed index starts from the same seed, so that comparisons over seeds are paired
    seed = Seed(job.root_seed).child("trial", trial.seed)
    determinism.begin(trial.runtime, seed)
    measurements: dict[str, Any] = plain(lab.trial(trial.config, seed, log))
    determinism.check_frameworks(trial.runtime)
    return measurements


def _start(parent: int, shares: Any) -> None:
    """Load what every trial needs; which framework will be known later. `shares`: a queue of GPUs, one per worker."""
    if shares is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = shares.get()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal reaches all: the parent ends its workers
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    import lib.harness.contract
    import lib.harness.recorder  # noqa: F401


def _end_with(parent: int) -> None:
    """End this process soon after its parent has been killed; a trial of it would go on for ever."""
    while os.getppid() == parent:
        time.sleep(PARENT_SECONDS)
    os._exit(1)


_ready: list[Runtime] = []  # the runtime of this worker, once it has one
_logs: list[Path] = []  # where this worker prints to: the file of the lab that it works for now


def _call(runtime: Runtime, log: Path, function: Callable[..., Any], *arguments: Any) -> Any:
    """Call `function` in this worker of this runtime."""
    if _logs != [log]:
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(descriptor, 2)  # what frameworks and crashes print, Python or not, must not break the progress bar
        os.close(descriptor)
        _logs[:] = [log]
    become(runtime)
    return function(*arguments)


def become(runtime: Runtime) -> None:
    """Make this process a worker of this runtime, which it stays."""
    if not _ready:
        determinism.prepare(runtime)
        _ready.append(runtime)
    assert _ready == [runtime], "a worker keeps its runtime"


def _start_trackers() -> None:
    """Start loky's tracker of semaphores, told not to warn of those that a killed worker leaves: it removes them.

    The standard library's is needed too, and unblocks SIGINT as it starts: not later, when that must stay blocked.
    """
    from multiprocessing import resource_tracker as standard

    from loky.backend import resource_tracker

    before = os.environ.pop("PYTHONWARNINGS", None)
    os.environ["PYTHONWARNINGS"] = "ignore:resource_tracker"
    try:
        resource_tracker.ensure_running()
        standard.ensure_running()
    finally:
        del os.environ["PYTHONWARNINGS"]
        if before is not None:
            os.environ["PYTHONWARNINGS"] = before


def _shares(size: int) -> Any:
    """A queue with the GPU of each of `size` workers; None for a run on the CPU."""
    shares = gpus.shares(size)
    if not shares:
        return None
    from loky.backend import get_context

    queue = get_context("loky").SimpleQueue()
    for share in shares:
        queue.put(share)
    return queue


def _new_pool(size: int) -> Any:
    from loky.process_executor import ProcessPoolExecutor

    _start_trackers()
    pool = ProcessPoolExecutor(
        max_workers=size,
        timeout=None,
        initializer=_start,
        initargs=(os.getpid(), _shares(size)),
        env=determinism.environment(),
    )
    # inherited: a worker that is loading cannot ignore Ctrl-C yet. Blocked here and not ignored, so that none is lost
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        pool.submit(os.getpid)  # its processes start with the first call
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    return pool


class Workers:
    """Pools of worker processes, at most `count` trials at a time over all of them.

    Its default is one per core, on GPUs no more than they have memory for.

    `log` is the file that takes what workers print; it is known when there is a folder for the run.
    """

    log: Path

    def __init__(self, count: int | None = None):
        self.count = count or gpus.worker_limit(len(os.sched_getaffinity(0)))
        self._fresh: Any = _new_pool(self.count)
        self._pools: dict[Runtime, tuple[int, Any]] = {}

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _pool(self, runtime: Runtime, jobs: int) -> Any:
        """A pool for this runtime that can run `jobs` at a time, or as many as there are workers."""
        wanted = min(self.count, jobs)
        size, pool = self._pools.get(runtime, (0, None))
        if size < wanted:
            if pool is not None:
                pool.shutdown(wait=True)
            if self._fresh is not None:
                size, pool, self._fresh = self.count, self._fresh, None
            else:
                size, pool = wanted, _new_pool(wanted)
            self._pools[runtime] = (size, pool)
        return pool

    def warm_up(self, trials: Sequence[Trial]) -> None:
        """Let processes of the first trials load their framework while the caller, which needs a core, goes on."""
        first = trials[0].runtime
        jobs = sum(trial.runtime == first for trial in trials)
        pool = self._pool(first, jobs)
        for _ in range(max(1, min(self.count, jobs) - 1)):
            pool.submit(_call, first, self.log, os.getpid)

    def start_again(self, job: Job) -> Future[list[str]]:
        """Let a worker record the first lines of a job's trial, in a start of its own (`beginning`)."""
        runtime = job.trial.runtime
        future: Future[list[str]] = self._pool(runtime, 1).submit(_call, runtime, self.log, beginning, job)
        return future

    def call(
        self, function: Callable[..., Any], arguments: Sequence[tuple[Any, ...]], runtime: Runtime | None = None
    ) -> list[Any]:
        """Call `function` for each of `arguments` in workers of `runtime` (default: without a framework).

        Returns the results; an exception is one, too.
        """
        from lib.harness.contract import Runtime

        if not arguments:
            return []
        runtime = runtime or Runtime()
        pool = self._pool(runtime, len(arguments))
        futures = [pool.submit(_call, runtime, self.log, function, *each) for each in arguments]
        return [future.exception() or future.result() for future in futures]

    def run(
        self, jobs: list[Job], started: Callable[[Job], None], ended: Callable[[Result, str], None]
    ) -> list[Result]:
        """Run a batch; `started` and `ended` are called as it goes.

        Jobs of one runtime go together; those of which there are few come first, so that none is left alone at the end.

        `ended` is told where the trial ran, too: the name of another machine, empty for this one.

        Raises:
            UserError: a worker died, or the journal's disk is full.
        """
        from loky.process_executor import BrokenProcessPool

        by_runtime: dict[Runtime, list[Job]] = {}
        for job in jobs:
            by_runtime.setdefault(job.trial.runtime, []).append(job)
        queue = [job for group in sorted(by_runtime.values(), key=len) for job in group]
        running: dict[Future[Result], Job] = {}
        results: dict[str, Result] = {}
        while queue or running:
            while queue and len(running) < self.count:
                job = queue.pop(0)
                runtime = job.trial.runtime
                pool = self._pool(runtime, len(by_runtime[runtime]))
                running[pool.submit(_call, runtime, self.log, run_job, job)] = job
                started(job)
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                try:
                    result = future.result()
                except BrokenProcessPool:
                    names = "; ".join(f"{job.trial.variant}, seed {job.trial.seed}" for job in running.values())
                    raise UserError(
                        f"A worker was killed, most likely for want of memory, while these trials ran: {names}. "
                        "Close other programs, raise LAB_MEMORY, or use --workers 1"
                    ) from None
                results[running.pop(future).run] = result
                ended(result, "")
        return [results[job.run] for job in jobs]

    def close(self) -> None:
        """End all worker processes at once, whatever they are doing."""
        pools = [pool for _, pool in self._pools.values()] + [self._fresh] * (self._fresh is not None)
        for pool in pools:
            pool.shutdown(wait=True, kill_workers=True)
        self._pools.clear()
        self._fresh = None
