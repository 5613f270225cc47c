"""The result of a reproduction, taken out of the room that it ran in and into the journal, once it is checked.

The program that wrote it is the record's, whoever wrote that, and could write what it liked: nothing is believed. It is
one run, of the lab of the record, begun since the reproduction was; its files are plain; its journals are whole and say
whose they are. What it says of itself beyond that is compared with the record, and speaks for no lab.

It runs where the room is, with the standard library alone.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from lib.harness.contract.options import SWEEP
from lib.harness.errors import UserError, one_line, short
from lib.harness.recording import reading
from lib.harness.recording.journal import FORGOTTEN, journal_root, share

RUN = "run.jsonl"
KEY = re.compile(r"(\d{8}-\d{6})-([\w-]+)-[0-9a-f]{6}", re.ASCII)
"""Of a run: when it began, its lab, and digits by chance."""
TRIAL = re.compile(r"trial-\d{4,}(-\d+)?", re.ASCII)


def take_in(room: str, key: str, since: str) -> str:
    """Take the run that reproduces `key` from the folder `room` into the journal. Returns its key.

    Args:
        room: the folder in which it has recorded.
        key: of the record.
        since: the time, as in a key, before which it cannot have begun.

    Raises:
        UserError: what is there is no such run. The journal is as it was then.
    """
    folder = _only(Path(room), key, since)
    journals = [path for path in sorted(folder.iterdir()) if path.name == RUN or _is_trial(path)]
    files = [file for path in journals for file in (path, *_below(reading.files_of(path)))]
    for file in files:
        _require_plain(folder, file)
    _require_whole(folder, key, journals)
    target = journal_root() / folder.name
    stage = journal_root() / FORGOTTEN / folder.name
    if target.exists():
        raise _refused(key, f"it has the key of a run that is there, {folder.name}")
    shutil.rmtree(stage, ignore_errors=True)
    try:
        for file in files:
            copy = stage / file.relative_to(folder)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)
        os.sync()
        stage.rename(target)
    finally:
        shutil.rmtree(stage, ignore_errors=True)
    return folder.name


def _refused(key: str, why: str) -> UserError:
    return UserError(f"{key}: what its program has written is refused: {why}")


def _only(room: Path, key: str, since: str) -> Path:
    """The folder of the one run in a room."""
    found = [path for path in sorted(room.iterdir()) if not path.name.startswith(".")]
    folders = [path for path in found if stat.S_ISDIR(path.lstat().st_mode)]
    if len(folders) != 1 or len(found) != 1:
        raise _refused(key, "there is not one run alone")
    (folder,) = folders
    wanted, written = KEY.fullmatch(key), KEY.fullmatch(folder.name)
    if wanted is None or written is None or written[2] != wanted[2]:
        raise _refused(key, f"{short(repr(folder.name))} is the key of no run of its lab")
    if written[1] < since:
        raise _refused(key, f"{folder.name} began before it was run again")
    return folder


def _is_trial(path: Path) -> bool:
    return path.suffix == ".jsonl" and TRIAL.fullmatch(path.stem) is not None


def _below(folder: Path) -> Iterator[Path]:
    """Everything below a folder but folders; the folder itself where it is none."""
    if not os.path.lexists(folder):
        return
    if not stat.S_ISDIR(folder.lstat().st_mode):
        yield folder
        return
    for path in sorted(folder.iterdir()):
        yield from _below(path)


def _require_plain(folder: Path, file: Path) -> None:
    """Raise `UserError` for a link, which leads to files of others, for a device, and for a name that is hidden."""
    facts, name = file.lstat(), file.relative_to(folder).as_posix()
    if not stat.S_ISREG(facts.st_mode) or facts.st_nlink != 1:
        raise _refused(folder.name, f"{short(repr(name))} is no plain file")
    if not name.isprintable() or any(part.startswith(".") for part in name.split("/")):
        raise _refused(folder.name, f"{short(repr(name))} is no name of a file of a run")


def _require_whole(folder: Path, key: str, journals: list[Path]) -> None:
    """Raise `UserError` unless each journal can be read to its end and is of this run, which reproduces `key`."""
    experiment = ""
    if not journals or journals[0].name != RUN:
        raise _refused(key, "there is no run.jsonl")
    for path in journals:
        is_run = path.name == RUN
        try:
            first, last = reading.ends(path)
            if first is None:
                raise _refused(key, f"{path.name} is empty")
            reading.require_header(path, first, reading.TAGS if is_run else reading.TAGS_OF_TRIAL)
        except reading.DamagedError as error:
            raise _refused(key, str(error).partition(": ")[0]) from None
        if first["parent"] != (None if is_run else folder.name):
            raise _refused(key, f"{path.name} is of another run")
        if is_run:
            experiment = str(first["experiment"])
            if first["tags"].get(reading.REPRODUCES) != key or last["kind"] != "end":
                raise _refused(key, f"{folder.name} is no reproduction of it that has ended")
            if experiment.removesuffix(SWEEP) != first["tags"]["lab.name"]:
                raise _refused(key, "it is in the experiment of another lab")
        elif first["experiment"] != experiment:
            raise _refused(key, f"{path.name} is in another experiment than its run")


def main(room: str, key: str, since: str) -> None:
    """Take a run in. Ends the program with exit code 2 and one line where that is refused."""
    share()
    try:
        take_in(room, key, since)
    except (UserError, OSError) as error:
        print(one_line(error), file=sys.stderr)
        sys.exit(2)
