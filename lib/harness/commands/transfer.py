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
import os
import stat
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any

from lib.harness.comparing import from_export, from_mlflow
from lib.harness.comparing.from_export import ExportedRun
from lib.harness.errors import UserError
from lib.harness.recording.jsonfile import json_bytes
from lib.harness.recording.trace import version_of
from lib.harness.shipping.remote import IMPORTED, MlflowServer
from lib.harness.shipping.shipper import BATCH

SUMS = "SHA256SUMS"
DIGEST = "lab.result_digest"
PIECE = 1 << 20
"""Bytes of a file that are in memory at a time."""
LINKS_AND_DEVICES = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
}
QUARANTINE = "imported/"
"""Begins the name of the experiment of imported runs: they are not among a lab's own, nor do they speak for it."""
SERVERS_OWN = {"mlflow.parentRunId", "mlflow.runName", "mlflow.artifactLocation"}
"""Tags that MLflow sets itself: they name things of the server that a run was exported from."""


def export(name: str) -> int:
    """Write a run, named as for `from_mlflow.find`, or all runs of a lab (all:LAB) as a tar to standard output.

    Returns 0.

    Raises:
        UserError: there is none, or MLflow does not answer.
    """
    with from_mlflow.connected() as client:
        parents = from_mlflow.all_of(client, name.removeprefix("all:")) if name.startswith("all:") else None
        stream, sys.stdout = sys.stdout.buffer, sys.stderr  # MLflow's client may print
        with tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as tar:
            writer = _Writer(tar)
            for parent in parents if parents is not None else [from_mlflow.find(client, name)]:
                experiment = client.get_experiment(parent.info.experiment_id).name
                for run in chain([parent], from_mlflow.child_runs(client, parent)):
                    _write_run(client, run, parent, experiment, writer)
            sums = sorted(writer.sums.items())
            writer.write(SUMS, "".join(f"{sha256}  {name}\n" for name, sha256 in sums).encode())
    return 0


class _Writer:
    """Adds files to a tar, none of them in memory as a whole.

    Attributes:
        sums: the SHA-256 of each file, by its name.
    """

    def __init__(self, tar: tarfile.TarFile):
        self._tar = tar
        self.sums: dict[str, str] = {}

    def write(self, name: str, data: bytes) -> None:
        """Add a file with this content."""
        self.copy(name, io.BytesIO(data))

    def copy(self, name: str, file: IO[bytes]) -> None:
        """Add a file with the content of another one, from its beginning."""
        info = tarfile.TarInfo(name)
        info.size, info.mode = file.seek(0, os.SEEK_END), 0o644
        self.sums[name] = _sha256(file)
        file.seek(0)
        self._tar.addfile(info, file)


def _sha256(file: IO[bytes]) -> str:
    """The SHA-256 of a whole file, read piece by piece."""
    file.seek(0)
    digest = hashlib.sha256()
    while piece := file.read(PIECE):
        digest.update(piece)
    return digest.hexdigest()


def _write_run(client: Any, run: Any, parent: Any, experiment: str, writer: _Writer) -> None:
    tags = {name: value for name, value in run.data.tags.items() if name not in SERVERS_OWN}
    key = tags["lab.run"]
    described = {
        "format": int(version_of(tags)),
        "key": key,
        "parent": None if run is parent else parent.data.tags["lab.run"],
        "experiment": experiment.removeprefix(QUARANTINE),
        "name": run.info.run_name,
        "status": run.info.status,
        "start_time": run.info.start_time,
        "end_time": run.info.end_time,
        "tags": tags,
        "params": run.data.params,
    }
    writer.write(f"{key}/run.json", json_bytes(described))
    with tempfile.TemporaryDirectory() as folder:
        with Path(folder, "metrics.jsonl").open("w+b") as file:
            for point in from_mlflow.points(client, run):
                line = [point.key, point.step, point.timestamp, _as_json(point.value)]
                file.write(json.dumps(line).encode() + b"\n")
            writer.copy(f"{key}/metrics.jsonl", file)
        below = Path(folder, "artifacts")
        below.mkdir()
        root = Path(client.download_artifacts(run.info.run_id, "", str(below)))
        for path in sorted(path for path in root.rglob("*") if path.is_file()):
            with path.open("rb") as file:
                writer.copy(f"{key}/artifacts/{path.relative_to(root).as_posix()}", file)


def _as_json(value: float) -> float | str:
    """A number as strict JSON has it: what is not finite is a text."""
    return value if math.isfinite(value) else str(value)


def import_(folder: str) -> int:
    """Put the runs of an unpacked export into MLflow; what is there already is not put in twice. Returns 0.

    They go into experiments of their own, with the tag lab.imported; no model of theirs is registered.

    Raises:
        UserError: a file is damaged, missing or not of the export, a digest is wrong, a run has the key of another one
            of this machine, or MLflow does not answer. Nothing has been put in then.
    """
    root = Path(folder)
    _check_files(root)
    runs = from_export.read_runs(root)
    from_export.require_whole(root, runs)
    families = from_export.families(runs)
    with from_mlflow.connected() as client:
        importer = _Importer(client, root)
        new = sum(map(importer.put_all, [runs for runs in families if not importer.is_own(runs)]))
    parents = len(families)
    there = f", {len(runs) - new} of them there already" if new < len(runs) else ""
    print(f"{parents} run{'s' if parents != 1 else ''} with {len(runs) - parents} trials{there}")
    return 0


def _check_files(root: Path) -> None:
    """Raises `UserError` unless what is below `root` are plain files, exactly those of its SHA256SUMS, in folders."""
    if not os.path.lexists(root / SUMS):
        raise UserError(f"The folder has no {SUMS}: it is not an export of runs (./invoke export makes one)")
    present = set(_plain_files(root)) - {SUMS}
    try:
        lines = (root / SUMS).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise UserError(f"{SUMS} cannot be read ({error.strerror}): chmod -R go+rX the folder") from None
    wanted = {name: sha256 for sha256, _, name in (line.partition("  ") for line in lines)}
    if "" in wanted:
        raise UserError(f"{SUMS} is damaged: export the runs again")
    for name in sorted(wanted.keys() | present):
        if name not in present:
            raise UserError(f"{name} is missing: export the runs again")
        if name not in wanted:
            raise UserError(f"{name} is not in {SUMS}: remove it, or export the runs again")
        try:
            with (root / name).open("rb") as file:
                sha256 = _sha256(file)
        except OSError as error:
            raise UserError(f"{name} cannot be read ({error.strerror}): chmod -R go+rX the folder") from None
        if sha256 != wanted[name]:
            raise UserError(f"{name} is damaged (wrong SHA-256): export the runs again")


def _plain_files(root: Path) -> Iterator[str]:
    """The paths of the files below `root`.

    Raises:
        UserError: something there is neither a file of its own nor a folder. A link may lead to a file of this machine,
            and whoever wrote the export knows that file's SHA-256.
    """
    for path in sorted(root.rglob("*")):
        facts = path.lstat()
        if stat.S_ISDIR(facts.st_mode):
            continue
        name = path.relative_to(root).as_posix()
        if not stat.S_ISREG(facts.st_mode):
            kind = LINKS_AND_DEVICES.get(stat.S_IFMT(facts.st_mode), "no plain file")
            raise UserError(f"{name} is {kind}: an export has plain files alone; export the runs again")
        if facts.st_nlink > 1:
            raise UserError(f"{name} is a hard link: an export has plain files alone; copy the folder (cp -r)")
        yield name


class _Importer:
    """Puts the runs of an export into MLflow. `root`: its folder."""

    def __init__(self, client: Any, root: Path):
        self._client, self._server, self._root = client, MlflowServer(client), root

    def is_own(self, runs: Mapping[str, ExportedRun]) -> bool:
        """Return whether a parent run was recorded here. Raises `UserError` where that one has other results."""
        first, claimed = next(iter(runs.items()))
        recorded = from_mlflow.own(self._client, first)
        if recorded is None:
            return False
        if recorded.data.tags.get(DIGEST) not in (None, claimed.tags.get(DIGEST)):
            raise UserError(f"{first}: a run of this machine has this key and other results: the export is refused")
        return True

    def put_all(self, runs: Mapping[str, ExportedRun]) -> int:
        """Put a parent run and then its trials into MLflow. Returns how many were missing, or not there as a whole."""
        first = next(iter(runs))
        name, summary = f"{QUARANTINE}{runs[first].experiment}", runs[first].tags.get("lab.summary", "")
        experiment = _experiment(self._server, name, summary)
        present = {key: run for key, run in self._server.runs(experiment, first).items() if not run.deleted}
        new, parent = 0, ""
        for key, run in runs.items():
            remote = present.get(key)
            id_ = remote.id if remote else ""
            if remote is None or not remote.is_ended:
                tags = {**run.tags, IMPORTED: "true", **({"mlflow.parentRunId": parent} if parent else {})}
                id_ = id_ or self._client.create_run(experiment, run.start_time, tags, run.name).info.run_id
                self._fill(id_, run, tags)
                new += 1
            parent = parent or id_
        return new

    def _fill(self, id_: str, run: ExportedRun, tags: Mapping[str, str]) -> None:
        """Put all of a run into the one of MLflow's with this id; what an import before has put there stays once."""
        folder = self._root / run.key
        self._server.log(id_, [], run.params, tags)
        points = from_export.points(folder)
        while batch := [(name, value, time, step) for name, step, time, value in islice(points, BATCH)]:
            self._server.log(id_, batch, {}, {})
        if (folder / "artifacts").is_dir():
            self._client.log_artifacts(id_, str(folder / "artifacts"))
        self._client.set_terminated(id_, run.status, run.end_time)


def _experiment(server: MlflowServer, name: str, description: str) -> str:
    """The id of the experiment of this name, which is created, or restored if it was deleted."""
    match = server.experiment(name)
    if match is None:
        server.create_experiment(name, description)
        match = server.experiment(name)
    elif match.deleted:
        server.restore_experiment(match.id)
    assert match is not None
    return match.id
