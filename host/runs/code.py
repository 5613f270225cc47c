"""The code that a command runs: a snapshot of `lib`, and of the files outside it that its labs import.

Those are the files that a run records. What else lies beside them, data or notebooks, is a link to where it was: a
container sees it below `LIVE`, read-only. So an edit while a lab runs changes nothing of what it imports, and no folder
of data is copied.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from host.bootstrap.paths import ROOT
from host.machine.labs_named import Named
from host.runs import snapshot
from lib.harness.contract.catalogue import MINE, PACKAGES, SNAPSHOT
from lib.harness.errors import UserError
from lib.harness.recording.imports import imported_outside

WORKSPACE = "/workspace"
LIVE = "live"


@dataclass(frozen=True)
class Code:
    """A snapshot that a command runs.

    Attributes:
        root: its folder, laid out as a clone.
        mounts: more folders for a container, by their path there.
    """

    root: Path
    mounts: Mapping[Path, str] = field(default_factory=dict)

    def variables(self) -> dict[str, str]:
        """The variables with which compose.yaml mounts it."""
        folders = {"LAB_CODE_LIB": "lib", "LAB_CODE_MINE": MINE, "LAB_CODE_PACKAGES": PACKAGES}
        real = {name: str((self.root / folder).resolve()) for name, folder in folders.items()}
        return {**real, SNAPSHOT: self.root.name}

    def here(self, argument: str) -> str:
        """An argument of the program with the container's path of a lab turned into that of this machine."""
        outside = f"{WORKSPACE}/outside"
        is_lab = argument == outside or argument.startswith(f"{outside}/")
        return f"{self.root}{argument.removeprefix(WORKSPACE)}" if is_lab else argument

    def environment(self) -> dict[str, str]:
        """The variables with which a Python of this machine runs it, and nothing of the folder that it starts in."""
        paths = [str(self.root), str(self.root / "lib" / "public")]
        return {"PYTHONPATH": os.pathsep.join(paths), "PYTHONSAFEPATH": "1", SNAPSHOT: self.root.name}


@contextmanager
def of(labs: Iterable[Named] = ()) -> Iterator[Code]:
    """The code of a command that runs these labs, as it is now.

    Raises:
        UserError: a file cannot be read, or the snapshot cannot be written.
    """
    tree: dict[str, bytes | str | None] = {**_lib()}
    bases = {ROOT / MINE: MINE, ROOT / PACKAGES: PACKAGES}
    files: set[Path] = set()
    for lab in labs:
        bases |= {folder: target.removeprefix(f"{WORKSPACE}/") for folder, target in lab.mounts.items()}
        if not lab.entry.of_lecture:
            files.update(imported_outside([ROOT / PACKAGES, lab.entry.root], lab.entry.module))
    mounts = {}
    for base, place in bases.items():
        own = [file for file in files if _nearest(file, bases) == base]
        if own:
            tree |= _beside(base, place, own)
            mounts[base] = f"{WORKSPACE}/{LIVE}/{place}"
        else:
            tree[place] = str(base)
    outside = {place for place in bases.values() if place not in (MINE, PACKAGES)}
    with snapshot.taken(tree) as root:
        yield Code(root, {root / place: f"{WORKSPACE}/{place}" for place in outside} | mounts)


@contextmanager
def recorded(files: Mapping[str, bytes]) -> Iterator[Code]:
    """The code of a record, by paths in a clone: nothing of this machine is with it."""
    places: dict[str, None] = {
        place: None for place in (MINE, PACKAGES) if not any(name.startswith(f"{place}/") for name in files)
    }
    with snapshot.taken({**files, **places}) as root:
        yield Code(root)


def _lib() -> dict[str, bytes]:
    """The files of ``lib``, by their paths in a clone, without those that editors, systems and Python leave."""
    files = {}
    todo = ["lib"]
    while todo:
        folder = todo.pop()
        with os.scandir(ROOT / folder) as scanned:
            entries = list(scanned)
        for entry in entries:
            if _is_leftover(entry.name):
                continue
            if entry.is_dir():
                todo.append(f"{folder}/{entry.name}")
            elif entry.is_file():
                files[f"{folder}/{entry.name}"] = _read(Path(entry.path))
    return files


def _is_leftover(name: str) -> bool:
    return name[0] in ".#~" or name == "__pycache__" or name.endswith(".pyc")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}): chmod u+r {path}") from None


def _nearest(file: Path, bases: Iterable[Path]) -> Path | None:
    """The innermost of the folders that has a file."""
    around = [base for base in bases if file.is_relative_to(base)]
    return max(around, key=lambda base: len(base.parts), default=None)


def _beside(base: Path, place: str, files: Iterable[Path]) -> dict[str, bytes | str | None]:
    """The tree `place` of a folder: copies of `files`, and links to what else is in their folders."""
    tree: dict[str, bytes | str | None] = {f"{LIVE}/{place}": str(base)}
    copied = {file.relative_to(base) for file in files}
    folders = {folder for file in copied for folder in file.parents}
    for folder in folders:
        for name in (entry.name for entry in (base / folder).iterdir() if not _is_leftover(entry.name)):
            path = folder / name
            if path in copied:
                tree[f"{place}/{path.as_posix()}"] = _read(base / path)
            elif path not in folders:
                inside = Path(place, folder)
                tree[f"{place}/{path.as_posix()}"] = os.path.relpath(Path(LIVE, place, path), inside)
    return tree
