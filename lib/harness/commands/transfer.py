"""Records as files: `invoke export` takes runs out of MLflow, `invoke import` puts them into another one.

An export is a tar. Each run, parent or child, is a folder named by its key:

    KEY/run.json        experiment, name, parent, status, times, tags, params (`from_export.ExportedRun`)
    KEY/metrics.jsonl   every point: key, step, time, value
    KEY/artifacts/…     as MLflow has them, trace.jsonl among them
    SHA256SUMS          of all files, as `sha256sum -c` reads it

Traces and digests are copied, never computed again, so what could be proved of a run before can be proved after.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import sys
import tarfile
import tempfile
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

from lib.harness.comparing import from_export, from_mlflow
from lib.harness.comparing.from_export import ExportedRun
from lib.harness.errors import UserError
from lib.harness.recording.jsonfile import json_bytes
from lib.harness.recording.trace import version_of
from lib.harness.shipping.remote import MlflowServer
from lib.harness.shipping.shipper import BATCH

SUMS = "SHA256SUMS"
THEIRS = {"mlflow.parentRunId", "mlflow.runName", "mlflow.artifactLocation"}
"""Tags that MLflow sets itself: they name things of the server that a run was exported from."""


def export(said: str) -> int:
    """Write the runs that `said` names as a tar to standard output: one as `from_mlflow.find` takes it, or all:LAB.

    Returns 0.

    Raises:
        UserError: there is none, or MLflow does not answer.
    """
    with from_mlflow.connected() as client:
        parents = from_mlflow.all_of(client, said.removeprefix("all:")) if said.startswith("all:") else None
        stream, sys.stdout = sys.stdout.buffer, sys.stderr  # MLflow's client may print
        sums: dict[str, str] = {}
        with tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as tar:

            def write(name: str, data: bytes) -> None:
                info = tarfile.TarInfo(name)
                info.size, info.mode = len(data), 0o644
                tar.addfile(info, io.BytesIO(data))
                sums[name] = hashlib.sha256(data).hexdigest()

            for parent in parents if parents is not None else [from_mlflow.find(client, said)]:
                for run in [parent, *from_mlflow.child_runs(client, parent)]:
                    _write_run(client, run, parent, write)
            write(SUMS, "".join(f"{sha256}  {name}\n" for name, sha256 in sorted(sums.items())).encode())
    return 0


def _write_run(client: Any, run: Any, parent: Any, write: Callable[[str, bytes], None]) -> None:
    tags = {name: value for name, value in run.data.tags.items() if name not in THEIRS}
    key = tags["lab.run"]
    described = {
        "format": int(version_of(tags)),
        "key": key,
        "parent": None if run is parent else parent.data.tags["lab.run"],
        "experiment": client.get_experiment(run.info.experiment_id).name,
        "name": run.info.run_name,
        "status": run.info.status,
        "start_time": run.info.start_time,
        "end_time": run.info.end_time,
        "tags": tags,
        "params": run.data.params,
    }
    write(f"{key}/run.json", json_bytes(described))
    points = [point for name in sorted(run.data.metrics) for point in client.get_metric_history(run.info.run_id, name)]
    lines = ([point.key, point.step, point.timestamp, _said(point.value)] for point in points)
    write(f"{key}/metrics.jsonl", "".join(json.dumps(line) + "\n" for line in lines).encode())
    with tempfile.TemporaryDirectory() as folder:
        root = Path(client.download_artifacts(run.info.run_id, "", folder))
        for path in sorted(path for path in root.rglob("*") if path.is_file()):
            write(f"{key}/artifacts/{path.relative_to(root).as_posix()}", path.read_bytes())


def _said(value: float) -> float | str:
    """A number as strict JSON has it: what is not finite is a text."""
    return value if math.isfinite(value) else str(value)


def import_(folder: str) -> int:
    """Put the runs of an unpacked export into MLflow; what is there already is not put in twice. Returns 0.

    Raises:
        UserError: a file is damaged, missing or not of the export, a digest is wrong, or MLflow does not answer.
            Nothing has been put in then.
    """
    root = Path(folder)
    _check_files(root)
    runs = from_export.read_runs(root)
    from_export.require_whole(root, runs)
    ids: dict[str, str] = {}
    new = 0
    with from_mlflow.connected() as client:
        server = MlflowServer(client)
        for key, run in sorted(runs.items(), key=lambda item: item[1].parent is not None):
            ids[key], is_new = _put(client, server, root / key, run, ids.get(run.parent or ""))
            new += is_new
    parents = sum(run.parent is None for run in runs.values())
    there = f", {len(runs) - new} of them there already" if new < len(runs) else ""
    print(f"{parents} run{'s' if parents != 1 else ''} with {len(runs) - parents} trials{there}")
    return 0


def _check_files(root: Path) -> None:
    """Raises `UserError` unless the files below `root` are exactly those of its SHA256SUMS."""
    try:
        lines = (root / SUMS).read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        raise UserError(f"The folder has no {SUMS}: it is not an export of runs (./invoke export makes one)") from None
    except OSError as error:
        raise UserError(f"{SUMS} cannot be read ({error.strerror}): chmod -R go+rX the folder") from None
    wanted = {name: sha256 for sha256, _, name in (line.partition("  ") for line in lines)}
    present = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()} - {SUMS}
    for name in sorted(wanted.keys() | present):
        if name not in present:
            raise UserError(f"{name} is missing: export the runs again")
        if name not in wanted:
            raise UserError(f"{name} is not in {SUMS}: remove it, or export the runs again")
        try:
            data = (root / name).read_bytes()
        except OSError as error:
            raise UserError(f"{name} cannot be read ({error.strerror}): chmod -R go+rX the folder") from None
        if hashlib.sha256(data).hexdigest() != wanted[name]:
            raise UserError(f"{name} is damaged (wrong SHA-256): export the runs again")


def _put(client: Any, server: MlflowServer, folder: Path, run: ExportedRun, parent: str | None) -> tuple[str, bool]:
    """Put one run into MLflow. Returns its id there, and whether it was not there as a whole."""
    from mlflow.entities import Metric, Param, RunTag

    experiment = _experiment(server, run.experiment)
    tags = {**run.tags, **({"mlflow.parentRunId": parent} if parent else {})}
    matches = client.search_runs([experiment], f"tags.`lab.run` = '{run.key}'", max_results=1)
    if matches and matches[0].info.status != "RUNNING":
        return matches[0].info.run_id, False
    there = matches[0] if matches else client.create_run(experiment, run.start_time, tags, run.name)
    run_id: str = there.info.run_id
    client.log_batch(
        run_id,
        params=[Param(name, value) for name, value in run.params.items()],
        tags=[RunTag(name, value) for name, value in tags.items()],
    )
    points = from_export.points(folder)
    while batch := [Metric(key, value, time, step) for key, step, time, value in islice(points, BATCH)]:
        client.log_batch(run_id, metrics=batch)
    if (folder / "artifacts").is_dir():
        client.log_artifacts(run_id, str(folder / "artifacts"))
    if "lab.model" in tags and run.status == "FINISHED":
        server.register(run_id, tags["lab.model"])
    client.set_terminated(run_id, run.status, run.end_time)
    return run_id, True


def _experiment(server: MlflowServer, name: str) -> str:
    """The id of the experiment of this name, which is created, or restored if it was deleted."""
    match = server.experiment(name)
    if match is None:
        server.create_experiment(name)
        match = server.experiment(name)
    elif match.deleted:
        server.restore_experiment(match.id)
    assert match is not None
    return match.id
