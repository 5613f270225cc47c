"""`./invoke export RUN` and `./invoke import FOLDER`: records as files, out of one MLflow and into another."""

from pathlib import Path, PurePosixPath

from host.bootstrap.paths import caller_path
from host.runs import streamed
from lib.harness.errors import UserError

INSIDE = "/workspace/records"


def place(out: str) -> Path:
    """The new folder of this name, from where the caller is. Raises `UserError` when there can be none."""
    return streamed.new_folder("--out", out)


def export(run: str, folder: Path, local: bool) -> None:
    """Write the record of the run that `run` names, or of all runs (all:LAB), to a new folder.

    Raises:
        UserError: the folder cannot be written, or the runs are not available.
    """
    written = streamed.write_folder(folder, ["export", run], local, option="--out", named="export")
    count = sum(PurePosixPath(name).name == "run.json" for name in written.names)
    print(f"{folder}: {count} runs and trials, {written.size / 1e6:.1f} MB")


def source(name: str) -> Path:
    """The folder of an export, from where the caller is. Raises `UserError` when there is none."""
    folder = caller_path(name)
    if not folder.is_dir():
        raise UserError(f"{name}: there is no such folder (./invoke export makes one)")
    return folder
