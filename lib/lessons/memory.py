"""Memory of the container that all kernels share: how much of it is in use, and whether the last kernel had too little.

When the container's memory is used up, Linux ends one of its processes with SIGKILL. JupyterLab then says that a kernel
has died, not why. Linux counts such ends for each container. A kernel that starts a lesson therefore leaves a note with
that count, and removes it when it ends in good order. If the next kernel of the notebook finds the note of one that is
gone, and a higher count, the last one has run out of memory.

The notes are in the container's temporary folder: they last as long as the count does.
"""

from __future__ import annotations

import atexit
import hashlib
import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path

from lib.harness.contract.texts import Language
from lib.lessons.texts import of_frame

CGROUP = Path("/sys/fs/cgroup")
EVENTS = ("memory.events", "memory/memory.oom_control")
"""The files with the count of ended processes, of control groups of version 2 and 1; absent outside a container."""
LIMITS = ("memory.max", "memory/memory.limit_in_bytes")
USES = (("memory.current", "memory.stat"), ("memory/memory.usage_in_bytes", "memory/memory.stat"))


def last_kernel_died(language: Language) -> str | None:
    """Return a line if the last kernel of this notebook ran out of memory, and leave a note for the next one.

    None without a container, in which nobody counts.
    """
    count = _ended()
    if count is None:
        return None
    note = _note()
    kernel, before = _read(note)
    died = kernel is not None and _born(kernel[0]) != kernel and count > before
    with suppress(OSError):
        note.parent.mkdir(exist_ok=True)
        note.write_text(json.dumps({"kernel": _born(os.getpid()), "count": count}), encoding="utf-8")
        atexit.register(_remove, note, os.getpid())
    return of_frame()("memory.died", language, limit=_size(limit())) if died else None


def in_use(language: Language) -> str | None:
    """Return a line with the memory that all kernels of the container use, and its limit; None without a limit."""
    most = limit()
    for total, statistics in USES:
        if most and (CGROUP / total).exists():
            counts = dict(line.split() for line in (CGROUP / statistics).read_text(encoding="utf-8").splitlines())
            cache = int(counts.get("inactive_file", 0))  # which Linux gives back when it is needed
            use = int((CGROUP / total).read_text(encoding="utf-8")) - cache
            return of_frame()("memory.in_use", language, use=_size(use), limit=_size(most))
    return None


def limit() -> int | None:
    """Return the container's limit in bytes; None where there is none."""
    for name in LIMITS:
        with suppress(OSError, ValueError):  # "max": no limit
            most = int((CGROUP / name).read_text(encoding="utf-8"))
            return most if most < 1 << 60 else None  # version 1 says "no limit" by a number of that size
    return None


def _ended() -> int | None:
    """Return the number of the container's processes that were ended for its memory; None where nobody counts."""
    for name in EVENTS:
        with suppress(OSError):
            counts = dict(line.split() for line in (CGROUP / name).read_text(encoding="utf-8").splitlines())
            return int(counts.get("oom_kill", 0))
    return None


def _note() -> Path:
    """The note of this notebook's kernel; Jupyter tells a kernel the path of its notebook."""
    notebook = os.environ.get("JPY_SESSION_NAME", str(Path.cwd()))
    return Path(tempfile.gettempdir(), "lessons", f"{hashlib.sha256(notebook.encode()).hexdigest()[:16]}.json")


def _read(note: Path) -> tuple[list[int] | None, int]:
    """Return the kernel that has left a note, as `_born` names it, and the count at its start; None without a note."""
    try:
        content = json.loads(note.read_text(encoding="utf-8"))
        pid, start = map(int, content["kernel"])
        return [pid, start], int(content["count"])
    except (OSError, ValueError, KeyError, TypeError):
        return None, 0


def _born(pid: int) -> list[int]:
    """Return the number of a process and the time of its start (proc_pid_stat(5)): no other one has both."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return [pid, int(fields[19])]
    except OSError:
        return [pid, 0]


def _remove(note: Path, pid: int) -> None:
    """Remove the note at the end of the kernel; not at that of a process that it has forked."""
    if os.getpid() == pid:
        note.unlink(missing_ok=True)


def _size(size: int | None) -> str:
    return f"{(size or 0) / 2**30:.3g} GiB"
