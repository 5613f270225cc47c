"""The base image of a build: the pinned one, the caller's, or the one that `./invoke doctor --fix` makes."""

from host.bootstrap.process import TimeLimitError
from host.engine import content, docker, images


def registry_has(name: str) -> bool:
    """Return whether a registry that can be reached has the image `name`."""
    try:
        return docker.call("manifest", "inspect", name, limit=20).returncode == 0
    except TimeLimitError:
        return False


def options() -> list[str]:
    """Build arguments for the base: the caller's BASE_IMAGE, else the pinned one, else the one of doctor --fix."""
    base = content.chosen_base()
    if not base and not images.inspect(content.pinned()) and images.inspect(content.LOCAL):
        base = content.LOCAL
    if not base:
        return []
    arguments = ["--build-arg", f"BASE_IMAGE={base}"]
    built = images.inspect(base)
    if built and "@sha256:" not in base:
        arguments += ["--build-arg", f"LAB_BASE={base} (image id {built.id})"]
    return arguments
