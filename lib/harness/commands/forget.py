"""``invoke forget``: removes the journals of runs that MLflow has completely.

What claims, verdicts and ``--config best`` read stays: of each lab the newest finished run of each config.
Reproductions take their records from MLflow.
"""

from __future__ import annotations

import fcntl
import shutil
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lib.harness import replaced
from lib.harness.commands.status import size
from lib.harness.comparing import from_journals
from lib.harness.errors import UserError
from lib.harness.recording import journal, reading
from lib.harness.recording.journal import FORGOTTEN
from lib.harness.recording.reading import REPRODUCES
from lib.harness.shipping import server
from lib.harness.shipping.remote import MlflowServer
from lib.harness.shipping.shipper import FOLDER
from lib.harness.shipping.state import is_shipped
from lib.harness.showing import display

DAY_MS = 86_400_000
TELLING = ("lab.quick", "lab.portable", "lab.config_from")
"""The tags by which a run that claims read is told from another one of the same config."""


@dataclass(frozen=True)
class Run:
    """A run of the journal.

    Attributes:
        began, ended: in ms since the epoch.
        speaks_for: two runs that claims may take for each other have the same.
        is_damaged: its journal, or what claims read of it, cannot be read: commands leave it out, with a warning that
            names this command.
    """

    folder: Path
    lab: str
    finished: bool
    began: int
    ended: int
    speaks_for: tuple[Any, ...]
    is_damaged: bool = False

    @property
    def key(self) -> str:
        """Its key."""
        return self.folder.name


def forget(named: list[str], days: str | None) -> int:
    """Remove the journal of the run that is named, or those of all runs that ended more than `days` ago. Returns 0.

    Raises:
        UserError: both or neither is given, there is no such run, it is needed, or MLflow has not got all of it.
    """
    if (len(named) == 1 and named[0] != "") == (days is not None):  # every key begins with an empty one
        raise UserError("forget takes a run or --older-than DAYS, as in ./invoke forget --older-than 90")
    root = journal.journal_root()
    shutil.rmtree(root / FORGOTTEN, ignore_errors=True)
    folders = {path.parent for path in root.glob("*/*.jsonl")} - {root / FORGOTTEN}
    runs = sorted((run for folder in folders if (run := _read(folder))), key=lambda run: (run.began, run.key))
    needed = {run.speaks_for: run.key for run in runs if run.finished}
    if days is None:
        run = _find(runs, named[0])
        chosen = [replace(run, is_damaged=run.is_damaged or _has_damaged_trial(run.folder))]
    else:
        limit = journal.now_ms() - int(days) * DAY_MS
        chosen = [run for run in runs if run.ended < limit and not run.is_damaged]
    mlflow = _mlflow() if chosen else None
    removed, kept = 0, 0
    for run in chosen:
        is_needed = needed.get(run.speaks_for) == run.key and not run.is_damaged
        why = "./invoke claims and labs read it" if is_needed else _remove(root, mlflow, run)
        if why and days is None:
            raise UserError(f"{run.key} is kept: {why}")
        removed, kept = removed + (not why), kept + bool(why)
    if days is not None:
        display.console.print(f"Removed {removed} journals, kept {kept} that claims need or MLflow has not got.")
    return 0


def _mlflow() -> MlflowServer:
    if not server.answers():
        raise UserError("MLflow does not answer, which must have what is forgotten: start it with ./invoke up")
    return MlflowServer(server.connect())


def _find(runs: list[Run], named: str) -> Run:
    lab = named.removeprefix("last:")
    matches = [run for run in runs if run.lab == lab and not run.is_damaged][-1:] if lab != named else []
    matches = matches or [run for run in runs if run.key.startswith(named)]
    if len(matches) != 1:
        count = f"{len(matches)} runs begin with it: give more of the key" if matches else "the journal has no such run"
        raise UserError(f"forget {named}: {count}")
    return matches[0]


def _read(folder: Path) -> Run | None:
    """The run in a folder of the journal; None where nothing was recorded."""
    match = FOLDER.fullmatch(folder.name)
    lab = match[1] if match else ""
    try:
        record = from_journals.read(folder)
        if record is None:
            return None
        finished = record.status == "FINISHED" and not {replaced.TAG, REPRODUCES} & record.tags.keys()
        if finished:
            _ = record.claims, record.code
        if finished or record.source.file("config.json") is not None:
            _ = record.config
    except (UserError, FileNotFoundError):
        return Run(folder, lab, finished=False, began=0, ended=0, speaks_for=(), is_damaged=True)
    told_by = tuple(record.tags.get(tag) for tag in TELLING)
    return Run(
        folder=folder,
        lab=lab,
        finished=finished,
        began=record.began,
        ended=record.time or journal.now_ms(),
        speaks_for=(lab, *sorted(record.params.items()), *told_by),
    )


def _has_damaged_trial(folder: Path) -> bool:
    """Return whether a run has the journal of a trial that cannot be read."""
    for path in folder.glob("trial-*.jsonl"):
        try:
            for number, (_, record) in enumerate(reading.read(path)):
                if number == 0:
                    reading.require_header(path, record)
        except reading.DamagedError:
            return True
    return False


def _remove(root: Path, mlflow: MlflowServer | None, run: Run) -> str:
    """Remove the journal of a run and say so. Returns the reason where it stays; empty where it is gone."""
    with ExitStack() as stack:
        try:
            file = stack.enter_context((run.folder / "run.jsonl").open("rb"))
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileNotFoundError:
            pass
        except BlockingIOError:
            return "its lab is running"
        except OSError as error:
            return f"its journal cannot be opened ({error.strerror}), so nobody knows whether its lab is running"
        is_there = mlflow is not None and _is_complete(mlflow, run)
        if not run.is_damaged and not (is_there and is_shipped(run.folder)):
            return "MLflow has not got all of it: ./invoke sync"
        bytes_ = size(run.folder)
        try:
            (root / FORGOTTEN).mkdir(exist_ok=True)
            run.folder.rename(root / FORGOTTEN / run.key)
            shutil.rmtree(root / FORGOTTEN)
        except OSError as error:
            return f"{error.filename} cannot be removed ({error.strerror})"
    kept = "MLflow keeps the run" if is_there else "MLflow has not got all of it"
    kept = f"it was damaged, and {kept}" if run.is_damaged else kept
    display.console.print(f"Removed {run.key}: {bytes_ / 1e6:,.1f} MB; {kept}")
    return ""


def _is_complete(mlflow: MlflowServer, run: Run) -> bool:
    """Return whether MLflow has the run and all of its trials, ended and not deleted."""
    trials = (path.stem for path in run.folder.glob("*.jsonl") if reading.is_trial(path.name))
    keys = {run.key, *(f"{run.key}.{stem}" for stem in trials)}
    try:
        experiment = mlflow.experiment(run.lab)
        present = mlflow.runs(experiment.id, run.key) if experiment else {}
    except server.RefusedError:
        return False
    except server.ServerAwayError as error:
        raise UserError(f"MLflow does not answer any more ({error}): nothing else was removed") from None
    return keys <= {key for key, each in present.items() if each.is_ended and not each.deleted}
