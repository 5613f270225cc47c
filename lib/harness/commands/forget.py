"""``invoke forget``: removes the journals of runs that MLflow has completely.

What claims, verdicts and ``--config best`` read stays: of each lab the newest finished run of each config.
Reproductions take their records from MLflow.
"""

from __future__ import annotations

import fcntl
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lib.harness.commands.status import size
from lib.harness.errors import UserError
from lib.harness.recording import journal, reading
from lib.harness.shipping import server
from lib.harness.shipping.remote import MlflowServer
from lib.harness.shipping.state import is_shipped
from lib.harness.showing import display

FORGOTTEN = ".forgotten"
"""The folder to which a journal goes before it is removed: what is left there is no run any more."""
DAY_MS = 86_400_000
TELLING = ("lab.quick", "lab.portable", "lab.config_from", "lab.reproduces")
"""The tags by which a run that claims read is told from another one of the same config."""


@dataclass(frozen=True)
class Run:
    """A run of the journal.

    Attributes:
        speaks_for: two runs that claims may take for each other have the same.
        is_damaged: its journal cannot be read, so that MLflow never gets all of it.
    """

    folder: Path
    lab: str
    finished: bool
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
    if (len(named) == 1) == (days is not None):
        raise UserError("forget takes a run or --older-than DAYS, as in ./invoke forget --older-than 90")
    root = journal.journal_root()
    shutil.rmtree(root / FORGOTTEN, ignore_errors=True)
    runs = [run for path in sorted(root.glob("*/run.jsonl")) if (run := _read(path))]
    needed = {run.speaks_for: run.key for run in runs if run.finished}
    if days is None:
        chosen = [_find(runs, named[0])]
    else:
        limit = journal.now_ms() - int(days) * DAY_MS
        chosen = [run for run in runs if run.ended < limit and not run.is_damaged]
    mlflow = _mlflow() if any(not run.is_damaged for run in chosen) else None
    removed, kept = 0, 0
    for run in chosen:
        why = (
            "./invoke claims and labs read it" if needed.get(run.speaks_for) == run.key else _remove(root, mlflow, run)
        )
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


def _read(path: Path) -> Run | None:
    """The run of a journal; None of one that has none."""
    try:
        first, last = reading.ends(path)
        if first is None:
            return None
        tags = first["tags"] | last.get("tags", {})
        told_by = tuple(tags.get(tag) for tag in TELLING)
        return Run(
            folder=path.parent,
            lab=first["experiment"],
            finished=last.get("status") == "FINISHED",
            ended=last["time"] if last["kind"] == "end" else journal.now_ms(),
            speaks_for=(first["experiment"], *sorted(first["params"].items()), *told_by),
        )
    except reading.DamagedError:
        return Run(path.parent, lab="", finished=False, ended=0, speaks_for=(), is_damaged=True)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _remove(root: Path, mlflow: MlflowServer | None, run: Run) -> str:
    """Remove the journal of a run and say so. Returns the reason where it stays; empty where it is gone."""
    with (run.folder / "run.jsonl").open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return "its lab is running"
        if mlflow is not None and not (is_shipped(run.folder) and _is_complete(mlflow, run)):
            return "MLflow has not got all of it: ./invoke sync"
        bytes_ = size(run.folder)
        (root / FORGOTTEN).mkdir(exist_ok=True)
        run.folder.rename(root / FORGOTTEN / run.key)
        shutil.rmtree(root / FORGOTTEN)
    kept = "its journal was damaged" if run.is_damaged else "MLflow keeps the run"
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
