"""The registered config: what the last finished sweep of a lab has found, read from its journal, and who runs with it.

Only the fields that were searched are registered: the rest is the config of the run that takes them, quick or full.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lib.harness.contract.config import Config
from lib.harness.contract.lab import Lab
from lib.harness.contract.options import SWEEP
from lib.harness.contract.settings import Options, configure
from lib.harness.errors import UserError, warn_once
from lib.harness.recording import journal, reading
from lib.harness.running.resumption import read_run

SEARCHED = "search/"
"""Begins the variants of a search's trials."""
FILE = "best.json"


@dataclass(frozen=True)
class Best:
    """The best config of a sweep. `run`: the sweep's key. `found`: the values of the fields that it searched."""

    run: str
    found: Mapping[str, Any]


def experiment_of(lab: str) -> str:
    """The experiment of a lab's sweeps."""
    return f"{lab}{SWEEP}"


def registered(lab: str) -> Best:
    """Return the best config of a lab's newest finished sweep; repetitions by ``reproduce`` do not count.

    Raises:
        UserError: there is none, or its record cannot be read.
    """
    name = experiment_of(lab)
    sweeps: list[tuple[int, Path]] = []
    for path in sorted(journal.journal_root().glob(f"*-{name}-??????/run.jsonl")):
        try:
            run = read_run(path)
        except reading.DamagedError as error:
            warn_once(str(error))
            continue
        finished = run and run.header["experiment"] == name and run.status == "FINISHED"
        if run and finished and "lab.reproduces" not in run.tags and (reading.files_of(path) / FILE).exists():
            sweeps.append((int(run.header["time"]), path))
    if sweeps:
        _, path = max(sweeps)
        return Best(path.parent.name, _found(reading.files_of(path) / FILE, lab))
    raise UserError(
        f"--config best: the journal of this machine has no finished sweep of the lab '{lab}' (imported sweeps do not "
        f"count). {_again(lab)}"
    )


def adopted(lab: Lab, options: Options) -> tuple[Config, Best]:
    """The config of a run of `lab` with what its last sweep has found, and that.

    Raises:
        UserError: there is none, it is not of the lab's present config, or what `configure` raises.
    """
    if isinstance(lab.search, str):
        raise UserError(f"--config best: the lab '{lab.name}' cannot be swept: {lab.search}")
    best = registered(lab.name)
    own = configure(lab, options)
    try:
        return configure(lab, options, lab.search.adopt(own, best.found)), best
    except UserError as error:
        raise UserError(
            f"--config best: the settings found by {best.run} do not fit this config: {error}. {_again(lab.name)}"
        ) from None


def _found(file: Path, lab: str) -> dict[str, Any]:
    """The fields found, of a ``best.json``."""
    try:
        return dict(json.loads(file.read_bytes())["found"])
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        raise UserError(f"--config best: {file} cannot be read. {_again(lab)}") from None


def _again(lab: str) -> str:
    return f"Sweep it: ./invoke sweep {lab} --trials 30"
