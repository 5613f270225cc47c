"""The trouble of a service whose container runs: it is stopped in there, out of memory, or was just upgraded."""

import http.client

from host.engine import docker
from host.engine.compose import Container
from host.services.service import JUPYTER, MLFLOW, SERVICES, Service

HEADER = "X-Service-Stopped"  # docker/service.py
MEMORY = {MLFLOW: "MLFLOW_MEMORY", JUPYTER: "LAB_MEMORY"}
UPGRADED = "MLflow's database was upgraded"  # docker/mlflow/database.py


def stopped(port: int) -> str:
    """The reason why the service behind a published port is stopped; empty when it is not."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/")
        answer = connection.getresponse()
        return answer.read().decode(errors="replace").strip() if answer.getheader(HEADER) else ""
    except (OSError, http.client.HTTPException):
        return ""
    finally:
        connection.close()


def restart_stopped(present: list[Container]) -> None:
    """Start the services again that are stopped in their running containers."""
    for service, container in _running(present).items():
        port = container.ports.get(service.inside)
        if port and stopped(port):
            docker.call("restart", container.name)


def lines(present: list[Container], seconds: float) -> list[str]:
    """A line for each service that has run out of memory, and for an upgrade of MLflow's in the last seconds."""
    running = _running(present)
    found = [_out_of_memory(service) for service, container in running.items() if was_out_of_memory(container.name)]
    if MLFLOW in running:
        log = docker.call("logs", "--since", f"{int(seconds) + 1}s", running[MLFLOW].name)
        found += [line for line in log.stdout.splitlines() if line.startswith(UPGRADED)]
    return found


def was_out_of_memory(container: str) -> bool:
    """Return whether the kernel has ended a program in a running container, as it was out of memory."""
    return docker.call("inspect", "--format", "{{.State.OOMKilled}}", container).stdout.strip() == "true"


def _out_of_memory(service: Service) -> str:
    what = "a notebook's kernel" if service is JUPYTER else "it"
    return (
        f"{service.name} ran out of memory and {what} was ended: set a larger {MEMORY[service]} in .env, "
        "then ./invoke up"
    )


def _running(present: list[Container]) -> dict[Service, Container]:
    names = {service.name: service for service in SERVICES}
    return {names[c.service]: c for c in present if c.service in names and c.state == "running"}
