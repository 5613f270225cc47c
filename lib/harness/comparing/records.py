"""A recorded run, parsed and checked in one way wherever it is read from.

`lib.harness.comparing.from_journals` reads the journals of this machine, so that nothing waits for MLflow;
`lib.harness.comparing.from_mlflow` reads MLflow, which also has what other machines have measured.
"""

from __future__ import annotations

import json
import math
import re
import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, Protocol

from lib.harness.errors import UserError
from lib.harness.recording.provenance import sha256_of_files, unpacked
from lib.harness.recording.reading import NO_JSON, TAGS
from lib.harness.recording.trace import (
    Digest,
    first_broken,
    is_array,
    parent_digest,
    record_of,
    trace_of,
    trial_line,
    version_of,
)

STEP = re.compile(r'{"step":(\d+),')
NEEDED = (*TAGS, "lab.code_sha256", "lab.data_sha256", "lab.lock_sha256")
"""Tags without which a run cannot be run again."""
RUNTIME = ("lab.framework", "lab.dtype", "lab.function")
"""Tags of a trial that say what ran it."""
LATER_ATTEMPT = re.compile(r"\.trial-\d+(-(\d+))$")


@dataclass(frozen=True)
class Child:
    """One trial of a recorded run. Its trace stays where it is: it may be long, and there may be many.

    Attributes:
        trace: reads its canonical lines, without those of digests, anew at every call.
        digest: of its trace.
        values: number of values in its trace.
        config: the content of its ``config.json``; None where it is missing.
        runtime: those of its tags that say what ran it (`RUNTIME`).
    """

    variant: str
    seed: int
    status: str
    trace: Callable[[], Iterator[str]]
    digest: str
    values: int
    config: bytes | None = None
    runtime: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The trial's name for a user."""
        return f"{self.variant}, seed {self.seed}"


@dataclass(frozen=True)
class RecordedTrial:
    """A trial as a source has it.

    Attributes:
        trace: reads the lines of its ``trace.jsonl``, each with its newline, anew at every call. Raises `UserError`
            where it is missing.
        config: the content of its ``config.json``; None where it is missing.
    """

    key: str
    tags: Mapping[str, str]
    status: str
    trace: Callable[[], Iterable[str]]
    config: bytes | None = None


class Source(Protocol):
    """The place that a record is read from."""

    def file(self, name: str) -> bytes | None:
        """A file of the run; None where it is missing."""

    def trials(self) -> Iterable[RecordedTrial]:
        """The run's trials, with every attempt."""

    def __str__(self) -> str:
        """The place for a user, as in "MLflow (run 3f…)"."""


@dataclass(frozen=True)
class Record:
    """A recorded run of a lab. Its files and trials are read when they are asked for, and checked then.

    Attributes:
        key: of the run (``lab.run``).
        tags, params: as recorded.
        status: with which it ended.
        time: its end, in ms since the epoch; 0 while it is running.
        page: the run's page below MLflow's address; empty before it is known.
        began: its begin, in ms since the epoch.
    """

    key: str
    tags: Mapping[str, str]
    params: Mapping[str, str]
    status: str
    time: int
    page: str
    source: Source
    began: int = 0

    @cached_property
    def config(self) -> dict[str, Any]:
        """The fields of its config."""
        return self._fields("config.json")

    @cached_property
    def environment(self) -> dict[str, Any]:
        """Python, system, processor and packages that it ran with."""
        return self._fields("environment.json")

    @cached_property
    def claims(self) -> list[dict[str, Any]]:
        """The records of its claims."""
        claims: list[dict[str, Any]] = self._json("claims.json")
        if not (isinstance(claims, list) and all(map(_is_claim, claims))):
            raise self._not_whole("claims.json")
        return claims

    @cached_property
    def archive(self) -> bytes:
        """The code that ran, as ``code.tar.gz``."""
        return self._file("code.tar.gz")

    @cached_property
    def code(self) -> dict[str, bytes]:
        """The files that ran, by their paths."""
        return self._checked_files(self.archive, "code")

    @cached_property
    def recipe(self) -> bytes | None:
        """The recipe of its image, as ``recipe.tar.gz``; None where it ran outside an image."""
        if "lab.recipe_sha256" not in self.tags:
            return None
        recipe = self._file("recipe.tar.gz")
        self._checked_files(recipe, "recipe")
        return recipe

    @cached_property
    def version(self) -> str:
        """The version of its traces and digests. Raises `UserError` for one that is not known yet."""
        try:
            return version_of(self.tags)
        except UserError as error:
            raise UserError(f"{self.key}: {error}") from None

    @cached_property
    def children(self) -> dict[tuple[str, int], Child]:
        """The last attempt of each trial, by variant and seed."""
        attempts = {trial.key: self._child(trial) for trial in self.source.trials()}
        counting = [attempts[key] for key in sorted(last_attempts(attempts))]
        lines = (line for child, line in counting if child.status == "FINISHED")
        if self.status == "FINISHED" and parent_digest(lines) != self.tags.get("lab.result_digest"):
            raise UserError(f"{self.key}: its trials are not what its tag lab.result_digest says: {_NOT_WHOLE}")
        return {(child.variant, child.seed): child for child, _ in counting}

    def require_whole(self) -> Record:
        """This record, all of it read.

        Raises:
            UserError: a part of it is missing, or is not what its digest says.
        """
        _ = self.code, self.config, self.environment, self.recipe, self.children
        return self

    def _file(self, name: str) -> bytes:
        data = self.source.file(name)
        if data is None:
            raise UserError(f"{self.key}: its {name} is missing in {self.source}: {_NOT_WHOLE}")
        return data

    def _json(self, name: str) -> Any:
        try:
            return json.loads(self._file(name))
        except (ValueError, RecursionError):
            raise self._not_whole(name) from None

    def _fields(self, name: str) -> dict[str, Any]:
        fields: dict[str, Any] = self._json(name)
        if not isinstance(fields, dict):
            raise self._not_whole(name)
        return fields

    def _not_whole(self, name: str) -> UserError:
        return UserError(f"{self.key}: its {name} in {self.source} is not whole: {_NOT_WHOLE}")

    def _checked_files(self, archive: bytes, name: str) -> dict[str, bytes]:
        """The files of ``<name>.tar.gz``. Raises `UserError` when the tag ``lab.<name>_sha256`` is of others."""
        try:
            files = unpacked(archive)
        except (tarfile.TarError, OSError, EOFError, zlib.error):
            files = {}
        if sha256_of_files(files) != self.tags.get(f"lab.{name}_sha256"):
            raise UserError(f"{self.key}: its {name}.tar.gz is not what its tag lab.{name}_sha256 says: {_NOT_WHOLE}")
        return files

    def _child(self, trial: RecordedTrial) -> tuple[Child, str]:
        """A trial, read once from its first line to its last, and its line in the digest of this run."""
        tags = trial.tags
        try:
            variant, seed = tags["lab.variant"], int(tags["lab.seed"])
        except (KeyError, ValueError):
            raise UserError(f"{trial.key} has no lab.variant, or no number as its lab.seed: {_NOT_WHOLE}") from None
        if version_of(tags) != self.version:
            raise UserError(f"{trial.key} is of another trace version than its run (lab.trace_version): {_NOT_WHOLE}")
        if trial.config is None and trial.status == "FINISHED" and self.version != "1":
            raise UserError(f"{trial.key} has no config.json in {self.source}: {_NOT_WHOLE}")
        running, values, unreadable = Digest(), 0, 0
        for number, line in enumerate(trace_of(trial.trace()), start=1):
            running.add(line)
            record = record_of(line)
            values += values_in(record)
            if record is None and not unreadable:
                unreadable = number
        digest = str(running)
        runtime = {tag: tags[tag] for tag in RUNTIME if tag in tags}
        trace = partial(_canonical, trial.trace)
        child = Child(variant, seed, trial.status, trace, digest, values, trial.config, runtime)
        if child.status == "FINISHED" and digest != tags.get("lab.result_digest"):
            raise UserError(
                f"{trial.key}: the trace of trial {child.name} is not what its tag lab.result_digest says"
                f"{_steps(first_broken(trial.trace()))}: {_NOT_WHOLE}"
            )
        if unreadable:
            raise UserError(f"{trial.key}: record {unreadable} of its trace.jsonl cannot be read: {_NOT_WHOLE}")
        config = trial.config or b""
        return child, trial_line(self.version, variant=variant, seed=seed, config=config, digest=digest)


def _canonical(trace: Callable[[], Iterable[str]]) -> Iterator[str]:
    return trace_of(trace())


def values_in(record: Any) -> int:
    """Count the values of a record, however deep it is; an array counts its elements."""
    count, left = 0, [record]
    while left:
        value = left.pop()
        if isinstance(value, list):
            left += value
        elif not isinstance(value, Mapping):
            count += 1
        elif is_array(value):
            count += math.prod(value["shape"])
        else:
            left += [part for name, part in value.items() if name != "step"]
    return count


_NOT_WHOLE = "the record is not whole"
_CLAIM = ("id", "kind", "verdict", "statement", "unit", "holds_when", "note")
"""The texts of a claim's record; its effect and interval are numbers, texts for those that JSON lacks, or null."""


def _is_claim(claim: Any) -> bool:
    if not (isinstance(claim, dict) and all(isinstance(claim.get(name), str) for name in _CLAIM)):
        return False
    if not isinstance(claim.get("role", ""), str):  # records of older versions have none
        return False
    values = [claim.get(name) for name in ("effect", "low", "high", "p")]
    parts = claim.get("parts")
    if parts is not None:
        if not isinstance(parts, dict):
            return False
        values += parts.values()
    numbers = all(value is None or type(value) in (int, float) or value in NO_JSON for value in values)
    return numbers and isinstance(claim.get("seeds"), int)


def _steps(broken: list[str]) -> str:
    """The steps of these lines of a trace, for a message; empty where they have none."""
    steps = [match[1] for line in broken if (match := STEP.match(line))]
    return f", from step {steps[0]} to {steps[-1]}" if steps else ""


def last_attempts(keys: Iterable[str]) -> set[str]:
    """The keys of the runs that count: for each trial the last attempt (``RUN.trial-0007-2`` is a second one)."""
    last: dict[str, tuple[int, str]] = {}
    for key in keys:
        later = LATER_ATTEMPT.search(key)
        trial, attempt = (key[: later.start(1)], int(later[2])) if later else (key, 1)
        last[trial] = max(last.get(trial, (0, "")), (attempt, key))
    return {key for _, key in last.values()}
