"""`./invoke report`: the lecture, measured, as one HTML page."""

from pathlib import Path

from host.bootstrap import ledger
from host.bootstrap.paths import caller_path
from lib.harness.errors import UserError


def place(name: str) -> Path:
    """The file of this name, from where the caller is. Raises `UserError` when there can be none."""
    file = caller_path(name)
    if not file.parent.is_dir():
        raise UserError(f"--out {name}: there is no folder {file.parent}")
    if file.is_dir():
        raise UserError(f"--out {name}: this is a folder; name a file in it")
    return file


def write(file: Path, labs: list[str], local: bool) -> None:
    """Write the page of these labs, or of the lecture's, to `file`; an old file is replaced when the new one is whole.

    Raises:
        UserError: the file cannot be written, or the page could not be made.
    """
    try:
        with ledger.beside(file) as part:
            with part.open("wb") as stream:
                if local:
                    from host.runs.without_docker import run

                    code = run(["report", *labs], stream)
                else:
                    from host.runs.container import in_container

                    code = in_container(["report", *labs], tracked=False, output=stream)
            if code == 0:
                part.replace(file)
    except OSError as error:
        raise UserError(f"--out {file}: it cannot be written ({error.strerror})") from None
    if code:
        raise UserError("The report could not be made; what is above says why")
    print(f"{file} ({file.stat().st_size / 1e6:.1f} MB)")
