"""``lab``, ``sync`` and ``import`` with faults: the real commands on a real journal and MLflow's own database."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import numpy as np

from lib.harness.recording import reading
from lib.harness.recording.trace import canonical, digest_of
from lib.harness.shipping.remote import Experiment
from tests.lib.harness.simulation.oracle import compare
from tests.lib.harness.simulation.tracking import Store, StoredRun
from tests.torture.case import Case
from tests.torture.program import QUIET, THREADS, Ended, Program

ROOT = Path(__file__).resolve().parents[2]
NOWHERE = "http://127.0.0.1:9"  # the discard port: nobody listens
LAB = ("descent", "--workers", "1", "--seeds", "1")
TRIALS = 2
ANEW = "before it had recorded its config: run the lab anew"
"""The answer of ``--resume`` where nothing has run yet."""
Journals = Mapping[str, list[dict[str, object]]]


def clone(folder: Path) -> Path:
    """A folder with the harness and one lab."""
    root = folder / "clone"
    (root / "lib").mkdir(parents=True)
    for name in ("__init__.py", "__main__.py"):
        shutil.copy(ROOT / "lib" / name, root / "lib" / name)
    unwanted = shutil.ignore_patterns("__pycache__")
    for name in ("harness", "kernels", "public"):
        shutil.copytree(ROOT / "lib" / name, root / "lib" / name, ignore=unwanted)
    shutil.copytree(Path(__file__).with_name("labs"), root / "lib" / "labs", ignore=unwanted)
    return root


class Files:
    """A folder on the disk, as the simulation's oracle reads its disk."""

    def __init__(self, root: Path):
        self._root = root

    def data(self, path: Path) -> bytes | None:
        """The bytes of a file; None where there is none."""
        return path.read_bytes() if path.is_file() else None

    def journals(self) -> list[Path]:
        """All journals."""
        return sorted(self._root.glob("*/*.jsonl"))

    def files_below(self, folder: Path) -> dict[str, bytes]:
        """All files below a folder, by their paths from there."""
        files = [path for path in folder.rglob("*") if path.is_file()]
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def stored(database: Path) -> Store:
    """All that MLflow's database and its folder of artifacts have."""
    store = Store()
    with closing(sqlite3.connect(database, timeout=60)) as connection:
        ask = connection.execute
        for number, name, stage in ask("SELECT experiment_id, name, lifecycle_stage FROM experiments").fetchall():
            store.experiments[name] = Experiment(str(number), stage == "deleted")
        for id_, name, experiment, status, start, end, stage, uri in ask(
            "SELECT run_uuid, name, experiment_id, status, start_time, end_time, lifecycle_stage, artifact_uri"
            " FROM runs"
        ).fetchall():
            tags = dict(ask("SELECT key, value FROM tags WHERE run_uuid = ?", (id_,)).fetchall())
            params = dict(ask("SELECT key, value FROM params WHERE run_uuid = ?", (id_,)).fetchall())
            points = ask(
                "SELECT key, value, timestamp, step, is_nan FROM metrics WHERE run_uuid = ?", (id_,)
            ).fetchall()
            store.runs[id_] = StoredRun(
                id_, str(experiment), name, tags, start, status, end or 0, params,
                {(key, _value(value, is_nan), time, step) for key, value, time, step, is_nan in points},
                Files(Path()).files_below(Path(uri.removeprefix("file://"))), stage == "deleted",
            )  # fmt: skip
            if "lab.run" not in tags:
                del store.runs[id_]  # it was created, and its tags are on their way
    return store


def _value(value: float, is_nan: bool) -> str:
    """A metric as it was: MLflow has the largest double in the place of infinity, and a mark for NaN."""
    if is_nan:
        return float("nan").hex()
    infinite = abs(value) == sys.float_info.max
    return (float("inf") * (1 if value > 0 else -1) if infinite else value).hex()


class LibCase(Case):
    """A command of ``python -m lib`` with a journal and a database of its own."""

    server = ""

    def __init__(self, folder: Path, program: Program, database: Path):
        self._database = database
        super().__init__(folder, program)

    def make_template(self) -> None:
        """An empty journal and an empty database."""
        (self.template / "journal").mkdir()
        shutil.copy(self._database, self.template / "mlflow.db")

    def variables(self) -> Mapping[str, str]:
        """The environment: nobody's but the room's."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.room / "tmp"),
            "TMPDIR": str(self.room / "tmp"),
            "LAB_JOURNAL": str(self.room / "journal"),
            "LAB_ARTIFACTS": str(self.room / "artifacts"),
            "LAB_LOCK_SHA256": "l" * 64,
            "MLFLOW_TRACKING_URI": self.server or f"sqlite:///{self.room}/mlflow.db",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": os.pathsep.join(str(self.folder.parent / "clone" / name) for name in ("", "lib/public")),
            **THREADS,
            **QUIET,
        }

    def in_mlflow(self, journal: Path) -> list[str]:
        """Compare the room's MLflow with a folder of journals."""
        return list(compare(Files(journal), stored(self.room / "mlflow.db"), set()))  # type: ignore[arg-type]

    def record(self, names: str) -> None:
        """Run the lab in the template, without MLflow."""
        self.room, room = self.template, self.room
        try:
            ended = self.program.run(LAB, {**self.variables(), "MLFLOW_TRACKING_URI": NOWHERE}, names)
        finally:
            self.room = room
        if ended.code:
            raise RuntimeError(f"the lab cannot run here (exit code {ended.code}): {ended.err}")


class LabCase(LibCase):
    """``lab``: what it vouches for is whole, ``--resume`` runs the rest, ``sync`` sends all of it, once."""

    name = "lab"
    command = LAB

    def make_template(self) -> None:
        """The digest of a run that nothing interrupts; then an empty journal and an empty database."""
        super().make_template()
        self.record("whole")
        (folder,) = (self.template / "journal").iterdir()
        self._digest = digest_of_run(folder / "run.jsonl")
        shutil.rmtree(folder)

    def variables(self) -> Mapping[str, str]:
        """While the lab runs, MLflow is away."""
        return {**super().variables(), "MLFLOW_TRACKING_URI": NOWHERE}

    def lost(self, ended: Ended) -> list[str]:
        """The oracle."""
        journal = self.room / "journal"
        lost = [line for path in sorted(journal.glob("*/*.jsonl")) for line in broken(path)]
        if lost:
            return lost  # there is nothing to go on with
        begun = [folder for folder in sorted(journal.iterdir()) if (folder / "run.jsonl").exists()]
        first = next((reading.last(folder / "run.jsonl") for folder in begun), None)
        if first is None:
            lost += self.succeeded(*LAB)
        elif first.get("status") != "FINISHED":
            resumed = self.again(LAB[0], "--resume", begun[0].name, "--workers", "1")
            if resumed.code == 2 and ANEW in resumed.err:
                lost += [*resumed.wrong(), *self.succeeded(*LAB)]
            elif resumed.code or resumed.wrong():
                lost.append(f"--resume afterwards: exit code {resumed.code}: {resumed.err.strip()[-300:]}")
        lost += whole(journal, self._digest)
        ended = self.program.run(["sync"], super().variables(), "sync")
        if ended.code or ended.wrong():
            lost.append(f"sync afterwards: exit code {ended.code}: {ended.err.strip()[-300:]}")
        return [*lost, *self.in_mlflow(journal)]


def broken(path: Path) -> list[str]:
    """The complaints about a journal: it cannot be read, or has ended well without what it vouches for."""
    try:
        records = [record for _, record in reading.read(path)]
    except reading.DamagedError as error:
        return [str(error)]
    if not records or records[-1].get("status") != "FINISHED":
        return []
    lines = [canonical(record["record"]) for record in records if record["kind"] == "log"]
    files = reading.files_of(path)
    try:
        if path.name == "run.jsonl":
            json.loads((files / "claims.json").read_bytes())
            return []
        json.loads((files / "config.json").read_bytes())
        json.loads((files / "measurements.json").read_bytes())
        with np.load(files / "model" / "parameters.npz") as arrays:
            assert arrays["w"].shape == (3,)
    except Exception as error:
        return [f"{path.name} has ended well, and its files are not whole ({error})"]
    same = digest_of(lines) == records[-1]["tags"]["lab.result_digest"]
    return [] if same else [f"{path.name}: its records have another digest than its end says"]


def digest_of_run(path: Path) -> str:
    """The digest with which a run has ended well; empty if it has not."""
    last = reading.last(path) or {}
    return str(last["tags"]["lab.result_digest"]) if last.get("status") == "FINISHED" else ""


def whole(journal: Path, digest: str) -> list[str]:
    """The complaints about a run that has been resumed.

    It is not finished, a trial is missing or there twice, or its digest is not that of a run that nothing interrupted.
    """
    lost = []
    for path in journal.glob("*/run.jsonl"):
        if not (observed := digest_of_run(path)):
            continue
        if observed != digest:
            lost.append(f"{path.parent.name} has the digest {observed[:16]}, and uninterrupted it has {digest[:16]}")
        names = []
        for trial in sorted(path.parent.glob("trial-*.jsonl")):
            records = [record for _, record in reading.read(trial)]
            if records and records[-1].get("status") == "FINISHED":
                names.append(records[0]["name"])
        if sorted(names) != ["fast, seed 0", "slow, seed 0"]:
            lost.append(f"{path.parent.name} is finished, and has these trials: {', '.join(names)}")
        return lost
    return ["no run is finished"]


class SyncCase(LibCase):
    """``sync``: a second one sends the rest, and MLflow has every run once, as its journal says."""

    name = "sync"
    command = ("sync",)

    def make_template(self) -> None:
        """A finished run, and one whose process was killed."""
        super().make_template()
        self.record("finished")
        self.record("killed")
        newest = max((self.template / "journal").iterdir(), key=lambda folder: folder.stat().st_mtime_ns)
        for name in ("run.jsonl", f"trial-{TRIALS - 1:04d}.jsonl"):
            lines = (newest / name).read_bytes().splitlines(keepends=True)
            (newest / name).write_bytes(b"".join(lines[:-1]) + lines[-1][:20])

    def lost(self, ended: Ended) -> list[str]:
        """The oracle."""
        journal = self.room / "journal"
        lost = [line for path in sorted(journal.glob("*/*.jsonl")) for line in broken(path)]
        for folder in (self.template / "journal").iterdir():
            for path in folder.glob("*.jsonl"):
                kept = path.read_bytes()
                kept = kept[: kept.rfind(b"\n") + 1]
                if not (journal / folder.name / path.name).read_bytes().startswith(kept):
                    lost.append(f"sync has changed {path.name}")
        return [*lost, *self.succeeded("sync"), *self.in_mlflow(journal)]


class ImportCase(LibCase):
    """``import``: a second one puts in the rest, and MLflow has every run once, as it was exported."""

    name = "import"
    command = ("import", "records")

    def make_template(self) -> None:
        """An export, an empty database."""
        super().make_template()
        self.record("exported")
        self.reset()
        variables = self.variables()
        for arguments in (["sync"], ["export", f"last:{LAB[0]}"]):
            ended = self.program.run(arguments, variables, "exported")
            if ended.code:
                raise RuntimeError(f"{arguments[0]} cannot run here: {ended.err}")
        records = self.template / "records"
        records.mkdir()
        subprocess.run(["tar", "xf", self.program.printed, "-C", records], check=True)
        (self.template / "journal").rename(self.template / "exported")
        (self.template / "journal").mkdir()
        self.command = ("import", str(self.room / "records"))

    def lost(self, ended: Ended) -> list[str]:
        """The oracle."""
        return [*self.succeeded(*self.command), *self.in_mlflow(self.room / "exported")]
