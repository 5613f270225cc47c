"""MLflow and JupyterLab: on which ports they run, starting them, waiting until they answer, stopping them."""

import os
import subprocess
import sys
import time
from contextlib import ExitStack

from host.bootstrap import process
from host.bootstrap.flock import held
from host.bootstrap.paths import state_path
from host.bootstrap.process import reason
from host.engine import build, compose, compose_environment, docker, gpu, images
from host.engine.compose import Container, containers
from host.machine import env_file, instance, labs_owner
from host.services import restart, shared_journal, trouble, undo
from host.services.service import JUPYTER, MLFLOW, SERVICES, Service, answers, choose_port, url
from lib.harness.errors import UserError

PORT_TAKEN = ("port is already allocated", "address already in use", "only one usage of each socket address")
"""The engine's reasons, in lower case: of Linux, and of Docker Desktop on Windows."""
MLFLOW_LOG = ("logs", "mlflow-start.log")


def running(service: Service, present: list[Container]) -> Container | None:
    """The running container of `service`, None when it does not run."""
    return next((c for c in present if c.service == service.name and c.state == "running"), None)


def choose_ports(services: tuple[Service, ...], present: list[Container]) -> dict[Service, int]:
    """The port of each service: the one it runs on, else the one of `choose_port`."""
    chosen: dict[Service, int] = {}
    for service in services:
        container = running(service, present)
        ours = container.ports.get(service.inside) if container else None
        chosen[service] = ours or choose_port(service, set(chosen.values()))
    return chosen


def _variables(chosen: dict[Service, int], lab_image: images.Built) -> dict[str, str]:
    published = {service.variable: str(port) for service, port in chosen.items()}
    return compose_environment.variables(lab_image) | published | {"LAB_MLFLOW_URL": url(chosen[MLFLOW])}


def start(lab_image: images.Built, more: dict[str, str] | None = None) -> dict[Service, int]:
    """Start both services and return their ports, without waiting until they answer. Safe to run twice at once.

    `more`: variables of compose. A running container whose image is still the current one is kept as it is: its
    notebooks live on.
    """
    with held("services"):
        for _ in range(5):  # another program may take the port between the look and the start
            present = containers()
            chosen = choose_ports(SERVICES, present)
            tracking = images.inspect(images.TRACKING.name)
            if _is_kept(MLFLOW, present, tracking) and _is_kept(JUPYTER, present, lab_image):
                return chosen
            variables = _variables(chosen, lab_image) | (more or {})
            result = compose.call(variables, "up", "--detach", "mlflow", "jupyter")
            if result.returncode == 0:
                return chosen
            if not any(phrase in result.stderr.lower() for phrase in PORT_TAKEN):
                break
        docker.require_plugins()
        raise UserError(f"Compose could not start the services: {reason(result.stderr)}")


def _is_kept(service: Service, present: list[Container], current: images.Built | None) -> bool:
    container = running(service, present)
    return container is not None and current is not None and container.image == current.id


def wait(chosen: dict[Service, int], timeout: float = 120) -> None:
    """Return when both services answer. Raises `UserError` with the end of its log when one ends or does not answer."""
    token = env_file.token()
    waiting = dict(chosen)
    deadline = time.monotonic() + timeout
    look = time.monotonic() + 1
    while waiting:
        waiting = {service: port for service, port in waiting.items() if not answers(service, port, token)}
        if waiting and time.monotonic() > look:
            look = time.monotonic() + 1
            present = containers()
            for service, port in waiting.items():
                if reason_to_stop := trouble.stopped(port):
                    raise UserError(reason_to_stop)
                if look > deadline or not running(service, present):
                    log = compose.call(dict(os.environ), "logs", "--tail", "15", service.name)
                    print(log.stdout, file=sys.stderr)
                    raise UserError(f"{service.name} does not answer on {url(port)}; the end of its log is above")
        time.sleep(0.05)


def up(gpu_image: images.Image | None = None) -> dict[Service, int]:
    """Build what is missing, start both services and return their ports when both answer.

    `gpu_image`: a GPU image for JupyterLab, with all GPUs.
    """
    comes_back = restart.after_reboot()
    way = gpu.require(gpu_image) if gpu_image else None
    image = gpu_image or images.LAB
    build.ensure(images.TRACKING, image)
    begun, before = time.monotonic(), undo.made()
    with undo.undone(before):
        labs_owner.lend()
        built = images.must_inspect(image)
        trouble.restart_stopped(containers())
        chosen = start(built, gpu.variables(way, built) if way else None)
        wait(chosen)
        shared_journal.open_to_jupyter(_variables(chosen, built))
    for line in trouble.lines(containers(), time.monotonic() - begun):
        print(line, file=sys.stderr)
    if comes_back and undo.made().containers != before.containers:
        print(restart.EXPLANATION, file=sys.stderr)
    return chosen


def print_urls(chosen: dict[Service, int]) -> None:
    """One URL for each service on standard output, Jupyter's with its token."""
    print(f"JupyterLab  {url(chosen[JUPYTER])}/lab?token={env_file.token()}")
    print(f"MLflow      {url(chosen[MLFLOW])}")


def down(volumes: bool) -> None:
    """Stop and remove every container of the project; with `volumes` the journal and MLflow's data as well."""
    with held("services"):
        labs = [c.name for c in containers() if c.service in ("lab", "lab-ray")]
        if labs:  # `compose down` kills what `compose run` made; this lets them close their runs, as Ctrl-C does
            docker.call("stop", *labs, limit=compose.SECONDS)
            docker.call("rm", "--force", *labs)
        more = ["--volumes"] if volumes else []
        token = {"JUPYTER_TOKEN": "none"}  # compose.yaml asks for one whatever the command
        every = ("--profile", "lab", "--profile", "ray")
        result = compose.call(token | dict(os.environ), *every, "down", "--remove-orphans", *more)
        if result.returncode:
            raise UserError(f"Compose could not stop the services: {reason(result.stderr)}")
        labs_owner.give_back()


def start_mlflow_behind(
    lab_image: images.Built, stack: ExitStack
) -> tuple[dict[str, str], subprocess.Popen[bytes] | None]:
    """The variables for compose, and the process that starts MLflow, None when it runs already. No lab waits for it.

    A signal that ends the block of `stack` undoes it.

    The network and the volumes are made first, so that the lab's container finds them; the rest goes on in a process of
    its own, which holds the lock until it is done. Its output: .local/logs/mlflow-start.log.
    """
    with held("services") as lock:
        present = containers()
        chosen = choose_ports((MLFLOW,), present)
        variables = _variables(chosen, lab_image)
        if running(MLFLOW, present):
            return variables, None
        before = undo.made()
        stack.enter_context(undo.undone(before))
        if f"{instance.PROJECT}_tracking" not in before.networks:
            compose.call(variables, "up", "--no-start", "mlflow")  # what goes wrong here is said again below
        starting = process.start(
            compose.command("up", "--detach", "mlflow"),
            state_path(*MLFLOW_LOG),
            env=variables,
            pass_fds=[lock.fileno()],
        )
        return variables | {"LAB_MLFLOW_STARTING": "1"}, starting
