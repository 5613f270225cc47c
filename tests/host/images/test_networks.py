"""A lab reaches MLflow by its name and nothing else: not the internet, not Jupyter, not the host."""

import json
import socket
from dataclasses import replace
from pathlib import Path

from docker.client import DockerClient

from tests.host.images.conftest import MakeStack
from tests.host.images.support import Stack

PROBE = """
import json, socket, urllib.request
def connects(host, port):
    try:
        socket.create_connection((host, port), timeout=3).close()
    except OSError:
        return False
    return True
url = "http://mlflow:5000/api/2.0/mlflow/experiments/search"
request = urllib.request.Request(url, b'{{"max_results": 1}}', {{"Content-Type": "application/json"}})
others = [("1.1.1.1", 53), ("8.8.8.8", 443), ("example.org", 80), ("jupyter", 8888), *{host}]
print(json.dumps({{
    "mlflow": urllib.request.urlopen(request, timeout=120).status,
    "others": [address for address in others if connects(*address)],
}}))
"""


def test_lab_reaches_mlflow_and_nothing_else(client: DockerClient, stack: Stack) -> None:
    networks = ("tracking", "notebooks", "web")
    gateways = [client.networks.get(f"{stack.project}_{name}").attrs["IPAM"]["Config"][0] for name in networks]
    with socket.create_server(("0.0.0.0", 0)) as service_of_the_host:
        port = service_of_the_host.getsockname()[1]
        host = [(gateway["Gateway"], port) for gateway in gateways]
        done = stack.lab(PROBE.format(host=host))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"mlflow": 200, "others": []}


def test_a_proxy_of_the_callers_docker_does_not_come_between(stack: Stack, tmp_path: Path) -> None:
    """Compose hands the client's proxy settings on to containers, and a lab's network leads to no proxy."""
    proxy = "http://10.255.255.1:3128"
    settings = {"proxies": {"default": {"httpProxy": proxy, "httpsProxy": proxy}}}
    (tmp_path / "config.json").write_text(json.dumps(settings), encoding="utf-8")
    behind = replace(stack, environment={**stack.environment, "DOCKER_CONFIG": str(tmp_path)})
    done = behind.lab("import os; print(os.environ['http_proxy'])")
    assert done.stdout.strip() == proxy, done.stderr
    done = behind.lab(PROBE.format(host=[]))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["mlflow"] == 200


def test_lab_is_hardened_and_writes_to_its_journal_only(stack: Stack) -> None:
    code = """
import os
from pathlib import Path
def writes(folder):
    try:
        Path(folder, "probe").write_text("x")
    except OSError:
        return False
    return True
status = dict(line.split(":\\t") for line in Path("/proc/self/status").read_text().splitlines() if ":\\t" in line)
assert os.getuid() == os.getgid() == 1000
assert int(status["CapEff"], 16) == 0 and status["NoNewPrivs"].strip() == "1"
assert writes("/journal") and writes("/tmp")
assert [d for d in ("/", "/workspace", "/workspace/lib", "/opt/labs", "/opt/data", "/etc") if writes(d)] == []
assert os.environ["MLFLOW_TRACKING_URI"] == "http://mlflow:5000"
assert not [name for name, value in os.environ.items() if name.startswith(("LAB_", "MLFLOW_")) and not value]
"""
    done = stack.lab(code)
    assert done.returncode == 0, done.stderr
    kept = stack.lab("print(open('/journal/probe').read())")
    assert kept.stdout.strip() == "x", kept.stderr


def test_lab_runs_without_mlflow(client: DockerClient, make_stack: MakeStack) -> None:
    """The journal comes first: a lab neither needs the server nor starts it."""
    alone = make_stack()
    done = alone.lab("import lib; print('ran')")
    assert done.stdout.strip() == "ran", done.stderr
    assert client.containers.list(all=True, filters={"label": f"com.docker.compose.project={alone.project}"}) == []
