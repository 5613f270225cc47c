"""The places of a program: calls of a kind on files of a pattern, read from strace's log, and faults there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

KINDS = {
    "write": "write", "pwrite64": "write", "writev": "write", "sendfile": "write",
    "fsync": "sync", "fdatasync": "sync",
    "rename": "rename", "renameat": "rename", "renameat2": "rename",
    "link": "link", "linkat": "link",
}  # fmt: skip
"""The calls that are tried, and what they do."""
TRACED = tuple(KINDS)
ACTIONS = ("ENOSPC", "EIO", "KILL")
"""A full disk (it stays full), a broken one (once), the process killed as it makes the call."""
LINE = re.compile(r"(\d+\.\d+) (\w+)\((.*)")
OPENED = re.compile(r"\d+<([^>]+)>")
NAMED = re.compile(r'"((?:[^"\\]|\\.)*)"')
OTHERS = re.compile(r"engine/|.*/tmp_(pack|idx)_")
"""Files of the stand-in engine, and git's with random names."""
KEY = re.compile(r"\d{8}-\d{6}-[a-z]+-[0-9a-f]{6}")
"""The folder of a run."""
VARIES = re.compile(r"[0-9a-f]{8,}|\d+")


@dataclass(frozen=True)
class Call:
    """A call of a program.

    Attributes:
        name: of the system call.
        path: of the file; of a rename, its old name.
        new: of a rename, the new name.
        begins: the first bytes of a write, as strace prints them.
        number: of such calls on such a path that its thread has made, this one included.
        was_hit: strace has made it fail, or killed the process in it.
    """

    name: str
    path: str
    new: str
    begins: str
    number: int
    was_hit: bool

    @property
    def kind(self) -> str:
        """The work that it does."""
        return KINDS[self.name]


@dataclass(frozen=True)
class Fault:
    """A fault. `place`: the kind of call and the pattern of the path; `path`: the file below the room."""

    place: str
    name: str
    path: str
    number: int
    action: str

    def at(self, room: Path) -> Fault:
        """This fault in another room."""
        return Fault(self.place, self.name, str(room / self.path), self.number, self.action)

    def options(self) -> list[str]:
        """The options of strace."""
        what = "signal=SIGKILL" if self.action == "KILL" else f"error={self.action}"
        until = "+" if self.action == "ENOSPC" else ""
        return ["-P", self.path, "-e", f"inject={self.name}:{what}:when={self.number}{until}"]

    def __str__(self) -> str:
        return f"{self.name}:{self.path}:{self.number}:{self.action}"

    @staticmethod
    def read(text: str) -> Fault:
        """The fault that `str` gives. Raises `ValueError` for another text."""
        name, path, number, action = text.split(":")
        if name not in KINDS or action not in ACTIONS:
            raise ValueError(text)
        return Fault(f"{KINDS[name]} {pattern(path)}", name, path, int(number), action)


def calls_of(folder: Path) -> list[Call]:
    """The calls in the logs of a run, one per thread, in the order of their times."""
    calls: list[tuple[float, Call]] = []
    for log in sorted(folder.iterdir()):
        counts: dict[tuple[str, str], int] = {}
        for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
            match = LINE.match(line)
            if match is None or match[2] not in KINDS:
                continue
            time, name, rest = float(match[1]), match[2], match[3]
            paths = OPENED.findall(rest)[:1] if KINDS[name] in ("write", "sync") else NAMED.findall(rest)
            if not paths or not paths[0].startswith("/"):
                continue
            counts[name, paths[0]] = number = counts.get((name, paths[0]), 0) + 1
            begins = (NAMED.search(rest) or [""])[0] if KINDS[name] == "write" else ""
            hit = "(INJECTED)" in rest or rest.rstrip().endswith("= ?")
            calls.append((time, Call(name, paths[0], paths[1] if len(paths) > 1 else "", begins, number, hit)))
    return [call for _, call in sorted(calls, key=lambda each: each[0])]


def pattern(path: str) -> str:
    """A path with what varies left out: numbers and hexadecimal names."""
    return VARIES.sub("*", KEY.sub("RUN", path)).replace("*-*", "*")


def faults_of(calls: Iterable[Call], room: Path) -> list[Fault]:
    """The faults at the first, a middle and the last call of each place."""
    places: dict[str, list[tuple[Call, str]]] = {}
    for call in calls:
        path = call.path.removeprefix(f"{room}/")
        if path != call.path and not OTHERS.match(path):
            places.setdefault(f"{call.kind} {pattern(path)}", []).append((call, path))
    faults = []
    for place, made in sorted(places.items()):
        for index in sorted({0, len(made) // 2, len(made) - 1}):
            call, path = made[index]
            faults += [Fault(place, call.name, path, call.number, action) for action in ACTIONS]
    return faults


def unsynced(calls: Sequence[Call], room: Path) -> list[str]:
    """What a power cut could take although a name or a record vouches for it, in the calls of a whole run.

    A file that is renamed to its final name is on the disk by then, and the name is before the end; so is a file of a
    run before the ``end`` of its journal, and a part of a bundle before the line that lists it.
    """
    dirty: set[str] = set()
    unnamed: dict[str, str] = {}
    lost = []
    for call in calls:
        if call.was_hit or not f"{call.path}/".startswith(f"{room}/"):
            continue
        if call.kind == "write":
            for path in _vouched(call, dirty | unnamed.keys()):
                lost.append(f"{_short(path, room)} is not on the disk when {_short(call.path, room)} vouches for it")
            dirty.add(call.path)
        elif call.kind == "sync":
            dirty.discard(call.path)
            for path in [path for path, folder in unnamed.items() if folder == call.path]:
                del unnamed[path]
        elif call.kind == "rename":
            if call.path in dirty and ".part" in Path(call.path).name:
                lost.append(f"{_short(call.path, room)} gets its name before it is on the disk")
            dirty.discard(call.path)
            if ".part" in Path(call.path).name:
                unnamed[call.new] = str(Path(call.new).parent)
    lost += [f"the name {_short(path, room)} is not on the disk at the end" for path in unnamed]
    return sorted(set(lost))


def _vouched(call: Call, dirty: Iterable[str]) -> list[str]:
    """The files for which a write vouches and that are not on the disk."""
    path = Path(call.path)
    if path.suffix == ".jsonl" and '"kind":"end' in call.begins.replace("\\", ""):
        below = str(path.with_suffix(".files")) + "/"
        return [name for name in dirty if name.startswith(below) and not name.endswith(".part")]
    if path.name.endswith(".part.journal"):
        return [name for name in dirty if name == call.path.removesuffix(".journal")]
    return []


def _short(path: str, room: Path) -> str:
    return path.removeprefix(f"{room}/")
