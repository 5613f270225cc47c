"""Runs `python -m lib …` in a container: a lab, the claims, the list of labs, a sync."""

import secrets
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

from host.bootstrap import foreground, ledger
from host.bootstrap.paths import ROOT, state_path
from host.bootstrap.process import reason
from host.engine import build, compose, compose_environment, docker, gpu, images
from host.machine import instance, labs_owner
from host.services import ray, up_down
from lib.harness.contract.source import NAME
from lib.harness.errors import UserError


def in_container(
    arguments: list[str],
    mounts: Mapping[Path, str] = MappingProxyType({}),
    *,
    tracked: bool = True,
    output: BinaryIO | None = None,
    lib: Path | None = None,
    image: images.Built | None = None,
    gpu_image: images.Image | None = None,
    more: Mapping[str, str] = MappingProxyType({}),
    on_ray: bool = False,
    interactive: bool = False,
) -> int:
    """Exit code of `python -m lib WORDS` in a new container.

    `mounts`: files or folders of the caller that the arguments name, by their path in the container; read-only there.
    `tracked`: the arguments ask for MLflow, which is started if need be. `output`: a file that takes what they print.
    `lib`, `image`, `more`: other code than the clone's, in another image, with more variables of compose.yaml.
    `on_ray`: the trials run on a Ray cluster. `interactive`: it reads this command's standard input, terminal or not.
    `gpu_image`: with all GPUs, or those of the Ray cluster, in this image unless `image` names another.

    Raises:
        UserError: with `gpu_image`, before anything is built: what of a GPU is missing.
    """
    way = gpu.require(gpu_image) if gpu_image and not on_ray else None
    if not (ROOT / "lib").stat().st_mode & 0o005 == 0o005:
        raise UserError("The container's user cannot read lib/: chmod -R go+rX lib labs")
    labs_owner.make_folders()
    cluster = ray.require(gpu=gpu_image is not None) if on_ray else {}
    wanted = gpu_image or images.LAB
    build.ensure(images.TRACKING, *([] if image else [wanted]))
    lab_image = image or images.must_inspect(wanted)
    with ExitStack() as stack:
        if tracked:
            variables, mlflow = up_down.start_mlflow_behind(lab_image, stack)
        else:
            variables, mlflow = compose_environment.variables(lab_image), None
        variables |= dict(more) | cluster
        if way is not None:
            variables |= gpu.variables(way, lab_image)
        elif image or gpu_image:
            variables["LAB_CPU_IMAGE"] = lab_image.id
        called = arguments[0] if NAME.fullmatch(arguments[0]) else "lab"
        name = f"{instance.PROJECT}-{called}-{secrets.token_hex(4)}"
        terminal = output is None and sys.stdin.isatty() and sys.stdout.isatty()
        options = ["--rm", "--no-deps", "--name", name, *([] if terminal else ["--no-TTY"])]
        if lib is not None:
            options += ["--volume", f"{lib}:/workspace/lib:ro"]
        for source, target in mounts.items():
            options += ["--volume", f"{source}:{target}:ro"]

        def deliver(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
            if docker.call("kill", "--signal", number.name, name).returncode:  # it has not started yet
                child.terminate()

        command = compose.command("run", *options, "lab-ray" if on_ray else "lab", *arguments)
        with ledger.container(name, closes=True):
            code = foreground.run(command, variables, terminal, deliver, output=output, interactive=interactive)
    if mlflow is not None and mlflow.poll():
        why = reason(state_path(*up_down.MLFLOW_LOG).read_text(encoding="utf-8"))
        print(f"MLflow did not start: {why}. Nothing is lost: ./invoke up, then ./invoke sync", file=sys.stderr)
    return code
