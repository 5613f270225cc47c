"""Helpers of the harness's tests: the real command in a clone of `lib` with the test labs, and a real MLflow server.

MLflow is asked through its REST API with nothing of the harness in between, so it is an oracle for the shipper.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from lib.harness.machine import determinism
from tests.lib.harness.forks import FORKS

ROOT = Path(__file__).resolve().parents[3]
MLFLOW_IN_PROCESS = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning", "ignore::ResourceWarning")
"""For tests that open a database by MLflow's client: it uses what SQLAlchemy has deprecated, and closes nothing."""
AT_ONCE = ("claims", "compare", "diff", "export", "forget", "import", "labs", "published", "record", "report", "sync")
"""The commands that `forks` runs."""
NOWHERE = "http://127.0.0.1:9"  # the discard port: nobody listens


def until(condition: Callable[[], Any], seconds: float = 60.0, what: str = "") -> Any:
    """Wait until `condition()` is true and return its value; fail after `seconds`."""
    limit = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < limit, f"not within {seconds} s: {what}"
        time.sleep(0.05)
    return value


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@dataclass
class Ended:
    """A command that has ended."""

    code: int
    out: str
    err: str

    def assert_one_line(self, code: int, *words: str) -> None:
        """Bad input: this exit code and one line on standard error with these words in it."""
        assert self.code == code, self
        assert len(self.err.splitlines()) == 1, self.err
        assert "Traceback" not in self.out + self.err
        for word in words:
            assert word in self.err, self.err


@dataclass
class Clone:
    """A folder with `lib` and the test labs, in which `python -m lib` runs as it does in the image."""

    root: Path
    journals: Path
    tracking: str = NOWHERE
    variables: dict[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        others = ("LAB_", "MLFLOW_", "PYTHON", "PYTEST", *determinism.environment())  # workers get theirs from the lab
        kept = {k: v for k, v in os.environ.items() if not k.startswith(others)}
        own = {"LAB_JOURNAL": str(self.journals), "MLFLOW_TRACKING_URI": self.tracking, "LAB_LOCK_SHA256": "l" * 64}
        return kept | own | {"PYTHONDONTWRITEBYTECODE": "1"} | self.variables

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start ``python -m lib WORDS`` in a process group of its own, as a shell does."""
        return subprocess.Popen(
            [sys.executable, "-m", "lib", *words],
            cwd=self.root,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,
        )

    def run(self, *words: str) -> Ended:
        """Run ``python -m lib WORDS`` to its end. One that runs no trials starts at once."""
        if words and words[0] in AT_ONCE:
            return Ended(*FORKS.run(self.root, words, self.environment()))
        return end_of(self.start(*words))

    def tiny(self, *words: str, **settings: Any) -> Ended:
        """Run the test lab with these settings."""
        return self.run("tiny", *words, *said(settings))

    def runs(self) -> list[Path]:
        """The folders of all lab runs, oldest first."""
        return sorted(self.journals.glob("*/run.jsonl"), key=lambda path: path.stat().st_mtime_ns)

    def newest(self) -> Path:
        """The folder of the newest lab run."""
        return self.runs()[-1].parent


def said(settings: Mapping[str, Any]) -> list[str]:
    """Settings as ``--set`` options."""
    return [word for name, value in settings.items() for word in ("--set", f"{name}={json.dumps(value)}")]


def end_of(process: subprocess.Popen[str], seconds: float = 240.0) -> Ended:
    """Wait for a command."""
    try:
        out, err = process.communicate(timeout=seconds)
    finally:
        if process.poll() is None:
            process.kill()
    return Ended(process.returncode, out, err)


def descendants(process: subprocess.Popen[str]) -> list[psutil.Process]:
    found: list[psutil.Process] = psutil.Process(process.pid).children(recursive=True)
    return found


def living(processes: list[psutil.Process]) -> list[psutil.Process]:
    """The processes that have not ended. One that ends between two looks has ended."""
    return [process for process in processes if _is_alive(process)]


def _is_alive(process: psutil.Process) -> bool:
    try:
        alive: bool = process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    return alive


def command_of(process: psutil.Process) -> list[str]:
    """The command line of a process; [] when it has ended."""
    try:
        command: list[str] = process.cmdline()
    except psutil.NoSuchProcess:
        return []
    return command


def send_signal(process: psutil.Process, number: signal.Signals) -> None:
    """Send a signal to a process that may have ended."""
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return


def records(path: Path) -> list[dict[str, Any]]:
    """The records of a journal, read without the harness; the last line must be whole."""
    text = path.read_text(encoding="utf-8")
    assert text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


def journals_of(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """All journals of one lab run by the key of their run."""
    found = [records(path) for path in sorted(folder.glob("*.jsonl"))]
    return {lines[0]["key"]: lines for lines in found}


def digests(folder: Path) -> dict[str, str]:
    """Name of each finished trial ("fast, seed 0") -> its digest, from the journals."""
    trials = [lines for lines in journals_of(folder).values() if lines[0]["parent"]]
    well = [lines for lines in trials if lines[-1]["status"] == "FINISHED"]
    return {lines[0]["name"]: lines[-1]["tags"]["lab.result_digest"] for lines in well}


def lines_of_trials(folder: Path) -> str:
    """The text that the digest of a finished run is over, by docs/records.md, from its journals and files."""
    lines = []
    for path in finished(folder):
        first, *_, last = records(path)
        line = {
            "config": hashlib.sha256((path.with_suffix(".files") / "config.json").read_bytes()).hexdigest(),
            "digest": last["tags"]["lab.result_digest"],
            "seed": int(first["tags"]["lab.seed"]),
            "variant": first["tags"]["lab.variant"],
        }
        lines.append(json.dumps(line, sort_keys=True, separators=(",", ":")) + "\n")
    return "".join(sorted(lines))


def statuses(folder: Path) -> list[str]:
    """The status with which each run of a lab ended, the parent's first."""
    return [lines[-1]["status"] for lines in journals_of(folder).values()]


def finished(folder: Path) -> list[Path]:
    """The journals of the trials of a lab that have ended well, oldest first."""
    return [path for path in sorted(folder.glob("trial-*.jsonl")) if b'"FINISHED"' in path.read_bytes()]


def interrupt(
    clone: Clone, *words: str, how: signal.Signals = signal.SIGKILL, settings: Mapping[str, Any], lab: str = "tiny"
) -> tuple[Path, Ended]:
    """Start the test lab, or a copy of it, and interrupt it when some of its trials have ended and others have not.

    Returns its folder, and what it said at its end. No process of it is left but the shipper.
    """
    process = clone.start(lab, "--workers", "2", *words, *said(settings))
    until(lambda: clone.runs() and len(finished(clone.newest())) >= 3, what="three trials have ended")
    processes = descendants(process)
    (os.killpg if how == signal.SIGINT else os.kill)(process.pid, how)
    ended = end_of(process)
    until(lambda: not living(processes), 60, "no process is left")
    return clone.newest(), ended


Point = tuple[str, int, int, str]


def as_stored(value: float) -> str:
    """A metric as MLflow keeps it: infinity is the largest double, NaN stays."""
    if math.isinf(value):
        value = math.copysign(sys.float_info.max, value)
    return value.hex()


def points(lines: list[dict[str, Any]]) -> list[Point]:
    """What MLflow must hold of a journal: (metric, step, time, value), sorted."""
    found = []
    for line in lines:
        if line["kind"] == "timing":
            found += [(name, line["step"], line["time"], as_stored(value)) for name, value in line["values"].items()]
        elif line["kind"] == "log":
            inner = line["record"]
            values = inner.get("values", {}) | {f"final/{k}": v for k, v in inner.get("measurements", {}).items()}
            numbers = {name: float.fromhex(value) for name, value in values.items() if isinstance(value, str)}
            found += [(name, inner.get("step", 0), line["time"], as_stored(v)) for name, v in numbers.items()]
    return sorted(found)


def harness_in(root: Path) -> None:
    """Copy the harness and the test labs, as its only labs, to a new folder."""
    (root / "lib").mkdir(parents=True)
    unwanted = shutil.ignore_patterns("__pycache__")
    for name in ("__init__.py", "__main__.py"):
        shutil.copy(ROOT / "lib" / name, root / "lib" / name)
    for name in ("harness", "kernels", "public"):
        shutil.copytree(ROOT / "lib" / name, root / "lib" / name, ignore=unwanted)
    shutil.copytree(ROOT / "tests" / "lib" / "harness" / "labs", root / "lib" / "testlabs", ignore=unwanted)


class Server:
    """A real MLflow server with SQLite. It can be killed and started again with the same data and port."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "1"}
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, *self._words(self._port)],
                env={**os.environ, **quiet},
                cwd=self.folder,
                stdout=log,
                stderr=log,
                process_group=0,
            )
        until(self._ready, 180, "the MLflow server answers")

    def _words(self, port: int) -> list[str]:
        store = f"sqlite:///{self.folder}/mlflow.db"
        words = ["-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
        return [*words, "--backend-store-uri", store, "--artifacts-destination", str(self.folder / "artifacts")]

    @property
    def pid(self) -> int:
        """The id of its process."""
        assert self._process is not None
        return self._process.pid

    def _ready(self) -> bool:
        assert self._process is not None and self._process.poll() is None, (self.folder / "server.log").read_text()
        try:
            return self._ask("experiments/search", max_results=1).ok
        except requests.ConnectionError:
            return False

    def kill(self) -> None:
        """SIGKILL, as an out-of-memory killer does."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    @contextmanager
    def without_artifacts(self) -> Iterator[None]:
        """The server's disk for artifacts cannot be written: a file is where the folder should be."""
        folder, aside = self.folder / "artifacts", self.folder / "aside"
        folder.mkdir(exist_ok=True)
        folder.rename(aside)
        folder.write_text("not a folder")
        try:
            yield
        finally:
            folder.unlink()
            aside.rename(folder)

    def _ask(self, what: str, **words: Any) -> requests.Response:
        return requests.post(f"{self.url}/api/2.0/mlflow/{what}", json=words, timeout=60)

    def _get(self, what: str, **words: Any) -> dict[str, Any]:
        answer = requests.get(f"{self.url}/api/2.0/mlflow/{what}", params=words, timeout=60)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def runs(self, experiment: str = "tiny") -> dict[str, dict[str, Any]]:
        """All runs by their tag `lab.run`; fails if a key is there twice."""
        answer = requests.get(
            f"{self.url}/api/2.0/mlflow/experiments/get-by-name", params={"experiment_name": experiment}, timeout=60
        )
        if answer.status_code == 404:
            return {}
        answer.raise_for_status()
        number = answer.json()["experiment"]["experiment_id"]
        found: list[dict[str, Any]] = []
        token = ""
        while True:
            page = self._ask("runs/search", experiment_ids=[number], max_results=1000, page_token=token)
            page.raise_for_status()
            found += page.json().get("runs", [])
            if not (token := page.json().get("next_page_token", "")):
                break
        keys = [tags_of(run)["lab.run"] for run in found]
        assert len(keys) == len(set(keys)), "a run is there twice"
        return dict(zip(keys, found, strict=True))

    def experiment(self, name: str) -> dict[str, Any]:
        """An experiment by its name."""
        found: dict[str, Any] = self._get("experiments/get-by-name", experiment_name=name)["experiment"]
        return found

    def versions(self, model: str) -> list[dict[str, Any]]:
        """All versions of a registered model."""
        found = self._get("model-versions/search", filter=f"name='{model}'")
        versions: list[dict[str, Any]] = found.get("model_versions", [])
        return versions

    def points(self, run: dict[str, Any]) -> list[Point]:
        """Every point of every metric of a run."""
        found = []
        for name in sorted({metric["key"] for metric in run["data"].get("metrics", [])}):
            token = ""
            while True:
                page = self._get(
                    "metrics/get-history",
                    run_id=run["info"]["run_id"],
                    metric_key=name,
                    max_results=5000,
                    **({"page_token": token} if token else {}),
                )
                found += [
                    (name, int(m.get("step", 0)), int(m["timestamp"]), float(m["value"]).hex()) for m in page["metrics"]
                ]
                token = page.get("next_page_token", "")
                if not token:
                    break
        return sorted(found)

    def artifacts(self, run: dict[str, Any]) -> dict[str, bytes]:
        """Every artifact of a run, by path."""
        found: dict[str, bytes] = {}
        folders = [""]
        base = run["info"]["artifact_uri"].removeprefix("mlflow-artifacts:/")
        while folders:
            here = {"path": folders.pop()}
            listed = self._get("artifacts/list", run_id=run["info"]["run_id"], **(here if here["path"] else {}))
            for file in listed.get("files", []):
                if file["is_dir"]:
                    folders.append(file["path"])
                else:
                    address = f"{self.url}/api/2.0/mlflow-artifacts/artifacts/{base}/{file['path']}"
                    found[file["path"]] = requests.get(address, timeout=60).content
        return found


class LabServer(Server):
    """The server of the image (docker/mlflow), on a folder of its own."""

    def _words(self, port: int) -> list[str]:
        return [str(ROOT / "docker" / "mlflow" / "server.py"), str(self.folder), "127.0.0.1", str(port)]


def tags_of(run: dict[str, Any]) -> dict[str, str]:
    return {tag["key"]: tag["value"] for tag in run["data"]["tags"]}


def params_of(run: dict[str, Any]) -> dict[str, str]:
    return {param["key"]: param["value"] for param in run["data"]["params"]}
