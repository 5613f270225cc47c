"""The runs that have been sent as a whole: ``run.shipped`` beside a run's journal, and what MLflow itself says.

The file spares asking. It is believed only as far as MLflow has the run, ended as the file says: another MLflow, a new
or emptied one, or one that was restored from a copy is filled again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from lib.harness.recording.disk import DISK, Disk, replace
from lib.harness.shipping.remote import RemoteRun

JOURNAL = "run.jsonl"


@dataclass(frozen=True)
class Sent:
    """The state of a run with all its trials.

    Attributes:
        page: the address below MLflow's of the run's page; empty before it is known.
        done: all of it has been sent, up to `size` bytes of its journal.
        size: of its journal then.
        end_time: with which it ended in MLflow, in ms since the epoch; 0 where it was let go.
    """

    page: str = ""
    done: bool = False
    size: int = 0
    end_time: int = 0


def read_state(folder: Path, disk: Disk = DISK) -> Sent:
    """The state of the run in `folder`; nothing was sent where that is not known."""
    try:
        with disk.reading(folder / "run.shipped", 0) as file:
            fields = json.loads(file.read())
        return Sent(**{name: fields[name] for name in Sent.__dataclass_fields__})
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return Sent()


def write_state(folder: Path, state: Sent, disk: Disk = DISK) -> None:
    """Replace the state of the run in `folder`, whole or not at all."""
    replace(disk, folder / "run.shipped", json.dumps(asdict(state)).encode())


def page_of(folder: Path) -> str:
    """The address below MLflow's of the page of the run in `folder`; empty before it is known."""
    return read_state(folder).page


def is_shipped(folder: Path, disk: Disk = DISK) -> bool:
    """Return whether all of the run in `folder` has been sent to an MLflow. (Its parent run is sent last.)"""
    state = read_state(folder, disk)
    return state.done and state.size == size_of(folder / JOURNAL, disk)


def unsent(root: Path, parents: Mapping[str, RemoteRun] | None, disk: Disk = DISK) -> Iterator[Path]:
    """The folders of `root` that have not been sent, oldest first.

    Args:
        root: of the journals.
        parents: the runs that MLflow has, and trials that have not ended there, by their keys; None: only what the
            journal knows is asked.
    """
    open_trials = [key for key, run in (parents or {}).items() if "." in key and not (run.is_ended or run.deleted)]
    present = (key for key in open_trials if disk.exists(root / f"{key.replace('.', '/', 1)}.jsonl"))
    half_done = {key.partition(".")[0] for key in present}  # a trial that was deleted there is there again
    for name in disk.names(root):
        folder = root / name
        if not any(each.endswith(".jsonl") for each in disk.names(folder)):
            continue
        if not is_shipped(folder, disk):
            yield folder
            continue
        if parents is not None:
            state, run = read_state(folder, disk), parents.get(name)
            is_whole = run is not None and run.is_ended and state.end_time == run.end_time
            if run is None or name in half_done or not (run.deleted or is_whole):
                yield folder


def size_of(path: Path, disk: Disk) -> int:
    """Size of a file; -1 where it cannot be read."""
    try:
        with disk.reading(path, 0) as file:
            return file.seek(0, 2)
    except OSError:
        return -1
