"""The calls of MLflow that the shipper makes, and their errors.

They are idempotent or can be looked up: an answer that was lost is asked for again.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from lib.harness.shipping.server import answers, server_errors

IMPORTED = "lab.imported"
"""On a run that was imported, and on its trials: somebody else has recorded it."""
PAGE = 250
"""Runs that MLflow is asked for at a time, each with all of its tags."""
TERMINAL = ("FINISHED", "FAILED", "KILLED")
SENT = "lab.sent"
"""The tag of a run that says how many bytes of its journal MLflow has: it comes and goes with the points."""
RUN_NAME, NOTE = "mlflow.runName", "mlflow.note.content"
"""MLflow's own tags: the name of a run, and the description of a run or an experiment."""
TAGS_AT_A_TIME = 90
TAG_LENGTH, PARAM_LENGTH, NAME_LENGTH = 8000, 6000, 250
"""MLflow's own limits; the files of the run have the whole text."""
Metric = tuple[str, float, int, int]
"""Name, value, time in ms since the epoch, step."""


@dataclass(frozen=True)
class Experiment:
    """An experiment of MLflow's. `deleted`: it is in the bin of MLflow's page."""

    id: str
    deleted: bool


@dataclass(frozen=True)
class RemoteRun:
    """A run as MLflow has it. `sent`: bytes of its journal that have arrived. `deleted`: it is in the bin."""

    id: str
    status: str
    end_time: int
    sent: int
    deleted: bool

    @property
    def is_ended(self) -> bool:
        """Return whether it has come to an end."""
        return self.status in TERMINAL


class Server(Protocol):
    """The calls of MLflow that the shipper makes.

    Each raises `ServerAwayError` where it may have been done or not, and `RefusedError` where asking again is no use.
    """

    def answers(self) -> bool:
        """Return whether somebody listens there."""

    def experiment(self, name: str) -> Experiment | None:
        """The experiment of this name, a deleted one included."""

    def create_experiment(self, name: str, description: str) -> None:
        """Create an experiment, unless it is there."""

    def restore_experiment(self, experiment: str) -> None:
        """Take an experiment and its runs out of the bin."""

    def runs(self, experiment: str, beginning: str) -> dict[str, RemoteRun]:
        """The runs whose key (``lab.run``) has this beginning, by key, deleted ones included."""

    def parents(self) -> dict[str, RemoteRun]:
        """The parent runs of all experiments, and trials that have not ended, by key, deleted ones included."""

    def create_run(self, experiment: str, name: str, time: int, tags: Mapping[str, str]) -> str:
        """Create a run. Returns its id."""

    def log(self, run: str, metrics: Sequence[Metric], params: Mapping[str, str], tags: Mapping[str, str]) -> None:
        """Record metrics, params and tags, in this order; what is there already stays once."""

    def delete_tag(self, run: str, name: str) -> None:
        """Delete a tag, if it is there."""

    def set_status(self, run: str, status: str, end_time: int | None) -> None:
        """Set a run's status."""

    def send_lines(self, run: str, name: str, lines: Iterable[str]) -> None:
        """Store lines as a file of the run."""

    def send_files(self, run: str, folder: Path) -> None:
        """Store all files of a folder with the run."""

    def register(self, run: str, model: str) -> None:
        """Make the run's ``model`` folder a version in MLflow's registry, unless it is one."""


class MlflowServer:
    """An MLflow server, or a database in a file, through MLflow's client."""

    def __init__(self, client: Any):
        self.client = client

    def answers(self) -> bool:
        """Return whether somebody listens at its address."""
        return answers()

    def experiment(self, name: str) -> Experiment | None:
        """The experiment of this name."""
        with server_errors():
            experiment = self.client.get_experiment_by_name(name)
        return Experiment(experiment.experiment_id, experiment.lifecycle_stage == "deleted") if experiment else None

    def create_experiment(self, name: str, description: str) -> None:
        """Create an experiment, unless it is there."""
        location = os.environ.get("LAB_ARTIFACTS")  # only without a server: the server knows its own
        tags = {NOTE: description} if description else {}
        with server_errors(), _already("RESOURCE_ALREADY_EXISTS"):
            self.client.create_experiment(name, location, tags)

    def restore_experiment(self, experiment: str) -> None:
        """Take an experiment and its runs out of the bin."""
        with server_errors():
            self.client.restore_experiment(experiment)

    def runs(self, experiment: str, beginning: str) -> dict[str, RemoteRun]:
        """The runs whose key has this beginning, by key. Of two with one key, the older one, if it is not deleted."""
        matches = self._search([experiment], f"tags.`lab.run` LIKE '{beginning}%'")
        return {key: run for key, run in matches if key.startswith(beginning)}

    def parents(self) -> dict[str, RemoteRun]:
        """The parent runs of all experiments but imported ones, and trials that have not ended, by key."""
        from mlflow.entities import ViewType

        experiments: list[str] = []
        token = None
        with server_errors():
            while True:
                page = self.client.search_experiments(ViewType.ALL, max_results=PAGE, page_token=token)
                experiments += [each.experiment_id for each in page]
                token = page.token
                if not token:
                    break
        matches = self._search(experiments, "tags.`lab.variant` = 'all'", own=True)
        parents = {key: run for key, run in matches if "." not in key}
        return dict(self._search(experiments, "attributes.status = 'RUNNING'", own=True)) | parents

    def _search(self, experiments: Sequence[str], condition: str, *, own: bool = False) -> list[tuple[str, RemoteRun]]:
        """Runs by key, those that count last: deleted before others, newer before older. `own`: no imported ones."""
        from mlflow.entities import ViewType

        matches: list[tuple[str, RemoteRun]] = []
        token = None
        with server_errors():
            while True:
                page = self.client.search_runs(
                    list(experiments), condition, ViewType.ALL, max_results=PAGE, page_token=token
                )
                wanted = (run for run in page if not (own and IMPORTED in run.data.tags))
                matches += [(run.data.tags["lab.run"], _remote(run)) for run in wanted if "lab.run" in run.data.tags]
                token = page.token
                if not token:
                    break
        return sorted(matches, key=lambda match: not match[1].deleted)

    def create_run(self, experiment: str, name: str, time: int, tags: Mapping[str, str]) -> str:
        """Create a run. Returns its id."""
        with server_errors():
            run = self.client.create_run(
                experiment, start_time=time, tags=_cut(tags, TAG_LENGTH), run_name=_text(name, PARAM_LENGTH)
            )
        return str(run.info.run_id)

    def log(self, run: str, metrics: Sequence[Metric], params: Mapping[str, str], tags: Mapping[str, str]) -> None:
        """Record metrics, params and tags: the last tag is stored after all else."""
        from mlflow import entities

        with server_errors():
            if RUN_NAME in tags:  # as a tag it would be written within the transaction that writes the others
                self.client.update_run(run, name=_text(tags[RUN_NAME], NAME_LENGTH))
                tags = {name: value for name, value in tags.items() if name != RUN_NAME}
            for some in _some(list(_cut(params, PARAM_LENGTH).items())):
                self.client.log_batch(run, params=[entities.Param(*param) for param in some])
            points = [entities.Metric(*metric) for metric in metrics]
            *first, last = list(_some([entities.RunTag(*tag) for tag in _cut(tags, TAG_LENGTH).items()])) or [[]]
            for each in first:
                self.client.log_batch(run, tags=each)
            if points or last:
                self.client.log_batch(run, metrics=points, tags=last)

    def delete_tag(self, run: str, name: str) -> None:
        """Delete a tag, if it is there."""
        with server_errors(), _already("RESOURCE_DOES_NOT_EXIST"):
            self.client.delete_tag(run, name)

    def set_status(self, run: str, status: str, end_time: int | None) -> None:
        """Set a run's status."""
        with server_errors():
            if end_time is None:
                self.client.update_run(run, status=status)
            else:
                self.client.set_terminated(run, status=status, end_time=end_time)

    def send_lines(self, run: str, name: str, lines: Iterable[str]) -> None:
        """Store lines as a file of the run; the journal has them already, so they need not fill its disk twice."""
        with server_errors(), tempfile.TemporaryDirectory() as folder:
            path = Path(folder, name)
            with path.open("w", encoding="ascii") as file:
                file.writelines(lines)
            self.client.log_artifact(run, str(path))

    def send_files(self, run: str, folder: Path) -> None:
        """Store all files of a folder with the run."""
        if folder.is_dir():
            with server_errors():
                self.client.log_artifacts(run, str(folder))

    def register(self, run: str, model: str) -> None:
        """Make the run's ``model`` folder a version in MLflow's registry, unless it is one."""
        with server_errors():
            with _already("RESOURCE_ALREADY_EXISTS"):
                self.client.create_registered_model(model)
            if not self.client.search_model_versions(f"name = '{model}' and run_id = '{run}'"):
                source = f"{self.client.get_run(run).info.artifact_uri}/model"
                self.client.create_model_version(model, source, run)


def _remote(run: Any) -> RemoteRun:
    sent = run.data.tags.get(SENT, "0")
    return RemoteRun(
        run.info.run_id,
        run.info.status,
        run.info.end_time or 0,
        int(sent) if sent.isdecimal() else 0,
        run.info.lifecycle_stage == "deleted",
    )


def _cut(texts: Mapping[str, str], length: int) -> dict[str, str]:
    return {name: _text(text, length) for name, text in texts.items()}


def _text(text: str, length: int) -> str:
    """A text as MLflow takes it: the message of an error may have bytes of a file's name in it that are no Unicode."""
    whole = text.encode(errors="replace").decode()
    return whole if len(whole) <= length else whole[: length - 1] + "…"


def _some(items: list[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(items), TAGS_AT_A_TIME):
        yield items[start : start + TAGS_AT_A_TIME]


@contextlib.contextmanager
def _already(code: str) -> Iterator[None]:
    """Work that another shipper, or an earlier attempt, may have done: MLflow's error of this code says so."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        if error.error_code != code:
            raise
