"""Records in the journals of this machine, read from there so that none of it waits for MLflow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lib.harness import replaced
from lib.harness.comparing.records import Record, RecordedTrial
from lib.harness.contract.lab import Lab
from lib.harness.contract.settings import Options, as_params, configure
from lib.harness.contract.source import TEXTS, LabEntry
from lib.harness.errors import UserError, warn_once
from lib.harness.recording import journal, provenance, reading
from lib.harness.recording.trace import canonical, trace_lines
from lib.harness.shipping.state import page_of

CURRENT_TAGS = ("lab.data_sha256", "lab.lock_sha256")


@dataclass(frozen=True)
class JournalFolder:
    """A run's folder of journals as a `Source`."""

    folder: Path

    def file(self, name: str) -> bytes | None:
        """A file of the run; None where it is missing."""
        path = reading.files_of(self.folder / "run.jsonl") / name
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise UserError(f"{path} cannot be read ({error.strerror})") from None

    def trials(self) -> Iterator[RecordedTrial]:
        """The run's trials that have ended."""
        for path in sorted(self.folder.glob("trial-*.jsonl")):
            first, last = reading.ends(path)
            if first is not None:
                reading.require_header(path, first)
                config = reading.files_of(path) / "config.json"
                yield RecordedTrial(
                    first["key"],
                    first["tags"] | last.get("tags", {}),
                    last.get("status", "RUNNING"),
                    partial(_trace, path),
                    config.read_bytes() if config.is_file() else None,
                )

    def __str__(self) -> str:
        return str(self.folder)


def _trace(path: Path) -> Iterator[str]:
    """The lines of ``trace.jsonl`` for the journal of a trial."""
    return trace_lines(canonical(record["record"]) for _, record in reading.read(path) if record["kind"] == "log")


def read(folder: Path) -> Record | None:
    """The record of the run in a folder of the journal; None where its journal has nothing.

    Raises:
        DamagedError: its journal cannot be read.
    """
    path = folder / "run.jsonl"
    first, last = reading.ends(path)
    if first is None:
        return None
    reading.require_header(path, first, reading.TAGS)
    return Record(
        key=first["key"],
        tags=first["tags"] | last.get("tags", {}),
        params=first["params"],
        status=last.get("status", "RUNNING"),
        began=first["time"],
        time=last["time"] if "status" in last else 0,
        page=page_of(folder),
        source=JournalFolder(folder),
    )


def finished(lab: str) -> Iterator[Record]:
    """The finished runs of a lab as it is, the last begun first; none in which something was replaced, no reproduction.

    One that cannot be read is left out, with a warning.
    """
    records = []
    for path in sorted(journal.journal_root().glob(f"*-{lab}-??????/run.jsonl")):
        try:
            record = read(path.parent)
        except reading.DamagedError as error:
            warn_once(str(error))
            continue
        if record is None or record.status != "FINISHED":
            continue
        if replaced.TAG in record.tags or reading.REPRODUCES in record.tags:
            continue
        if record.tags["lab.name"] == lab:
            records.append(record)
    for record in sorted(records, key=lambda each: each.began, reverse=True):
        try:
            _ = record.claims
        except UserError as error:
            warn_once(_left_out(error, record))
            continue
        yield record


def _left_out(error: UserError, record: Record) -> str:
    return f"{error}: that run is left out. Put the file back from a backup, or remove it: ./invoke forget {record.key}"


def newest(lab: str) -> Record | None:
    """The finished run that speaks for a lab: the newest full one, as a quick one says less.

    A run with a searched config is used only if there is no other.
    """

    def rank(record: Record) -> tuple[bool, bool]:
        tags = record.tags
        return "lab.config_from" in tags, tags.get("lab.quick") == "true"

    return min(finished(lab), key=rank, default=None)


def is_current(entry: LabEntry, lab: Lab, record: Record, options: Options | None = None) -> bool:
    """Return whether a run has this config, root seed, data, lock, image, code paths, and the lab's code with imports.

    Without `options`, the config and the code paths are not compared. Texts never are: they measure nothing.
    """
    if options is not None:
        config = configure(lab, options)
        if record.params != {**as_params(config), "root_seed": str(options.seed)}:
            return False
        if record.tags.get("lab.portable", "false") != str(options.portable).lower():
            return False
    if "framework" not in record.params:  # as the config of every lab has it
        return False
    now = provenance.tags(provenance.read_code(entry.module), lab.data, record.params["framework"])
    if not provenance.is_same_image(record.tags, now) or any(record.tags.get(x) != now[x] for x in CURRENT_TAGS):
        return False
    try:
        code = record.code
    except UserError as error:
        warn_once(_left_out(error, record))
        return False
    files = provenance.files_of([entry.module])
    return all(code.get(name) == data for name, data in files.items() if Path(name).name != TEXTS)


def current(entry: LabEntry, lab: Lab, options: Options) -> Record | None:
    """The newest run that is current; None when there is none."""
    return next((record for record in finished(lab.name) if is_current(entry, lab, record, options)), None)
