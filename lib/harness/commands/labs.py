"""``invoke labs``: the labs and their last verdicts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lib.harness.comparing.from_journals import finished
from lib.harness.contract.catalogue import read_catalogue
from lib.harness.contract.lab import Lab
from lib.harness.contract.loading import load
from lib.harness.contract.source import LabEntry
from lib.harness.errors import UserError
from lib.harness.showing import display


def print_labs(root: Path, as_json: bool) -> int:
    """Print the table of all labs, and a line for each file that cannot be used as one. Returns 0.

    Args:
        as_json: print a list of objects instead; the lines go to standard error.
    """
    labs, catalogue = [], read_catalogue(root)
    problems = list(catalogue.problems)
    for entry in catalogue.labs.values():
        try:
            lab = load(entry)
        except UserError as error:
            problems.append(str(error))
            continue
        labs.append(_listed(entry, lab))
    if as_json:
        print(json.dumps(labs, indent=1, ensure_ascii=False))
    else:
        display.print_labs(labs)
    with display.redirected_to_stderr(as_json):
        for problem in problems:
            display.warn(problem)
    return 0


def _listed(entry: LabEntry, lab: Lab) -> dict[str, Any]:
    """A lab as the table shows it; a row that no run has measured has no verdict."""
    last = next(finished(entry.name), None)
    verdicts = {claim["id"]: claim["verdict"] for claim in last.claims} if last else {}
    return {
        "name": entry.name,
        "summary": entry.summary,
        "minutes": entry.minutes,
        "frameworks": list(entry.frameworks),
        "verdicts": {row: verdicts.get(row) for row in dict.fromkeys(claim.row for claim in lab.claims)},
    }
