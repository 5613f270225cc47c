"""Finds the labs, wherever they lie, without importing them.

A lab is a module with a top-level ``LAB = Lab(name="…", …)``. Its name, summary and the like are literals, so they can
be read from the source: listing the labs, or refusing an unknown name, loads no framework and runs no lab. Below the
root of a clone they are

    lib/AREA/lab.py, lib/AREA/NAME/lab.py, lib/AREA/*.py    those of the lecture
    labs/mine/*.py, labs/mine/FOLDER/lab.py                 one's own
    labs/packages                                           packages, filled by ``pip install --target labs/packages``

and a package, there or in Python's own folder, says by the entry points ``fearless_labs.labs`` which of its modules
are labs. Any other file or folder is a lab by its path. What cannot be read as a lab is one line of
`Catalogue.problems`, and in nobody's way.

The host finds labs too, so this needs nothing but the standard library of Python 3.10.
"""

from __future__ import annotations

import configparser
import difflib
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lib.harness.contract.source import NAME, LabEntry, Source, read
from lib.harness.errors import UserError, warn_once

GROUP = "fearless_labs.labs"
"""The group of entry points by which a package names its labs: ``NAME = "module"`` or ``"module:LAB"``."""
MINE, PACKAGES = "labs/mine", "labs/packages"
OUTSIDE = "outside"
"""The folder of a record for modules from outside ``lib``, whichever folder they were in; a package for `PACKAGES`."""
CALLED = "LAB_CALLED"
"""The variable with the word by which the host's caller names a lab, where the container sees another path."""

SNAPSHOT = "LAB_CODE_SNAPSHOT"
"""The variable that a process has which runs a copy of its code that nobody edits."""


@dataclass(frozen=True)
class Catalogue:
    """All labs by name, the lecture's first and in its order.

    Attributes:
        problems: a line for each that cannot be used.
        twice: those of the problems that are a second file with the name of a lab of the lecture, by that name.
    """

    labs: dict[str, LabEntry]
    problems: tuple[str, ...]
    twice: dict[str, str]


def find_labs(root: Path) -> dict[str, LabEntry]:
    """The lecture's labs below ``root / "lib"`` by name, in its order. A warning names a file with another's name."""
    catalogue = read_catalogue(root, _of_lecture(root))
    for line in catalogue.twice.values():
        warn_once(line)
    return {name: entry for name, entry in catalogue.labs.items() if entry.of_lecture}


def read_catalogue(root: Path, sources: Iterator[Source] | None = None, name: str = "") -> Catalogue:
    """All labs that can be found by name, and what is wrong with the others.

    `sources`: only these. `name`: only files that have this name between quotes; the others are not parsed.
    """
    labs: dict[str, LabEntry] = {}
    taken: dict[str, list[LabEntry]] = {}
    problems = []
    twice: dict[str, str] = {}
    for source in sources or _sources(root):
        try:
            entry = read(source, name)
        except UserError as error:
            problems.append(str(error))
            continue
        if entry is None or any(entry.file.samefile(other.file) for other in taken.get(entry.name, [])):
            continue
        taken.setdefault(entry.name, []).append(entry)
    for each, entries in taken.items():
        lecture = [entry for entry in entries if entry.of_lecture]
        first = (lecture or entries)[0]
        if lecture or len(entries) == 1:  # else nobody can say which one is meant
            labs[each] = first
        problems += [_taken_by(entry, first) for entry in entries if entry is not first]
        if len(lecture) > 1:
            twice[each] = _taken_by(lecture[1], first)
    ordered = sorted(labs.values(), key=lambda entry: (not entry.of_lecture, entry.chapter, entry.name))
    return Catalogue({entry.name: entry for entry in ordered}, tuple(problems), twice)


def find_lab(root: Path, word: str) -> LabEntry:
    """The lab that `word` names: a path, if there is a ``/`` in it or it ends in ``.py``, else a name.

    Raises:
        UserError: there is none; the message has the nearest names, and the files that cannot be read as labs. Or two
            files of the lecture have the name, as after a copy, so that nobody knows which one is meant.
    """
    if is_path(word):
        return at_path(root, Path(word), os.environ.get(CALLED, word))
    lecture = read_catalogue(root, _of_lecture(root), word)
    if word in lecture.twice:
        raise UserError(lecture.twice[word])
    if word in lecture.labs:  # which nobody else's lab can be called, so that the others need not be read
        return lecture.labs[word]
    catalogue = read_catalogue(root)
    if word in catalogue.labs:
        return catalogue.labs[word]
    if not NAME.fullmatch(word):
        raise UserError(
            f"There is no lab '{word}': a name has small letters, digits and '-'; a path has a '/' or ends in .py. "
            "All of them: ./invoke labs"
        )
    near = difflib.get_close_matches(word, catalogue.labs, n=3, cutoff=0.5) or list(catalogue.labs)
    problems = [*catalogue.problems, *_without_lab(root / MINE / word, root)]
    unread = f". Not usable as labs: {'; '.join(problems)}" if problems else ""
    raise UserError(f"There is no lab '{word}'. Nearest: {', '.join(near)}. All of them: ./invoke labs{unread}")


def chosen(root: Path, words: Sequence[str]) -> list[LabEntry]:
    """The labs that `words` name, each once; the lecture's if there are none. Raises `UserError` as `find_lab` does."""
    named = (find_lab(root, word) for word in words)
    return list({entry.name: entry for entry in named}.values()) if words else list(find_labs(root).values())


def is_path(word: str) -> bool:
    """Return whether a word on the command line is the path of a lab and not its name."""
    return "/" in word or word.endswith(".py")


def at_path(root: Path, path: Path, word: str) -> LabEntry:
    """The lab in a file, or in the ``lab.py`` of a folder. `word`: the path as the caller has written it.

    Raises:
        UserError: there is no lab, it cannot be used, or its name is another lab's.
    """
    file = path.absolute() / "lab.py" if path.is_dir() else path.absolute()
    if path.is_dir() and not file.is_file():
        raise UserError(f"{word}: the folder has no lab.py, so it is no lab")
    if not file.is_file() or file.suffix != ".py":
        raise UserError(f"{word}: there is no such file; a lab is a file NAME.py or a folder with a lab.py")
    file = Path(os.path.normpath(file))
    catalogue = read_catalogue(root)
    for known in catalogue.labs.values():
        if known.file.samefile(file):
            return known
    entry = read(_own(file, word))
    assert entry is not None, "where there has to be a lab, none is an error"
    if entry.name in catalogue.labs:
        raise UserError(_taken_by(entry, catalogue.labs[entry.name]))
    return entry


def _sources(root: Path) -> Iterator[Source]:
    yield from _of_lecture(root)
    own_labs = root / MINE
    for path in [*_files(own_labs, "*.py"), *_files(own_labs, "*/lab.py")]:
        yield _own(path, None, _shown(path, root))
    installed = (Path(path) for path in sys.path if path.endswith("-packages"))  # site-packages, dist-packages
    for folder in dict.fromkeys([root / PACKAGES, *installed]):
        yield from _of_packages(folder, root)


def _of_lecture(root: Path) -> Iterator[Source]:
    for path in sorted({*_files(root / "lib", "*/*.py"), *_files(root / "lib", "*/*/lab.py")}):
        yield Source(path, _dotted(path, root), root, must=False, shown=_shown(path, root))


def _files(folder: Path, pattern: str) -> list[Path]:
    """The files below `folder` that an editor or a file system has not made for itself."""
    paths = (path for path in folder.glob(pattern) if path.name != "__init__.py")
    return sorted(p for p in paths if not any(part[0] in ".#~" for part in p.relative_to(folder).parts))


def _own(file: Path, word: str | None, shown: str | None = None) -> Source:
    """A file outside ``lib``: ``mine.py`` is the module ``mine``, ``mine/lab.py`` the module ``mine.lab``."""
    in_folder = file.name == "lab.py"
    root = file.parents[1 if in_folder and len(file.parents) > 1 else 0]
    module = _dotted(file, root)
    return Source(file, module, root, must=word is not None or in_folder, shown=shown or word or str(file), word=word)


def _dotted(path: Path, root: Path) -> str:
    return ".".join(path.relative_to(root).with_suffix("").parts)


def _shown(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def _of_packages(folder: Path, root: Path) -> Iterator[Source]:
    """The modules that the packages installed in `folder` name as labs."""
    for path in sorted(folder.glob("*.dist-info/entry_points.txt")):
        package = path.parent.name.partition("-")[0]
        for name, module in _entry_points(path):
            base = folder.joinpath(*module.split("."))
            file = base / "__init__.py" if base.is_dir() else base.with_name(f"{base.name}.py")
            yield Source(file, module, folder, must=True, shown=f"{_shown(file, root)} ({name} of package {package})")


def _entry_points(path: Path) -> list[tuple[str, str]]:
    """The labs' names and modules in an ``entry_points.txt``; none where pip has not written it."""
    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment, method-assign]  # names keep their case
    try:
        text = path.read_text(encoding="utf-8")
        if GROUP not in text:
            return []
        parser.read_string(text)
        points = parser.items(GROUP) if parser.has_section(GROUP) else []
    except (OSError, ValueError, configparser.Error):
        return []
    return [(name, value.partition(":")[0].strip()) for name, value in points]


def _taken_by(entry: LabEntry, other: LabEntry) -> str:
    return f"{entry.shown}: the name '{entry.name}' is that of {other.shown}: give one of them another name"


def _without_lab(folder: Path, root: Path) -> list[str]:
    """Why a folder of that name is no lab."""
    if folder.is_dir() and not (folder / "lab.py").exists():
        return [f"{_shown(folder, root)}: the folder has no lab.py"]
    return []
