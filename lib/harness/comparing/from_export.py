"""Records in the folder of an export, which anybody may have written: nothing is believed before it is checked."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from lib.harness.comparing import from_mlflow
from lib.harness.comparing.records import NEEDED, Record, RecordedTrial
from lib.harness.contract import source
from lib.harness.errors import UserError, short
from lib.harness.recording import reading
from lib.harness.recording.trace import VERSION_TAG, VERSIONS, version_of
from lib.harness.shipping.remote import PARAM_LENGTH, TAG_LENGTH

NAME = re.compile(r"[/\w.\- :]{1,250}")
"""Of a tag, a param or a metric, as MLflow takes them; it is also a path below a folder."""
Time = Annotated[int, Field(ge=0, lt=1 << 53)]


def _named(name: str) -> str:
    if not NAME.fullmatch(name) or posixpath.normpath(name) != name or name.startswith((".", "/")):
        raise ValueError(f"MLflow takes no name like {short(repr(name))}")
    return name


Name = Annotated[str, AfterValidator(_named)]


class ExportedRun(BaseModel):
    """The content of ``run.json``: a run, parent or trial. `format`: the version of its traces and digest."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    format: int
    key: str
    parent: str | None
    experiment: Annotated[str, Field(pattern=f"^{source.NAME.pattern}$", max_length=250)]
    name: Annotated[str, Field(max_length=PARAM_LENGTH)] | None
    status: Literal["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"]
    start_time: Time
    end_time: Time | None
    tags: dict[Name, Annotated[str, Field(max_length=TAG_LENGTH)]]
    params: dict[Name, Annotated[str, Field(max_length=PARAM_LENGTH)]]


@dataclass(frozen=True)
class ExportFolder:
    """A parent run in the folder of an export, as a `Source`. `runs`: by their keys, all of its trials among them."""

    root: Path
    key: str
    runs: Mapping[str, ExportedRun]

    def file(self, name: str) -> bytes | None:
        """An artifact of the run; None where it is missing."""
        return self._artifact(self.key, name)

    def trials(self) -> Iterator[RecordedTrial]:
        """The run's trials. Raises `UserError` when a trace is missing."""
        for key, run in self.runs.items():
            if run.parent == self.key:
                trace = self.root / key / "artifacts" / "trace.jsonl"
                if not trace.is_file():
                    raise UserError(f"{key} has no trace.jsonl: its record is not whole")
                yield RecordedTrial(
                    key, run.tags, run.status, partial(_lines, trace), self._artifact(key, "config.json")
                )

    def __str__(self) -> str:
        return "the export"

    def _artifact(self, key: str, name: str) -> bytes | None:
        path = self.root / key / "artifacts" / name
        return path.read_bytes() if path.is_file() else None


def _lines(path: Path) -> Iterator[str]:
    """The lines of a trace; what is not ASCII in it is no record."""
    with path.open(encoding="ascii", errors="replace", newline="\n") as lines:
        yield from lines


def read_runs(root: Path) -> dict[str, ExportedRun]:
    """The runs in the folder of an export, by their keys.

    Raises:
        UserError: there is none, one of them is of another format, or a trial's run is missing.
    """
    runs = {path.parent.name: _read_run(path) for path in sorted(root.glob("*/run.json"))}
    if not runs:
        raise UserError("The folder has no run (KEY/run.json): export the runs again")
    for key, run in runs.items():
        if run.parent is not None and (run.parent not in runs or runs[run.parent].parent is not None):
            raise UserError(f"{key}: its parent {run.parent} is missing: export the runs again")
    return runs


def _read_run(path: Path) -> ExportedRun:
    key = path.parent.name
    where = f"{key}/run.json is not of this format (format {' or '.join(VERSIONS)})"
    try:
        run = ExportedRun.model_validate(json.loads(path.read_bytes()))
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise UserError(f"{where}: {short(field)}: {first['msg']}: export it again with this version") from None
    except (ValueError, RecursionError):
        raise UserError(f"{where}: it is no JSON: export it again") from None
    if str(run.format) not in VERSIONS:
        raise UserError(f"{where}, but of format {run.format}: git pull, then import it again")
    if not run.key == run.tags.get("lab.run") == key or not from_mlflow.KEY.fullmatch(key):
        raise UserError(f"{where}: its key is not its lab.run and the name of its folder: export it again")
    needed = reading.TAGS_OF_TRIAL if run.parent else NEEDED
    if missing := [tag for tag in needed if tag not in run.tags]:
        raise UserError(f"{where}: its tags lack {missing[0]}: export it again")
    try:
        version = version_of(run.tags)
    except UserError as error:
        raise UserError(f"{key}: {error}") from None
    if version != str(run.format):
        raise UserError(f"{where}: its format is not its {VERSION_TAG}: export it again")
    return run


def require_whole(root: Path, runs: Mapping[str, ExportedRun]) -> None:
    """Raise `UserError` unless every finished run's traces are what its lab.result_digest says, and points can be read.

    MLflow's points are beside the digest, so they are not compared.
    """
    for key in runs:
        for _ in points(root / key):
            pass
    for family in families(runs):
        key, run = next(iter(family.items()))
        _ = Record(
            key=key,
            tags=run.tags,
            params=run.params,
            status=run.status,
            time=run.end_time or 0,
            page="",
            source=ExportFolder(root, key, family),
        ).children


def families(runs: Mapping[str, ExportedRun]) -> list[dict[str, ExportedRun]]:
    """The parent runs, each with its trials behind it, by their keys."""
    by_parent = {key: {key: run} for key, run in runs.items() if run.parent is None}
    for key, run in runs.items():
        if run.parent is not None:
            by_parent[run.parent][key] = run
    return list(by_parent.values())


def points(folder: Path) -> Iterator[tuple[str, int, int, float]]:
    """The points of a run's metrics: key, step, time in ms since the epoch, value.

    Raises:
        UserError: a line is no point.
    """
    file = folder / "metrics.jsonl"
    if not file.is_file():
        raise UserError(f"{folder.name} has no metrics.jsonl: its record is not whole")
    with file.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                key, step, time, value = json.loads(line)
                point = _named(key), int(step), int(time), float(value)
                if not (abs(point[1]) < 1 << 53 and 0 <= point[2] < 1 << 53):
                    raise ValueError("out of MLflow's range")
            except (TypeError, ValueError, OverflowError, RecursionError):
                raise UserError(f"{folder.name}/metrics.jsonl: line {number} is no point: export it again") from None
            yield point
