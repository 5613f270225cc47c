"""The two services as users meet them: they answer, refuse strangers, keep data, and are hardened."""

import json
import os
import re
import subprocess
import time

import pytest
from docker.client import DockerClient

from tests.host.images.conftest import MakeStack
from tests.host.images.support import ROOT, SERVICES, Stack, assert_quiet, http

SEARCH = "/api/2.0/mlflow/experiments/search"


def test_mlflow_writes_reads_and_serves_its_page(stack: Stack) -> None:
    created = http("POST", f"{stack.mlflow}/api/2.0/mlflow/experiments/create", {"name": "written by a test"}).json()
    found = http("POST", stack.mlflow + SEARCH, {"max_results": 10, "filter": "name = 'written by a test'"}).json()
    (experiment,) = found["experiments"]
    assert experiment["experiment_id"] == created["experiment_id"]
    assert experiment["artifact_location"] == f"mlflow-artifacts:/{created['experiment_id']}"

    page = http("GET", stack.mlflow + "/").body.decode()
    script = re.search(r'src="(static-files/static/js/main[^"]*)"', page)
    assert script, page
    assert len(http("GET", f"{stack.mlflow}/{script[1]}").body) > 1_000_000


@pytest.mark.parametrize("host", ["mlflow:5000", "mlflow", "localhost:5055", "127.0.0.1:1"])
def test_mlflow_answers_its_own_names(stack: Stack, host: str) -> None:
    assert http("POST", stack.mlflow + SEARCH, {"max_results": 1}, Host=host).status == 200


@pytest.mark.parametrize("host", ["evil.com", "mlflow.evil.com:80", "10.evil.com", "192.168.0.1"])
def test_mlflow_refuses_other_names(stack: Stack, host: str) -> None:
    assert http("POST", stack.mlflow + SEARCH, {"max_results": 1}, Host=host).status == 403


def test_mlflow_refuses_writes_from_a_foreign_page(stack: Stack) -> None:
    create = f"{stack.mlflow}/api/2.0/mlflow/experiments/create"
    assert http("POST", create, {"name": "from evil.com"}, Origin="http://evil.com").status == 403


def test_jupyter_wants_its_token_and_its_own_name(stack: Stack) -> None:
    url = f"{stack.jupyter}/api/kernelspecs"
    token = {"Authorization": f"token {stack.environment['JUPYTER_TOKEN']}"}
    assert http("GET", url).status == 403
    assert http("GET", url, Authorization="token wrong").status == 403
    assert http("GET", url, **token).status == 200
    assert http("GET", url, **token, Host="evil.com").status == 403
    assert http("GET", url, **token, Host="localhost:8888").status == 200


@pytest.mark.parametrize("service", SERVICES)
def test_hardened(client: DockerClient, stack: Stack, service: str) -> None:
    container = stack.container(client, service)
    host = container.attrs["HostConfig"]
    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"] and not host["CapAdd"] and not host["Privileged"]
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert host["Init"] is True and host["Memory"] > 0 and host["ShmSize"] > 0 and host["PidsLimit"] > 0
    bindings = [binding for found in container.attrs["NetworkSettings"]["Ports"].values() for binding in found or []]
    assert [binding["HostIp"] for binding in bindings] == ["127.0.0.1"] * service.endswith("-port")
    status = container.exec_run(["cat", "/proc/1/status"]).output.decode()
    assert re.search(r"^CapEff:\t0+$", status, re.M) and re.search(r"^NoNewPrivs:\t1$", status, re.M)
    assert int(re.search(r"^Uid:\t(\d+)", status, re.M)[1]) != 0  # type: ignore[index]
    assert container.exec_run(["sh", "-c", "touch /opt/x /workspace/x"]).exit_code != 0


def test_memory(client: DockerClient, stack: Stack) -> None:
    used = [stack.container(client, s).stats(stream=False)["memory_stats"]["usage"] for s in ("mlflow", "jupyter")]
    assert sum(used) < 700 * 2**20


def test_stops_when_asked_and_keeps_data(client: DockerClient, make_stack: MakeStack) -> None:
    stack = make_stack()
    stack.compose("up", "--detach", "--wait", *SERVICES)
    created = http("POST", f"{stack.mlflow}/api/2.0/mlflow/experiments/create", {"name": "kept"}).json()
    assert_quiet(stack.container(client, "jupyter").logs().decode())  # it calls the signal below critical
    stack.compose("stop", "--timeout", "60")
    for service in SERVICES:
        assert stack.container(client, service).attrs["State"]["ExitCode"] in (0, 143)  # 137: had to be killed
    assert_quiet(stack.container(client, "mlflow").logs().decode())
    stack.compose("down")
    assert client.volumes.list(filters={"name": f"{stack.project}_mlflow"})

    stack.compose("up", "--detach", "--wait", "mlflow-port")
    read = http("GET", f"{stack.mlflow}/api/2.0/mlflow/experiments/get?experiment_id={created['experiment_id']}")
    assert read.json()["experiment"]["name"] == "kept"
    stack.compose("down", "--volumes")
    assert not client.volumes.list(filters={"name": stack.project})
    assert not client.networks.list(filters={"name": stack.project})


def test_healthy_means_that_clients_are_answered(client: DockerClient, make_stack: MakeStack) -> None:
    """A server that refuses the labs' Host header answers /health with 200: the healthcheck must ask for more."""
    stack = make_stack()
    refusing = {"services": {"mlflow": {"environment": {"MLFLOW_SERVER_ALLOWED_HOSTS": "localhost,localhost:*"}}}}
    overlay = stack.folder / "refusing.yaml"
    overlay.write_text(json.dumps(refusing))
    stack.compose("--file", str(overlay), "up", "--detach", "mlflow-port")
    container = stack.container(client, "mlflow")
    _, *check = container.attrs["Config"]["Healthcheck"]["Test"]
    while b"does not answer" in (result := container.exec_run(check)).output:  # it is starting
        time.sleep(0.2)
    assert (result.exit_code, result.output) == (1, b"mlflow answers with status 403\n")
    assert http("GET", f"{stack.mlflow}/health", Host="localhost").status == 200


def test_names_do_not_depend_on_the_folder(stack: Stack) -> None:
    command = ["docker", "compose", "--project-directory", str(stack.folder), "--file", str(ROOT / "compose.yaml")]
    command += ["--profile", "*", "config", "--format", "json"]
    shown = subprocess.run(command, env=os.environ | stack.environment, capture_output=True, check=True)
    config = json.loads(shown.stdout)
    assert config["name"] == "fearless-labs"
    made = {volume["name"] for volume in config["volumes"].values()}
    assert made == {"fearless-labs_journal", "fearless-labs_mlflow"}
    networks = {name: bool(network.get("internal")) for name, network in config["networks"].items()}
    assert networks == {"tracking": True, "notebooks": True, "cluster": True, "web": False}
    assert set(config["services"]) == {*SERVICES, "lab", "lab-ray", "lab-alone", "ray-head", "ray-worker"}
    published = {name for name, service in config["services"].items() if service.get("ports")}
    assert published == {"mlflow-port", "jupyter-port"}
    for name in ("ray-head", "ray-worker"):
        service = config["services"][name]
        assert list(service["networks"]) == ["cluster"]
        assert service["read_only"] and service["cap_drop"] == ["ALL"] and service["user"] == "1000:1000"
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert [(volume["target"], volume.get("read_only")) for volume in service["volumes"]] == [("/opt/ray", True)]


def test_token_is_required(stack: Stack) -> None:
    """An empty token would let everybody in: compose must refuse, and say what to run."""
    for token in ({}, {"JUPYTER_TOKEN": ""}):
        environment = {k: v for k, v in (os.environ | stack.environment).items() if k != "JUPYTER_TOKEN"} | token
        command = ["docker", "compose", "--project-directory", str(stack.folder), "--file", str(ROOT / "compose.yaml")]
        refused = subprocess.run([*command, "config"], env=environment, capture_output=True, text=True, check=False)
        assert refused.returncode != 0 and "./invoke up" in refused.stderr
