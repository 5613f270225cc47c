"""`./invoke status`: this instance, what runs of it and where, which labs are at work, what it has recorded."""

import json
from dataclasses import asdict, dataclass
from urllib.parse import quote

from host.bootstrap import environment
from host.engine import compose, docker
from host.engine.compose import Container
from host.machine import instance
from host.services import changes, recorded, without_docker
from host.services.service import JUPYTER, SERVICES, url
from host.services.up_down import LABS, OUTSIDE
from lib.harness.errors import UserError


@dataclass(frozen=True)
class Status:
    """The content of `./invoke status`.

    Attributes:
        instance: its name; None before one was made.
        folder: of this clone.
        shared: the name is from the environment, not the clone's own.
        engine: `answers`, or why it does not.
        services: what each service is doing, by name; one that was never started is absent.
        addresses: of the services that run, by name.
        internet: JupyterLab has a way out, by `up --internet`.
        labs: names of the containers of labs at work.
        runs: number of recorded runs.
        at_work: those that are written now.
        not_sent: number of those that MLflow has not got all of.
        bytes: of journals, artifacts and MLflow's databases.
        complete: the numbers include what the engine has.
    """

    instance: str | None
    folder: str
    shared: bool
    engine: str
    services: dict[str, str]
    addresses: dict[str, str]
    internet: bool
    labs: list[str]
    runs: int
    at_work: list[str]
    not_sent: int
    bytes: int
    complete: bool


def status() -> Status:
    """The status of this instance; it starts nothing that stays."""
    name = instance.known()
    engine = _engine()
    has_engine = engine == "answers" and name is not None
    present = compose.containers() if has_engine else []
    runs = recorded.of_instance(has_engine)
    published = {service.name: service for service in SERVICES}
    services, addresses = {}, {}
    for service, address in without_docker.addresses().items():
        services[f"{service} (local mode)"], addresses[f"{service} (local mode)"] = "running", address
    for container in present:
        if not container.service or container.service in LABS or container.service.endswith(compose.FORWARDER):
            continue
        services[container.service] = container.state
        if container.service in published and container.state == "running":
            addresses[container.service] = _address(container)
            if not addresses[container.service]:
                services[container.service] = "runs, and its port is not published: ./invoke up"
    return Status(
        instance=name,
        folder=instance.here(),
        shared=bool(environment.get(instance.NAME)),
        engine=engine,
        services=services,
        addresses=addresses,
        internet=any(c.service == JUPYTER.name and c.is_on(OUTSIDE) for c in present),
        labs=[c.name for c in present if c.service in LABS and c.state == "running"],
        runs=runs.runs,
        at_work=[run for part in runs.parts for run in part.at_work],
        not_sent=sum(part.not_sent for part in runs.parts),
        bytes=runs.size,
        complete=runs.complete,
    )


def _engine() -> str:
    try:
        docker.server()
    except UserError as error:
        return str(error)
    return "answers"


def _address(container: Container) -> str:
    service = next(service for service in SERVICES if service.name == container.service)
    port = container.ports.get(service.inside)
    if port is None:
        return ""
    return url(port) + (f"/lab?token={quote(changes.token_of(container))}" if service is JUPYTER else "")


def show(as_json: bool) -> None:
    """Print the status, as a table or as JSON."""
    now = status()
    if as_json:
        print(json.dumps(asdict(now), indent=2))
        return
    for subject, text in _rows(now):
        print(f"{subject:13} {text}")


def _rows(now: Status) -> list[tuple[str, str]]:
    shared = ", from LAB_INSTANCE in the environment" if now.shared else ""
    named = now.instance or "none yet: ./invoke up or ./invoke lab NAME makes one"
    rows = [("Instance", named + shared), ("Clone", now.folder)]
    if now.engine != "answers":
        rows.append(("Engine", now.engine))
    rows += [(name, f"{state} {now.addresses.get(name, '')}".rstrip()) for name, state in now.services.items()]
    if now.internet:
        rows.append(("Internet", "JupyterLab reaches it (up --internet); ./invoke up ends that"))
    if not now.services:
        rows.append(("Services", "none runs: ./invoke up"))
    rows.append(("Labs at work", ", ".join(now.at_work or now.labs) or "none"))
    count = f"{now.runs} recorded"
    if now.not_sent:
        count += f", {now.not_sent} not sent to MLflow yet: ./invoke sync"
    rows.append(("Runs", count if now.complete else f"{count}; what the engine has cannot be seen"))
    rows.append(("Disk", f"{now.bytes / 1e6:,.1f} MB of journals, artifacts and MLflow's database"))
    return rows
