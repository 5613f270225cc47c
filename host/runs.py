"""Runs `python -m lib …` in a container: a lab, the claims, the list of labs, a sync."""

import secrets
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType

from host import engine, images, services
from host.paths import ROOT, state_path
from lib.harness.errors import UserError

INTERRUPTED = 128 + signal.SIGINT


def in_container(words: list[str], mounts: dict[Path, str] | None = None) -> int:
    """Exit code of `python -m lib WORDS` in a new container of the lab image, tracked by MLflow, which is started if need be.

    `mounts`: files of the caller that the words name, by their path in the container; read-only there.
    """
    if not (ROOT / "lib").stat().st_mode & 0o005 == 0o005:
        raise UserError("The container's user cannot read lib/: chmod -R go+rX lib labs")
    images.ensure(images.TRACKING, images.LAB)
    lab_image = images.inspect(images.LAB.name)
    assert lab_image is not None, "ensure() has just made it"
    variables, mlflow = services.start_mlflow_behind(lab_image)

    name = f"{services.PROJECT}-{words[0]}-{secrets.token_hex(4)}"
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    options = ["--rm", "--no-deps", "--name", name, *([] if terminal else ["--no-TTY"])]
    for source, target in (mounts or {}).items():
        options += ["--volume", f"{source}:{target}:ro"]
    code = attached(services.compose("run", *options, "lab", *words), variables, name, terminal)
    if mlflow is not None and mlflow.poll():
        reason = services.last_line(state_path(*services.MLFLOW_LOG).read_text(encoding="utf-8"))
        print(f"MLflow did not start: {reason}. Nothing is lost: ./invoke up, then ./invoke sync", file=sys.stderr)
    return code


def attached(command: list[str], variables: dict[str, str], name: str, terminal: bool) -> int:
    """Exit code of `command`, which runs the container `name` and shows its output.

    Ctrl-C reaches the container once: with a terminal as a key press there; otherwise from here, since the command then is
    in a session of its own. A second Ctrl-C kills the container. Either way it is gone afterwards and the code is 130.
    """
    received: list[int] = []

    def forward(signum: int, _frame: FrameType | None) -> None:
        received.append(signum)
        if len(received) > 1:
            engine.docker("kill", name)
        elif not (terminal and signum == signal.SIGINT):
            kind = "INT" if signum == signal.SIGINT else "TERM"
            if engine.docker("kill", "--signal", kind, name).returncode:  # it has not started yet
                child.terminate()

    child = subprocess.Popen(
        command, env=variables, stdin=None if terminal else subprocess.DEVNULL, start_new_session=not terminal
    )
    before = {number: signal.signal(number, forward) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        code = child.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if received:
        engine.docker("rm", "--force", name)
        return 128 + received[0]
    return code
