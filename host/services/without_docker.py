"""JupyterLab and MLflow's page in local mode: two processes of this machine, whose ids the instance keeps."""

import os
import shlex
import shutil
import signal
import time
from pathlib import Path
from urllib.parse import quote

from host.bootstrap import ledger, process
from host.bootstrap.flock import held
from host.bootstrap.paths import LABS, ROOT
from host.engine import project
from host.machine import env_file, instance, labs_owner, local, ports
from host.services.service import JUPYTER, MLFLOW, SERVICES, Running, Service, answers, choose_port, keep_ports, url
from lib.harness.errors import UserError
from lib.harness.machine import determinism
from lib.harness.signals import deferred

ONE_THREAD = {name: value for name, value in determinism.environment().items() if name.endswith("_THREADS")}
"""A kernel computes on one core, as in compose.yaml."""


def up() -> Running:
    """Start JupyterLab and MLflow's page behind this command, unless they run; returns when both answer."""
    executables = local.python().parent
    project.display_name()  # made before the token, by which a clone is known that was used before there were names
    variables = local.environment() | {"JUPYTER_TOKEN": env_file.token()}
    labs_owner.make_folders()
    started: list[Service] = []
    try:
        with ports.reservation() as reserved:
            with held(instance.lock("local-services")):
                chosen: dict[Service, int] = {}
                for service in SERVICES:
                    process_and_port = _running(service)
                    if process_and_port:
                        chosen[service] = process_and_port[1]
                        continue
                    if service is MLFLOW:
                        _prepare_database(executables, variables)
                    chosen[service] = choose_port(service, set(chosen.values()), reserved)
                    keep_ports({service: chosen[service]})
                    started.append(service)
                    _start(service, chosen[service], executables, variables)
            _wait(chosen)
    except KeyboardInterrupt:
        for service in started:
            _stop(service)
        raise
    return Running(chosen, env_file.token())


def addresses() -> dict[str, str]:
    """The addresses of the services that run, by their names."""
    present = {service: _running(service) for service in SERVICES}
    found = {service.name: url(entry[1]) for service, entry in present.items() if entry}
    if JUPYTER.name in found:
        found[JUPYTER.name] += f"/lab?token={quote(env_file.token())}"
    return found


def _commands(service: Service, port: int, executables: Path) -> list[str]:
    if service is MLFLOW:
        store = f"sqlite:///{instance.folder() / 'mlflow.db'}"
        options = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1", "--backend-store-uri", store]
        options += ["--default-artifact-root", (instance.folder() / "artifacts").as_uri()]
        return [str(executables / "python"), "-m", "mlflow", "server", *options]
    options = [
        "--no-browser",
        "--ip=127.0.0.1",
        f"--port={port}",
        "--ServerApp.port_retries=0",
        f"--ServerApp.root_dir={LABS}",
        "--ServerApp.contents_manager_class=lib.lessons.notebooks.copies.Copies",
    ]
    return [str(executables / "python"), "-m", "jupyterlab", "--allow-root", *options]


def _prepare_database(executables: Path, variables: dict[str, str]) -> None:
    """Upgrade MLflow's database as the server in a container does. Raises `UserError` where it refuses it."""
    database = instance.folder() / "mlflow.db"
    if not database.exists():
        return
    prepare = [str(executables / "python"), str(ROOT / "docker" / "mlflow" / "server.py"), "--migrate", str(database)]
    done = process.output(prepare, limit=process.INSTALL, name="server.py --migrate", env=variables)
    if done.returncode:
        raise UserError(process.reason(done.stderr))


def _start(service: Service, port: int, executables: Path, variables: dict[str, str]) -> None:
    log = instance.path("logs", f"{service.name}.log")
    environment = variables | ONE_THREAD | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with ledger.processes() as owner, deferred():
        child = process.start(_commands(service, port, executables), log, env=environment, cwd=ROOT, owner=owner)
        instance.path(f"{service.name}.pid").write_text(f"{child.pid} {port}\n", encoding="utf-8")


def _wait(chosen: dict[Service, int], timeout: float = 120) -> None:
    token = env_file.token()
    deadline = time.monotonic() + timeout
    for service, port in chosen.items():
        while not answers(service, port, token):
            if not _running(service) or time.monotonic() > deadline:
                log = instance.path("logs", f"{service.name}.log")
                raise UserError(f"{service.name} does not answer on port {port}: its log is {log}")
            time.sleep(0.1)


def _running(service: Service) -> tuple[int, int] | None:
    """Process id and port of a service of this instance in local mode; None when it does not run."""
    try:
        noted = (instance.folder() / f"{service.name}.pid").read_text(encoding="utf-8")
        pid, port = (int(word) for word in noted.split())
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):
        return None
    return (pid, port) if str(local.VENV).encode() in command else None


def _stop(service: Service) -> bool:
    """Stop a service of this instance. Returns whether it was running.

    Raises:
        UserError: it is another user's.
    """
    process_and_port = _running(service)
    if process_and_port:
        _send(service, process_and_port[0], signal.SIGTERM)
        for _ in range(100):
            if not _running(service):
                break
            time.sleep(0.1)
        else:
            _send(service, process_and_port[0], signal.SIGKILL)
    (instance.folder() / f"{service.name}.pid").unlink(missing_ok=True)
    return process_and_port is not None


def _send(service: Service, pid: int, number: signal.Signals) -> None:
    try:
        os.killpg(pid, number)
    except ProcessLookupError:  # it has just ended
        pass
    except PermissionError:
        raise UserError(f"{service.name} (process {pid}) was started by another user: sudo ./invoke down") from None


def down() -> list[str]:
    """Stop this instance's services of local mode; returns the names of those that ran."""
    return [service.name for service in SERVICES if _stop(service)]


def recorded() -> list[Path]:
    """The records of this instance in local mode: journals, artifacts, MLflow's database."""
    here = instance.folder()
    return [path for path in (here / "journal", here / "artifacts", *here.glob("mlflow*.db*")) if path.exists()]


def delete() -> None:
    """Delete all that is recorded.

    Raises:
        UserError: something of it is still there.
    """
    for path in recorded():
        try:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        except OSError as error:
            raise UserError(
                f"Not everything was deleted: {error.filename} is still there ({error.strerror}): "
                f"sudo rm -r {shlex.quote(str(path))}"
            ) from None
