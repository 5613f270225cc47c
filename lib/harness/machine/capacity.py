"""The number of trials that run at a time here: as many as there are cores, and as the memory has room for.

A container sees all cores and all memory of its machine. Its share is in its control groups, of version 1 or 2, and in
those that they belong to; the smallest counts.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

MOUNTED = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")
MEMORY = Path("/proc/meminfo")
LAB_BYTES = 1_000_000_000
"""Of the memory, for all but the workers: the lab, what sends to MLflow, the files that they read."""
WORKER_BYTES = {"numpy": 150_000_000, "torch": 500_000_000, "keras": 900_000_000}
"""Memory of a worker that has its framework and a network in training, shared with no other: measured, rounded up."""


def cores(mounted: Path = MOUNTED, own: Path = OWN) -> int:
    """The processors that this process may use: of those that it is bound to, as many whole ones as its quota has."""
    bound = len(os.sched_getaffinity(0))
    return max(1, min([bound, *(int(quota) for quota in _quotas(mounted, own))]))


def memory(mounted: Path = MOUNTED, own: Path = OWN, machine: Path = MEMORY) -> int:
    """The bytes of memory that this process and all others of its container may use."""
    limits = [int(text) for folder in _groups("memory", mounted, own) for text in _limits(folder) if text.isdecimal()]
    _, total, *_ = machine.read_text(encoding="ascii").split()
    return min([int(total) * 1024, *limits])


def memory_setting() -> str:
    """The name of the setting of a container's memory, with its value where this is a container that has it."""
    value = os.environ.get("LAB_MEMORY")
    return f"LAB_MEMORY (it is {value})" if value else "LAB_MEMORY"


def workers(frameworks: Iterable[str]) -> int:
    """The number of workers that there are cores and memory for, whichever of these frameworks they load."""
    largest = max(WORKER_BYTES[framework] for framework in frameworks)
    return max(1, min(cores(), (memory() - LAB_BYTES) // largest))


def _quotas(mounted: Path, own: Path) -> Iterator[float]:
    """The quotas of processor time, in processors."""
    for folder in _groups("cpu", mounted, own):
        files = (folder / "cpu.max",), (folder / "cpu.cfs_quota_us", folder / "cpu.cfs_period_us")
        for texts in (map(_read, each) for each in files):
            match " ".join(texts).split():
                case [quota, period] if quota.isdecimal() and period.isdecimal():
                    yield int(quota) / int(period)


def _limits(folder: Path) -> list[str]:
    return [_read(folder / name).strip() for name in ("memory.max", "memory.limit_in_bytes")]


def _groups(controller: str, mounted: Path, own: Path) -> Iterator[Path]:
    """The folders of this process's groups that have a controller, and of those around them, as far as they are seen.

    A container of version 1 sees its own group at the root of the mount, and is told of its path on the machine.
    """
    for line in _read(own).splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        for name in dict.fromkeys((controllers, controller) if controllers else ("", "unified")):
            root = mounted / name
            group = root / path.strip("/")
            yield from (folder for folder in (group, *group.parents) if folder.is_relative_to(root))


def _read(file: Path) -> str:
    """The text of a file; empty where there is none."""
    with suppress(OSError):
        return file.read_text(encoding="ascii", errors="replace")
    return ""
