"""Trials as tasks of a Ray cluster: the same study, the same workers' code, another place.

A task runs in a process of Ray's that has the environment of every worker (`determinism.environment`) from its start
and serves one runtime only, so its trials have the digests of local ones. The code that runs is sent along: a cluster
needs the image, not the clone. A trial's journal and files come back as the task's result and are written here as a
local trial would have written them; no disk is shared. Ray runs a task again elsewhere when its worker dies, and what
the first one had written is gone with it, so nothing is there twice.

The cluster is reached through Ray's client (``RAY_ADDRESS=ray://HOST:10001``): one connection, from here to there.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lib.harness.errors import UserError
from lib.harness.machine import capacity, determinism, gpus
from lib.harness.recording import disk
from lib.harness.recording.journal import on_disk
from lib.harness.recording.reading import files_of
from lib.harness.running.job import Job
from lib.harness.running.pool import Workers, own_trial
from lib.harness.running.ray.client import (
    CUDA,
    cluster_address,
    connect,
    leave,
    missing_worker,
    reason,
    refusal,
    remedy,
)
from lib.harness.running.ray.task import Returned, begin_there, run_there

if TYPE_CHECKING:
    from lib.harness.contract.trial import Result, Runtime, Trial

LOOK_SECONDS = 5.0
"""How often a lab that waits looks whether there is still a worker."""
EMPTY_SECONDS = 60.0
"""How long it waits for another one."""
RETRIES = 3
"""Of a trial whose worker was killed."""
WINDOW = 1000
"""Trials that the cluster is given at a time: each result is waited for among all of them."""
GPU_SHARE = 0.25
"""Of a GPU for a trial that computes there: CUDA's own state takes half a GiB of its memory each time."""


class RayWorkers(Workers):
    """Workers whose trials run on a Ray cluster; figures are drawn here.

    `module`: the lab's; its code is sent to the cluster.

    Raises:
        UserError: there is no such cluster, or it has no workers.
    """

    def __init__(self, module: str):
        self._address = cluster_address()
        connect(self._address, module)
        super().__init__()
        self._lock = os.environ.get("LAB_LOCK_SHA256", "unknown")
        self._tasks: dict[tuple[Callable[..., Any], Runtime], Any] = {}

    @property
    def label(self) -> str:
        """Return the value of the tag ``lab.workers``, whose number is the cluster's."""
        return "of a Ray cluster"

    def _task(self, function: Callable[..., Any], runtime: Runtime) -> Any:
        """A function as a task in a process of its runtime, which is sent to the cluster once.

        Ray says to a task with a share of a GPU which one it sees, and ends its process after it.
        """
        if (function, runtime) not in self._tasks:
            self._tasks[function, runtime] = self._new_task(function, runtime)
        return self._tasks[function, runtime]

    def _new_task(self, function: Callable[..., Any], runtime: Runtime) -> Any:
        import ray

        on_gpu = _on_gpu(runtime)
        own = {gpus.ENABLED: runtime.framework} if on_gpu else {CUDA: determinism.environment()[CUDA]}
        return ray.remote(
            num_cpus=1,
            num_gpus=GPU_SHARE if on_gpu else 0,
            max_retries=RETRIES,
            scheduling_strategy="SPREAD",
            runtime_env={"env_vars": {**own, "LAB_RUNTIME": f"{runtime.framework} {runtime.dtype}"}},  # own processes
        )(function)

    def warm_up(self, trials: Sequence[Trial]) -> None:
        """The cluster starts its processes when it has trials for them."""

    def start_again(self, job: Job, lines: int) -> Future[list[str]]:
        """Let the cluster record the first `lines` of a job's trial, in a start of its own (`beginning`)."""
        future: Future[list[str]] = self._task(begin_there, job.trial.runtime).remote(_bare(job), lines).future()
        return future

    def run(
        self, jobs: list[Job], started: Callable[[Job], None], ended: Callable[[Result, str], None]
    ) -> list[Result]:
        """Run a batch; `ended` is called as it goes, with the name of the worker. What has ended is on this disk then.

        Raises:
            UserError: the head is gone, no worker is left, a trial has killed one after the other, or the disk is full.
        """
        import ray

        results: dict[str, Result] = {}
        queue, waiting = deque(jobs), dict[Any, Job]()
        with self._head_may_go():
            seen = time.monotonic()
            while queue or waiting:
                while queue and len(waiting) < WINDOW:
                    job = queue.popleft()
                    waiting[self._task(run_there, job.trial.runtime).remote(_bare(job), self._lock)] = job
                done, _ = ray.wait(list(waiting), num_returns=1, timeout=LOOK_SECONDS)
                missing = None if done else missing_worker(all(_on_gpu(job.trial.runtime) for job in waiting.values()))
                if missing is None:
                    seen = time.monotonic()
                elif time.monotonic() - seen > EMPTY_SECONDS:
                    raise UserError(f"There {missing} in the Ray cluster at {self._address} any more")
                for reference in done:
                    job = waiting.pop(reference)
                    returned = _get(reference, job)
                    _write(job, returned)
                    results[job.run] = own_trial(job, returned.result)
                    ended(returned.result, returned.worker)
        return [results[job.run] for job in jobs]

    @contextmanager
    def _head_may_go(self) -> Iterator[None]:
        """Whatever the client raises when its connection breaks, or when the cluster cannot go on, becomes one line."""
        import grpc
        from ray.exceptions import RayError

        try:
            yield
        except (ConnectionError, RuntimeError, RayError, grpc.RpcError) as error:
            if isinstance(error, RayError) and refusal(self._address) is None:
                raise UserError(f"The Ray cluster at {self._address} cannot go on: {reason(error)}") from None
            raise UserError(
                f"The head of the Ray cluster at {self._address} is gone ({type(error).__name__}). "
                f"What had ended is recorded. {remedy()}"
            ) from None

    def close(self) -> None:
        """Leave the cluster, which ends what it still runs for this lab, and end the processes here."""
        leave()
        super().close()


def _on_gpu(runtime: Runtime) -> bool:
    """Return whether trials of this runtime ask for a GPU."""
    return gpus.chosen() == runtime.framework


def _bare(job: Job) -> Job:
    """A job without its files, which its worker need not have."""
    return replace(job, files={})


def _get(reference: Any, job: Job) -> Returned:
    """Return the result of a task.

    Raises:
        UserError: the worker's own, or the worker was killed once too often.
    """
    import ray
    from ray import exceptions

    name = job.header["name"]
    try:
        returned: Returned = ray.get(reference)
    except exceptions.RayTaskError as error:
        if isinstance(error.cause, UserError):
            raise error.cause from None
        last = str(error).strip().splitlines()[-1]
        raise UserError(f"A worker of the Ray cluster could not run {name}: {last}") from None
    except (exceptions.WorkerCrashedError, exceptions.OutOfMemoryError, exceptions.NodeDiedError):
        raise UserError(
            f"{1 + RETRIES} workers were killed one after the other, most likely out of memory, while this trial "
            f"ran: {name}. Give the workers more memory: {capacity.memory_setting()}"
        ) from None
    return returned


def _write(job: Job, returned: Returned) -> None:
    """Write a trial's files and then its journal, which appears whole.

    Files without a journal, which a lab leaves that ends in between, are no trial: `Interrupted.take_up` removes them.
    """
    below = files_of(job.journal)
    with on_disk(job.journal.parent):
        folders: set[Path] = set()
        for name, data in {**job.files, **returned.files}.items():
            path = below / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with disk.replacing(disk.DISK, path) as file:
                file.write(data)
            folders |= {folder for folder in path.parents if folder.is_relative_to(below)}
        for folder in folders:
            disk.DISK.sync_folder(folder)
        disk.replace(disk.DISK, job.journal, returned.journal)
