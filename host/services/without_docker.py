"""JupyterLab and MLflow's page in local mode: two processes of this machine, whose ids are in .local/NAME.pid."""

import os
import shutil
import signal
import time
from pathlib import Path

from host.bootstrap import process
from host.bootstrap.flock import held
from host.bootstrap.paths import LABS, ROOT, STATE, state_path
from host.machine import env_file, local
from host.services.service import MLFLOW, SERVICES, Service, answers, choose_port
from lib.harness.errors import UserError


def up() -> dict[Service, int]:
    """Start JupyterLab and MLflow's page behind this command, unless they run; returns their ports when both answer."""
    executables = local.python().parent
    variables = local.environment() | {"JUPYTER_TOKEN": env_file.token()}
    LABS.mkdir(exist_ok=True)
    with held("local-services"):
        chosen: dict[Service, int] = {}
        for service in SERVICES:
            found = _running(service)
            if found:
                chosen[service] = found[1]
                continue
            chosen[service] = choose_port(service, set(chosen.values()))
            _start(service, chosen[service], executables, variables)
    _wait(chosen)
    return chosen


def _commands(service: Service, port: int, executables: Path) -> list[str]:
    if service is MLFLOW:
        store = f"sqlite:///{STATE / 'mlflow.db'}"
        options = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1", "--backend-store-uri", store]
        options += ["--default-artifact-root", (STATE / "artifacts").as_uri()]
        return [str(executables / "python"), "-m", "mlflow", "server", *options]
    options = [
        "--no-browser",
        "--ip=127.0.0.1",
        f"--port={port}",
        "--ServerApp.port_retries=0",
        f"--ServerApp.root_dir={LABS}",
    ]
    return [str(executables / "python"), "-m", "jupyterlab", "--allow-root", *options]


def _start(service: Service, port: int, executables: Path, variables: dict[str, str]) -> None:
    log = state_path("logs", f"{service.name}.log")
    child = process.start(
        _commands(service, port, executables),
        log,
        env=variables | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
        cwd=ROOT,
    )
    state_path(f"{service.name}.pid").write_text(f"{child.pid} {port}\n", encoding="utf-8")


def _wait(chosen: dict[Service, int], timeout: float = 120) -> None:
    token = env_file.token()
    deadline = time.monotonic() + timeout
    for service, port in chosen.items():
        while not answers(service, port, token):
            if not _running(service) or time.monotonic() > deadline:
                raise UserError(
                    f"{service.name} does not answer on port {port}: its log is {STATE / 'logs' / service.name}.log"
                )
            time.sleep(0.1)


def _running(service: Service) -> tuple[int, int] | None:
    """Process id and port of a service of local mode; None when it does not run."""
    try:
        pid, port = (int(word) for word in (STATE / f"{service.name}.pid").read_text(encoding="utf-8").split())
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):
        return None
    return (pid, port) if str(local.VENV).encode() in command else None


def down(volumes: bool) -> bool:
    """Stop local mode's services; with `volumes` delete its runs and journals. Whether there was anything to stop."""
    stopped = False
    for service in SERVICES:
        found = _running(service)
        if found:
            stopped = True
            os.killpg(found[0], signal.SIGTERM)
            for _ in range(100):
                if not _running(service):
                    break
                time.sleep(0.1)
            else:
                os.killpg(found[0], signal.SIGKILL)
        (STATE / f"{service.name}.pid").unlink(missing_ok=True)
    if volumes:
        for name in ("journal", "artifacts"):
            shutil.rmtree(STATE / name, ignore_errors=True)
        for file in STATE.glob("mlflow.db*"):
            file.unlink()
    return stopped
