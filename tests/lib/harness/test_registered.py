"""A lab's model: in the registry once for each run, loaded and served from there with nothing but its own folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import requests

from tests.lib.harness.support import Clone, Server, free_port, records, tags_of, until

INPUTS = [[1.0, 2.0, 3.0], [0.0, -1.0, 0.5]]


@pytest.fixture
def handing_on(clone: Clone, server: Server, tmp_path: Path) -> Clone:
    """A clone with the lab that hands on a model, and the MLflow server."""
    root = tmp_path / "clone"
    shutil.copytree(clone.root, root)
    shutil.copytree(Path(__file__).parent / "handing_on", root / "lib" / "handing_on")
    return Clone(root, clone.journals, server.url)


def environment(server: Server) -> dict[str, str]:
    """No way to the clone's code: the model has its own. `mlflow models serve` looks for uvicorn in PATH."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST"))}
    return kept | {"PATH": path, "MLFLOW_TRACKING_URI": server.url, "PYTHONDONTWRITEBYTECODE": "1"}


@contextmanager
def serving(server: Server, uri: str, folder: Path) -> Iterator[str]:
    """The address of `mlflow models serve` for this model."""
    port = free_port()
    words = ["models", "serve", "--model-uri", uri, "--port", str(port), "--env-manager", "local"]
    with (folder / "served.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", *words], cwd=folder, env=environment(server), stdout=log, stderr=log
        )
    address = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        assert process.poll() is None, (folder / "served.log").read_text()
        try:
            return requests.get(f"{address}/ping", timeout=5).ok
        except requests.ConnectionError:
            return False

    try:
        until(answers, 90, "the model is served")
        yield address
    finally:
        process.terminate()
        process.wait(30)


def test_the_chosen_model_is_registered_loaded_and_served(handing_on: Clone, server: Server, tmp_path: Path) -> None:
    ended = handing_on.run("handing-on")
    assert (ended.code, ended.err) == (0, ""), ended
    assert "Warning" not in ended.out
    folder = handing_on.newest()
    run = server.runs("handing-on")[folder.name]
    (version,) = server.versions("solved")
    assert version["run_id"] == run["info"]["run_id"]
    measured = {
        path.stem: json.loads((path.with_suffix(".files") / "measurements.json").read_text())
        for path in folder.glob("trial-*.jsonl")
    }
    smallest = min(measured, key=lambda stem: measured[stem]["size"])
    assert tags_of(run)["lab.model_from"] == f"{folder.name}.{smallest}"
    expected = np.array(INPUTS) @ measured[smallest]["w"]

    with serving(server, f"models:/solved/{version['version']}", tmp_path) as address:
        answer = requests.post(f"{address}/invocations", json={"inputs": INPUTS}, timeout=60)
        assert answer.json()["predictions"] == pytest.approx(expected, rel=1e-12)
        refused = requests.post(f"{address}/invocations", json={"inputs": [[1.0, 2.0]]}, timeout=60)
        assert refused.status_code == 400, "the signature is checked"

    for state in folder.glob("*.shipped"):
        state.unlink()
    assert handing_on.run("sync").code == 0
    assert len(server.versions("solved")) == 1, "a replay registers nothing twice"


def test_a_lab_without_a_finished_trial_registers_nothing(handing_on: Clone, server: Server) -> None:
    lab = handing_on.root / "lib" / "handing_on" / "lab.py"
    lab.write_text(
        lab.read_text()
        .replace('    log.parameters({"w": w})\n', "")
        .replace("choose=smallest", 'choose=lambda results: results.of("nothing")[0]')
    )
    before = len(server.versions("solved"))
    ended = handing_on.run("handing-on")
    assert ended.code == 0, ended
    assert "no model: no finished trial of variant 'nothing'" in ended.out
    assert len(server.versions("solved")) == before
    assert "lab.model" not in records(handing_on.newest() / "run.jsonl")[-1]["tags"]
