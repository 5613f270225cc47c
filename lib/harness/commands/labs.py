"""``invoke labs``: the labs and their last verdicts."""

from __future__ import annotations

from pathlib import Path

from lib.harness.comparing.from_journals import finished
from lib.harness.contract.catalogue import read_catalogue
from lib.harness.contract.loading import load
from lib.harness.errors import UserError
from lib.harness.showing import display


def print_labs(root: Path) -> int:
    """Print the table of all labs, and a line for each file that cannot be used as one. Returns 0."""
    rows, catalogue = [], read_catalogue(root)
    problems = list(catalogue.problems)
    for entry in catalogue.labs.values():
        try:
            lab = load(entry)
        except UserError as error:
            problems.append(str(error))
            continue
        last = next(finished(entry.name), None)
        ids = dict.fromkeys(claim.row for claim in lab.claims)
        verdicts = {c["id"]: c["verdict"] for c in last.claims} if last else {}
        claims = "\n".join(f"{verdicts.get(row, 'not run'):>12}  {row}" for row in ids)
        rows.append((entry.name, entry.summary, f"{entry.minutes:g} min", "/".join(entry.frameworks), claims))
    display.print_labs(rows)
    for problem in problems:
        display.warn(problem)
    return 0
