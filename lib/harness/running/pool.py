"""Worker processes: they run trials, each trial in one thread, all cores at once.

Workers are pooled by runtime, as a framework, its dtype and its flags are set once per process. The first pool is
started before the command knows what it will run: its processes load what every trial needs while the command reads
its lab, and the first runtime takes it over. Later pools have no more processes than they have trials to run at a time.
Results come back in the order of the batch.

Nothing heavy is imported here: the sooner the first pool starts, the sooner the first trial does.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from lib.harness.errors import UserError
from lib.harness.machine import determinism, gpus, memory
from lib.harness.running.job import Job, beginning, run_job
from lib.harness.running.worker import call_in_worker, start_worker

if TYPE_CHECKING:
    from lib.harness.contract.trial import Result, Runtime, Trial

R = TypeVar("R")


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
        initializer=start_worker,
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
    """Pools of worker processes, one per runtime.

    Attributes:
        count: how many trials run at a time, over all pools.
        log: the file that takes what workers print; set as soon as the run has a folder.
    """

    log: Path

    def __init__(self, count: int | None = None):
        """Start the first pool. `count`: by default one worker per core, on GPUs no more than fit their memory."""
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
            pool.submit(call_in_worker, first, self.log, os.getpid)

    def start_again(self, job: Job, lines: int) -> Future[list[str]]:
        """Let a worker record the first `lines` of a job's trial, in a start of its own (`beginning`)."""
        runtime = job.trial.runtime
        pool = self._pool(runtime, 1)
        future: Future[list[str]] = pool.submit(call_in_worker, runtime, self.log, beginning, job, lines)
        return future

    def call(
        self, function: Callable[..., Any], arguments: Sequence[tuple[Any, ...]], runtime: Runtime | None = None
    ) -> list[Any]:
        """Call `function` for each of `arguments` in workers of `runtime` (default: without a framework).

        Returns the results; an exception is returned as a result, not raised.
        """
        from lib.harness.contract.trial import Runtime

        if not arguments:
            return []
        runtime = runtime or Runtime()
        pool = self._pool(runtime, len(arguments))
        futures = [pool.submit(call_in_worker, runtime, self.log, function, *each) for each in arguments]
        return [future.exception() or future.result() for future in futures]

    def run(
        self, jobs: list[Job], started: Callable[[Job], None], ended: Callable[[Result, str], None]
    ) -> list[Result]:
        """Run a batch of trials and record them, as `each` does."""
        return self.each(run_job, jobs, started, ended)

    def each(
        self,
        work: Callable[[Job], R],
        jobs: list[Job],
        started: Callable[[Job], None],
        ended: Callable[[R, str], None],
    ) -> list[R]:
        """Do `work` for each job of a batch. Returns the results in the order of `jobs`.

        Jobs run grouped by runtime, the smallest group first, so that no small group is left alone at the end.

        Args:
            work: what a worker does with a job.
            started: called as each job begins.
            ended: called with each result and the name of the machine that made it, empty for this one.

        Raises:
            UserError: a worker died, or the journal's disk is full.
        """
        from loky.process_executor import BrokenProcessPool

        by_runtime: dict[Runtime, list[Job]] = {}
        for job in jobs:
            by_runtime.setdefault(job.trial.runtime, []).append(job)
        queue = [job for group in sorted(by_runtime.values(), key=len) for job in group]
        running: dict[Future[R], Job] = {}
        results: dict[str, R] = {}
        while queue or running:
            while queue and len(running) < self.count:
                job = queue.pop(0)
                runtime = job.trial.runtime
                pool = self._pool(runtime, len(by_runtime[runtime]))
                running[pool.submit(call_in_worker, runtime, self.log, work, job)] = job
                started(job)
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                try:
                    result = future.result()
                except BrokenProcessPool:
                    names = "; ".join(f"{job.trial.variant}, seed {job.trial.seed}" for job in running.values())
                    raise UserError(
                        f"A worker was killed, most likely because it ran out of memory, during these trials: {names}. "
                        f"Close other programs, raise {memory.setting()}, or run one trial at a time: "
                        "./invoke lab NAME --workers 1"
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
