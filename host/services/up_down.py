"""MLflow and JupyterLab: on which ports they run, starting them, waiting until they answer, stopping them."""

import subprocess
import sys
import time
from contextlib import ExitStack
from urllib.parse import quote

from host.bootstrap import environment, process
from host.bootstrap.paths import state_path
from host.bootstrap.process import reason
from host.engine import build, compose, compose_environment, compose_overrides, docker, gpu, images, project
from host.engine.compose import Container, containers
from host.machine import env_file, instance, labs_owner, ports, settings
from host.machine.ports import Reservation
from host.services import changes, shared_journal, trouble, undo
from host.services.service import (
    JUPYTER,
    MLFLOW,
    SERVICES,
    Running,
    Service,
    answers,
    choose_port,
    keep_ports,
    url,
)
from lib.harness.errors import UserError

PORT_TAKEN = ("port is already allocated", "address already in use", "only one usage of each socket address")
"""The engine's reasons, in lower case: of Linux, and of Docker Desktop on Windows."""
COME_BACK = f"Services come back after a reboot, until ./invoke down; {settings.RESTART}=no in .env keeps them away."
FIRST_LESSON = "mine/{}/00-start-here.ipynb"
"""The learner's copy, which JupyterLab makes (lib/lessons/notebooks/copies.py)."""
MLFLOW_LOG = ("logs", "mlflow-start.log")
OUTSIDE = "web"
"""The network of compose.yaml that leads out."""
WAY_OUT = {"LAB_JUPYTER_NETWORK": OUTSIDE}
"""The variable of compose.yaml that puts JupyterLab on it."""
LABS = ("lab", "lab-ray", "lab-alone")
"""The services of compose.yaml as which labs run."""


def running(service: Service, present: list[Container]) -> Container | None:
    """The running container of `service`, None when it does not run."""
    return next((c for c in present if c.service == service.name and c.state == "running"), None)


def _publishing(service: Service, present: list[Container]) -> Container | None:
    """The running container of `service`, or of its forwarder while that one is away; both have its port."""
    return running(service, present) or next(
        (c for c in present if c.service == service.forwarder and c.state == "running"), None
    )


def choose_ports(present: list[Container], reserved: Reservation) -> dict[Service, int]:
    """The port of each service: the one it runs on, unless its setting has changed, else the one of `choose_port`."""
    chosen: dict[Service, int] = {}
    for service in SERVICES:
        container = _publishing(service, present)
        if changes.of_another_clone(container):
            assert container is not None
            port = container.ports.get(service.inside)
        else:
            port = changes.port_of(service, container, ports.kept(service.name, service.wanted))
        chosen[service] = port or choose_port(service, set(chosen.values()), reserved)
    return chosen


def _variables(chosen: dict[Service, int], tracking: images.Built, lab_image: images.Built) -> dict[str, str]:
    published = {service.variable: str(port) for service, port in chosen.items()}
    return compose_environment.variables(tracking, lab_image) | published | {"LAB_MLFLOW_URL": url(chosen[MLFLOW])}


def start(tracking: images.Built, lab_image: images.Built, more: dict[str, str] | None = None) -> Running:
    """Start both services, without waiting until they answer. Safe to run twice at once.

    `more`: variables of compose. A running service is started again where its image or its settings have changed; one
    that another clone has started, and a JupyterLab whose kernels nobody agrees to end, are kept as they are.
    """
    project.name()
    with instance.turn("services"), ports.reservation() as reserved:
        for _ in range(5):  # another program may take the port between the look and the start
            present = containers()
            chosen = choose_ports(present, reserved)
            variables = _variables(chosen, tracking, lab_image) | (more or {})
            anew = _to_start(present, variables, {MLFLOW: tracking, JUPYTER: lab_image})
            jupyter = running(JUPYTER, present) if JUPYTER.name not in anew else None
            if jupyter and JUPYTER.forwarder not in anew:
                chosen[JUPYTER] = jupyter.ports.get(JUPYTER.inside, chosen[JUPYTER])
            if not anew:
                break
            result = compose.call(variables, "up", "--detach", "--no-deps", *anew)
            if result.returncode == 0:
                break
            if not any(phrase in result.stderr.lower() for phrase in PORT_TAKEN):
                docker.require_plugins()
                raise UserError(f"Compose could not start the services: {reason(result.stderr)}")
        else:
            raise UserError(f"Compose could not start the services: {reason(result.stderr)}")
        keep_ports({service: chosen[service] for service in SERVICES if service.forwarder in anew})
    if jupyter is None:
        return Running(chosen, env_file.token(), has_internet=bool(more and WAY_OUT.items() <= more.items()))
    folder = jupyter.folder if changes.of_another_clone(jupyter) else ""
    return Running(chosen, changes.token_of(jupyter), folder, jupyter.is_on(OUTSIDE))


def _to_start(present: list[Container], variables: dict[str, str], built: dict[Service, images.Built]) -> list[str]:
    """The services of compose.yaml that do not run, or run from another image or with other settings.

    Left out is what another clone has started, and a JupyterLab that goes on. A forwarder ends nothing when it starts
    again, so nobody is asked.
    """
    ours = [service for service in SERVICES if not changes.of_another_clone(running(service, present))]
    there = {c.service: c for c in present if c.state == "running"}
    made_of = {service.name: built[service] for service in ours}
    made_of |= {service.forwarder: built[MLFLOW] for service in ours}
    absent = [name for name in made_of if name not in there]
    looked = {name: there[name] for name in made_of if name in there}
    if not looked:
        return absent
    wanted = compose.hashes(variables, *looked)
    changed = [name for name, c in looked.items() if changes.has_changed(c, made_of[name], wanted.get(name, ""))]
    if JUPYTER.name in changed and changes.goes_on(looked[JUPYTER.name]):
        changed.remove(JUPYTER.name)
        if JUPYTER.forwarder in absent and looked[JUPYTER.name].ports:  # as until version 0.2, itself publishes it
            absent.remove(JUPYTER.forwarder)
    if names := " and ".join(service.name for service in SERVICES if service.name in changed):
        print(f"Starting {names} again: settings or images have changed.", file=sys.stderr)
    return [*absent, *changed]


def wait(started: Running, timeout: float = 120) -> None:
    """Return when both services answer. Raises `UserError` with the end of its log when one ends or does not answer."""
    waiting = dict(started.ports)
    deadline = time.monotonic() + timeout
    look = time.monotonic() + 1
    while waiting:
        waiting = {s: port for s, port in waiting.items() if not answers(s, port, started.token)}
        if waiting and time.monotonic() > look:
            look = time.monotonic() + 1
            present = containers()
            for service, port in waiting.items():
                if reason_to_stop := trouble.stopped(port):
                    raise UserError(reason_to_stop)
                states = {c.service: c.state for c in present}
                if look > deadline or any(states.get(name) != "running" for name in service.names):
                    log = compose.call(environment.caller(), "logs", "--tail", "15", *service.names)
                    print(log.stdout, file=sys.stderr)
                    raise UserError(f"{service.name} does not answer on {url(port)}; the end of its log is above")
        time.sleep(0.05)


def up(gpu_image: images.Image | None = None, *, internet: bool = False) -> Running:
    """Build what is missing, start both services and return when both answer.

    Args:
        gpu_image: a GPU image for JupyterLab, with all GPUs.
        internet: JupyterLab gets a way out.
    """
    comes_back = settings.comes_back()
    compose_overrides.refuse_variables()
    way = gpu.require(gpu_image) if gpu_image else None
    image = gpu_image or images.LAB
    tracking, built = build.ensure(images.TRACKING, image)
    project.name()
    begun, before = time.monotonic(), undo.made()
    with undo.undone(before):
        labs_owner.lend()
        trouble.restart_stopped(containers())
        more = (gpu.variables(way, built) if way else {}) | (WAY_OUT if internet else {})
        started = start(tracking, built, more)
        wait(started)
        if not started.folder:
            shared_journal.open_to_jupyter(_variables(started.ports, tracking, built))
    for line in trouble.lines(containers(), time.monotonic() - begun):
        print(line, file=sys.stderr)
    if comes_back and undo.made().containers != before.containers:
        print(COME_BACK, file=sys.stderr)
    return started


def print_urls(started: Running) -> None:
    """Print one URL for each service and for the first lesson, with Jupyter's token, and whose they are."""
    lab, token = f"{url(started.ports[JUPYTER])}/lab", f"?token={quote(started.token)}"
    print(f"JupyterLab         {lab}{token}")
    print(f"Lessons (한국어)   {lab}/tree/{FIRST_LESSON.format('ko')}{token}")  # as wide as the next one
    print(f"Lessons (English)  {lab}/tree/{FIRST_LESSON.format('en')}{token}")
    print(f"MLflow             {url(started.ports[MLFLOW])}")
    if started.has_internet:
        print("Internet           JupyterLab reaches it, your network and this machine; ./invoke up ends that")
    print(f"Instance           {project.display_name()}{f', started from {started.folder}' if started.folder else ''}")


def down(volumes: bool = False) -> list[str]:
    """Stop and remove every container of the instance; with `volumes` the journal and MLflow's data as well.

    Returns the names of the services that were there.

    Raises:
        UserError: one could not be stopped, or a volume could not be deleted.
    """
    project.name()
    with instance.turn("services"):
        present = containers()
        labs = [c.name for c in present if c.service in LABS]
        if labs:  # `compose down` kills what `compose run` made; this lets them close their runs, as Ctrl-C does
            docker.call("stop", *labs, limit=compose.SECONDS)
            docker.call("rm", "--force", *labs)
        more = ["--volumes"] if volumes else []
        asked = dict.fromkeys(("JUPYTER_TOKEN", *images.SETTINGS), "none")  # by compose.yaml, whatever the command
        every = ("--profile", "*")
        result = compose.call(asked | environment.caller(), *every, "down", "--remove-orphans", *more)
        if result.returncode:
            raise UserError(f"Compose could not stop the services: {reason(result.stderr)}")
        labs_owner.give_back()
        if volumes:
            project.remove_volumes()
    return [c.service for c in present if c.service and not c.service.endswith(compose.FORWARDER)]


def start_mlflow_behind(
    tracking: images.Built, lab_image: images.Built, stack: ExitStack
) -> tuple[dict[str, str], subprocess.Popen[bytes] | None]:
    """The variables for compose, and the process that starts MLflow, None when it runs already. No lab waits for it.

    A signal that ends the block of `stack` undoes it.

    The network and the volumes are made first, so that the lab's container finds them; the rest goes on in a process of
    its own, which holds the lock until it is done. Its output: .local/logs/mlflow-start.log.
    """
    name = project.name()
    with instance.turn("services") as carriers, ports.reservation() as reserved:
        present = containers()
        mlflow = _publishing(MLFLOW, present)
        port = mlflow.ports.get(MLFLOW.inside) if mlflow else None
        chosen = {MLFLOW: port or choose_port(MLFLOW, set(), reserved)}
        variables = _variables(chosen, tracking, lab_image)
        if port and running(MLFLOW, present):
            return variables, None
        there = {c.service for c in present if c.state == "running"}
        absent = [name for name in MLFLOW.names if name not in there]
        keep_ports(chosen)
        before = undo.made()
        stack.enter_context(undo.undone(before))
        if f"{name}_tracking" not in before.networks:
            compose.call(variables, "up", "--no-start", *absent)  # what goes wrong here is said again below
        starting = process.start(
            compose.command_behind("up", "--detach", "--no-deps", *absent),
            state_path(*MLFLOW_LOG),
            env=variables,
            pass_fds=(*carriers, *reserved.descriptors),
        )
        return variables | {"LAB_MLFLOW_STARTING": "1"}, starting
