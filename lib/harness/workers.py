"""Worker processes: they run trials, each trial in one thread, all cores at once.

Workers are pooled by runtime, as a framework, its dtype and its flags are set once per process. A pool has no more
processes than it has had trials to run at a time. Results come back in the order of the batch.
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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lib.harness import determinism
from lib.harness.contract import Result, Runtime, Trial
from lib.harness.errors import UserError
from lib.harness.journal import Journal, is_full, on_disk
from lib.harness.recorder import Recorder, plain
from lib.harness.seeds import Seed

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
    journal = Journal.create(job.journal, job.header)
    recorder = Recorder(journal)
    with on_disk(job.journal.parent):
        try:
            journal.files.mkdir()
            for name, data in job.files.items():
                (journal.files / name).write_bytes(data)
            measurements = _train(job, recorder)
        except Exception as error:
            if is_full(error):
                raise
            message = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
            (journal.files / "traceback.txt").write_text(traceback.format_exc(), encoding="utf-8")
            journal.end("FAILED", **{"lab.error": message})
            return Result(job.trial, job.run, "FAILED", error=message)
        journal.end("FINISHED", **{"lab.result_digest": recorder.digest})
    return Result(job.trial, job.run, "FINISHED", measurements, recorder.digest)


def _train(job: Job, recorder: Recorder) -> dict[str, Any]:
    """The trial itself: its measurements, recorded."""
    trial = job.trial
    started = time.perf_counter()
    lab = importlib.import_module(job.module).LAB
    # every variant of a seed index starts from the same seed, so that comparisons over seeds are paired
    seed = Seed(job.root_seed).child("trial", trial.seed)
    determinism.begin(trial.runtime, seed)
    measurements: dict[str, Any] = plain(lab.trial(trial.config, seed, recorder))
    determinism.check_frameworks(trial.runtime)
    recorder.measurements(measurements)
    recorder.timing(trial_seconds=time.perf_counter() - started)
    return measurements


def _start(runtime: Runtime, log: Path, parent: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal reaches all: the parent ends its workers
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(descriptor, 2)  # what frameworks and crashes print, Python or not, must not break the progress bar
    os.close(descriptor)
    determinism.prepare(runtime)


def _end_with(parent: int) -> None:
    """End this process soon after its parent has been killed; a trial of it would go on for ever."""
    while os.getppid() == parent:
        time.sleep(PARENT_SECONDS)
    os._exit(1)


class Workers:
    """Pools of worker processes, at most `count` trials at a time over all of them.

    `log` is the file that takes what workers print.
    """

    def __init__(self, count: int, log: Path):
        self.count = count
        self._log = log
        self._pools: dict[Runtime, tuple[int, Any]] = {}

    def _pool(self, runtime: Runtime, jobs: int) -> Any:
        """A pool for this runtime that can run `jobs` at a time, or as many as there are workers."""
        from loky.process_executor import ProcessPoolExecutor

        wanted = min(self.count, jobs)
        size, pool = self._pools.get(runtime, (0, None))
        if size < wanted:
            if pool is not None:
                pool.shutdown(wait=True)
            pool = ProcessPoolExecutor(
                max_workers=wanted,
                timeout=None,
                initializer=_start,
                initargs=(runtime, self._log, os.getpid()),
                env=determinism.environment(),
            )
            self._pools[runtime] = (wanted, pool)
        return pool

    def warm_up(self, trials: Sequence[Trial]) -> None:
        """Start the processes of the first trials, so that they load their framework while the caller goes on."""
        first = trials[0].runtime
        self._pool(first, sum(trial.runtime == first for trial in trials)).submit(os.getpid)

    def call(self, function: Callable[..., Any], arguments: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Call `function` for each of `arguments` in the workers. Returns the results; an exception is one, too."""
        if not arguments:
            return []
        pool = self._pool(Runtime(), len(arguments))
        futures = [pool.submit(function, *each) for each in arguments]
        return [future.exception() or future.result() for future in futures]

    def run(self, jobs: list[Job], started: Callable[[Job], None], ended: Callable[[Result], None]) -> list[Result]:
        """Run a batch; `started` and `ended` are called as it goes. Jobs of one runtime go together.

        Raises:
            UserError: a worker died, or the journal's disk is full.
        """
        from loky.process_executor import BrokenProcessPool

        by_runtime: dict[Runtime, list[Job]] = {}
        for job in jobs:
            by_runtime.setdefault(job.trial.runtime, []).append(job)
        queue = [job for group in by_runtime.values() for job in group]
        running: dict[Future[Result], Job] = {}
        results: dict[str, Result] = {}
        while queue or running:
            while queue and len(running) < self.count:
                job = queue.pop(0)
                runtime = job.trial.runtime
                running[self._pool(runtime, len(by_runtime[runtime])).submit(run_job, job)] = job
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
                ended(result)
        return [results[job.run] for job in jobs]

    def close(self) -> None:
        """End all worker processes at once, whatever they are doing."""
        for _, pool in self._pools.values():
            pool.shutdown(wait=True, kill_workers=True)
        self._pools.clear()
