"""The content of an image: one hash of all that its build reads, which is its tag and its label.

Hashed are the base, the platform, the instructions of the target's stages without comments, and the files that they
read, with a mode that says no more than whether a file can be executed. So neither a clone's umask, commit or time nor
an editor's files make another image, and a file that only one target reads leaves the others as they are.
"""

import fnmatch
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from host.bootstrap.paths import ROOT
from host.engine.docker import PLATFORM
from host.machine import env_file
from lib.harness.errors import UserError

BASE = "BASE_IMAGE"
LOCAL = "fearless-labs/base-local:bookworm"
"""Debian from the distribution's mirror, made where no registry can be reached, in the place of the pinned base."""
DOCKERFILE = "docker/Dockerfile"
VERSION = "1"
"""Of this encoding."""


@dataclass(frozen=True)
class Stage:
    """A stage of the Dockerfile. `parent`: the stage or image that it begins with."""

    name: str
    parent: str
    instructions: tuple[str, ...]

    @property
    def stages(self) -> set[str]:
        """Names of the stages that it takes files from, its parent among them."""
        named = re.findall(r"--from=(\S+)", " ".join(self._of("COPY")))
        return {self.parent, *named, *(mount["from"] for mount in self._mounts() if "from" in mount)}

    @property
    def sources(self) -> set[str]:
        """Paths in the clone, of files and folders, that it reads."""
        copied = [line.split()[1:] for line in self._of("COPY") if "--from=" not in line]
        paths = {word for words in copied for word in words[:-1] if not word.startswith("--")}
        return paths | {mount["source"] for mount in self._mounts() if "source" in mount and "from" not in mount}

    def _of(self, kind: str) -> list[str]:
        return [line for line in self.instructions if line.startswith(f"{kind} ")]

    def _mounts(self) -> Iterator[dict[str, str]]:
        for options in re.findall(r"--mount=(\S+)", " ".join(self._of("RUN"))):
            mount = dict(option.partition("=")[::2] for option in options.split(","))
            if mount.get("type") == "bind":
                yield mount


def pinned() -> str:
    """The base that the Dockerfile pins by date and digest."""
    match = re.search(rf"^ARG {BASE}=(\S+)", (ROOT / DOCKERFILE).read_text(encoding="utf-8"), re.M)
    if not match:
        raise UserError(f"{DOCKERFILE} has no line ARG {BASE}=…")
    return match[1]


def chosen_base() -> str:
    """The base that the caller, or this clone's .env, has in the place of the pinned one; empty for none."""
    return env_file.setting_and_place(BASE)[0]


def epoch() -> int:
    """Seconds from 1970 to the day of the pinned base: the time that every image gets in the place of its build's."""
    day = re.search(r"\d{8}", pinned())
    return int(datetime.strptime(day[0], "%Y%m%d").replace(tzinfo=timezone.utc).timestamp()) if day else 0


def content(target: str, lock: str, base: str = "") -> str:
    """The hash of what `target` is made of, with the requirements in the file `lock`.

    `base`: the base image, where it is not this clone's.
    """
    lines = [f"image {VERSION}", f"platform {PLATFORM}", f"base {base or chosen_base() or pinned()}", f"lock {lock}"]
    for stage in _stages_of(target, lock):
        lines += [f"stage {stage.name} from {stage.parent}", *stage.instructions]
    for name, (data, mode) in files(target, lock).items():
        lines.append(f"{mode:o} {hashlib.sha256(data).hexdigest()} {name}")
    return hashlib.sha256("\n".join([*lines, ""]).encode()).hexdigest()


def files(target: str, lock: str) -> dict[str, tuple[bytes, int]]:
    """Bytes and mode of each file that the build of `target` reads, by its path in the clone, in order."""
    named = {source for stage in _stages_of(target, lock) for source in stage.sources}
    found = {path for name in named for path in _plain_files(ROOT / name)}
    return {
        path.relative_to(ROOT).as_posix(): (path.read_bytes(), 0o755 if path.stat().st_mode & 0o100 else 0o644)
        for path in sorted(found)
    }


def write_context(folder: Path, target: str, lock: str) -> None:
    """Write into `folder` what the build of `target` reads, and nothing else, with the modes that count."""
    context = files(target, lock) | {DOCKERFILE: ((ROOT / DOCKERFILE).read_bytes(), 0o644)}
    write_files(folder, context)


def write_files(folder: Path, context: dict[str, tuple[bytes, int]]) -> None:
    """Write files below `folder`, each with its mode, in folders that everybody may read."""
    for name, (data, mode) in context.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        path.chmod(0o755 if mode & 0o100 else 0o644)
    for made in (path for path in folder.rglob("*") if path.is_dir()):
        made.chmod(0o755)


def stages(text: str) -> dict[str, Stage]:
    """The stages of a Dockerfile by their names, in order; comments and line breaks are gone."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    instructions = [" ".join(line.split()) for line in re.sub(r"\\\n", " ", "\n".join(lines)).splitlines()]
    parsed: dict[str, Stage] = {}
    for line in instructions:
        if begun := re.fullmatch(r"FROM (\S+) AS (\S+)", line):
            parsed[begun[2]] = Stage(begun[2], begun[1], ())
        elif parsed:
            last = parsed[list(parsed)[-1]]
            parsed[last.name] = Stage(last.name, last.parent, (*last.instructions, line))
    return parsed


def _stages_of(target: str, lock: str) -> list[Stage]:
    """The stages that `target` is made of, in the order of the Dockerfile, which is the same whatever else it has."""
    every = stages((ROOT / DOCKERFILE).read_text(encoding="utf-8").replace("${LAB_LOCK}", lock))
    needed, left = set(), {target}
    while left:
        name = left.pop()
        needed.add(name)
        left |= (every[name].stages & every.keys()) - needed
    return [stage for stage in every.values() if stage.name in needed]


def _plain_files(path: Path) -> list[Path]:
    """The file at `path`, or those below it, without what .gitignore names."""
    if path.is_file():
        return [path]
    ignored = _ignored()
    below = [file for file in path.rglob("*") if file.is_file() and not file.is_symlink()]
    return [
        file
        for file in below
        if not any(fnmatch.fnmatchcase(part, name) for part in file.relative_to(path).parts for name in ignored)
    ]


def _ignored() -> list[str]:
    """The patterns of the clone's .gitignore that name files and folders wherever they are."""
    file = ROOT / ".gitignore"
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    patterns = (line.strip().rstrip("/") for line in lines if not line.startswith("#"))
    return [pattern for pattern in patterns if pattern and "/" not in pattern]
