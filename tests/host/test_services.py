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
from typing import Any

import pytest

from tests import tiny
from tests.host.clone import Instance, command, copy_clone, share_venv


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
    return dict(line.split() for line in ends[0][0].splitlines())


def test_up_prints_urls_that_answer(clone: Instance, urls: dict[str, str]) -> None:
    assert list(urls) == ["JupyterLab", "MLflow"]
    address, _, token = urls["JupyterLab"].partition("/lab?")
    assert address == f"http://127.0.0.1:{clone.environment['JUPYTER_PORT']}"
    with urllib.request.urlopen(f"{address}/api/status?{token}", timeout=120) as answer:
        assert "kernels" in json.load(answer)
    assert "experiment_id" in mlflow(urls["MLflow"], "experiments/create", name=secrets.token_hex(4))


def test_a_second_up_keeps_the_containers(clone: Instance, urls: dict[str, str]) -> None:
    before = clone.docker("container", "{{.ID}}")
    code, out, err = clone.invoke("up")
    assert (code, err) == (0, "")
    assert dict(line.split() for line in out.splitlines()) == urls
    assert clone.docker("container", "{{.ID}}") == before
    assert len(before) == 2


def test_a_lab_is_tracked_by_the_running_server(clone: Instance, urls: dict[str, str]) -> None:
    code, out, err = clone.invoke("lab", "tiny", "--quick")
    assert code == 0, err
    assert urls["MLflow"] in out
    assert len(clone.docker("container", "{{.ID}}")) == 2


def test_bad_input_of_the_config_is_one_line_from_the_container(clone: Instance, urls: dict[str, str]) -> None:
    code, out, err = clone.invoke("lab", "tiny", "--set", "learning_rate=7")
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert "learning_rate" in err


@pytest.mark.parametrize(("number", "expected"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
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
    assert len(clone.docker("container", "{{.ID}}")) == 2
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
    assert len(clone.docker("container", "{{.ID}}")) == 2


def digest(out: str) -> str:
    """What a lab says of its result at its end."""
    said: list[str] = re.findall(r"digest ([0-9a-f]{16}),", out)
    return said[-1]


def test_on_ray_without_a_cluster_says_how_to_get_one(clone: Instance, urls: dict[str, str]) -> None:
    code, out, err = clone.invoke("lab", "tiny", "--on", "ray")
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert "./invoke up --workers 2" in err


def test_a_lab_on_two_workers_of_which_one_is_killed_is_the_local_one(clone: Instance, urls: dict[str, str]) -> None:
    """Head and workers of compose: none of their ports is published, and the lab's code reaches them through Ray."""
    code, out, err = clone.invoke("lab", "tiny", "--set", "seeds=3")
    assert code == 0, err
    local = digest(out)
    code, out, err = clone.invoke("up", "--workers", "2")
    assert (code, err) == (0, "")
    assert "./invoke lab NAME --on ray" in out
    rays = [line for line in clone.docker("container", "{{.Names}}:{{.Ports}}") if "-ray-" in line]
    assert len(rays) == 3
    assert not [line for line in rays if "->" in line]
    send(clone)
    finished = statuses(urls["MLflow"]).count("FINISHED")
    code, out, err = clone.invoke("lab", "tiny", "--set", "seeds=3", "--on", "ray")
    assert (code, err) == (0, ""), out
    assert digest(out) == local
    send(clone)
    assert statuses(urls["MLflow"]).count("FINISHED") == finished + 7

    code, out, err = clone.invoke("lab", "tiny", "--set", "seeds=3", "--set", "action=sleep")
    assert code == 0, err
    slow = digest(out)
    send(clone)
    finished = statuses(urls["MLflow"]).count("FINISHED")
    process = clone.start("lab", "tiny", "--set", "seeds=3", "--set", "action=sleep", "--on", "ray")
    try:
        wait_for(lambda: statuses(urls["MLflow"]).count("FINISHED") > finished)
        subprocess.run(["docker", "kill", f"{clone.project}-ray-worker-1"], capture_output=True, check=True)
        out, err = process.communicate(timeout=600)
    finally:
        process.kill()
    assert (process.returncode, err) == (0, ""), out
    assert digest(out) == slow
    send(clone)
    assert statuses(urls["MLflow"]).count("FINISHED") == finished + 7


def test_the_notebooks_go_back_to_their_owner_and_runs_stay(clone: Instance, urls: dict[str, str]) -> None:
    owner = (clone.root / "labs").stat().st_uid
    assert owner != 0
    code, _, err = clone.invoke("down")
    assert (code, err) == (0, "")
    assert clone.docker("container", "{{.ID}}") == []
    assert clone.docker("network", "{{.ID}}") == []
    assert clone.docker("volume", "{{.Name}}") == [f"{clone.project}_journal", f"{clone.project}_mlflow"]
    assert (clone.root / "labs").stat().st_uid == os.getuid()


def test_a_lab_starts_mlflow_and_does_not_wait_for_it(clone: Instance) -> None:
    code, _, err = clone.invoke("lab", "tiny", "--quick")
    assert code == 0, err
    assert clone.docker("container", "{{.Names}}") == [f"{clone.project}-mlflow-1"]


def test_volumes_are_deleted_after_a_yes(clone: Instance) -> None:
    code, _, err = clone.invoke("down", "--volumes", answer="n\n")
    assert code == 2
    assert clone.docker("volume", "{{.Name}}") != []
    code, _, err = clone.invoke("down", "--volumes", answer="y\n")
    assert code == 0, err
    assert clone.docker("volume", "{{.Name}}") == []


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
