"""Resumes an interrupted run from its journals: reads what it was and which of its trials succeeded.

A study is a function of its config and of the results so far, so the n-th trial that it asks for now is the n-th that
it asked for then: ``trial-0007.jsonl`` is its eighth. One that has ended well is not run again. Any other is, as
another attempt with a journal of its own (``trial-0007-2.jsonl``), so that nothing is ever written over. The last
attempt is the one that counts, whatever became of those before it.

Nothing but the standard library is loaded before a result is asked for: what ``--portable`` sets comes before NumPy.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lib.harness.contract.options import PRUNED, SWEEP
from lib.harness.errors import UserError, warn_once
from lib.harness.machine import gpus
from lib.harness.recording import journal, reading
from lib.harness.recording.clock import CLOCK, Clock
from lib.harness.recording.disk import DISK, PART, Disk
from lib.harness.recording.provenance import IMAGE, is_same_image

if TYPE_CHECKING:
    from lib.harness.contract.trial import Result, Trial

WRITERS_SECONDS = 10.0  # workers of a lab that was killed end within a second or two
SAME = {
    "lab.code_sha256": "code",
    IMAGE: "image",
    "lab.lock_sha256": "lock",
    "lab.data_sha256": "data",
    "lab.kernels": "kernels",
}
"""What must be as it was, by its tag: otherwise one run would hold the results of two."""
USUAL = {"lab.kernels": "none"}
"""The values of tags that older records do not have."""
TORN = (OSError, ValueError, EOFError, RecursionError, zlib.error, zipfile.BadZipFile)
"""What reading a file raises that is missing or not whole: as it is, as JSON, as a file of arrays."""


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
            UserError: it was interrupted before it had recorded them, or they cannot be read.
        """
        file = self.folder / "run.files" / "config.json"
        try:
            fields = json.loads(file.read_bytes())
        except FileNotFoundError:
            raise UserError(f"{self.key} was interrupted before it had recorded its config: run the lab anew") from None
        except (OSError, ValueError, RecursionError):
            fields = None
        if not isinstance(fields, dict):
            raise reading.damaged(file, "cannot be read")
        return fields

    def require_same(self, tags: Mapping[str, str]) -> None:
        """Raises `UserError` when the run is of another code, image, lock or data than what has these tags now."""
        unequal = [tag for tag in SAME if self.tags.get(tag, USUAL.get(tag)) != tags[tag]]
        other = [SAME[tag] for tag in unequal if tag != IMAGE or not is_same_image(self.tags, tags)]
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

    def take_up(self, disk: Disk = DISK, clock: Clock = CLOCK) -> journal.Journal:
        """Its journal, to be written on, with a ``resume`` record in it.

        Runs of its trials that were left open end, and what was written of trials that have no journal goes.

        Raises:
            UserError: the lab, or a worker of it, is still running, somebody else has run it to its end meanwhile, or
                the disk has failed.
        """
        limit = clock.monotonic() + WRITERS_SECONDS
        path = self.folder / "run.jsonl"
        taken = _once_free(path, self.key, limit, disk, clock)
        try:
            now = read_run(path, disk)  # what was read before the lock was ours may not hold any more
            assert now is not None
            now.require_unfinished()
            for name in disk.names(self.folder):
                if not reading.is_trial(name):
                    continue
                trial = self.folder / name
                with suppress(reading.DamagedError):  # it is no result, and runs again
                    if journal.has_ended(trial, disk):
                        journal.sync_journal(trial, disk)  # its writer may have been killed before it did
                        continue
                    orphan = _once_free(trial, f"{self.key}: {trial.stem}", limit, disk, clock)
                    orphan.end_for_its_writer("FAILED", journal.GONE)
            _clear(self.folder, disk)
            taken.append("resume", time=clock.now_ms(), tags={"lab.resumed": str(now.times + 1)})
            taken.sync()  # whoever has sent the run to its end knows that it goes on, whatever comes next
        except BaseException:
            taken.close()
            raise
        return taken

    def require_unfinished(self) -> None:
        """Raises `UserError` when it has run to its end."""
        if self.status == "FINISHED":
            raise UserError(f"{self.key} is finished: there is nothing left to run")


def _once_free(path: Path, what: str, limit: float, disk: Disk, clock: Clock) -> journal.Journal:
    """The journal at `path`, as soon as nobody writes it. Raises `UserError` when somebody still does at `limit`."""
    while True:
        try:
            return journal.Journal.reopen(path, disk, clock)
        except BlockingIOError:  # its writer lives, or someone has just looked whether it does
            if clock.monotonic() > limit:
                raise UserError(f"{what} is still running") from None
        clock.sleep(0.1)


def _clear(folder: Path, disk: Disk) -> None:
    """Remove what a lab leaves that is killed while a journal is being made, or files that come before their journal.

    (What the shipper writes is none of these, and it may be at work.)
    """
    names = disk.names(folder)
    for name in names:
        path = folder / name
        if path.suffixes in ([".new"], [".jsonl", PART]):
            disk.remove(path)
        elif path.suffix == ".files" and f"{path.stem}.jsonl" not in names:
            disk.remove_folder(path)


def find(root: Path, lab: str, reference: str) -> Interrupted:
    """The run of `lab` below `root` that `reference` stands for: a key or its beginning, a trial's key, or last:NAME.

    Raises:
        UserError: there is none, or more than one; it is another lab's; it is finished.
    """
    name, _, wanted = reference.rpartition(":")
    key = wanted.partition(".")[0]
    if (name and name != "last") or not key:
        raise UserError(f"--resume {reference}: a run is its key (lab.run), a beginning of one, or last:NAME")
    runs = []
    for path in sorted(root.glob("*/run.jsonl")):
        if name or path.parent.name.startswith(key):
            try:
                run = read_run(path)
            except reading.DamagedError as error:
                if not name:
                    raise
                warn_once(str(error))
                continue
            runs += [run] if run else []
    if name:
        unfinished = [run for run in runs if run.header["experiment"] == wanted and run.status != "FINISHED"]
        named = [max(unfinished, key=lambda run: int(run.header["time"]))] if unfinished else []
    else:
        named = runs
    if len(named) != 1:
        more = f"{len(named)} runs begin with it: give more of the key" if named else "the journal has no such run"
        raise UserError(f"--resume {reference}: {more}")
    (interrupted,) = named
    if interrupted.header["experiment"] != lab:
        other = interrupted.header["experiment"]
        command = f"sweep {other.removesuffix(SWEEP)}" if other.endswith(SWEEP) else f"lab {other}"
        raise UserError(f"{interrupted.key} is a run of '{other}': ./invoke {command} --resume {interrupted.key}")
    interrupted.require_unfinished()
    return interrupted


def read_run(path: Path, disk: Disk = DISK) -> Interrupted | None:
    """The run of a journal; None where none was recorded. Raises `DamagedError` where it cannot be read."""
    header: Mapping[str, Any] | None = None
    last: Mapping[str, Any] = {}
    times = 0
    for _, last in reading.read(path, disk=disk):
        header = header or last
        times += last["kind"] == "resume"
    if header is None:
        return None
    reading.require_header(path, header, reading.TAGS)
    return Interrupted(path.parent, header, last.get("status"), times)


def attempts(folder: Path, number: int) -> list[Path]:
    """The journals of a trial so far, by its number in the study; the one of its next attempt is the last."""
    names = (f"trial-{number:04d}{f'-{attempt}' if attempt > 1 else ''}.jsonl" for attempt in count(1))
    paths: list[Path] = []
    for path in (folder / name for name in names):
        paths.append(path)
        if not path.exists():
            break
    return paths


def result(path: Path, trial: Trial, header: Mapping[str, Any], files: Mapping[str, bytes]) -> Result | None:
    """Read the result of the attempt at `path`; None unless it ended well and all its files are there and whole.

    `files`: those that the trial begins with, by name; its config must be the same byte by byte, as the run's digest is
    over it.

    Raises:
        OtherStudyError: the attempt belongs to another trial than `header` names.
    """
    from lib.harness.contract.trial import Result
    from lib.harness.recording.trace import Digest, canonical, metric

    reported = trial.stop_rule.reported if trial.stop_rule else ""
    digest = Digest()
    recorded: Mapping[str, Any] | None = None
    end: Mapping[str, Any] = {}
    timings: dict[str, float] = {}
    reports: list[float] = []
    parameters, line = "", ""
    try:
        for _, end in reading.read(path):
            if recorded is None:
                recorded = end
                reading.require_header(path, recorded, reading.TAGS_OF_TRIAL)
                _require_trial(recorded, header)
            elif end["kind"] == "timing":
                timings |= {name: float(value) for name, value in end["values"].items()}
            elif end["kind"] == "log":
                line = canonical(end["record"])
                digest.add(line)
                parameters = line if "parameters" in end["record"] else parameters
                values = end["record"].get("values", {})
                number = metric(values.get(reported))
                if number is not None:
                    reports.append(number)
    except reading.DamagedError:
        return None
    if recorded is None or end.get("status") != "FINISHED" or str(digest) != end["tags"].get("lab.result_digest"):
        return None
    folder = reading.files_of(path)
    try:
        for name, content in files.items():
            data = (folder / name).read_bytes()
            if name == "config.json" and data != content:
                return None
            json.loads(data)
        measurements = _measured(folder, parameters, line)
    except TORN:
        return None
    return Result(
        trial,
        recorded["key"],
        "PRUNED" if PRUNED in end["tags"] else "FINISHED",
        measurements,
        str(digest),
        timings=timings,
        reports=tuple(reports),
    )


def _measured(folder: Path, parameters: str, last: str) -> Any:
    """The measurements in a trial's folder of files, which are those of its trace, as its parameters are if it has any.

    Args:
        folder: of the trial's files.
        parameters: the line of its trace that has the parameters; empty if there is none.
        last: the last line of its trace.

    Raises:
        OSError, ValueError, EOFError, zipfile.BadZipFile: they are missing, torn or others.
    """
    import numpy as np

    from lib.harness.recording.trace import canonical, decode, measurements_record, parameters_record

    decoded = {name: decode(value) for name, value in json.loads(last).get("measurements", {}).items()}
    measurements = _as_recorded(json.loads((folder / "measurements.json").read_bytes()), decoded)
    same = canonical(measurements_record(measurements)) == last
    if same and parameters:
        with np.load(folder / "model" / "parameters.npz") as arrays:
            same = canonical(parameters_record(arrays)) == parameters
    if not same:
        raise ValueError("the files of the trial are not those of its trace")
    return measurements


def _as_recorded(value: Any, decoded: Any) -> Any:
    """Measurements as they were: from their file, and from the trace where the file has a text for what JSON lacks.

    The trace tells "nan" and NaN apart, and the file 3 and 3.0.
    """
    match value, decoded:
        case dict(), dict() if value.keys() == decoded.keys():
            return {name: _as_recorded(part, decoded[name]) for name, part in value.items()}
        case list(), list() if len(value) == len(decoded):
            return [_as_recorded(*parts) for parts in zip(value, decoded, strict=True)]
        case "inf" | "-inf" | "nan", float():
            return decoded
    return value


def _require_trial(recorded: Mapping[str, Any], header: Mapping[str, Any]) -> None:
    """Raises `OtherStudyError` when a journal is not the one of this trial."""
    tags = ("lab.variant", "lab.seed", "lab.framework", "lab.dtype")
    same = recorded["params"] == header["params"] and all(recorded["tags"][t] == header["tags"][t] for t in tags)
    if not same:
        raise OtherStudyError(
            f"{recorded['key']} is of '{recorded['name']}', and the study now asks for '{header['name']}' there: "
            "it cannot be resumed; run the lab again from the start"
        )
