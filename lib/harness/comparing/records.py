"""Records of runs as MLflow has them: found by what a user calls them, read whole, checked against their digests."""

from __future__ import annotations

import hashlib
import json
import re
import tarfile
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from lib.harness.errors import UserError
from lib.harness.recording.provenance import sha256_of_files, unpacked
from lib.harness.recording.trace import first_broken, parent_digest
from lib.harness.shipping import server

KEY = re.compile(r"[\w-]+(\.trial-\d+(-\d+)?)?")
STEP = re.compile(r'{"step":(\d+),')
AGAIN = re.compile(r"\.trial-\d+(-(\d+))$")


@dataclass(frozen=True)
class Child:
    """One trial of a recorded run. `trace`: its canonical lines, without those of digests."""

    variant: str
    seed: int
    tags: Mapping[str, str]
    status: str
    trace: list[str]

    @property
    def name(self) -> str:
        """How a user sees it."""
        return f"{self.variant}, seed {self.seed}"

    @cached_property
    def digest(self) -> str:
        """The digest of its trace."""
        return digest_of(self.trace)


@dataclass(frozen=True)
class Record:
    """A recorded run of a lab with all its trials."""

    key: str
    run_id: str
    tags: Mapping[str, str]
    status: str
    config: Mapping[str, Any]
    environment: Mapping[str, Any]
    code: Mapping[str, bytes]
    archive: bytes
    recipe: bytes | None
    children: Mapping[tuple[str, int], Child]


def connect() -> Any:
    """A client of MLflow.

    Raises:
        UserError: it does not answer.
    """
    if not server.comes_up():
        raise UserError("MLflow does not answer, and records are read from it: ./invoke up")
    return server.connect()


def find(client: Any, said: str) -> Any:
    """The parent run that `said` names: its key or MLflow's id, a beginning of one that no other run has, or last:NAME.

    The key of a trial stands for the run that it belongs to.

    Raises:
        UserError: there is none, or more than one.
    """
    if said.startswith("last:"):
        return _newest(client, said.removeprefix("last:"))
    if not KEY.fullmatch(said):
        raise UserError(f"{said}: a run is its key (lab.run), MLflow's id, a beginning of one of them, or last:NAME")
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    key = said.partition(".")[0]
    by_key = client.search_runs(experiments, f"tags.`lab.run` LIKE '{key}%'", max_results=1000)
    parents = [run for run in by_key if "." not in run.data.tags["lab.run"]]
    if not parents:
        by_id = client.search_runs(experiments, f"attributes.run_id LIKE '{said}%'", max_results=3)
        keys = {run.data.tags.get("lab.run", "").partition(".")[0] for run in by_id} - {""}
        parents = [run for key in keys for run in client.search_runs(experiments, f"tags.`lab.run` = '{key}'")]
    if len(parents) == 1:
        return parents[0]
    if parents:
        keys_found = ", ".join(sorted(run.data.tags["lab.run"] for run in parents)[:3])
        raise UserError(f"{said}: {len(parents)} runs begin so ({keys_found}, …): say more of it")
    raise UserError(f"{said}: MLflow has no such run (./invoke sync sends what it has not got yet)")


def _newest(client: Any, lab: str) -> Any:
    experiment = client.get_experiment_by_name(lab)
    found = []
    if experiment is not None:
        runs = client.search_runs([experiment.experiment_id], order_by=["start_time DESC"], max_results=1000)
        found = [run for run in runs if _is_original(run)]
    if not found:
        raise UserError(f"last:{lab}: MLflow has no finished run of a lab '{lab}' (./invoke labs lists the labs)")
    return found[0]


def _is_original(run: Any) -> bool:
    tags = run.data.tags
    ended = run.info.status == "FINISHED"
    return ended and "lab.run" in tags and "mlflow.parentRunId" not in tags and "lab.reproduces" not in tags


def read(client: Any, run: Any) -> Record:
    """The whole record of a parent run.

    Raises:
        UserError: a part of it is missing, or is not what its digest says.
    """
    key = run.data.tags["lab.run"]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        wanted = ("code.tar.gz", "config.json", "environment.json")
        files = {name: _artifact(client, run, key, name, folder) for name in wanted}
        tags = dict(run.data.tags)
        code = _checked_files(files["code.tar.gz"], key, "code", tags)
        recipe = None
        if "lab.recipe_sha256" in tags:
            recipe = _artifact(client, run, key, "recipe.tar.gz", folder)
            _checked_files(recipe, key, "recipe", tags)
        found = {child.tags["lab.run"]: child for child in _children(client, run, key, folder)}
        counting = (found[name] for name in sorted(last_attempts(found)))
        children = {(child.variant, child.seed): child for child in counting}
    digest = parent_digest(child.digest for child in children.values() if child.status == "FINISHED")
    if run.info.status == "FINISHED" and digest != run.data.tags["lab.result_digest"]:
        raise UserError(f"{key}: its traces are not what its tag lab.result_digest says: the record is not whole")
    return Record(
        key=key,
        run_id=run.info.run_id,
        tags=tags,
        status=run.info.status,
        config=json.loads(files["config.json"]),
        environment=json.loads(files["environment.json"]),
        code=code,
        archive=files["code.tar.gz"],
        recipe=recipe,
        children=children,
    )


def _checked_files(archived: bytes, key: str, what: str, tags: Mapping[str, str]) -> dict[str, bytes]:
    """The files of ``<what>.tar.gz``. Raises `UserError` when they are not those of the tag ``lab.<what>_sha256``."""
    try:
        files = unpacked(archived)
    except (tarfile.TarError, OSError, EOFError, zlib.error):
        files = {}
    if sha256_of_files(files) != tags[f"lab.{what}_sha256"]:
        raise UserError(f"{key}: its {what}.tar.gz is not what its tag lab.{what}_sha256 says: the record is not whole")
    return files


def _children(client: Any, run: Any, key: str, folder: Path) -> Iterator[Child]:
    for child in child_runs(client, run):
        tags = dict(child.data.tags)
        text = _artifact(client, child, key, "trace.jsonl", folder).decode("ascii")
        found = Child(tags["lab.variant"], int(tags["lab.seed"]), tags, child.info.status, trace_of(text))
        if found.status == "FINISHED" and found.digest != tags.get("lab.result_digest"):
            raise UserError(
                f"{key}: the trace of trial {found.name} is not what its tag lab.result_digest says"
                f"{_where(first_broken(text))}: the record is not whole"
            )
        yield found


def _where(broken: list[str]) -> str:
    """The steps of these lines of a trace, in words; empty where they have none."""
    steps = [found[1] for line in broken if (found := STEP.match(line))]
    return f", from step {steps[0]} to {steps[-1]}" if steps else ""


def child_runs(client: Any, run: Any) -> Iterator[Any]:
    """The runs of the trials of a parent run."""
    return _pages(client, run.info.experiment_id, f"tags.mlflow.parentRunId = '{run.info.run_id}'")


def last_attempts(keys: Iterable[str]) -> set[str]:
    """Of the keys of runs those that count: of each trial the last attempt (``RUN.trial-0007-2`` is a second one)."""
    last: dict[str, tuple[int, str]] = {}
    for key in keys:
        again = AGAIN.search(key)
        trial, attempt = (key[: again.start(1)], int(again[2])) if again else (key, 1)
        last[trial] = max(last.get(trial, (0, "")), (attempt, key))
    return {key for _, key in last.values()}


def all_of(client: Any, lab: str) -> list[Any]:
    """The parent runs of a lab that have ended, oldest first.

    Raises:
        UserError: there are none.
    """
    experiment = client.get_experiment_by_name(lab)
    runs = list(_pages(client, experiment.experiment_id, "")) if experiment is not None else []
    parents = [run for run in runs if "lab.run" in run.data.tags and "mlflow.parentRunId" not in run.data.tags]
    ended = [run for run in parents if run.info.status != "RUNNING"]
    if not ended:
        raise UserError(f"all:{lab}: MLflow has no run of a lab '{lab}' that has ended (./invoke labs lists the labs)")
    return sorted(ended, key=lambda run: str(run.data.tags["lab.run"]))


def _pages(client: Any, experiment: str, wanted: str) -> Iterator[Any]:
    token = None
    while True:
        page = client.search_runs([experiment], wanted, max_results=1000, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def trace_of(text: str) -> list[str]:
    """The canonical lines of a trace.jsonl, without those of digests."""
    return [line for line in text.splitlines() if not line.startswith('{"digest"')]


def digest_of(trace: list[str]) -> str:
    """The digest of a trace's canonical lines."""
    return hashlib.sha256("".join(f"{line}\n" for line in trace).encode()).hexdigest()


def _artifact(client: Any, run: Any, key: str, name: str, folder: Path) -> bytes:
    from mlflow.exceptions import MlflowException

    target = folder / run.info.run_id
    target.mkdir(exist_ok=True)
    try:
        return Path(client.download_artifacts(run.info.run_id, name, str(target))).read_bytes()
    except (MlflowException, OSError):
        where = f"MLflow (run {run.info.run_id})"
        raise UserError(f"{key}: its {name} is missing in {where}: the record is not whole") from None
