"""``invoke labs``: the labs and their last verdicts."""

from __future__ import annotations

import importlib
from pathlib import Path

from lib.harness.contract.catalogue import find_labs
from lib.harness.contract.lab import Lab
from lib.harness.showing import display
from lib.harness.showing.recorded import recorded


def print_labs(root: Path) -> int:
    """The table of all labs: what each shows, its claims, how long it takes, its last verdicts."""
    rows = []
    for entry in find_labs(root).values():
        lab: Lab = importlib.import_module(entry.module).LAB
        last = next(recorded(entry.name), None)
        ids = dict.fromkeys(claim.row for claim in lab.claims)
        verdicts = {c["id"]: c["verdict"] for c in last.claims} if last else {}
        claims = "\n".join(f"{verdicts.get(row, 'not run'):>12}  {row}" for row in ids)
        rows.append((entry.name, entry.summary, f"{entry.minutes:g} min", "/".join(entry.frameworks), claims))
    display.print_labs(rows)
    return 0
