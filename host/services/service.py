"""MLflow and JupyterLab, with Docker and without: on which ports they are published, and whether they answer."""

import http.client
import sys
from dataclasses import dataclass

from host.machine import env_file, ports


@dataclass(frozen=True)
class Service:
    """A published service: its name in compose.yaml, its port inside, the variable and default of the one outside."""

    name: str
    inside: int
    variable: str
    default: int


MLFLOW = Service("mlflow", 5000, "MLFLOW_PORT", 5000)
JUPYTER = Service("jupyter", 8888, "JUPYTER_PORT", 8888)
SERVICES = (MLFLOW, JUPYTER)


def choose_port(service: Service, taken: set[int]) -> int:
    """The port that the user wants for `service`, or else the next free one, which is said."""
    wanted = env_file.port(service.variable, service.default)
    port = ports.next_free(wanted, taken)
    if port != wanted:
        print(f"Port {wanted} is in use: {service.name} is on {port}.", file=sys.stderr)
    return port


def url(port: int) -> str:
    """Address of a published port for the browser."""
    return f"http://127.0.0.1:{port}"


def answers(service: Service, port: int, token: str) -> bool:
    """Return whether the service's real API answers a client on the published port."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        if service is MLFLOW:
            headers = {"Content-Type": "application/json"}
            connection.request("POST", "/api/2.0/mlflow/experiments/search", '{"max_results": 1}', headers)
        else:
            connection.request("GET", f"/api/status?token={token}")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
