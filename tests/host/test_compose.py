"""compose.yaml as Compose reads it; no engine is asked."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from host.engine import compose, compose_environment, images
from host.machine import env_file, hosts, instance, labs_owner
from host.services import up_down, without_docker
from lib.harness.machine import determinism
from tests.host.clone import ROOT, new_project
from tests.host.conftest import NO_ENGINE
from tests.host.test_signals import until


def read(*options: str, **variables: str) -> str:
    """Compose's answer about compose.yaml with these variables, and the caller's proxy settings left out."""
    if not shutil.which("docker"):
        (pytest.fail if os.environ.get("CI") else pytest.skip)("the program docker reads the file")
    kept = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    return subprocess.run(
        ["docker", "compose", "--project-directory", str(ROOT), "--profile", "*", "config", *options],
        env=kept | NO_ENGINE | dict.fromkeys(("JUPYTER_TOKEN", *images.SETTINGS), "t") | variables,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def services(**variables: str) -> dict[str, Any]:
    """The services of compose.yaml with these variables."""
    found: dict[str, Any] = json.loads(read("--format", "json", **variables))["services"]
    return found


JUPYTER = [
    "/usr/bin/python3",
    "-I",
    "-S",
    "/opt/jupyter/service.py",
    "JupyterLab",
    "8888",
    "LAB_MEMORY",
    "jupyter",
    "lab",
    "--ServerApp.contents_manager_class=lib.lessons.notebooks.copies.Copies",
]
ALLOWED = "mlflow,mlflow:*,localhost,localhost:*,127.0.0.1,127.0.0.1:*"


def test_names_of_a_proxy_reach_the_services_that_check_them(monkeypatch: pytest.MonkeyPatch) -> None:
    found = services()
    assert found["jupyter"]["command"] == JUPYTER
    assert found["mlflow"]["environment"]["MLFLOW_SERVER_ALLOWED_HOSTS"] == ALLOWED
    assert not found["mlflow"]["environment"]["MLFLOW_SERVER_CORS_ALLOWED_ORIGINS"]
    monkeypatch.setenv("LAB_HOSTS", "labbox")
    found = services(**hosts.variables())
    named = [f"--ServerApp.local_hostnames={name}" for name in ("localhost", "127.0.0.1", "labbox")]
    assert found["jupyter"]["command"] == [
        *JUPYTER, *named, "--ServerApp.allow_origin_pat=https?://(labbox)(:[0-9]+)?",
    ]  # fmt: skip
    assert found["mlflow"]["environment"]["MLFLOW_SERVER_ALLOWED_HOSTS"] == f"{ALLOWED},labbox,labbox:*"


def test_services_start_from_the_images_that_the_command_has_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever becomes of their names meanwhile; an MLflow of another version upgrades databases."""
    monkeypatch.setenv("LAB_INSTANCE", new_project())
    monkeypatch.setattr(instance, "STATE", tmp_path)
    monkeypatch.setattr(env_file, "token", lambda: "t")
    monkeypatch.setattr(images, "keep_names", lambda: None)
    tracking, lab = (images.Built(f"sha256:{number}", "config digest", 0, {}) for number in ("1" * 64, "2" * 64))
    variables = compose_environment.variables(tracking, lab)
    assert variables["LAB_IMAGE_CONTENT"] == "unknown"
    assert (variables["TRACKING_IMAGE"], variables["LAB_CPU_IMAGE"], variables["LAB_IMAGE"]) == (
        tracking.id, lab.id, lab.id,
    )  # fmt: skip


def test_what_goes_on_behind_a_command_ends_at_its_limit_with_all_that_it_has_started() -> None:
    """It holds the lock of the services: behind an engine that hangs every later command would wait for ever."""
    stubborn = ["sh", "-c", "trap '' TERM INT; sleep 600 & wait; sleep 600"]
    limited = [sys.executable, "-I", "-S", "-c", compose.LIMITED, "0.5", *stubborn]
    with subprocess.Popen(limited, stdout=subprocess.PIPE, text=True, start_new_session=True) as program:
        assert program.stdout
        assert program.stdout.readline() == "docker compose did not end within 0.5 s and was stopped\n"
        assert program.wait() == -signal.SIGKILL
    until(lambda: not is_there(program.pid))


def is_there(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_it_ends_as_what_it_runs() -> None:
    limited = [sys.executable, "-I", "-S", "-c", compose.LIMITED, "600", "sh", "-c", "echo in use; exit 7"]
    done = subprocess.run(limited, stdout=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stdout) == (7, "in use\n")


def hashes(**variables: str) -> dict[str, str]:
    """Compose's hash of each service's settings, by which it decides whether to start it again."""
    return dict(line.split() for line in read("--hash", "*", **variables).splitlines())


def test_no_commit_starts_a_service_again() -> None:
    """JupyterLab with its kernels would end at the `up` after a `git commit`."""
    before = hashes(LAB_GIT_COMMIT="1" * 40, LAB_GIT_DIRTY="false")
    after = hashes(LAB_GIT_COMMIT="2" * 40, LAB_GIT_DIRTY="true")
    assert {name for name in before if before[name] != after[name]} == {"lab", "lab-ray", "lab-alone"}
    assert hashes(LAB_MEMORY="9g")["jupyter"] != before["jupyter"]


@pytest.mark.parametrize(
    ("callers", "expected"),
    [({}, "mlflow,ray-head,localhost,127.0.0.1"), ({"NO_PROXY": "a.b"}, "mlflow,ray-head,localhost,127.0.0.1,a.b")],
)
def test_no_service_asks_a_proxy_for_another_one(callers: dict[str, str], expected: str) -> None:
    found = services(**callers)
    assert len(found) == 9
    for name, service in found.items():
        assert service["environment"]["NO_PROXY"] == expected, name
        assert service["environment"]["no_proxy"] == expected, name
        hosts = [value.split("//")[1].split(":")[0] for value in service["environment"].values() if "://" in str(value)]
        assert {host for host in hosts if host in found} <= set(expected.split(",")), name


INSIDE = {"mlflow", "jupyter", "lab", "lab-ray", "lab-alone", "ray-head", "ray-worker"}


def test_what_runs_code_of_others_is_on_networks_without_a_way_out_alone() -> None:
    config = json.loads(read("--format", "json"))
    closed = {name for name, network in config["networks"].items() if network.get("internal")}
    assert closed == {"tracking", "notebooks", "cluster"}
    for name in closed:  # the host is not reached by its address on the network
        assert config["networks"][name]["driver_opts"]["com.docker.network.bridge.inhibit_ipv4"] == "true", name
    assert len(config["networks"]) == 4  # more of them, and fewer instances would find addresses
    networks = {name: set(service.get("networks") or ()) for name, service in config["services"].items()}
    assert {name for name, its in networks.items() if its <= closed} == INSIDE
    assert {name for name, service in config["services"].items() if service.get("ports")} == set(networks) - INSIDE
    assert networks["lab"] == {"tracking"}
    assert networks["jupyter"] == {"notebooks"}
    assert config["services"]["lab-alone"]["network_mode"] == "none"
    assert networks["mlflow-port"] == networks["jupyter-port"] == {"notebooks", "web"}


def test_a_way_out_is_for_who_asks() -> None:
    assert set(services(**up_down.WAY_OUT)["jupyter"]["networks"]) == {"web"}
    assert set(services(LAB_RAY_NETWORK="web")["lab-ray"]["networks"]) == {"tracking", "web"}
    other = {name: its for name, its in services(**up_down.WAY_OUT).items() if name != "jupyter"}
    assert other == {name: its for name, its in services().items() if name != "jupyter"}


def test_the_name_of_mlflow_leads_no_forwarder_back_to_itself() -> None:
    """On `web`, where JupyterLab asks it for MLflow, it has that name."""
    found = services()
    assert found["mlflow-port"]["networks"]["web"]["aliases"] == ["mlflow"]
    target = found["mlflow-port"]["command"][-2]
    assert target != "mlflow"
    assert target in found["mlflow"]["networks"]["notebooks"]["aliases"]
    assert found["jupyter-port"]["command"][-2:] == ["jupyter", "8888"]


def test_ray_asks_its_own_processes_and_no_proxy() -> None:
    """It asks by the container's address, which NO_PROXY cannot name: `--on ray` waited for a proxy in vain."""
    found = services()
    for name in ("ray-head", "ray-worker"):
        given = found[name]["environment"]
        for variable in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            assert (given[variable], given[variable.lower()]) == ("", ""), name


def test_what_is_set_in_jupyterlab_is_kept_beside_the_notebooks() -> None:
    """Its home is in memory: a dark theme was gone after `down` and `up`."""
    jupyter = services()["jupyter"]
    (labs,) = [volume for volume in jupyter["volumes"] if volume["target"] == "/workspace/labs"]
    assert labs["source"] == str(ROOT / "labs")
    assert not labs.get("read_only")
    assert jupyter["environment"]["JUPYTERLAB_SETTINGS_DIR"].startswith("/workspace/labs/.")


def test_lessons_are_mounted_read_only_in_the_folder_of_the_notebooks() -> None:
    """An update of the clone, and the next learner, find them as they were."""
    volumes = {volume["target"]: volume for volume in services()["jupyter"]["volumes"]}
    for folder in labs_owner.LESSONS:
        assert volumes[f"/workspace/{folder}"]["source"] == str(ROOT / folder)
        assert volumes[f"/workspace/{folder}"]["read_only"]
    assert volumes["/workspace/lib"]["read_only"]
    assert volumes["/workspace/docs/results"]["read_only"]


def test_a_kernel_computes_on_one_core_as_a_worker_does() -> None:
    """A notebook with a thread on every core made a lab beside it, and itself, several times as slow."""
    with_threads = {name: value for name, value in determinism.environment().items() if name.endswith("_THREADS")}
    assert len(with_threads) == 6
    assert with_threads.items() <= services()["jupyter"]["environment"].items()
    assert with_threads == without_docker.ONE_THREAD
