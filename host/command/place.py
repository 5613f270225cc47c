"""The place where a command runs: a container, or local mode."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from host.engine import docker, gpu, images
from host.machine import settings
from host.machine.labs_named import Named
from lib.harness.errors import UserError


def goes_local(asked: bool) -> bool:
    """Return whether to run in local mode: it is asked for, or no engine answers, which is said in one line."""
    if asked:
        return True
    try:
        docker.require()
    except docker.NoEngineError as error:
        print(f"{error}. Going on without it (local mode).", file=sys.stderr)
        return True
    return False


def run_lib(
    arguments: list[str],
    local: bool,
    mounts: Mapping[Path, str] = MappingProxyType({}),
    *,
    labs: Sequence[Named] = (),
    gpu_image: images.Image | None = None,
    on_ray: bool = False,
    tracked: bool = True,
    interactive: bool = False,
) -> int:
    """Exit code of `python -m lib ARGUMENTS` in a container or in local mode.

    Args:
        arguments: those of the program in the container.
        local: local mode is asked for.
        mounts: files or folders that the arguments name, by their path in the container.
        labs: those that it runs.
        gpu_image: run in this image, with all GPUs; then there is no local mode.
        on_ray: the trials run on a Ray cluster.
        tracked: the program asks for MLflow, which is started if need be.
        interactive: the program reads what the user types, or what is piped into this command.
    """
    settings.check()
    variables = {name: value for lab in labs for name, value in lab.variables.items()}
    if gpu_image is None and goes_local(local):
        from host.runs import without_docker

        here = [_on_this_machine(argument, mounts) for argument in arguments]
        return without_docker.run(here, labs=labs, interactive=interactive, variables=variables)
    from host.runs.container import in_container

    return in_container(
        arguments,
        mounts,
        labs=labs,
        gpu_image=gpu_image,
        more=variables,
        on_ray=on_ray,
        tracked=tracked,
        interactive=interactive,
    )


def _on_this_machine(argument: str, mounts: Mapping[Path, str]) -> str:
    """An argument of the program, with the path that a container sees turned back into that of this machine."""
    for source, target in mounts.items():
        if argument == target or argument.startswith(f"{target}/"):
            return f"{source}{argument.removeprefix(target)}"
    return argument


def gpu_image_for(lab: str | None, framework: str | None, changes: list[str], local: bool) -> images.Image:
    """The image for a lab, or for a framework, on the GPU."""
    if local:
        raise UserError("--gpu and --local cannot be combined: computing on a GPU needs the container")
    return gpu.image_of(lab, framework, changes) if lab else gpu.image_for(framework or "torch")
