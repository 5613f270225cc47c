"""Worker processes: they run trials, each trial in one thread, all cores at once.

Workers are pooled by runtime, as a framework, its dtype and its flags are set once per process. The first pool is
started before the command knows what it will run: its processes load what every trial needs while the command reads
its lab, and the first runtime takes it over. Later pools have no more processes than they have trials to run at a time.
Where the memory has no room for a pool, those that do nothing end first. Results come back in the order of the batch.

Nothing heavy is imported here: the sooner the first pool starts, the sooner the first trial does.
"""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from lib.harness.errors import UserError
from lib.harness.machine import capacity, determinism, gpus
from lib.harness.running.job import Job, beginning, run_job
from lib.harness.running.worker import call_in_worker, start_worker
from lib.harness.signals import deferred

if TYPE_CHECKING:
    from lib.harness.contract.trial import Result, Runtime, Trial

R = TypeVar("R")
FRAMEWORKS = tuple(capacity.WORKER_BYTES)
LOOK_SECONDS = 0.2  # how often a wait for trials looks whether the command is to end


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
    try:
        with deferred():
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            try:
                pool.submit(os.getpid)  # its processes start with the first call
            finally:
                signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    except BaseException:
        pool.shutdown(wait=True, kill_workers=True)
        raise
    return pool


def _ended(futures: Collection[Future[R]]) -> set[Future[R]]:
    """Wait until one of `futures` has ended. Returns all that have.

    An exception of a signal in the middle of `wait` would leave locks that end the pool's thread.
    """
    ended: set[Future[R]] = set()
    while not ended:
        with deferred():
            ended = wait(futures, LOOK_SECONDS, FIRST_COMPLETED).done
    return ended


@dataclass
class Pool:
    """The worker processes of a runtime.

    Attributes:
        executor: loky's.
        size: number of processes.
        wanted: number that was asked for; the memory may have had no room for all.
        pending: what they have not ended yet.
    """

    executor: Any
    size: int
    wanted: int
    pending: set[Future[Any]] = field(default_factory=set)

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Let a worker call a function. Where one was killed before, the future says so, as of one killed later."""
        from loky.process_executor import BrokenProcessPool

        future: Future[Any]
        try:
            with deferred():
                future = self.executor.submit(function, *arguments)
        except BrokenProcessPool as error:
            future = Future()
            future.set_exception(error)
        self.pending.add(future)
        future.add_done_callback(self.pending.discard)
        return future

    @property
    def is_idle(self) -> bool:
        """Return whether it has nothing to do. (Who waits for a future may know before its callbacks have run.)"""
        return all(future.done() for future in list(self.pending))

    def bytes(self, runtime: Runtime) -> int:
        """The memory that its processes may need."""
        return self.size * capacity.WORKER_BYTES[runtime.framework]


class Workers:
    """Pools of worker processes, one per runtime.

    Attributes:
        count: how many trials run at a time, over all pools.
        log: the file that takes what workers print; set as soon as the run has a folder.
    """

    log: Path

    def __init__(self, count: int | None = None, frameworks: Sequence[str] = FRAMEWORKS):
        """Start the first pool.

        Args:
            count: by default as many as the cores, the memory and the memory of the GPUs have room for.
            frameworks: those that the workers may load.
        """
        self.count = count or gpus.worker_limit(capacity.workers(frameworks))
        largest = max(capacity.WORKER_BYTES[framework] for framework in frameworks)
        self._room = max(capacity.memory() - capacity.LAB_BYTES, self.count * largest)
        self._fresh: Any = _new_pool(self.count)
        self._pools: dict[Runtime, Pool] = {}

    @property
    def label(self) -> str:
        """Return the value of the tag ``lab.workers``: how many trials run at a time."""
        return str(self.count)

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _pool(self, runtime: Runtime, jobs: int) -> Pool:
        """A pool for this runtime that can run `jobs` at a time, or as many as there are workers and there is room."""
        wanted = min(self.count, jobs)
        pool = self._pools.get(runtime)
        if pool is not None and pool.wanted < wanted:
            pool.executor.shutdown(wait=True)
            del self._pools[runtime]
            pool = None
        if pool is None:
            if self._fresh is not None:
                pool, self._fresh = Pool(self._fresh, self.count, self.count), None
            else:
                size = max(1, min(wanted, self._left() // capacity.WORKER_BYTES[runtime.framework]))
                pool = Pool(_new_pool(size), size, wanted)
            self._pools[runtime] = pool
        return pool

    def _left(self) -> int:
        """The memory that is left for other workers than there are."""
        return self._room - sum(pool.bytes(runtime) for runtime, pool in self._pools.items())

    def _make_room(self, runtime: Runtime, jobs: int) -> bool:
        """End workers of other runtimes that do nothing where the memory has no room for those of this one.

        Returns whether there is room for all then.
        """
        present = self._pools.get(runtime)
        wanted = min(self.count, jobs)
        if self._fresh is not None or (present is not None and present.wanted >= wanted):
            return True
        needed = (wanted - (present.size if present else 0)) * capacity.WORKER_BYTES[runtime.framework]
        for other, pool in list(self._pools.items()):
            if self._left() < needed and other != runtime and pool.is_idle:
                pool.executor.shutdown(wait=True)
                del self._pools[other]
        return self._left() >= needed

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
        return self._pool(runtime, 1).submit(call_in_worker, runtime, self.log, beginning, job, lines)

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
        self._make_room(runtime, len(arguments))
        pool = self._pool(runtime, len(arguments))
        futures = [pool.submit(call_in_worker, runtime, self.log, function, *each) for each in arguments]
        left = futures
        while left := [future for future in left if not future.done()]:
            _ended(left)
        return [future.exception() or future.result() for future in futures]

    def run(
        self, jobs: list[Job], started: Callable[[Job], None], ended: Callable[[Result, str], None]
    ) -> list[Result]:
        """Run a batch of trials and record them, as `each` does. A result has the trial that was asked for, itself."""
        return self.each(run_job, jobs, started, ended, own_trial)

    def each(
        self,
        work: Callable[[Job], R],
        jobs: list[Job],
        started: Callable[[Job], None],
        ended: Callable[[R, str], None],
        kept: Callable[[Job, R], R] = lambda job, result: result,
    ) -> list[R]:
        """Do `work` for each job of a batch. Returns the results in the order of `jobs`.

        Jobs run grouped by runtime, the smallest group first, so that no small group is left alone at the end.

        Args:
            work: what a worker does with a job.
            started: called as each job begins.
            ended: called with each result and the name of the machine that made it, empty for this one.
            kept: what is returned for a job and its result.

        Raises:
            UserError: a worker died, or the journal's disk is full.
        """
        from loky.process_executor import BrokenProcessPool

        by_runtime: dict[Runtime, list[Job]] = {}
        for job in jobs:
            by_runtime.setdefault(job.trial.runtime, []).append(job)
        queue = deque(job for group in sorted(by_runtime.values(), key=len) for job in group)
        running: dict[Future[R], Job] = {}
        results: dict[str, R] = {}
        while queue or running:
            while queue and len(running) < self.count:
                runtime = queue[0].trial.runtime
                if not self._make_room(runtime, len(by_runtime[runtime])) and running:
                    break
                job = queue.popleft()
                pool = self._pool(runtime, len(by_runtime[runtime]))
                running[pool.submit(call_in_worker, runtime, self.log, work, job)] = job
                started(job)
            for future in _ended(running):
                try:
                    result = future.result()
                except BrokenProcessPool:
                    names = "; ".join(f"{job.trial.variant}, seed {job.trial.seed}" for job in running.values())
                    raise UserError(
                        f"A worker was killed, most likely because it ran out of memory, during these trials: {names}. "
                        f"Close other programs, raise {capacity.memory_setting()}, or run one trial at a time: "
                        "./invoke lab NAME --workers 1"
                    ) from None
                job = running.pop(future)
                results[job.run] = kept(job, result)
                ended(result, "")
        return [results[job.run] for job in jobs]

    def close(self) -> None:
        """End all worker processes at once, whatever they are doing."""
        executors = [pool.executor for pool in self._pools.values()] + [self._fresh] * (self._fresh is not None)
        for executor in executors:
            executor.shutdown(wait=True, kill_workers=True)
        self._pools.clear()
        self._fresh = None


def own_trial(job: Job, result: Result) -> Result:
    """A result with the trial of its job in the place of the copy that came back from a worker."""
    return replace(result, trial=job.trial)
