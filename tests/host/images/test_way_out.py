"""Ways out of a lab, a notebook's kernel and MLflow, tried: sockets, names, and requests through every service.

An address is out of reach when there is no route to it. So the tests can fail on a machine that has no internet itself.
"""

import json
import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from docker.client import DockerClient

from tests.host.images.conftest import MakeStack
from tests.host.images.support import DRIVER, ROOT, Stack

TCP = [
    *(("1.1.1.1", 53), ("1.0.0.1", 853), ("8.8.8.8", 53), ("8.8.4.4", 443), ("9.9.9.9", 853)),  # resolvers
    *(("93.184.215.14", 80), ("140.82.121.3", 22), ("140.82.121.3", 443), ("151.101.0.223", 443)),  # the internet
    *(("185.199.108.133", 443), ("198.51.100.1", 8080), ("203.0.113.1", 25), ("2606:4700:4700::1111", 443)),
    *(("169.254.169.254", 80), ("169.254.170.2", 80), ("fd00:ec2::254", 80)),  # metadata: AWS, GCP, Azure, OpenStack
    *(("100.100.100.200", 80), ("168.63.129.16", 80), ("192.0.0.192", 80)),  # of Alibaba, Azure, Oracle
    *(("10.0.0.1", 80), ("10.0.2.2", 22), ("10.255.255.254", 443), ("100.64.0.1", 22)),  # the local network
    *(("10.0.0.2", 2375), ("10.0.0.2", 10250), ("10.96.0.1", 443)),  # engines and clusters on it
]
"""Addresses beyond the machine, none in the ranges from which Docker gives its networks theirs."""
UDP = [
    *(("8.8.8.8", 53), ("1.1.1.1", 53), ("9.9.9.9", 443), ("10.0.0.1", 53), ("169.254.169.123", 123)),  # names, clocks
    *(("224.0.0.251", 5353), ("239.255.255.250", 1900)),  # whoever listens on the local network
]
NAMES = [
    *("example.org", "example.com", "github.com", "one.one.one.one", "a-password.example.org", "docs.docker.com"),
    *("metadata.google.internal", "metadata", "host.docker.internal", "gateway.docker.internal"),
    "kubernetes.default.svc",
]
PROBE = """
import errno, json, socket
def why(error):
    return "no such name" if isinstance(error, socket.gaierror) else errno.errorcode.get(error.errno, str(error))
def tcp(host, port):
    try:
        socket.create_connection((host, port), timeout=20).close()
    except OSError as error:
        return why(error)
    return "connected"
def udp(host, port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        try:
            sender.sendto(b"a password", (host, port))
        except OSError as error:
            return why(error)
    return "sent"
def name(host):
    try:
        return socket.getaddrinfo(host, 80)[0][4][0]
    except OSError as error:
        return why(error)
wanted = json.loads('''WANTED''')
print(json.dumps({
    kind: [[*given, try_it(*given)] for given in wanted[kind]]
    for kind, try_it in (("tcp", tcp), ("udp", udp), ("name", name))
}))
"""
REQUESTS = """
import json, secrets, urllib.error, urllib.parse, urllib.request
wanted = json.loads('''WANTED''')
def ask(method, url, body=None, **fields):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json", **fields}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except OSError as error:
        return 0, str(error).encode()
MLFLOW = "http://mlflow:5000"
def mlflow(call, method="POST", version=2, **body):
    status, answer = ask(method, f"{MLFLOW}/api/{version}.0/mlflow/{call}", body or None)
    return status, json.loads(answer) if status == 200 else {}
outcomes = []
def closed(path, method="POST", **body):
    outcomes.append([path, ask(method, MLFLOW + path, body or None)[0]])
for address in wanted["addresses"]:
    hook = {"name": "out", "url": address, "events": [{"entity": "REGISTERED_MODEL", "action": "CREATED"}]}
    for api in ("/api/2.0", "/ajax-api/2.0"):
        closed(f"{api}/mlflow/webhooks", **hook)
    closed("/api/3.0/mlflow/gateway/secrets/create", secret_name="a", secret_value={"api_key": "b"}, provider="openai",
           auth_config={"api_base": address})
    closed("/api/3.0/mlflow/gateway/endpoints/create", name="a", model_configs=[])
    closed("/ajax-api/2.0/mlflow/gateway-proxy?" + urllib.parse.urlencode({"gateway_path": address}), "GET")
    closed("/gateway/proxy/a/" + urllib.parse.quote(address), a=1)
    closed("/gateway/mlflow/v1/chat/completions", model=address, messages=[])
    closed("/ajax-api/3.0/mlflow/scorer/invoke", address=address)
    closed("/ajax-api/3.0/mlflow/assistant/message", message=address)
    closed("/ajax-api/3.0/mlflow/assistant/skills/install", type="custom", custom_path=address)
    # what MLflow would fetch itself, as the place of an experiment's files or as a model's source
    name = "out " + secrets.token_hex(4)
    status, made = mlflow("experiments/create", name=name, artifact_location=address)
    if status == 200:
        run = mlflow("runs/create", experiment_id=made["experiment_id"])[1]["run"]["info"]["run_id"]
        ask("GET", f"{MLFLOW}/api/2.0/mlflow/artifacts/list?run_id={run}")
        ask("GET", f"{MLFLOW}/get-artifact?run_uuid={run}&path=secret")
        ask("POST", f"{MLFLOW}/ajax-api/2.0/mlflow/upload-artifact?run_uuid={run}&path=secret", {"a": 1})
    mlflow("registered-models/create", name=name)
    if mlflow("model-versions/create", name=name, source=address)[0] == 200:
        ask("GET", f"{MLFLOW}/model-versions/get-artifact?" + urllib.parse.urlencode(
            {"name": name, "version": 1, "path": "secret"}))
    # a service, or its forwarder, taken for a proxy
    for service in wanted["services"]:
        proxy = urllib.request.build_opener(urllib.request.ProxyHandler({"http": service, "https": service}))
        try:
            with proxy.open(address, timeout=20) as answer:
                outcomes.append([f"{service} as a proxy", answer.status])
        except urllib.error.HTTPError as error:
            outcomes.append([f"{service} as a proxy", error.code])
        except OSError as error:
            outcomes.append([f"{service} as a proxy", 0])
print(json.dumps(outcomes))
"""
Run = Callable[[str], str]


class Listener:
    """A service of this machine on all of its addresses."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("0.0.0.0", 0), backlog=100)
        self._socket.setblocking(False)
        self.port: int = self._socket.getsockname()[1]

    def connections(self) -> int:
        """Number of connections since the last call."""
        count = 0
        while True:
            try:
                self._socket.accept()[0].close()
            except BlockingIOError:
                return count
            count += 1

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    listening = Listener()
    yield listening
    listening.close()


def own_addresses() -> list[str]:
    """The IPv4 addresses of this machine but loopback's, those on the networks of containers among them."""
    trie = Path("/proc/net/fib_trie").read_text(encoding="ascii")
    found = re.findall(r"\|-- ([\d.]+)\n\s+/32 host LOCAL", trie)
    return sorted({address for address in found if not address.startswith("127.")})


def gateways(client: DockerClient, project: str, *names: str) -> list[str]:
    """The addresses that the machine has on networks, or would have."""
    networks = [client.networks.get(f"{project}_{name}") for name in names]
    return [network.attrs["IPAM"]["Config"][0]["Gateway"] for network in networks]


def place(client: DockerClient, stack: Stack, name: str) -> Run:
    """Return a function that runs a program in a lab, a notebook's kernel or MLflow's container."""

    def run(code: str) -> str:
        if name == "lab":
            done = stack.lab(code)
            assert done.returncode == 0, done.stderr
            return done.stdout
        command = ["python", "-c", DRIVER, code] if name == "kernel" else ["python", "-c", code]
        result = stack.container(client, "jupyter" if name == "kernel" else "mlflow").exec_run(command)
        output: str = result.output.decode()
        assert result.exit_code == 0, output
        return output

    return run


def probed(run: Run, **wanted: Any) -> dict[str, list[list[Any]]]:
    """Outcomes of TCP connections, UDP packets and names, each behind what was tried."""
    given = json.dumps({"tcp": [], "udp": [], "name": [], **wanted})
    outcome: dict[str, list[list[Any]]] = json.loads(run(PROBE.replace("WANTED", given)).splitlines()[-1])
    return outcome


@pytest.mark.parametrize("name", ["lab", "kernel", "mlflow"])
def test_no_address_and_no_name_beyond_the_services_is_reached(
    client: DockerClient, stack: Stack, listener: Listener, name: str
) -> None:
    run = place(client, stack, name)
    host = [(address, listener.port) for address in own_addresses()]
    near = [(address, listener.port) for address in gateways(client, stack.project, "tracking", "notebooks", "web")]
    assert host
    found = probed(run, tcp=[*TCP, *host], udp=UDP, name=[[name] for name in NAMES])
    tried = [*found["tcp"], *found["udp"]]
    assert [way for way in tried if way[-1] not in {"ENETUNREACH", "EHOSTUNREACH", "EADDRNOTAVAIL"}] == []
    assert [way for way in found["name"] if way[-1] != "no such name"] == []
    assert len(tried) + len(found["name"]) >= 45
    # on the networks themselves nobody answers for the machine
    assert [way for way in probed(run, tcp=near)["tcp"] if way[-1] == "connected"] == []
    assert listener.connections() == 0


def test_the_page_says_how_many_were_tried() -> None:
    page = (ROOT / "docs" / "services.md").read_text(encoding="utf-8")
    assert f"| {len(TCP)} addresses | no route |" in page
    assert f"| {len(UDP)} addresses | no route |" in page
    assert f"| {len(NAMES)} names | no such name |" in page


def test_a_lab_finds_no_other_service_than_mlflow(client: DockerClient, stack: Stack) -> None:
    others = ("jupyter", "jupyter-port", "mlflow-port", "mlflow-server", "ray-head")
    found = probed(place(client, stack, "lab"), name=[["mlflow"], *([name] for name in others)])["name"]
    assert found[0][-1] != "no such name"
    assert [outcome for _, outcome in found[1:]] == ["no such name"] * len(others)


@pytest.mark.parametrize("name", ["lab", "kernel"])
def test_no_request_through_a_service_leads_out(
    client: DockerClient, stack: Stack, listener: Listener, name: str
) -> None:
    (gateway,) = gateways(client, stack.project, "web")
    services = ["mlflow:5000"]
    if name == "kernel":
        services += ["mlflow-port:5000", "jupyter-port:8888", "jupyter:8888"]
    wanted = {
        "addresses": [f"http://{gateway}:{listener.port}/secret", "http://169.254.169.254/latest/meta-data"],
        "services": [f"http://{service}" for service in services],
    }
    printed = place(client, stack, name)(REQUESTS.replace("WANTED", json.dumps(wanted)))
    outcomes = json.loads(printed.splitlines()[-1])
    asked = [(way, status) for way, status in outcomes if "as a proxy" not in way]
    assert len(asked) == 20
    assert [way for way, status in asked if status != 404] == []
    assert [(way, status) for way, status in outcomes if status == 200] == []
    assert listener.connections() == 0


def test_who_asks_for_a_way_out_gets_one_and_still_has_mlflow(
    client: DockerClient, make_stack: MakeStack, listener: Listener
) -> None:
    """The same program finds the machine there, so that it would have found it elsewhere."""
    stack = make_stack(LAB_JUPYTER_NETWORK="web")
    stack.compose("up", "--detach", "--wait", "mlflow-port", "jupyter-port")
    run = place(client, stack, "kernel")
    (gateway,) = gateways(client, stack.project, "web")
    assert probed(run, tcp=[[gateway, listener.port]])["tcp"] == [[gateway, listener.port, "connected"]]
    assert listener.connections() == 1
    search = "import urllib.request as r; print(r.urlopen('http://mlflow:5000/api/2.0/mlflow/experiments/search"
    assert run(f"{search}?max_results=1', timeout=60).status)").strip() == "200"
    # MLflow has none all the same
    (outcome,) = probed(place(client, stack, "mlflow"), tcp=[[gateway, listener.port]])["tcp"]
    assert outcome[-1] in {"ENETUNREACH", "EHOSTUNREACH"}
    assert listener.connections() == 0
