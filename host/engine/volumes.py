"""The volumes of an instance, read and written by short-lived containers without network, wherever the engine is."""

import secrets
import tarfile
import tempfile
from collections.abc import Iterable, Mapping
from typing import IO

from host.bootstrap import process
from host.bootstrap.paths import ROOT
from host.bootstrap.process import reason
from host.engine import docker, project
from host.machine import instance
from lib.harness.errors import UserError

JOURNAL, MLFLOW = "journal", "mlflow"
DATA = "/data"
SCRATCH = "/mlflow"
"""A folder of the image of MLflow: where no volume is mounted there, a new one that goes with the container."""
STORE = "import sys; from lib.harness.commands.store import main; main(*sys.argv[1:])"
STATUS = "import sys; from lib.harness.commands.status import main; main(*sys.argv[1:])"
"""Programs for `command`."""
HARDENED = [
    *("--rm", "--init", "--interactive", "--read-only", "--network=none", "--cap-drop=ALL"),
    *(
        "--security-opt=no-new-privileges",
        "--user=1000:1000",
        "--pids-limit=64",
        "--memory=1g",
        "--tmpfs=/tmp:mode=1777",
    ),
]


def present() -> list[str]:
    """Those of `JOURNAL` and `MLFLOW` that the engine has of this instance."""
    there = project.volumes(project.name())
    return [volume for volume in (JOURNAL, MLFLOW) if full_name(volume) in there]


def full_name(volume: str) -> str:
    """The engine's name of a volume of compose.yaml."""
    return f"{project.name()}_{volume}"


def create(volume: str) -> bool:
    """Make a volume as Compose makes it, so that Compose takes it for its own; False where it is there already.

    Raises:
        UserError: the engine does not make it.
    """
    if volume in present():
        return False
    instance.path(instance.ENGINE).touch()
    labels = {"project": project.name(), "volume": volume}
    options = [word for key, value in labels.items() for word in ("--label", f"com.docker.compose.{key}={value}")]
    made = docker.call("volume", "create", *options, full_name(volume))
    if made.returncode:
        raise UserError(f"The engine cannot make the volume {full_name(volume)}: {reason(made.stderr)}")
    return True


def remove(volume: str) -> None:
    """Delete a volume."""
    docker.call("volume", "rm", full_name(volume))


def command(image: str, mounts: Mapping[str, str], program: str, *args: str) -> list[str]:
    """The command that runs a Python program on volumes.

    Args:
        image: its name or id; its own Python, the system's, runs the program, and it has the user to whom the files
            belong.
        mounts: where each volume of compose.yaml is, with `:ro` where it is only read.
        program: the source; `lib` can be imported, of which it may use what needs no package.
        args: of the program.
    """
    name = f"{project.name()}-volumes-{secrets.token_hex(4)}"
    volumes = [f"--volume={full_name(volume)}:{place}" for volume, place in mounts.items()]
    if SCRATCH not in mounts.values():
        volumes.append(f"--volume={SCRATCH}")
    code = ["--mount", f"type=bind,src={ROOT / 'lib'},dst=/workspace/lib,readonly", "--workdir=/workspace"]
    python = ["--entrypoint=/usr/bin/python3", image, "-S", "-B", "-c", program]
    return ["docker", "run", *HARDENED, f"--name={name}", *volumes, *code, *python, *args]


def feed(command: list[str], files: Iterable[tuple[str, int, IO[bytes]]]) -> str:
    """Give files (name, size, bytes) as a tar stream to the program of a `command`.

    Returns the reason why it failed; empty when it did not.
    """
    with tempfile.TemporaryFile("w+") as output:
        with process.feeding(command, output) as (child, stream):
            try:
                with tarfile.open(fileobj=stream, mode="w|") as tar:
                    for name, size, content in files:
                        info = tarfile.TarInfo(name)
                        info.size = size
                        tar.addfile(info, content)
            except BrokenPipeError:
                pass  # it ended early: the line below says why
        output.seek(0)
        return reason(output.read()) if child.returncode else ""
