"""MLflow and JupyterLab through compose: what runs, on which ports, starting and stopping them."""

import getpass
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass

from host import engine, git, images, labs_owner, ports, settings
from host.locks import held
from host.paths import ROOT, state_path
from lib.harness.errors import UserError

PROJECT = os.environ.get("COMPOSE_PROJECT_NAME") or "fearless-labs"
PORT_TAKEN = ("port is already allocated", "address already in use")


@dataclass(frozen=True)
class Service:
    """A published service: its name in compose.yaml, its port inside and the one it is published on if it is free."""

    name: str
    inside: int
    variable: str
    default: int


MLFLOW = Service("mlflow", 5000, "MLFLOW_PORT", 5000)
JUPYTER = Service("jupyter", 8888, "JUPYTER_PORT", 8888)
SERVICES = (MLFLOW, JUPYTER)


@dataclass(frozen=True)
class Container:
    """A container of this project as `docker ps` shows it. `ports`: from inside to the host's."""

    service: str
    name: str
    image: str
    state: str
    ports: dict[int, int]


def containers() -> list[Container]:
    """All containers of this project, stopped ones and labs included."""
    listing = engine.docker(
        "ps", "--all", "--no-trunc", "--filter", f"label=com.docker.compose.project={PROJECT}", "--format", "{{json .}}"
    )
    return [read_container(line) for line in listing.stdout.splitlines()]


def read_container(line: str) -> Container:
    """One line of `docker ps --format '{{json .}}'`; its Ports are '127.0.0.1:5001->5000/tcp, …'."""
    row: dict[str, str] = json.loads(line)
    labels = dict(label.partition("=")[::2] for label in row["Labels"].split(","))
    published = {}
    for entry in row["Ports"].split(","):
        outside, arrow, inside = entry.strip().partition("->")
        if arrow and "-" not in inside:
            published[int(inside.partition("/")[0])] = int(outside.rpartition(":")[2])
    image = labels.get("com.docker.compose.image", "")
    return Container(labels.get("com.docker.compose.service", ""), row["Names"], image, row["State"], published)


def running(service: Service, found: list[Container]) -> Container | None:
    """The running container of `service`, None when it does not run."""
    return next((c for c in found if c.service == service.name and c.state == "running"), None)


def choose_ports(services: tuple[Service, ...], found: list[Container]) -> dict[Service, int]:
    """The port of each service: the one it runs on, else the wanted one, else the next free one, which is said."""
    chosen: dict[Service, int] = {}
    for service in services:
        container = running(service, found)
        if container and service.inside in container.ports:
            chosen[service] = container.ports[service.inside]
            continue
        wanted = settings.port(service.variable, service.default)
        chosen[service] = ports.next_free(wanted, set(chosen.values()))
        if chosen[service] != wanted:
            print(f"Port {wanted} is in use: {service.name} is on {chosen[service]}.", file=sys.stderr)
    return chosen


def url(port: int) -> str:
    """Address of a published port for the browser."""
    return f"http://127.0.0.1:{port}"


def environment(chosen: dict[Service, int], lab_image: images.Built) -> dict[str, str]:
    """What compose.yaml reads: ports, Jupyter's token and user, and what every run records of the host."""
    uid, gid = labs_owner.jupyter_user()
    made = {service.variable: str(port) for service, port in chosen.items()}
    made |= {"JUPYTER_TOKEN": settings.token(), "LAB_UID": str(uid), "LAB_GID": str(gid)}
    made |= {"LAB_IMAGE": lab_image.id, "LAB_IMAGE_KIND": lab_image.kind, "LAB_USER": user()}
    made |= {"LAB_GIT_COMMIT": git.commit(), "LAB_GIT_DIRTY": str(git.dirty()).lower()}
    if MLFLOW in chosen:
        made["LAB_MLFLOW_URL"] = url(chosen[MLFLOW])
    return {**os.environ, **made}


def user() -> str:
    """Name of the person who runs the command, behind sudo too."""
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):  # a uid without a name
        return str(os.getuid())


def compose(*args: str) -> list[str]:
    """The command `docker compose ARGS` on this clone's compose.yaml."""
    return ["docker", "compose", "--progress", "quiet", "--project-directory", str(ROOT), *args]


def start(services: tuple[Service, ...], lab_image: images.Built) -> dict[Service, int]:
    """Start `services` and return their ports, without waiting until they answer. Safe to run twice at once.

    A running container whose image is still the current one is kept as it is: its notebooks live on.
    """
    with held("services"):
        for attempt in range(5):  # another program may take the port between the look and the start
            found = containers()
            chosen = choose_ports(services, found)
            command = compose("up", "--detach", *[service.name for service in services])
            if all(_is_kept(service, found, lab_image) for service in services):
                return chosen
            result = subprocess.run(
                command, env=environment(chosen, lab_image), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                check=False,
            )  # fmt: skip
            if result.returncode == 0:
                return chosen
            engine.require_plugins()
            if attempt == 4 or not any(words in result.stderr for words in PORT_TAKEN):
                raise UserError(f"Compose could not start the services: {last_line(result.stderr)}")
    raise AssertionError("unreachable")


def _is_kept(service: Service, found: list[Container], lab_image: images.Built) -> bool:
    container = running(service, found)
    current = lab_image if service is JUPYTER else images.inspect(images.TRACKING.name)
    return container is not None and current is not None and container.image == current.id


def last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip() if lines else "it gave no reason"


def answers(service: Service, port: int, token: str) -> bool:
    """Whether the service's real API answers a client on the published port."""
    import http.client

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


def wait(chosen: dict[Service, int], timeout: float = 120) -> None:
    """Return when every service answers. Raises `UserError` with the end of its log when one ends or does not answer."""
    token = settings.token()
    waiting = dict(chosen)
    deadline = time.monotonic() + timeout
    look = time.monotonic() + 1
    while waiting:
        for service, port in list(waiting.items()):
            if answers(service, port, token):
                del waiting[service]
        now = time.monotonic()
        if waiting and now > look:
            look = now + 1
            alive = containers()
            for service in waiting:
                if now > deadline or not running(service, alive):
                    log = engine.docker("compose", "--project-directory", str(ROOT), "logs", "--tail", "15", service.name)
                    print(log.stdout, file=sys.stderr)
                    raise UserError(f"{service.name} does not answer on {url(waiting[service])}; its log is above")
        time.sleep(0.05)


def up() -> dict[Service, int]:
    """Build what is missing, start both services and return their ports when both answer."""
    images.ensure(*images.IMAGES)
    lab_image = images.inspect(images.LAB.name)
    assert lab_image is not None, "ensure() has just made it"
    labs_owner.lend()
    chosen = start(SERVICES, lab_image)
    wait(chosen)
    return chosen


def print_urls(chosen: dict[Service, int]) -> None:
    """One URL for each service on standard output, Jupyter's with its token."""
    print(f"JupyterLab  {url(chosen[JUPYTER])}/lab?token={settings.token()}")
    print(f"MLflow      {url(chosen[MLFLOW])}")


def confirm_deletion() -> None:
    """Ask before data is deleted. Raises `UserError` unless the answer is yes."""
    print("Delete every run, journal and artifact of Fearless Labs on this machine? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise UserError("Nothing was deleted or stopped: the answer was not yes")


def down(volumes: bool) -> None:
    """Stop and remove every container of the project, labs too; with `volumes` the journal and MLflow's data as well."""
    command = compose("--profile", "lab", "down", "--remove-orphans", *(["--volumes"] if volumes else []))
    with held("services"):
        labs = [c.name for c in containers() if c.service == "lab"]
        if labs:  # compose forgets those that `run` made: let them end as Ctrl-C would, so that their runs are closed
            engine.docker("stop", *labs)
            engine.docker("rm", "--force", *labs)
        result = subprocess.run(
            command, env={"JUPYTER_TOKEN": "none", **os.environ}, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, check=False,
        )  # fmt: skip
        if result.returncode:
            raise UserError(f"Compose could not stop the services: {last_line(result.stderr)}")
        labs_owner.give_back()


MLFLOW_LOG = ("logs", "mlflow-start.log")


def start_mlflow_behind(lab_image: images.Built) -> tuple[dict[str, str], subprocess.Popen[bytes] | None]:
    """The variables for compose, and the process that starts MLflow, None when it runs already. A lab waits for neither.

    The network and the volumes are made first, so that the lab's container finds them; the rest goes on in a process of
    its own, which holds the lock until it is done. Its output: .local/logs/mlflow-start.log.
    """
    with held("services") as lock:
        found = containers()
        chosen = choose_ports((MLFLOW,), found)
        variables = environment(chosen, lab_image)
        if running(MLFLOW, found):
            return variables, None
        with state_path(*MLFLOW_LOG).open("w", encoding="utf-8") as log:
            if engine.docker("network", "inspect", f"{PROJECT}_tracking").returncode:
                subprocess.run(
                    compose("up", "--no-start", "mlflow"), env=variables, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                    check=False,
                )  # fmt: skip
            starting = subprocess.Popen(
                compose("up", "--detach", "mlflow"), env=variables, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                pass_fds=[lock.fileno()], start_new_session=True,
            )  # fmt: skip
        return variables | {"LAB_MLFLOW_STARTING": "1"}, starting


