"""Services that run with other settings than those of now: which start again, and which go on."""

import json
import sys

from host.engine import docker, images
from host.engine.compose import Container
from host.machine import instance
from host.services.service import JUPYTER, Service, kernels


def of_another_clone(container: Container | None) -> bool:
    """Return whether a clone that shares this instance has started it: its labs/, its token and its image are there."""
    return container is not None and bool(container.folder) and instance.is_used_elsewhere(container.folder)


def has_changed(container: Container, built: images.Built, config: str) -> bool:
    """Return whether Compose would start this service from another image, or with other settings."""
    return container.image != built.id or container.config != config


def token_of(container: Container) -> str:
    """The token with which a running JupyterLab was started."""
    shown = docker.call("inspect", "--format", "{{json .Config.Env}}", container.name)
    variables = json.loads(shown.stdout) if shown.returncode == 0 else []
    return next((line.partition("=")[2] for line in variables if line.startswith("JUPYTER_TOKEN=")), "")


def goes_on(container: Container) -> bool:
    """Return whether a JupyterLab with former settings goes on: kernels are at work, and nobody agrees to end them.

    On a terminal the user is asked; elsewhere it goes on, which a line says.
    """
    count = kernels(container.ports.get(JUPYTER.inside, 0), token_of(container))
    if count == 0:
        return False
    if count is None:
        print("JupyterLab goes on as it is: it does not say whether kernels are at work (./invoke down ends it).",
              file=sys.stderr)  # fmt: skip
        return True
    at_work = f"{count} kernel{'s' if count > 1 else ''}"
    if sys.stdin is not None and sys.stdin.isatty():
        question = f"Settings have changed. End {at_work} to start JupyterLab with them? [y/N] "
        print(question, end="", file=sys.stderr, flush=True)
        return sys.stdin.readline().strip().lower() not in {"y", "yes"}
    print(f"JupyterLab goes on with its former settings: {at_work} would end (./invoke down ends them).",
          file=sys.stderr)  # fmt: skip
    return True


def port_of(service: Service, container: Container | None, kept: int | None) -> int | None:
    """The port that a running service keeps: the one that it got for the setting of now.

    `kept`: what is known to have come of that setting.
    """
    port = container.ports.get(service.inside) if container else None
    return port if port in {kept, service.wanted} or (kept is None and service.wanted == service.default) else None
