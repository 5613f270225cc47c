"""A trial as a task of Ray: what runs in a process of the cluster."""

from __future__ import annotations

import functools
import os
import socket
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lib.harness.contract.loading import lab_of
from lib.harness.errors import UserError
from lib.harness.machine import gpus, scope
from lib.harness.recording import provenance
from lib.harness.recording.jsonfile import json_bytes
from lib.harness.recording.reading import files_of
from lib.harness.running.job import Job, beginning, run_job
from lib.harness.running.worker import become
from lib.kernels import choice

if TYPE_CHECKING:
    from lib.harness.contract.trial import Result


@dataclass(frozen=True)
class Returned:
    """A trial that a worker has run: its result, the bytes of its journal, and its files by their paths."""

    result: Result
    journal: bytes
    files: Mapping[str, bytes]
    worker: str


def run_there(job: Job, lock: str) -> Returned:
    """Run one trial in this process of the cluster. `lock`: of the image that the lab itself has.

    Raises:
        UserError: this worker has another image, a CPU that cannot do what ``--portable`` needs, or GPUs that the
            trial cannot use.
    """
    worker = socket.gethostname()
    try:
        _require_fit(job, lock)
        become(job.trial.runtime)
    except UserError as error:
        raise UserError(f"The worker {worker}: {error}") from None
    own = {
        "lab.cpu": scope.cpu_model(),
        "lab.gpu": gpus.label(job.trial.runtime.framework),
        "lab.scope": _scope(job),
        "lab.worker": worker,
    }
    tags = {**job.header["tags"], **own}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, job.journal.name)
        files = {"environment.json": _environment()}
        result = run_job(replace(job, journal=path, header={**job.header, "tags": tags}, files=files))
        below = files_of(path)
        return Returned(
            result,
            path.read_bytes(),
            {file.relative_to(below).as_posix(): file.read_bytes() for file in below.rglob("*") if file.is_file()},
            worker,
        )


def begin_there(job: Job, lines: int) -> list[str]:
    """The first `lines` that a trial records in this process of the cluster (`beginning`)."""
    become(job.trial.runtime)
    return beginning(job, lines)


def _require_fit(job: Job, lock: str) -> None:
    here = os.environ.get("LAB_LOCK_SHA256", "unknown")
    if here != lock:
        raise UserError(
            f"another image than this lab's (lock {here[:12]}, not {lock[:12]}): start the cluster from the same image"
        )
    if job.header["tags"]["lab.portable"] == "true":
        scope.require_portable()
    recorded, present = job.header["tags"].get("lab.kernels", choice.NONE), choice.recorded()
    if recorded != present:
        raise UserError(
            f"the kernels of its image for its processor are {present[:12]} (lab.kernels), and this lab's are "
            f"{recorded[:12]}: start the cluster from the same image, on processors with AVX2"
        )
    if gpus.computes(job.trial.runtime.framework):
        gpus.require_one_model()


def _scope(job: Job) -> str:
    """The scope that has been proven for a trial on this worker."""
    if gpus.computes(job.trial.runtime.framework):
        return "device"
    lab = lab_of(job.module)
    trial = job.trial
    portable = job.header["tags"]["lab.portable"] == "true"
    return scope.stated(lab.makers(trial.runtime.framework, trial.function), portable, choice.chosen())


@functools.cache
def _environment() -> bytes:
    return json_bytes(provenance.environment())
