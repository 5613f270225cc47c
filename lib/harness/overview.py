"""Over all labs: what there is, what was measured last, and the rest of what a user asks for without naming a lab.

Everything is read from the journals, so none of it waits for MLflow.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lib.harness import display, journal, provenance, shipper
from lib.harness.catalogue import LabEntry, find_labs
from lib.harness.contract import Lab
from lib.harness.errors import UserError
from lib.harness.run import journal_root, run_lab
from lib.harness.settings import Options, as_params, configure
from lib.harness.workers import Workers

CURRENT_TAGS = ("lab.image", "lab.code_sha256", "lab.data_sha256", "lab.lock_sha256")


@dataclass(frozen=True)
class Recorded:
    """A lab's run that measured every claim."""

    key: str
    params: Mapping[str, str]
    tags: Mapping[str, str]
    claims: list[dict[str, Any]]


def recorded(lab: str) -> Iterator[Recorded]:
    """The finished runs of a lab, newest first."""
    for path in sorted(journal_root().glob(f"*-{lab}-??????/run.jsonl"), reverse=True):
        folder = path.parent
        records = [record for _, record in journal.read(path)]
        if records and records[0]["experiment"] == lab and records[-1].get("status") == "FINISHED":
            claims = json.loads((folder / "run.files" / "claims.json").read_text(encoding="utf-8"))
            yield Recorded(folder.name, records[0]["params"], records[0]["tags"], claims)


def current(entry: LabEntry, lab: Lab, options: Options) -> Recorded | None:
    """The newest run with this config, root seed, code, data, lock and image; None when there is none."""
    config = configure(lab, options)
    params = {**as_params(config), "root_seed": str(options.seed)}
    tags = provenance.tags(provenance.read_code(entry.module), lab.data, config.framework)
    for run in recorded(lab.name):
        if run.params == params and all(run.tags.get(name) == tags[name] for name in CURRENT_TAGS):
            return run
    return None


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


def claims(root: Path, options: Options, as_json: bool, expect: str | None) -> int:
    """Run what has no current verdict and print the whole table.

    Returns 0 when every claim was measured, whatever the verdict; 1 when one could not be, or when a verdict differs
    from the one that the file `expect` has for it (a list of claims as ``--json`` prints it).
    """
    expected = _expected(expect) if expect else {}
    records: list[dict[str, Any]] = []
    for entry in find_labs(root).values():
        lab: Lab = importlib.import_module(entry.module).LAB
        run = current(entry, lab, options)
        if run is None:
            with display.redirected_to_stderr(as_json), Workers(options.workers) as workers:
                run_lab(entry, options, workers)
            run = current(entry, lab, options)
        records += run.claims if run else []
    if as_json:
        print(json.dumps(records, indent=1, ensure_ascii=False))
    else:
        display.print_verdicts(records)
    verdicts = {record["id"]: record["verdict"] for record in records}
    changed = {id_: v for id_, v in expected.items() if verdicts.get(id_) != v}
    for id_, verdict in changed.items():
        display.errors.print(f"{id_}: expected '{verdict}', measured '{verdicts.get(id_, 'not measured')}'")
    measured = {claim.row for e in find_labs(root).values() for claim in importlib.import_module(e.module).LAB.claims}
    return 1 if changed or measured - verdicts.keys() else 0


def _expected(file: str) -> dict[str, str]:
    try:
        return {record["id"]: record["verdict"] for record in json.loads(Path(file).read_text(encoding="utf-8"))}
    except (OSError, ValueError, TypeError, KeyError):
        raise UserError(f"--expect {file}: it must be a file that './invoke claims --json' has written") from None


def sync() -> int:
    """Send what MLflow has not got yet. Returns 0.

    Raises:
        UserError: MLflow does not answer, or does not want some of it.
    """
    root = journal_root()
    folders = shipper.unsent(root)
    if not folders:
        display.console.print("MLflow has everything.")
        return 0
    sent = 0
    refused: UserError | None = None
    try:
        if not shipper.answers():
            raise shipper.ServerAwayError
        client = shipper.connect()
        for folder in folders:
            try:
                with journal.on_disk(root):
                    sent += shipper.ship_left_behind(client, folder)
            except shipper.RefusedError as error:
                refused = error
    except shipper.ServerAwayError:
        raise UserError("MLflow does not answer: start it with ./invoke up, then run ./invoke sync again") from None
    if refused is not None:
        raise refused
    left = len(folders) - sent
    rest = f"; {left} belong to labs that are running" if left else ", MLflow has everything"
    display.console.print(f"Sent {sent} lab run{'s' if sent != 1 else ''} with all trials{rest}.")
    return 0
