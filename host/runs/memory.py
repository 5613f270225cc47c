"""A container that was killed: said with its limit of memory, the usual reason, or that somebody has stopped it."""

from host.bootstrap import environment
from host.engine import docker
from host.machine import env_file
from lib.harness.errors import UserError

KILLED, STOPPED = 137, 143
"""128 + SIGKILL, 128 + SIGTERM: the exit codes of a container whose program could not say why it ended."""
DEFAULTS = {False: "8g", True: "16g"}
"""LAB_MEMORY where it is not set, by whether a container computes on GPUs: as compose.yaml and compose.gpu.yaml say."""


def limit(*, gpu: bool = False) -> str:
    """LAB_MEMORY as a container gets it, and where from."""
    chosen = environment.get("LAB_MEMORY") or env_file.setting("LAB_MEMORY")
    return chosen or f"{DEFAULTS[gpu]}, its default"


def why_ended(name: str, code: int, *, gpu: bool = False) -> UserError:
    """The error of a container that was `KILLED` or `STOPPED` just now. Who stops one leaves the engine an event."""
    if code == STOPPED:  # it handles the signal from its beginning on
        return UserError(f"{name} was stopped from outside, before it had begun")
    has, _, now = docker.call("info", "--format", "{{.MemTotal}} {{.SystemTime}}").stdout.strip().partition(" ")
    stopped = docker.call(
        *("events", "--since", "0", "--until", now, "--filter", f"container={name}", "--filter", "event=kill"),
        *("--format", "{{.Action}}"),
    )
    if stopped.stdout.strip():
        return UserError(f"{name} was stopped from outside. What had ended is recorded; --resume goes on")
    room = f" (the engine has {int(has) / 2**30:.1f} GiB)" if has.isdecimal() else ""
    return UserError(
        f"{name} was killed, out of memory: LAB_MEMORY is {limit(gpu=gpu)}. Set a larger one in .env or the "
        f"environment, as in LAB_MEMORY=12g{room}, or use --workers 1"
    )
