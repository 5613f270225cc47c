"""The parent run of a command: its journal, and its trials as jobs for workers."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from lib.harness.contract.catalogue import SNAPSHOT
from lib.harness.contract.config import Config
from lib.harness.contract.lab import Lab
from lib.harness.contract.settings import Options, as_params
from lib.harness.contract.source import LabEntry
from lib.harness.contract.trial import Result, Trial
from lib.harness.machine import gpus, scope
from lib.harness.recording import provenance
from lib.harness.recording.journal import Journal, JournalError, close_orphan, now_ms
from lib.harness.recording.jsonfile import json_bytes
from lib.harness.recording.reading import DamagedError
from lib.harness.recording.trace import VERSION, VERSION_TAG
from lib.harness.running import resumption
from lib.harness.running.job import Job, described
from lib.harness.running.pool import Workers
from lib.harness.running.resumption import Interrupted, OtherStudyError
from lib.kernels import choice


@dataclass(frozen=True)
class Extras:
    """Tags, params and files that a command adds to its parent run."""

    tags: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)


class ParentRun:
    """One run of a lab: the parent's journal, and the trials as jobs for workers.

    As a context manager it ends with `finish`. When an error leaves it, it closes the workers, ends the run and its
    trials as KILLED (an interrupt) or FAILED, and adds a note to the error that says how to resume the run.

    Args:
        folder: of its journals.
        workers: that run its trials.
        command: the words after ``./invoke`` that started it.
        extras: tags, params and files that the command adds.
        interrupted: the run in `folder` to resume; its journal goes on.

    Attributes:
        key: of the run.
        results: of its trials, in the order in which the study asked for them.
        adopted: results of a resumed run that it had already, by the keys of their runs.
    """

    def __init__(
        self,
        entry: LabEntry,
        lab: Lab,
        config: Config,
        options: Options,
        folder: Path,
        *,
        workers: Workers,
        command: str,
        extras: Extras,
        interrupted: Interrupted | None = None,
    ):
        self._workers, self._command = workers, command
        self.entry, self.lab, self.config, self.options, self.folder = entry, lab, config, options, folder
        self.key = folder.name
        self.results: list[Result] = []
        self.adopted: dict[str, Result] = {}
        self._asked = 0
        self._code = provenance.read_code(entry.module)
        recipe = provenance.recipe_files()
        self._shared_tags = {
            **provenance.tags(self._code, lab.data, config.framework),
            VERSION_TAG: VERSION,
            "lab.name": lab.name,
            "lab.quick": str(options.quick).lower(),
            "lab.portable": str(options.portable).lower(),
        }
        tags = {"lab.variant": "all", "lab.seed": str(options.seed), "lab.scope": self.scope(config.framework)}
        tags |= {"lab.workers": workers.label, "lab.summary": " / ".join(filter(None, [lab.summary, lab.korean]))}
        if recipe:
            tags["lab.recipe_sha256"] = provenance.sha256_of_files(recipe)
        if interrupted is None:
            header = self._header(self.key, None, lab.name, config, {**tags, **extras.tags})
            header["params"] |= extras.params
            self.journal = Journal.create(folder / "run.jsonl", header)
        else:
            self.journal = interrupted.take_up()
        files = {
            "code.tar.gz": self._code.archive(),
            "environment.json": json_bytes(provenance.environment()),
            "config.json": provenance.config_json(config),
            **({"recipe.tar.gz": provenance.archive(recipe, mode=0o755)} if recipe else {}),
            **extras.files,
        }
        try:
            if interrupted is not None:
                self.journal.append("tags", tags={"lab.workers": workers.label})
            self.write_files(files)
            self.journal.sync()  # its trials refer to them
        except BaseException:
            with suppress(JournalError):
                self.journal.close()
            raise

    def __enter__(self) -> ParentRun:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            return
        self._workers.close()
        has_ended = not self.journal.is_open  # the error came after that
        if isinstance(error, KeyboardInterrupt):
            self._abandon("KILLED", "interrupted")
        else:
            self._abandon("FAILED", described(error))
        if not (has_ended or isinstance(error, OtherStudyError)):
            error.add_note(f"To go on: ./invoke {self._command} --resume {self.key}{provenance.place()}")

    def _header(
        self, key: str, parent: str | None, name: str, config: Config, tags: Mapping[str, str]
    ) -> dict[str, Any]:
        params = {**as_params(config), "root_seed": str(self.options.seed)}
        tags = {**self._shared_tags, **tags}
        return {"key": key, "parent": parent, "experiment": self.lab.name, "name": name, "tags": tags, "params": params}

    def scope(self, framework: str, function: str = "") -> str:
        """The scope that has been proven for this lab's trials in a framework, or for those of one function."""
        if gpus.chosen() == framework:
            return "device"
        return scope.stated(self.lab.makers(framework, function), self.options.portable, choice.chosen())

    def journal_of(self, result: Result) -> Path:
        """The journal of one of its trials."""
        return self.folder / f"{result.run.removeprefix(f'{self.key}.')}.jsonl"

    def write_files(self, files: Mapping[str, bytes]) -> None:
        """Write files that belong to the parent run."""
        for name, data in files.items():
            self.journal.write(name, data)

    def job(self, trial: Trial) -> Job:
        """The next trial as a job, with a key of its own. Where it has ended well already, its result is adopted."""
        name = f"{trial.variant}, seed {trial.seed}"
        tags = {
            "lab.variant": trial.variant,
            "lab.seed": str(trial.seed),
            "lab.framework": trial.runtime.framework,
            "lab.dtype": trial.runtime.dtype,
            "lab.gpu": gpus.label(trial.runtime.framework),
            "lab.scope": self.scope(trial.runtime.framework, trial.function),
        }
        *earlier, path = resumption.attempts(self.folder, self._asked)
        self._asked += 1
        header = self._header(f"{self.key}.{path.stem}", self.key, name, trial.config, tags)
        files = {"config.json": provenance.config_json(trial.config)}
        for last in earlier[-1:]:
            result = resumption.result(last, trial, header, files)
            if result is not None:
                self.adopted[result.run] = result
                path, header = last, {**header, "key": result.run}
        return Job(
            trial=trial,
            run=header["key"],
            module=self.entry.module,
            root_seed=self.options.seed,
            journal=path,
            header=header,
            files=files,
        )

    def code_changed(self) -> bool:
        """Return whether a file of the lab's code was edited while it ran; a snapshot never is."""
        return SNAPSHOT not in os.environ and provenance.read_code(self.entry.module).sha256 != self._code.sha256

    def finish(
        self,
        status: Literal["FINISHED", "FAILED"],
        claims: list[dict[str, Any]],
        tags: Mapping[str, str],
        numbers: Mapping[str, float],
    ) -> list[str]:
        """Record the verdicts, `tags` and, outside the digest, `numbers`, and end this run. Returns warnings."""
        self.write_files({"claims.json": json_bytes(claims)})
        self.journal.append("timing", step=0, values=dict(numbers), time=now_ms())
        verdicts = {f"claim.{record['id']}": record["verdict"] for record in claims if "/" not in record["id"]}
        changed = self.code_changed()
        self.journal.end(status, **{**tags, **verdicts})
        return ["the lab's code was edited while it ran: the record has the code of its start"] if changed else []

    def _abandon(self, status: str, reason: str) -> None:
        """End this run and those of its trials that have not ended. The workers must be gone."""
        for path in sorted(self.folder.glob("trial-*.jsonl")):
            with suppress(JournalError, DamagedError, BlockingIOError):  # `sync` ends it when there is room again
                close_orphan(path, status, reason)
        if self.journal.is_open:
            with self.journal, suppress(JournalError):
                self.journal.end(status, **{"lab.ended": reason})
