"""Runs `python -m lib …` in a container: a lab, the claims, the list of labs, a sync."""

import secrets
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

from host.bootstrap import environment, foreground, ledger
from host.bootstrap.paths import state_path
from host.bootstrap.process import reason
from host.engine import build, compose, compose_environment, compose_overrides, docker, gpu, images, project
from host.machine import git, labs_owner
from host.machine.labs_named import Named
from host.runs import memory, snapshot
from host.runs.code import Code, of
from host.services import ray, up_down
from lib.harness.contract.source import NAME


def in_container(
    arguments: list[str],
    mounts: Mapping[Path, str] = MappingProxyType({}),
    *,
    tracked: bool = True,
    output: BinaryIO | None = None,
    labs: Sequence[Named] = (),
    code: AbstractContextManager[Code] | None = None,
    image: images.Built | None = None,
    gpu_image: images.Image | None = None,
    more: Mapping[str, str] = MappingProxyType({}),
    on_ray: bool = False,
    room: str = "",
    interactive: bool = False,
) -> int:
    """Exit code of `python -m lib WORDS` in a new container.

    `mounts`: files or folders of the caller that the arguments name, by their path in the container; read-only there.
    `tracked`: the arguments ask for MLflow, which is started if need be. `output`: a file that takes what they print.
    `labs`: those that it runs. `code`: other code than the clone's with these labs.
    `image`, `more`: in another image, with more variables of compose.yaml.
    `on_ray`: the trials run on a Ray cluster. `interactive`: it reads this command's standard input, terminal or not.
    `room`: the engine's name of a volume in the journal's place; no MLflow and no network are there.
    `gpu_image`: with all GPUs, or those of the Ray cluster, in this image unless `image` names another.

    Raises:
        UserError: before anything is built: the caller has set another image, the container's user cannot read a lab,
            or with `gpu_image`, something of a GPU is missing. Afterwards: the container was killed or stopped.
    """
    compose_overrides.refuse_variables()
    for lab in labs:
        lab.require_readable()
    way = gpu.require(gpu_image) if gpu_image and not on_ray else None
    labs_owner.make_folders()
    cluster = ray.require(gpu=gpu_image is not None) if on_ray else {}
    wanted = gpu_image or images.LAB
    tracking, *built = build.ensure(images.TRACKING, *([] if image else [wanted]))
    lab_image = image or built[0]
    called = arguments[0] if NAME.fullmatch(arguments[0]) else "lab"
    name = f"{project.name()}-{called}-{secrets.token_hex(4)}"
    terminal = output is None and sys.stdin.isatty() and sys.stdout.isatty()
    options = ["--rm", "--no-deps", "--name", name, *([] if terminal else ["--no-TTY"])]
    if terminal:
        shown = environment.caller()
        options += [f"--env={name}={shown[name]}" for name in environment.SHOWN if name in shown]

    def deliver(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
        if docker.call("kill", "--signal", number.name, name).returncode:  # it has not started yet
            child.terminate()

    commit = git.commit()
    with ExitStack() as stack:
        taken = stack.enter_context(code or of(labs))
        if tracked:
            variables, mlflow = up_down.start_mlflow_behind(tracking, lab_image, stack)
        else:
            variables, mlflow = compose_environment.variables(tracking, lab_image), None
        if variables["LAB_GIT_COMMIT"] != commit:  # another one was checked out while the snapshot was taken
            variables |= {"LAB_GIT_COMMIT": "unknown", "LAB_GIT_DIRTY": "unknown"}
        variables |= dict(more) | cluster | taken.variables()
        if way is not None:
            variables |= gpu.variables(way, lab_image)
        options += ["--label", f"{snapshot.LABEL}={taken.root.name}"]
        for source, target in {**mounts, **taken.mounts}.items():
            options += ["--volume", f"{source}:{target}:ro"]
        service = "lab-ray" if on_ray else "lab-alone" if room else "lab"
        options += ["--volume", f"{room}:/journal"] if room else []
        command = compose.command("run", *options, service, *arguments)
        with ledger.container(name, closes=True):
            ended = foreground.run(command, variables, terminal, deliver, output=output, interactive=interactive)
    if mlflow is not None and mlflow.poll():
        why = reason(state_path(*up_down.MLFLOW_LOG).read_text(encoding="utf-8"))
        print(f"MLflow did not start: {why}. Nothing is lost: ./invoke up, then ./invoke sync", file=sys.stderr)
    if ended in {memory.KILLED, memory.STOPPED}:
        raise memory.why_ended(name, ended, gpu=way is not None)
    return ended
