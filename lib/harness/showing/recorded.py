"""What was measured last, read from the journals, so that none of it waits for MLflow."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lib.harness.contract.lab import Lab
from lib.harness.contract.settings import Options, as_params, configure
from lib.harness.contract.source import LabEntry
from lib.harness.contract.texts import FILE as TEXTS
from lib.harness.recording import journal, provenance
from lib.harness.shipping.state import page_of

CURRENT_TAGS = ("lab.image", "lab.data_sha256", "lab.lock_sha256")


@dataclass(frozen=True)
class Recorded:
    """A lab's run that measured every claim. `time`: its end, in ms since the epoch. `page`: below MLflow's address."""

    folder: Path
    params: Mapping[str, str]
    tags: Mapping[str, str]
    claims: list[dict[str, Any]]
    time: int
    page: str

    @property
    def key(self) -> str:
        """The run's key."""
        return self.folder.name

    def code(self) -> dict[str, bytes]:
        """The files that ran."""
        return provenance.unpacked((self.folder / "run.files" / "code.tar.gz").read_bytes())


def recorded(lab: str) -> Iterator[Recorded]:
    """The finished runs of a lab, newest first."""
    for path in sorted(journal.journal_root().glob(f"*-{lab}-??????/run.jsonl"), reverse=True):
        folder = path.parent
        records = [record for _, record in journal.read(path)]
        if records and records[0]["experiment"] == lab and records[-1].get("status") == "FINISHED":
            claims = json.loads((folder / "run.files" / "claims.json").read_text(encoding="utf-8"))
            tags = records[0]["tags"] | records[-1]["tags"]
            yield Recorded(folder, records[0]["params"], tags, claims, records[-1]["time"], page_of(path))


def newest(lab: str) -> Recorded | None:
    """The finished run that speaks for a lab: the newest full one, as a quick one says less.

    One with a config that was searched for, or of an earlier one's code, speaks only where there is no other.
    """

    def rank(run: Recorded) -> tuple[bool, bool]:
        return "lab.config_from" in run.tags or "lab.reproduces" in run.tags, run.tags.get("lab.quick") == "true"

    return min(recorded(lab), key=rank, default=None)


def is_current(entry: LabEntry, lab: Lab, run: Recorded, options: Options | None = None) -> bool:
    """Whether a run has this config, root seed, data, lock, image, code paths, and the lab's code with all it imports.

    Without `options`, the config and the code paths are not compared. Texts never are: they measure nothing.
    """
    if options is not None:
        config = configure(lab, options)
        if run.params != {**as_params(config), "root_seed": str(options.seed)}:
            return False
        if run.tags.get("lab.portable", "false") != str(options.portable).lower():
            return False
    now = provenance.tags(provenance.read_code(entry.module), lab.data, run.params["framework"])
    if any(run.tags.get(name) != now[name] for name in CURRENT_TAGS):
        return False
    code = run.code()
    files = provenance.files_of([entry.module])
    return all(code.get(name) == data for name, data in files.items() if Path(name).name != TEXTS)


def current(entry: LabEntry, lab: Lab, options: Options) -> Recorded | None:
    """The newest run that is current; None when there is none."""
    return next((run for run in recorded(lab.name) if is_current(entry, lab, run, options)), None)
