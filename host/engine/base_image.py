"""The base image of a build: the pinned one, the caller's, or the one that `./invoke doctor --fix` makes."""

import re

from host.bootstrap import environment
from host.bootstrap.paths import ROOT
from host.bootstrap.process import TimeLimitError
from host.engine import docker, images
from lib.harness.errors import UserError

# Debian from the distribution's mirror, made where no registry can be reached
LOCAL = "fearless-labs/base-local:bookworm"


def pinned() -> str:
    """The base that the Dockerfile pins by date and digest."""
    match = re.search(r"^ARG BASE_IMAGE=(\S+)", (ROOT / "docker" / "Dockerfile").read_text(encoding="utf-8"), re.M)
    if not match:
        raise UserError("docker/Dockerfile has no line ARG BASE_IMAGE=…")
    return match[1]


def registry_has(name: str) -> bool:
    """Return whether a registry that can be reached has the image `name`."""
    try:
        return docker.call("manifest", "inspect", name, limit=20).returncode == 0
    except TimeLimitError:
        return False


def options() -> list[str]:
    """Build arguments for the base: the caller's BASE_IMAGE, else the pinned one, else the one of doctor --fix."""
    base = environment.get("BASE_IMAGE")
    if not base and not images.inspect(pinned()) and images.inspect(LOCAL):
        base = LOCAL
    if not base:
        return []
    arguments = ["--build-arg", f"BASE_IMAGE={base}"]
    built = images.inspect(base)
    if built and "@sha256:" not in base:
        arguments += ["--build-arg", f"LAB_BASE={base} (image id {built.id})"]
    return arguments
