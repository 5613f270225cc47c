"""Samples the memory and utilisation of the GPUs while a lab runs."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from typing import Any

from lib.harness.machine.gpus import ENABLED, found
from lib.harness.recording.journal import Journal, JournalFullError, now_ms

SAMPLE_SECONDS = 5.0


@contextmanager
def sampled(journal: Journal) -> Iterator[None]:
    """Record memory and use of each GPU in the journal every few seconds, by MLflow's names of system metrics."""
    if ENABLED not in os.environ:
        yield
        return
    ended = threading.Event()
    thread = threading.Thread(target=_sample, args=(journal, ended), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _sample(journal: Journal, ended: threading.Event) -> None:
    import pynvml

    with suppress(JournalFullError):  # the run itself says so
        try:
            handles = [pynvml.nvmlDeviceGetHandleByUUID(gpu.uuid) for gpu in found().devices]
            for step in count():
                values = {name: value for i, handle in enumerate(handles) for name, value in _metrics(i, handle)}
                journal.append("timing", step=step, values=values, time=now_ms())
                if ended.wait(SAMPLE_SECONDS):
                    return
        except pynvml.NVMLError as error:
            journal.append("tags", tags={"lab.gpu_metrics": f"none: {error}"})


def _metrics(index: int, handle: Any) -> Iterator[tuple[str, float]]:
    import pynvml

    memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
    yield f"system/gpu_{index}_memory_usage_megabytes", memory.used / 1e6
    yield f"system/gpu_{index}_memory_usage_percentage", 100 * memory.used / memory.total
    yield f"system/gpu_{index}_utilization_percentage", float(pynvml.nvmlDeviceGetUtilizationRates(handle).gpu)
