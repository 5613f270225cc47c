"""MLflow and JupyterLab, with Docker and without: on which ports they are published, and whether they answer."""

import http.client
import json
import sys
from dataclasses import dataclass
from urllib.parse import quote

from host.engine import compose
from host.machine import env_file, ports
from host.machine.ports import Reservation


@dataclass(frozen=True)
class Service:
    """A published service: its name in compose.yaml, its port inside, the variable and default of the one outside."""

    name: str
    inside: int
    variable: str
    default: int

    @property
    def forwarder(self) -> str:
        """Name in compose.yaml of the service that publishes its port."""
        return f"{self.name}{compose.FORWARDER}"

    @property
    def names(self) -> tuple[str, str]:
        """Its own name in compose.yaml and its forwarder's."""
        return self.name, self.forwarder

    @property
    def wanted(self) -> int:
        """The port that the user asks for."""
        return env_file.port(self.variable, self.default)


MLFLOW = Service("mlflow", 5000, "MLFLOW_PORT", 5000)
JUPYTER = Service("jupyter", 8888, "JUPYTER_PORT", 8888)
SERVICES = (MLFLOW, JUPYTER)


@dataclass(frozen=True)
class Running:
    """Services that run: their ports, and Jupyter's token.

    Attributes:
        folder: the other clone that has started JupyterLab; empty for this one.
        has_internet: JupyterLab has a way out.
    """

    ports: dict[Service, int]
    token: str
    folder: str = ""
    has_internet: bool = False


def choose_port(service: Service, taken: set[int], reserved: Reservation) -> int:
    """The port that `service` got the last time, or the one that is asked for, or the next free one, which is said.

    It is added to `reserved`.
    """
    wanted = service.wanted
    first = ports.kept(service.name, wanted) or wanted
    if first not in taken and reserved.take(first):
        return first
    port = ports.next_free(wanted, taken, reserved.take)
    print(f"Port {first} is in use: {service.name} is on {port}.", file=sys.stderr)
    return port


def keep_ports(chosen: dict[Service, int]) -> None:
    """Let the instance ask for the same ports the next time."""
    ports.keep({service.name: (service.wanted, port) for service, port in chosen.items()})


def url(port: int) -> str:
    """Address of a published port for the browser."""
    return f"http://127.0.0.1:{port}"


def answers(service: Service, port: int, token: str) -> bool:
    """Return whether the service's real API answers a client on the published port."""
    if service is MLFLOW:
        headers = {"Content-Type": "application/json"}
        return _ask(port, "POST", "/api/2.0/mlflow/experiments/search", '{"max_results": 1}', headers) is not None
    return _ask(port, "GET", f"/api/status?token={quote(token)}") is not None


def kernels(port: int, token: str) -> int | None:
    """The number of kernels that JupyterLab runs; None when it does not answer."""
    answer = _ask(port, "GET", f"/api/kernels?token={quote(token)}")
    try:
        return None if answer is None else len(json.loads(answer))
    except (ValueError, TypeError):  # another program has the port
        return None


def _ask(
    port: int, method: str, path: str, body: str | None = None, headers: dict[str, str] | None = None
) -> bytes | None:
    """The body of a service's answer; None unless its status is 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.read() if answer.status == 200 else None
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
