"""`./invoke report`: the lecture, measured, as one HTML page or as a folder with a page."""

from collections.abc import Callable
from pathlib import Path

from host.bootstrap import ledger
from host.bootstrap.paths import caller_path
from host.runs import streamed
from lib.harness.contract.options import options_of
from lib.harness.errors import UserError

(OUT,) = (option.default for option in options_of("report") if option.name == "out")


def place(out: str, folder: str | None) -> tuple[Callable[[Path, list[str], bool], None], Path]:
    """The function that writes the report, and the file or folder for it.

    Raises:
        UserError: both are asked for, or there can be none of this name.
    """
    if folder is None:
        return write, _file(out)
    if out != OUT:
        raise UserError(
            "--out and --folder cannot be combined: write one file, or a folder with a page and its pictures"
        )
    return write_folder, streamed.new_folder("--folder", folder)


def _file(name: str) -> Path:
    """The file of this name, from where the caller is. Raises `UserError` when there can be none."""
    file = caller_path(name)
    if not file.parent.is_dir():
        raise UserError(f"--out {name}: there is no folder {file.parent}")
    if file.is_dir():
        raise UserError(f"--out {name}: this is a folder; name a file in it, or use --folder for a new folder")
    return file


def write(file: Path, labs: list[str], local: bool) -> None:
    """Write the page of these labs, or of the lecture's, to `file`; an old file is replaced when the new one is whole.

    Raises:
        UserError: the file cannot be written, or the page could not be made.
    """
    try:
        with ledger.beside(file) as part:
            with part.open("wb") as stream:
                code = streamed.run(["report", *labs], local, stream, tracked=False)
            if code == 0:
                part.replace(file)
    except OSError as error:
        raise UserError(f"--out {file}: it cannot be written ({error.strerror})") from None
    if code:
        raise UserError("The report could not be made; what is above says why")
    print(f"{file} ({file.stat().st_size / 1e6:.1f} MB)")


def write_folder(folder: Path, labs: list[str], local: bool) -> None:
    """Write the page of these labs, or of the lecture's, and its pictures to a new folder.

    Raises:
        UserError: the folder cannot be written.
        SystemExit: the page could not be made; what was printed says why.
    """
    arguments = ["report-folder", *labs]
    written = streamed.write_folder(folder, arguments, local, option="--folder", named="report", tracked=False)
    print(f"{folder / 'index.html'}, {len(written.names) - 1} pictures ({written.size / 1e6:.1f} MB)")
