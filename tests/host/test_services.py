"""up, lab and down on a real engine, in a compose project and a copy of the clone of their own."""

import json
import os
import re
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from host.records import archive
from tests import tiny
from tests.host.clone import PRINTED, Instance, addresses, command, copy_clone, share_venv

SERVICES = 4
"""Containers of MLflow and JupyterLab: each has one that publishes its port."""


@pytest.fixture(scope="module")
def clone(real_engine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    root = share_venv(copy_clone(tmp_path_factory.mktemp("services") / "clone"))
    tiny.add_to(root)
    (root / "labs").mkdir(exist_ok=True)
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.create_server(("127.0.0.1", 0)) as free:
        ports = {"MLFLOW_PORT": str(taken.getsockname()[1]), "JUPYTER_PORT": str(free.getsockname()[1])}
        free.close()
        made = Instance(root, ports)
        yield made
        made.remove()


@pytest.fixture(scope="module")
def urls(clone: Instance) -> dict[str, str]:
    """The URLs that two `up` at once print; MLflow's port is in use by another program."""
    starts = [clone.start("up") for _ in range(2)]
    ends = [(*start.communicate(timeout=300), start.returncode) for start in starts]
    for out, err, code in ends:
        assert code == 0, err
        assert out == ends[0][0]
    wanted = clone.environment["MLFLOW_PORT"]
    said = [line for _, err, _ in ends for line in err.splitlines() if f"Port {wanted} is in use" in line]
    assert len(said) == 1
    return addresses(ends[0][0])


def test_up_prints_urls_that_answer(clone: Instance, urls: dict[str, str]) -> None:
    assert list(urls) == PRINTED
    assert urls["Instance"] == clone.project
    address, _, token = urls["JupyterLab"].partition("/lab?")
    assert address == f"http://127.0.0.1:{clone.environment['JUPYTER_PORT']}"
    with urllib.request.urlopen(f"{address}/api/status?{token}", timeout=120) as answer:
        assert "kernels" in json.load(answer)
    assert "experiment_id" in mlflow(urls["MLflow"], "experiments/create", name=secrets.token_hex(4))


@pytest.mark.parametrize(("name", "language"), [("Lessons (한국어)", "ko"), ("Lessons (English)", "en")])
def test_up_prints_the_first_lesson_whose_copy_is_made_when_it_is_opened(
    clone: Instance, urls: dict[str, str], name: str, language: str
) -> None:
    page, _, token = urls[name].partition("?")
    base, _, path = page.partition("/lab/tree/")
    assert path == f"mine/{language}/00-start-here.ipynb"
    copy, original = clone.root / "labs" / path, clone.root / "labs" / language / "00-start-here.ipynb"
    with urllib.request.urlopen(f"{base}/api/contents/{path}?content=0&{token}", timeout=120) as answer:
        assert json.load(answer)["writable"]
    assert copy.read_bytes() == original.read_bytes()
    assert copy.stat().st_uid == (clone.root / "labs").stat().st_uid


def test_a_second_up_keeps_the_containers(clone: Instance, urls: dict[str, str]) -> None:
    before = clone.docker("container", "{{.ID}}")
    code, out, err = clone.invoke("up")
    assert (code, err) == (0, "")
    assert addresses(out) == urls
    assert clone.docker("container", "{{.ID}}") == before
    assert len(before) == SERVICES


@pytest.mark.slow
def test_changed_settings_take_effect_and_end_no_kernel_unasked(clone: Instance, urls: dict[str, str]) -> None:
    def memory() -> list[int]:
        names = [f"{clone.project}-{service}-1" for service in ("jupyter", "mlflow")]
        shown = ["docker", "inspect", "--format", "{{.HostConfig.Memory}}", *names]
        return [int(line) for line in subprocess.run(shown, capture_output=True, check=True).stdout.split()]

    address, _, token = urls["JupyterLab"].partition("/lab?")
    kernels = f"{address}/api/kernels"
    with urllib.request.urlopen(urllib.request.Request(f"{kernels}?{token}", b"{}"), timeout=30) as answer:
        kernel = json.load(answer)["id"]
    gib, ids = 2**30, clone.docker("container", "{{.ID}}")
    changed = Instance(clone.root, {**clone.environment, "LAB_MEMORY": "3g", "MLFLOW_MEMORY": "2g"}, clone.project)
    code, _, err = changed.invoke("up")
    assert code == 0, err
    assert "JupyterLab goes on with its former settings: 1 kernel would end" in err
    assert "Starting mlflow again" in err
    assert memory() == [8 * gib, 2 * gib]
    assert len(set(ids) & set(clone.docker("container", "{{.ID}}"))) == SERVICES - 1
    request = urllib.request.Request(f"{kernels}/{kernel}?{token}", method="DELETE")
    urllib.request.urlopen(request, timeout=30).close()
    assert changed.invoke("up")[2] == "Starting jupyter again: settings or images have changed.\n"
    assert memory() == [3 * gib, 2 * gib]
    clone.must("up")
    assert memory() == [8 * gib, gib]


def test_a_lab_is_tracked_by_the_running_server(clone: Instance, urls: dict[str, str]) -> None:
    code, out, err = clone.invoke("lab", "tiny", "--quick")
    assert code == 0, err
    assert urls["MLflow"] in out
    assert len(clone.docker("container", "{{.ID}}")) == SERVICES


def test_bad_input_of_the_config_is_one_line_from_the_container(clone: Instance, urls: dict[str, str]) -> None:
    code, out, err = clone.invoke("lab", "tiny", "--set", "learning_rate=7")
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert "learning_rate" in err


@pytest.mark.parametrize(
    ("number", "expected"), [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.slow)]
)
def test_a_signal_ends_the_lab_its_runs_and_its_container(
    clone: Instance, urls: dict[str, str], number: signal.Signals, expected: int
) -> None:
    killed = statuses(urls["MLflow"]).count("KILLED")
    process = clone.start("lab", "tiny", "--set", "action=sleep", "--set", "steps=10000")
    try:
        wait_for(lambda: statuses(urls["MLflow"]).count("RUNNING") >= 2)  # the parent and a trial
        process.send_signal(number)
        out, err = process.communicate(timeout=600)
    finally:
        process.kill()
    assert process.returncode == expected, err
    assert "Traceback" not in out + err
    assert len(clone.docker("container", "{{.ID}}")) == SERVICES
    assert statuses(urls["MLflow"]).count("RUNNING") == 0
    assert statuses(urls["MLflow"]).count("KILLED") >= killed + 2


@pytest.mark.skipif(
    not (shutil.which("script") or os.environ.get("CI")), reason="script(1) makes the terminal; in CI it must be there"
)
def test_ctrl_c_at_a_terminal_ends_the_lab_too(clone: Instance, urls: dict[str, str]) -> None:
    words = command(clone.root, "lab", "tiny", "--set", "action=sleep", "--set", "steps=10000")
    at_a_terminal = ["script", "--quiet", "--return", "--command", shlex.join(words), "/dev/null"]
    process = subprocess.Popen(
        at_a_terminal, env=clone.variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        wait_for(lambda: statuses(urls["MLflow"]).count("RUNNING") >= 2)
        out, _ = process.communicate("\x03", timeout=600)
    finally:
        process.kill()
    assert process.returncode == 130, out
    assert "Traceback" not in out
    assert len(clone.docker("container", "{{.ID}}")) == SERVICES


def digest(out: str) -> str:
    """What a lab says of its result at its end."""
    said: list[str] = re.findall(r"digest ([0-9a-f]{16}),", out)
    return said[-1]


def test_on_ray_without_a_cluster_says_how_to_get_one(clone: Instance, urls: dict[str, str]) -> None:
    code, out, err = clone.invoke("lab", "tiny", "--on", "ray")
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert "./invoke up --workers 2" in err


@pytest.mark.slow
def test_a_lab_on_two_workers_of_which_one_is_killed_is_the_local_one(
    clone: Instance, urls: dict[str, str], tmp_path: Path
) -> None:
    """Head and workers of compose: none of their ports is published, and the lab's code reaches them through Ray.

    Docker's client gives them a proxy, to which their network does not lead.
    """
    settings = ("--set", "seeds=3", "--set", "action=sleep")
    local = digest(clone.must("lab", "tiny", *settings))
    proxy = "http://10.255.255.1:3128"
    proxies = {"proxies": {"default": {"httpProxy": proxy, "httpsProxy": proxy}}}
    (tmp_path / "config.json").write_text(json.dumps(proxies), encoding="utf-8")
    behind = replace(clone, environment={**clone.environment, "DOCKER_CONFIG": str(tmp_path)})
    code, out, err = behind.invoke("up", "--workers", "2")
    assert (code, err) == (0, "")
    assert "./invoke lab NAME --on ray" in out
    rays = [line for line in clone.docker("container", "{{.Names}}:{{.Ports}}") if "-ray-" in line]
    assert len(rays) == 3
    assert not [line for line in rays if "->" in line]
    send(clone)
    finished = statuses(urls["MLflow"]).count("FINISHED")
    process = clone.start("lab", "tiny", *settings, "--on", "ray")
    try:
        wait_for(lambda: statuses(urls["MLflow"]).count("FINISHED") > finished)
        subprocess.run(["docker", "kill", f"{clone.project}-ray-worker-1"], capture_output=True, check=True)
        out, err = process.communicate(timeout=600)
    finally:
        process.kill()
    assert (process.returncode, err) == (0, f"Instance {clone.project}\n"), out
    assert digest(out) == local
    send(clone)
    assert statuses(urls["MLflow"]).count("FINISHED") == finished + 7


def test_the_notebooks_go_back_to_their_owner_and_runs_stay(clone: Instance, urls: dict[str, str]) -> None:
    owner = (clone.root / "labs").stat().st_uid
    assert owner != 0
    code, out, err = clone.invoke("down")
    assert (code, err) == (0, "")
    assert out.startswith(f"Stopped {clone.project}: jupyter, mlflow")
    assert clone.docker("container", "{{.ID}}") == []
    assert clone.docker("network", "{{.ID}}") == []
    assert clone.docker("volume", "{{.Name}}") == [f"{clone.project}_journal", f"{clone.project}_mlflow"]
    assert (clone.root / "labs").stat().st_uid == os.getuid()


def test_a_lab_starts_mlflow_and_does_not_wait_for_it(clone: Instance) -> None:
    code, _, err = clone.invoke("lab", "tiny", "--quick")
    assert code == 0, err
    assert clone.docker("container", "{{.Names}}") == [f"{clone.project}-mlflow-1", f"{clone.project}-mlflow-port-1"]


def test_what_one_instance_deletes_the_others_keep(clone: Instance, tmp_path: Path) -> None:
    """A backup of the one goes into another clone's instance; then the first one is deleted."""
    for parent in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        parent.chmod(0o755)
    other = Instance(share_venv(copy_clone(tmp_path / "other")), {})
    file = tmp_path / "all.backup"
    try:
        clone.must("lab", "tiny", "--set", "seeds=1")
        out = clone.must("backup", file)
        count = re.search(r", (\d+ runs?), ", out)[1]  # type: ignore[index]
        runs = int(count.split()[0])
        assert runs > 0
        assert other.must("restore", file).endswith(f" into {other.project}: {count}\n")
        code, out, err = other.invoke("restore", file)
        assert (code, out) == (2, "")
        assert f"{other.project} has runs; --replace deletes them" in err

        code, out, err = clone.invoke("down", "--volumes", answer="y\n")
        assert (code, out, len(err.splitlines())) == (2, "", 1)
        assert clone.docker("volume", "{{.Name}}") != []
        code, out, err = clone.invoke("down", "--volumes", answer=f"{clone.project}\n")
        assert code == 0, err
        assert out.startswith(f"Deleted {clone.project}: {count}, ")
        assert clone.docker("volume", "{{.Name}}") == clone.docker("network", "{{.Name}}") == []

        assert other.docker("volume", "{{.Name}}") == [f"{other.project}_journal", f"{other.project}_mlflow"]
        started = addresses(other.must("up"))
        assert statuses(started["MLflow"]).count("FINISHED") > runs
        status = json.loads(other.must("status", "--json"))
        assert (status["runs"], status["not_sent"], status["complete"]) == (runs, 0, True)
        assert status["addresses"]["jupyter"] == started["JupyterLab"]

        journal = clone.root / ".local" / "instances" / clone.project / "journal"
        for name, _, content in archive.members(file):
            place, _, rest = name.partition("volumes/journal/")
            if rest and not place:
                (journal / rest).parent.mkdir(parents=True, exist_ok=True)
                (journal / rest).write_bytes(content.read())
        code, out, err = clone.invoke("restore", file)
        assert (code, out) == (2, "")
        assert f"{clone.project} has runs; --replace deletes them" in err
        assert clone.docker("volume", "{{.Name}}") == [], "a refused restore makes nothing"
        for _ in range(2):
            added = clone.must("sync", "--from-local")
        assert "0 runs of local mode added" in added
        status = json.loads(clone.must("status", "--json"))
        assert (status["runs"], status["not_sent"]) == (2 * runs, 0)
    finally:
        other.remove()


def mlflow(address: str, call: str, **body: object) -> dict[str, Any]:
    """The answer of MLflow's REST API."""
    data = json.dumps(body).encode()
    request = urllib.request.Request(f"{address}/api/2.0/mlflow/{call}", data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=120) as answer:
        return dict(json.load(answer))


def send(clone: Instance) -> None:
    """Send what a lab has not waited for, as MLflow is slow on a busy machine."""
    code, _, err = clone.invoke("sync")
    assert code == 0, err


def statuses(address: str) -> list[str]:
    """Status of every run that MLflow has."""
    experiments = mlflow(address, "experiments/search", max_results=100).get("experiments", [])
    ids = [experiment["experiment_id"] for experiment in experiments]
    return [run["info"]["status"] for run in mlflow(address, "runs/search", experiment_ids=ids).get("runs", [])]


def wait_for(condition: Callable[[], bool], seconds: float = 180) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)
