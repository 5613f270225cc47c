"""Files that `python -m lib …` prints as a tar, in a new folder of the caller's."""

import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from host.bootstrap import ledger
from host.bootstrap.paths import caller_path
from lib.harness.errors import UserError
from lib.harness.recording.archive import streamed_files


@dataclass(frozen=True)
class Written:
    """The names of the files that were written, and their bytes."""

    names: list[str]
    size: int


def new_folder(option: str, name: str) -> Path:
    """The new folder of this name, from where the caller is. Raises `UserError` when there can be none."""
    folder = caller_path(name)
    if folder.exists():
        raise UserError(f"{option} {name}: it is there already; name a new folder")
    if not folder.parent.is_dir():
        raise UserError(f"{option} {name}: there is no folder {folder.parent}")
    return folder


def run(arguments: list[str], local: bool, output: BinaryIO, *, tracked: bool = True) -> int:
    """Exit code of `python -m lib ARGUMENTS`, which prints to `output`. `tracked`: it asks MLflow."""
    if local:
        from host.runs import without_docker

        return without_docker.run(arguments, output)
    from host.runs.container import in_container

    return in_container(arguments, tracked=tracked, output=output)


def write_folder(
    folder: Path, arguments: list[str], local: bool, *, option: str, named: str, tracked: bool = True
) -> Written:
    """Write what these arguments print to a new folder, all of it or nothing.

    Args:
        option: of ./invoke, that names the folder; for messages.
        named: the name of what they print; for messages.

    Raises:
        UserError: the folder cannot be written, or what they print has a strange file.
        SystemExit: with 2, when they have failed and said why.
    """
    try:
        with ledger.beside(folder) as part, tempfile.TemporaryFile(dir=folder.parent) as stream:
            if run(arguments, local, stream, tracked=tracked):
                raise SystemExit(2)
            stream.seek(0)
            written = _unpack(stream, part, named)
            part.rename(folder)
    except OSError as error:
        raise UserError(f"{option} {folder}: it cannot be written ({error.strerror})") from None
    return written


def _unpack(stream: BinaryIO, folder: Path, named: str) -> Written:
    names, size = [], 0
    try:
        for name, pieces, _ in streamed_files(stream):
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as file:
                file.writelines(pieces)
                size += file.tell()
            target.chmod(0o644)
            names.append(name)
    except tarfile.TarError as error:
        raise UserError(f"The {named} has {error}: it is refused") from None
    for path in [folder, *folder.rglob("*/")]:
        path.chmod(0o755)  # whatever the caller's umask is: a container's user reads it
    return Written(names, size)
