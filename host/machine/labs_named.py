"""A lab as the caller names it: by name, or by a path from where the caller is; and as a container sees it."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from host.bootstrap.paths import ROOT, caller_path
from lib.harness.contract.catalogue import CALLED, at_path, find_lab, is_path
from lib.harness.contract.source import LabEntry
from lib.harness.errors import UserError

OUTSIDE = "/workspace/outside"
CONTAINERS_USER = 1000


@dataclass(frozen=True)
class Named:
    """A lab for a container.

    Attributes:
        entry: the lab, with paths of this machine.
        word: what names it in the container.
        mounts: the folder that has its file, by its path in the container.
        variables: what the program has to know of the caller's word.
    """

    entry: LabEntry
    word: str
    mounts: dict[Path, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)

    def require_readable(self) -> None:
        """Raises `UserError` where a container's user could not read what lies beside the lab's own files.

        Those are copied for the run, so their modes do not matter; local mode has no such user.
        """
        for folder in self.mounts:
            state = folder.stat()
            if state.st_mode & 0o5 != 0o5 and state.st_uid != CONTAINERS_USER:
                called = self.variables.get(CALLED, self.word)
                raise UserError(f"{called}: the container's user cannot read its folder: chmod go+rx {folder}")


def find(word: str) -> LabEntry:
    """The lab that `word` names. Raises `UserError` when there is none, or when it cannot be used."""
    return _found(word, caller_path(word))


@functools.cache
def _found(word: str, path: Path) -> LabEntry:
    return at_path(ROOT, path, word) if is_path(word) else find_lab(ROOT, word)


def names(words: Sequence[str]) -> list[str]:
    """The names of several labs. Raises `UserError` for one that there is not, and for a path."""
    for word in words:
        if is_path(word):
            raise UserError(f"--only {word}: this is a path; a lab in labs/mine or in a package has a name")
    return [find(word).name for word in words]


def in_container(word: str) -> Named:
    """The lab that `word` names, as a container sees it.

    Raises:
        UserError: there is none, or its folder cannot be mounted.
    """
    entry = find(word)
    if not is_path(entry.word):
        return Named(entry, entry.word)
    in_folder = "." in entry.module
    folder = entry.file.parent
    target = f"{OUTSIDE}/{folder.name}" if in_folder else OUTSIDE
    _require_mountable(word, folder, entry.file)
    inside = target if in_folder else f"{target}/{entry.file.name}"
    return Named(entry, inside, {folder: target}, {CALLED: word})


def _require_mountable(word: str, folder: Path, file: Path) -> None:
    """Raises `UserError` where a container could not have the folder of a lab."""
    if folder == Path(folder.anchor):
        raise UserError(f"{word}: a container cannot have the whole of {folder}: move the lab into a folder")
    if ":" in str(folder):
        raise UserError(f"{word}: a container cannot have a folder with ':' in its path: move or rename it")
    if not file.resolve().is_relative_to(folder.resolve()):
        raise UserError(
            f"{word}: it is a link out of its folder, which a container cannot follow: name {file.resolve()}"
        )
