"""The runs of a journal and their size, for ``invoke status`` and ``invoke down``: the standard library alone."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from lib.harness.errors import UserError
from lib.harness.recording.journal import is_orphan
from lib.harness.shipping.state import is_shipped


@dataclass(frozen=True)
class Recorded:
    """The runs of a journal.

    Attributes:
        runs: number of runs, each with all its trials.
        at_work: names of the folders of those that are written now.
        not_sent: number of those that MLflow has not got all of, and that nobody writes.
        size: bytes of all files.
    """

    runs: int
    at_work: list[str]
    not_sent: int
    size: int


def recorded(journal: Path, *more: Path) -> Recorded:
    """The runs below `journal`, which need not be there. `more`: folders and files whose size counts too."""
    runs = {path.parent.name: path for path in sorted(journal.glob("*/run.jsonl"))}
    at_work = [name for name, path in runs.items() if _is_written(path)]
    not_sent = [path for name, path in runs.items() if name not in at_work and not _is_sent(path.parent)]
    return Recorded(len(runs), at_work, len(not_sent), sum(map(size, (journal, *more))))


def _is_written(path: Path) -> bool:
    """Return whether a process writes this journal now; not of one that cannot be read."""
    try:
        return not is_orphan(path)
    except (OSError, UserError):  # or its file system has no locks
        return False


def _is_sent(folder: Path) -> bool:
    """Return whether MLflow has got all of a run; of a damaged one it has not."""
    try:
        return is_shipped(folder)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def size(folder: Path) -> int:
    """Bytes of a file, or of all files below a folder; one that is removed meanwhile counts nothing."""
    total = folder.stat().st_size if folder.is_file() else 0
    for place, _, files in os.walk(folder):
        for name in files:
            try:
                total += os.lstat(Path(place, name)).st_size
            except OSError:
                continue
    return total


def main(journal: str, *more: str) -> None:
    """Print what is recorded, as JSON."""
    print(json.dumps(asdict(recorded(Path(journal), *map(Path, more)))))
