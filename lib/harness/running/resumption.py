"""Resumes an interrupted run from its journals: reads what it was and which of its trials succeeded.

A study is a function of its config and of the results so far, so the n-th trial that it asks for now is the n-th that
it asked for then: ``trial-0007.jsonl`` is its eighth. One that has ended well is not run again. Any other is, as
another attempt with a journal of its own (``trial-0007-2.jsonl``), so that nothing is ever written over. The last
attempt is the one that counts, whatever became of those before it.

Nothing but the standard library is loaded before a result is asked for: what ``--portable`` sets comes before NumPy.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tarfile
import time
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lib.harness.contract.options import PRUNED, SWEEP
from lib.harness.errors import UserError
from lib.harness.machine import gpus
from lib.harness.recording import journal

if TYPE_CHECKING:
    from lib.harness.contract.trial import Result, Trial

WRITERS_SECONDS = 10.0  # workers of a lab that was killed end within a second or two
SAME = {"lab.code_sha256": "code", "lab.image": "image", "lab.lock_sha256": "lock", "lab.data_sha256": "data"}
"""What must be as it was, by its tag: otherwise one run would hold the results of two."""
TORN = (OSError, ValueError, EOFError, zlib.error, tarfile.TarError, zipfile.BadZipFile)
"""What reading a file raises that is missing or not whole: as it is, as JSON, as an archive, as a file of arrays."""


class OtherStudyError(UserError):
    """The study does not ask for the trials that were recorded."""


@dataclass(frozen=True)
class Interrupted:
    """A run that may be resumed.

    `header`: the first record of its journal. `status`: its status at the end, None if it did not end. `times`: number
    of times that it was resumed.
    """

    folder: Path
    header: Mapping[str, Any]
    status: str | None
    times: int

    @property
    def key(self) -> str:
        """The run's key."""
        return self.folder.name

    @property
    def tags(self) -> Mapping[str, str]:
        """The tags with which it began."""
        tags: Mapping[str, str] = self.header["tags"]
        return tags

    def config(self) -> dict[str, Any]:
        """The fields of its config.

        Raises:
            UserError: it was interrupted before it had recorded them.
        """
        try:
            fields: dict[str, Any] = json.loads((self.folder / "run.files" / "config.json").read_bytes())
        except (OSError, ValueError):
            raise UserError(f"{self.key} was interrupted before it had recorded its config: run the lab anew") from None
        return fields

    def require_same(self, tags: Mapping[str, str]) -> None:
        """Raises `UserError` when the run is of another code, image, lock or data than what has these tags now."""
        other = [what for tag, what in SAME.items() if self.tags.get(tag) != tags[tag]]
        framework, gpu = self.tags.get("lab.framework"), self.tags.get("lab.gpu", "none")
        enabled = gpus.chosen()
        if gpu != "none" and enabled != framework:
            raise UserError(f"{self.key} ran on a GPU ({gpu}): say --gpu --framework {framework} beside --resume")
        if other and gpu == "none" and enabled is not None:
            raise UserError(f"{self.key} did not run on a GPU: leave out --gpu")
        if other:
            commit = self.tags.get("lab.git_commit", "unknown")[:12]
            raise UserError(
                f"{self.key} ran with other {', '.join(other)} than there is now (it was commit {commit}): "
                "go back to that, or run the lab anew"
            )

    def take_up(self) -> journal.Journal:
        """Its journal, to be written on, with a ``resume`` record in it.

        Runs of its trials that were left open end, and what was written of trials that have no journal goes.

        Raises:
            UserError: the lab, or a worker of it, is still running, or somebody else has run it to its end meanwhile.
        """
        limit = time.monotonic() + WRITERS_SECONDS
        path = self.folder / "run.jsonl"
        taken = _once_free(path, self.key, limit)
        try:
            now = _read(path)  # what was read before the lock was ours may not hold any more
            assert now is not None
            now.require_unfinished()
            for trial in sorted(self.folder.glob("trial-*.jsonl")):
                orphan = _once_free(trial, f"{self.key}: {trial.stem}", limit)
                orphan.end_for_its_writer("FAILED", "the process that ran it is gone")
            _clear(self.folder)
            taken.append("resume", time=journal.now_ms(), tags={"lab.resumed": str(now.times + 1)})
        except BaseException:
            taken.close()
            raise
        return taken

    def require_unfinished(self) -> None:
        """Raises `UserError` when it has run to its end."""
        if self.status == "FINISHED":
            raise UserError(f"{self.key} is finished: there is nothing left to run")


def _once_free(path: Path, what: str, limit: float) -> journal.Journal:
    """The journal at `path`, as soon as nobody writes it. Raises `UserError` when somebody still does at `limit`."""
    while True:
        try:
            return journal.Journal.reopen(path)
        except BlockingIOError:  # its writer lives, or someone has just looked whether it does
            if time.monotonic() > limit:
                raise UserError(f"{what} is still running") from None
        time.sleep(0.1)


def _clear(folder: Path) -> None:
    """Remove what a lab leaves that is killed while a journal is being made, or files that come before their journal.

    (The shipper's own ``.shipped.new`` are none of these, and it may be at work.)
    """
    for path in folder.glob("*.new"):
        if path.suffixes == [".new"]:
            path.unlink()
    for path in folder.glob("trial-*.files"):
        if not path.with_suffix(".jsonl").exists():
            shutil.rmtree(path)


def find(root: Path, lab: str, reference: str) -> Interrupted:
    """The run of `lab` below `root` that `reference` stands for: a key or its beginning, a trial's key, or last:NAME.

    Raises:
        UserError: there is none, or more than one; it is another lab's; it is finished.
    """
    name, _, wanted = reference.rpartition(":")
    key = wanted.partition(".")[0]
    runs = [run for path in sorted(root.glob("*/run.jsonl")) if (run := _read(path))]
    if name == "last":
        named = [run for run in runs if run.header["experiment"] == wanted and run.status != "FINISHED"][-1:]
    elif name or not key:
        raise UserError(f"--resume {reference}: a run is its key (lab.run), a beginning of one, or last:NAME")
    else:
        named = [run for run in runs if run.key.startswith(key)]
    if len(named) != 1:
        more = f"{len(named)} runs begin with it: give more of the key" if named else "the journal has no such run"
        raise UserError(f"--resume {reference}: {more}")
    (interrupted,) = named
    if interrupted.header["experiment"] != lab:
        other = interrupted.header["experiment"]
        words = f"sweep {other.removesuffix(SWEEP)}" if other.endswith(SWEEP) else f"lab {other}"
        raise UserError(f"{interrupted.key} is a run of '{other}': ./invoke {words} --resume {interrupted.key}")
    interrupted.require_unfinished()
    return interrupted


def _read(path: Path) -> Interrupted | None:
    """The run of a journal; None where none was recorded."""
    records = [record for _, record in journal.read(path)]
    if not records:
        return None
    times = sum(record["kind"] == "resume" for record in records)
    return Interrupted(path.parent, records[0], records[-1].get("status"), times)


def attempts(folder: Path, number: int) -> list[Path]:
    """The journals of a trial so far, by its number in the study; the one of its next attempt is the last."""
    names = (f"trial-{number:04d}{f'-{attempt}' if attempt > 1 else ''}.jsonl" for attempt in count(1))
    found: list[Path] = []
    for path in (folder / name for name in names):
        found.append(path)
        if not path.exists():
            break
    return found


def result(path: Path, trial: Trial, header: Mapping[str, Any], files: Iterable[str]) -> Result | None:
    """Read the result of the attempt at `path`; None unless it ended well and all its files are there and whole.

    Files are not forced to the disk as journals are: after a power cut they may be missing or torn. `files`: the names
    of the files that every trial begins with.

    Raises:
        OtherStudyError: the attempt belongs to another trial than `header` names.
    """
    from lib.harness.contract.trial import Result
    from lib.harness.recording import provenance
    from lib.harness.recording.trace import canonical

    records = [record for _, record in journal.read(path)]
    _require_trial(records[0], header)
    end = records[-1]
    if end.get("status") != "FINISHED":
        return None
    lines = [canonical(record["record"]) for record in records if record["kind"] == "log"]
    digest = hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()
    if digest != end["tags"]["lab.result_digest"]:
        return None
    folder = journal.files_of(path)
    try:
        for name in files:
            data = (folder / name).read_bytes()
            provenance.unpacked(data) if name.endswith(".tar.gz") else json.loads(data)
        measurements = _measured(folder, lines)
    except TORN:
        return None
    timings = {k: v for record in records if record["kind"] == "timing" for k, v in record["values"].items()}
    return Result(
        trial,
        records[0]["key"],
        "PRUNED" if PRUNED in end["tags"] else "FINISHED",
        measurements,
        digest,
        timings=timings,
        reports=reports_of(records, trial),
    )


def _measured(folder: Path, lines: Sequence[str]) -> Any:
    """The measurements in a trial's folder of files, which are those of its trace, as its parameters are if it has any.

    Raises:
        OSError, ValueError, EOFError, zipfile.BadZipFile: they are missing, torn or others.
    """
    import numpy as np

    from lib.harness.recording.recorder import parameters_record
    from lib.harness.recording.trace import canonical, encode

    measurements = _floats(json.loads((folder / "measurements.json").read_bytes()))
    found = [canonical({"measurements": encode(measurements)})]
    recorded = [line for line in lines if line.startswith('{"parameters":')][-1:]
    if recorded:
        with np.load(folder / "model" / "parameters.npz") as arrays:
            found.insert(0, canonical(parameters_record(arrays)))
    if found != [*recorded, lines[-1]]:
        raise ValueError("the files of the trial are not those of its trace")
    return measurements


def reports_of(records: Sequence[Mapping[str, Any]], trial: Trial) -> tuple[float, ...]:
    """Return the values that a trial of a search has reported, from the records of its journal."""
    if trial.stop_rule is None:
        return ()
    logged = (record["record"].get("values", {}) for record in records if record["kind"] == "log")
    name = trial.stop_rule.reported
    return tuple(float.fromhex(values[name]) for values in logged if name in values)


def _require_trial(recorded: Mapping[str, Any], header: Mapping[str, Any]) -> None:
    """Raises `OtherStudyError` when a journal is not the one of this trial."""
    tags = ("lab.variant", "lab.seed", "lab.framework", "lab.dtype")
    same = recorded["params"] == header["params"] and all(recorded["tags"][t] == header["tags"][t] for t in tags)
    if not same:
        raise OtherStudyError(
            f"{recorded['key']} is of '{recorded['name']}', and the study now asks for '{header['name']}' there: "
            "it cannot be resumed; run the lab again from the start"
        )


def _floats(value: Any) -> Any:
    """Undo `json_bytes` for numbers that JSON lacks (NaN, infinities): they are written as texts."""
    match value:
        case "inf" | "-inf" | "nan":
            return float(value)
        case dict():
            return {name: _floats(each) for name, each in value.items()}
        case list():
            return [_floats(each) for each in value]
    return value
