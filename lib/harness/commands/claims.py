"""``invoke claims``: measures what has no current verdict and prints the whole table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lib.harness.commands.lab import run_lab
from lib.harness.comparing.from_journals import current
from lib.harness.contract.catalogue import chosen
from lib.harness.contract.lab import Lab
from lib.harness.contract.loading import load
from lib.harness.contract.settings import Options
from lib.harness.contract.source import LabEntry
from lib.harness.errors import UserError
from lib.harness.judging.family import family_of
from lib.harness.running.pool import Workers
from lib.harness.showing import display


def claims(root: Path, words: Sequence[str], options: Options, as_json: bool, expect: str | None) -> int:
    """Run what has no current verdict, each lab with workers of its own, and print the whole table.

    `words`: the labs; none: the lecture's. What workers keep of one lab would be missing to the next: sixteen labs in
    one set do not fit in 8 GB.

    Returns 0 when every claim was measured, whatever the verdict; 1 when one could not be, or when a verdict differs
    from the one that the file `expect` has for it (a list of claims as ``--json`` prints it).
    """
    expected = _expected(expect) if expect else {}
    labs: dict[str, tuple[LabEntry, Lab]] = {entry.name: (entry, load(entry)) for entry in chosen(root, words)}
    missing = [name for name, (entry, lab) in labs.items() if current(entry, lab, options) is None]
    if missing:
        with display.redirected_to_stderr(as_json):
            for number, name in enumerate(missing, 1):
                entry = labs[name][0]
                display.heading(f"{number} of {len(missing)}: {name}, about {_minutes(entry, options)}")
                with Workers(options.workers, entry.frameworks) as workers:
                    run_lab(entry, options, workers)
    records: list[dict[str, Any]] = []
    for entry, lab in labs.values():
        run = current(entry, lab, options)
        records += run.claims if run else []
    family = family_of(records)
    if as_json:
        marked = [{**record, "would_turn": True} if record["id"] in family.turning else record for record in records]
        print(json.dumps(marked, indent=1, ensure_ascii=False))
    else:
        display.print_verdicts(records, family)
    verdicts = {record["id"]: record["verdict"] for record in records}
    changed = {id_: v for id_, v in expected.items() if verdicts.get(id_) != v}
    for id_, verdict in changed.items():
        display.errors.print(f"{id_}: expected '{verdict}', measured '{verdicts.get(id_, 'not measured')}'")
    wanted = {claim.row for _, lab in labs.values() for claim in lab.claims}
    return 1 if changed or wanted - verdicts.keys() else 0


def _minutes(entry: LabEntry, options: Options) -> str:
    return "a minute or less" if options.quick else f"{entry.minutes:g} minutes on two cores"


def _expected(file: str) -> dict[str, str]:
    try:
        return {record["id"]: record["verdict"] for record in json.loads(Path(file).read_text(encoding="utf-8"))}
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        raise UserError(f"--expect {file}: it must be a file that './invoke claims --json' has written") from None
