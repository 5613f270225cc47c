"""Finds the GPUs (through NVIDIA's NVML), assigns them to workers, and samples their memory and utilisation.

`--gpu` enables them for the framework that the image has in its build for CUDA; trials in the other one, and in NumPy,
compute on the CPU. A worker sees one GPU, so several of them share the trials. Where the models differ, the run uses
those of the first one's model: equal bits are expected on one model only.

With ``--on ray`` the GPUs are a cluster's, and which one a trial sees is Ray's to say; this process has none. There a
machine with different models is refused, as nobody could say on which one a trial ran.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from itertools import cycle, islice
from typing import Any

from lib.harness.errors import UserError

ENABLED = "LAB_GPU_ENABLED"
"""The environment variable that names the framework which computes on GPUs; workers inherit it."""
ELSEWHERE = "LAB_GPU_ELSEWHERE"
"""As `ENABLED`, where trials of that framework compute on the GPUs of a Ray cluster."""
WORKER_BYTES = 2 << 30  # of a GPU's memory for each worker: CUDA's own state takes a quarter of it


@dataclass(frozen=True)
class Gpu:
    """One GPU; `memory` in bytes. CUDA takes the `uuid` as its name."""

    name: str
    uuid: str
    memory: int


@dataclass(frozen=True)
class Gpus:
    """The GPUs of a run, all of one model, and the version of their driver."""

    driver: str
    devices: tuple[Gpu, ...]

    @property
    def label(self) -> str:
        """Return the value of the tag ``lab.gpu``: model and driver."""
        return f"{self.devices[0].name}, driver {self.driver}"


def enable(*, elsewhere: bool = False) -> None:
    """Let the trials of the image's GPU framework compute on the GPUs, or on those of a Ray cluster.

    Raises:
        UserError: the image has no framework for GPUs, or no GPU is visible where one is needed here.
    """
    framework = os.environ.get("LAB_GPU_FRAMEWORK")
    if framework is None:
        raise UserError("--gpu: this image computes on the CPU only; ./invoke lab NAME --gpu takes the right one")
    if not elsewhere:
        found()
    os.environ[ELSEWHERE if elsewhere else ENABLED] = framework


def found() -> Gpus:
    """The GPUs of the first one's model. Raises `UserError` when there is none."""
    driver, gpus = listed()
    return Gpus(driver, tuple(gpu for gpu in gpus if gpu.name == gpus[0].name))


def require_one_model() -> None:
    """Raises `UserError` where GPUs of several models are listed."""
    models = sorted({gpu.name for gpu in listed()[1]})
    if len(models) > 1:
        raise UserError(f"GPUs of several models ({', '.join(models)}): let its container see those of one")


@cache
def listed() -> tuple[str, tuple[Gpu, ...]]:
    """The driver's version and the GPUs that NVML lists. Raises `UserError` when there is none."""
    import pynvml

    try:
        pynvml.nvmlInit()
        handles = [pynvml.nvmlDeviceGetHandleByIndex(i) for i in range(pynvml.nvmlDeviceGetCount())]
        gpus = tuple(
            Gpu(
                pynvml.nvmlDeviceGetName(handle),
                pynvml.nvmlDeviceGetUUID(handle),
                int(pynvml.nvmlDeviceGetMemoryInfo(handle).total),
            )
            for handle in handles
        )
        driver = pynvml.nvmlSystemGetDriverVersion()
    except pynvml.NVMLError as error:
        raise UserError(f"--gpu: no GPU is visible in this container ({error}): ./invoke doctor") from None
    if not gpus:
        raise UserError("--gpu: no GPU is visible in this container: ./invoke doctor")
    return driver, gpus


def computes(framework: str) -> bool:
    """Return whether trials of this framework compute on a GPU in this process."""
    return os.environ.get(ENABLED) == framework


def chosen() -> str | None:
    """The framework whose trials compute on GPUs, here or elsewhere; None for a run without."""
    return os.environ.get(ENABLED) or os.environ.get(ELSEWHERE)


def label(framework: str) -> str:
    """The tag ``lab.gpu`` of a trial in this framework: the GPUs' model and driver, or ``none``.

    Those elsewhere are known once a trial has run.
    """
    if os.environ.get(ELSEWHERE) == framework:
        return "of a Ray cluster"
    return found().label if computes(framework) else "none"


def facts() -> dict[str, Any] | None:
    """Describe the GPUs for ``environment.json``; None for a run without."""
    if ENABLED not in os.environ:
        return None
    gpus = found()
    return {"driver": gpus.driver, "devices": [{"name": gpu.name, "memory": gpu.memory} for gpu in gpus.devices]}


def worker_limit(wanted: int) -> int:
    """At most `wanted` workers, but no more than the memory of the GPUs has room for."""
    if ENABLED not in os.environ:
        return wanted
    room = sum(max(1, gpu.memory // WORKER_BYTES) for gpu in found().devices)
    return min(wanted, room)


def shares(workers: int) -> list[str]:
    """For each of the workers, the GPU that it sees (CUDA_VISIBLE_DEVICES), in turn; nothing for a run without."""
    if ENABLED not in os.environ:
        return []
    return list(islice(cycle(gpu.uuid for gpu in found().devices), workers))
