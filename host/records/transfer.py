"""`./invoke export RUN` and `./invoke import FOLDER`: records as files, out of one MLflow and into another."""

import tarfile
import tempfile
from pathlib import Path
from typing import BinaryIO

from host.bootstrap import ledger
from host.bootstrap.paths import caller_path
from lib.harness.errors import UserError
from lib.harness.recording.archive import streamed_files

INSIDE = "/workspace/records"


def place(out: str) -> Path:
    """The new folder of this name, from where the caller is. Raises `UserError` when there can be none."""
    folder = caller_path(out)
    if folder.exists():
        raise UserError(f"--out {out}: it is there already; name a new folder")
    if not folder.parent.is_dir():
        raise UserError(f"--out {out}: there is no folder {folder.parent}")
    return folder


def export(run: str, folder: Path, local: bool) -> None:
    """Write the record of the run that `run` names, or of all runs (all:LAB), to a new folder.

    Raises:
        UserError: the folder cannot be written, or the runs cannot be had.
    """
    try:
        with ledger.beside(folder) as part, tempfile.TemporaryFile(dir=folder.parent) as stream:
            if _run(["export", run], local, stream):
                raise SystemExit(2)  # the container has printed why, in one line
            stream.seek(0)
            count, size = _unpack(stream, part)
            part.rename(folder)
    except OSError as error:
        raise UserError(f"--out {folder}: it cannot be written ({error.strerror})") from None
    print(f"{folder}: {count} runs and trials, {size / 1e6:.1f} MB")


def _run(arguments: list[str], local: bool, output: BinaryIO) -> int:
    if local:
        from host.runs.without_docker import run

        return run(arguments, output)
    from host.runs.container import in_container

    return in_container(arguments, output=output)


def _unpack(stream: BinaryIO, folder: Path) -> tuple[int, int]:
    """Unpack an export. Returns how many runs it has, parents and children, and its bytes."""
    count = size = 0
    try:
        for name, pieces, _ in streamed_files(stream):
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as file:
                file.writelines(pieces)
                size += file.tell()
            target.chmod(0o644)
            count += target.name == "run.json"
    except tarfile.TarError as error:
        raise UserError(f"The export has {error}: it is refused") from None
    for path in [folder, *folder.rglob("*/")]:
        path.chmod(0o755)  # whatever the caller's umask is: a container's user reads it
    return count, size


def source(name: str) -> Path:
    """The folder of an export, from where the caller is. Raises `UserError` when there is none."""
    folder = caller_path(name)
    if not folder.is_dir():
        raise UserError(f"{name}: there is no such folder (./invoke export makes one)")
    return folder
