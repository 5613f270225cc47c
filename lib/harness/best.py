"""The registered config: what the last finished sweep of a lab has found, read from its journal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lib.harness import journal
from lib.harness.errors import UserError
from lib.harness.methods import SWEEP

FILE = "best.json"


@dataclass(frozen=True)
class Best:
    """A config that a sweep has found. `run`: the sweep's key. `changes`: of the lab's config."""

    run: str
    changes: Mapping[str, Any]


def experiment_of(lab: str) -> str:
    """The experiment of a lab's sweeps."""
    return f"{lab}{SWEEP}"


def registered(lab: str) -> Best:
    """The config of the newest finished sweep of a lab.

    Raises:
        UserError: there is none.
    """
    name = experiment_of(lab)
    for path in sorted(journal.journal_root().glob(f"*-{name}-??????/run.jsonl"), reverse=True):
        records = [record for _, record in journal.read(path)]
        file = journal.files_of(path) / FILE
        finished = records and records[0]["experiment"] == name and records[-1].get("status") == "FINISHED"
        if finished and file.exists():
            return Best(path.parent.name, json.loads(file.read_text(encoding="utf-8"))["config"])
    raise UserError(f"--config best: no sweep of the lab '{lab}' has finished yet: ./invoke sweep {lab} --trials 30")
